"""The transcriber as a process of its own: see `transcription.process` and `transcription.server`."""

from __future__ import annotations

import asyncio
import json
import os
import sys
from pathlib import Path

from transcription.recogniser import Model, ModelError
from transcription.server import Transcriber, be_nice, serve


async def _main(model: Path, host: str, port: int, threads: int) -> None:
    be_nice()
    transcriber = Transcriber(Model(model), threads=threads)
    try:
        runner = await serve(transcriber, host, port)
    except OSError as error:
        why = os.strerror(error.errno or 0)
        raise SystemExit(
            f"the transcriber cannot listen on {host}:{port}: {why} (end the program that does, or change"
            " transcription.listen)"
        ) from None
    sys.stdout.write(json.dumps({"port": runner.addresses[0][1]}) + "\n")
    sys.stdout.flush()
    await asyncio.to_thread(sys.stdin.buffer.read)  # until the gateway ends
    await runner.cleanup()
    transcriber.close()


if __name__ == "__main__":
    try:
        asyncio.run(_main(Path(sys.argv[1]), sys.argv[2], int(sys.argv[3]), int(sys.argv[4])))
    except (ModelError, OSError) as error:
        raise SystemExit(f"the transcriber cannot start: {error}; see transcription.model") from None
