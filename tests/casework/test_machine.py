"""Ten thousand random steps on a real archive, each held against the oracle; and what that would notice."""

from __future__ import annotations

import dataclasses
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any, ClassVar

import pytest
from hypothesis import HealthCheck, Phase, seed, settings
from hypothesis.stateful import run_state_machine_as_test

from storage import certificates, desk, replay, sweep
from storage import due as due_now
from storage.media import MediaStore
from storage.model import GroundName
from storage.policy import access, book, changes, clocks, grounds, requests
from storage.sweep import SweepResult
from storage.tables import Artifact, Peaks, Tombstone
from tests.casework.archive import Archive
from tests.casework.machine import ArchiveMachine

STEPS = 10_000
STEPS_ON_POSTGRESQL = 500
IN_A_STORY = 50
STORIES = 25
"""Examples with one seed."""
STORIES_ON_POSTGRESQL = 8


def run(archive: Archive, number: int, stories: int = STORIES, shrink: bool = True) -> Counter[str]:
    """So many stories, the same ones for the same number; how often each kind of step was made."""

    class Machine(ArchiveMachine):
        done: ClassVar[Counter[str]] = Counter()

    Machine.archive = archive
    run_state_machine_as_test(
        seed(number)(Machine),
        settings=settings(
            max_examples=stories,
            stateful_step_count=IN_A_STORY,
            database=None,
            deadline=None,
            print_blob=False,
            report_multiple_bugs=False,
            suppress_health_check=list(HealthCheck),
            phases=[Phase.generate, Phase.shrink] if shrink else [Phase.generate],
        ),
    )
    return Machine.done


@pytest.fixture
def archive(home: Path) -> Iterator[Archive]:
    opened = Archive(home)
    yield opened
    opened.close()


@pytest.mark.slow
@pytest.mark.timeout(1800)
def test_ten_thousand_steps_agree_with_the_oracle(archive: Archive, engine: str) -> None:
    wanted, stories = (STEPS, STORIES) if engine == "sqlite" else (STEPS_ON_POSTGRESQL, STORIES_ON_POSTGRESQL)
    done: Counter[str] = Counter()
    number = 0
    while done.total() < wanted:
        done += run(archive, number, stories)
        number += 1
    print(dict(done.most_common()))
    assert done.total() >= wanted


# --- what it would notice -------------------------------------------------------------------------

Break = Callable[[pytest.MonkeyPatch], None]


def a_sweep_ignores_a_hold(patch: pytest.MonkeyPatch) -> None:
    due = sweep.due

    def due_by_consent_alone(session: Any, now: Any, ids: Any) -> list[str]:
        found = due(session, now, ids)
        content = session.query(Artifact.id).filter(
            Artifact.id.in_(ids), Artifact.kind.in_(["AUD", "TRS"]), Artifact.blocked_at.is_(None)
        )
        for (artifact_id,) in content:
            held = sweep.artifacts.grounds_of(session, artifact_id)
            if not any(g.active(now) and g.ground is GroundName.CONSENT for g in held):
                found += [artifact_id] if artifact_id not in found else []
        return found

    for module in (due_now, sweep):  # what is looked at, and what is looked at again when it is blocked
        patch.setattr(module, "due", due_by_consent_alone)


def a_certificate_is_written_twice(patch: pytest.MonkeyPatch) -> None:
    issue = certificates.issue

    def twice(session: Any, issued: Sequence[dict[str, Any]]) -> None:
        issue(session, issued)
        for one in issued:  # one a deletion is what the table allows, so the other names another artifact
            pseudonym = one["artifact_pseudonym"][::-1]
            session.add(Tombstone(**{**one, "dc_id": one["dc_id"][::-1], "artifact_pseudonym": pseudonym}))

    patch.setattr(certificates, "issue", twice)


def no_certificate_is_written(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(certificates, "issue", lambda *_: "none")


def the_transcript_stays_when_the_recording_goes(patch: pytest.MonkeyPatch) -> None:
    withdraw = changes.withdraw

    def of_recordings_only(held: Any, *rest: Any, **more: Any) -> Any:
        return held if any(g.rule == "R-11" for g in held) else withdraw(held, *rest, **more)

    patch.setattr(changes, "withdraw", of_recordings_only)


def purposes_are_not_checked(patch: pytest.MonkeyPatch) -> None:
    may_read = access.may_read
    patch.setattr(
        access,
        "may_read",
        lambda wanted, *rest, **more: may_read(dataclasses.replace(wanted, purpose=None), *rest, **more),
    )


def a_restore_replays_nothing(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(replay, "is_behind", lambda *_: False)


def everything_is_kept_a_day_too_long(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(clocks, "expiry_of", lambda until: clocks.local_midnight(until) + 2 * clocks.timedelta(1))


def consent_ends_a_day_too_early(patch: pytest.MonkeyPatch) -> None:
    rule = grounds.consent_ground

    def short(anchor: Any, *rest: Any, **more: Any) -> Any:
        return rule(anchor - clocks.timedelta(1), *rest, **more)

    patch.setattr("storage.policy.recordings.consent_ground", short)


def files_stay(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(MediaStore, "remove", lambda *_: [])
    patch.setattr(MediaStore, "places", lambda *_: [])


def keys_stay(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(sweep, "DataKey", Peaks)


def what_must_go_at_once_waits_for_a_sweep(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(desk, "erase_now", lambda *_: SweepResult())


def a_restriction_restricts_nothing(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(book, "RESTRICTED", frozenset())


def a_withdrawal_ends_the_hold_of_a_request(patch: pytest.MonkeyPatch) -> None:
    withdraw = changes.withdraw

    def everything(held: Any, at: Any, *rest: Any, **more: Any) -> Any:
        return changes.end(withdraw(held, at, *rest, **more), (GroundName.RIGHTS_OPEN,), at, "gone")

    patch.setattr(changes, "withdraw", everything)


def a_deletion_order_is_forgotten(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(requests, "no_keeping", lambda *_: None)


NOTICED: dict[Break, str] = {
    a_sweep_ignores_a_hold: "is held",
    a_certificate_is_written_twice: "one certificate",
    no_certificate_is_written: "one certificate",
    the_transcript_stays_when_the_recording_goes: "kept past its reasons|not erased at once|outlives",
    purposes_are_not_checked: "read past its reasons",
    a_restore_replays_nothing: "one certificate|left of what was deleted|past its",
    everything_is_kept_a_day_too_long: "past its|another date|not erased at once",
    consent_ends_a_day_too_early: "is held|could not read|another date|not erased at once",
    files_stay: "left of what was deleted",
    keys_stay: "left of what was deleted",
    what_must_go_at_once_waits_for_a_sweep: "not erased at once",
    a_restriction_restricts_nothing: "read past its reasons",
    a_withdrawal_ends_the_hold_of_a_request: "is held|could not read",
    a_deletion_order_is_forgotten: "past its reasons|not erased at once",
}
WITHIN = 150
"""Stories."""


@pytest.mark.sqlite
@pytest.mark.slow
@pytest.mark.timeout(900)
@pytest.mark.parametrize("broken", NOTICED, ids=lambda each: each.__name__)
def test_the_machine_notices(broken: Break, archive: Archive, monkeypatch: pytest.MonkeyPatch) -> None:
    broken(monkeypatch)
    with pytest.raises(AssertionError, match=NOTICED[broken]):
        for number in range(WITHIN // STORIES):
            run(archive, number, shrink=False)
