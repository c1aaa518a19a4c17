"""Everything that has to survive a power cut, done once, each step named on standard error when it is done.

`python -m tests.faults.written FOLDER`; `test_power.py` watches the system calls of it.
"""

from __future__ import annotations

import os
import sys
from datetime import timedelta
from pathlib import Path

from storage import audit_export, calls, consents, prompts, recordings
from storage.sweep import sweep
from tests.storage.world import ARRIVED, consent_record, open_call, open_world, tone


def done(step: str) -> None:
    """Say that a step is done, where it is seen among the system calls."""
    os.write(2, f"DONE {step}\n".encode())


def main(folder: Path) -> None:
    """One call from its arrival to its erasure."""
    world = open_world(folder)
    done("key")
    call_id = open_call(world)
    consent = world.db.write_sync(
        lambda s: consents.record(s, consent_record(call_id), ARRIVED + timedelta(seconds=22)).id
    )
    done("consent")
    new = world.db.write_sync(
        lambda s: recordings.begin(
            s, world.keys, call_id, consent, ARRIVED + timedelta(seconds=30), world.settings
        )
    )
    done("row")
    pcm = tone(2.0)
    with world.store.create_spool(new.artifact_id, new.data_key) as spool:
        done("spool")
        spool.append(pcm[:16000])
        spool.sync()
        done("synced")
        spool.append(pcm[16000:])
    facts = world.store.finish(new.artifact_id, new.data_key)
    done("file")
    end = ARRIVED + timedelta(seconds=60)
    world.db.write_sync(lambda s: recordings.seal(s, new.artifact_id, facts, end, world.settings))
    world.db.write_sync(lambda s: calls.close_call(s, call_id, end, "caller_hung_up", world.settings))
    done("sealed")
    (folder / "exports").mkdir()
    lines = world.db.read_sync(lambda s: list(audit_export.lines(s, world.keys)))
    audit_export.write(folder / "exports/audit.jsonl", lines)
    done("export")
    prompts.keep_file(folder, b"RIFF" + bytes(40))
    done("prompt")
    sweep(world.db, world.store, ARRIVED + timedelta(days=40), world.settings)
    done("erased")
    world.db.close()


if __name__ == "__main__":
    main(Path(sys.argv[1]))
