"""Catch-up: what no transcriber heard while the call ran is transcribed from the stored recording.

Promises:
1. A job runs once at a time, survives a restart, and is done when the transcript is whole.
2. Before every piece of sound, and when the words are stored, it is asked whether the recording may still be
   used: what was withdrawn or erased is not transcribed any more, and a job that is running leaves no word.
3. It takes one job at a time, at the pace of the transcriber: live calls come first.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import time
from collections import Counter
from collections.abc import AsyncGenerator
from dataclasses import replace
from datetime import datetime, timezone

from gateway.calls.transcribing import CHANNEL, Transcribing, as_words, pauses
from storage import jobs, transcripts
from storage.artifacts import NotReadable, Tags
from storage.database import Database, DatabaseError
from storage.jobs import Job, Span
from storage.keys import Keys
from storage.media import MediaStore
from storage.policy.book import Refused
from storage.policy.settings import PolicySettings
from storage.sealed import MediaError
from transcription.client import transcribe
from transcription.exports import from_json, to_json
from transcription.segments import PAUSED, Leg, Transcript, Word, dropped, replaced
from transcription.servers import ServerFailed

IDLE_S = 2.0
CONTEXT_S = 3.0
"""Sound around a span that is heard with it, so that words at its borders are whole."""
RENEW_S = 15.0
"""Between signs of life; a piece takes no longer than a stalled transcriber is waited for, and both together
are less than the lease."""

log = logging.getLogger(__name__)


class Lost(Exception):
    """The job is not ours any more: erased, withdrawn, or taken by another."""


class CatchUp:
    """Runs the jobs of one archive, one after the other."""

    def __init__(
        self,
        db: Database,
        store: MediaStore,
        keys: Keys,
        policy: PolicySettings,
        tags: Tags,
        how: Transcribing | None,
    ) -> None:
        self._db = db
        self._store = store
        self._keys = keys
        self._next = policy, tags, how
        self.endings: Counter[str] = Counter()
        self.jobs: dict[str, int] = {}  # how many there are, by state; told by the metrics page

    def use(self, policy: PolicySettings, tags: Tags, how: Transcribing | None) -> None:
        """From the next job on, by these settings; without transcribers none is taken."""
        self._next = policy, tags, how

    async def run(self) -> None:
        """Do what there is to do, until cancelled."""
        away = False
        while True:
            try:
                self.jobs = await self._db.read(jobs.counts)
                done = await self.run_one()
                away = False
            except DatabaseError:
                if not away:
                    log.exception("transcripts wait for the database")
                away, done = True, False
            except Exception:
                log.exception("a transcript could not be caught up; it is tried again")
                done = False
            if not done:
                await asyncio.sleep(IDLE_S)

    async def run_one(self) -> bool:
        """Take one job and do it; False when there is none, or no transcriber."""
        self._policy, self._tags, how = self._next
        if how is None or not how.servers.available or not self._keys.opens:
            return False  # what this node cannot open waits for one that can
        self._how = how
        if not await self._db.read(lambda s: jobs.is_any(s, _now(), self._store.instance)):
            return False
        job = await self._db.write(lambda s: jobs.take(s, _now(), instance=self._store.instance))
        if job is None:
            return False
        try:
            await self._do(job)
            self.endings["done"] += 1
        except Lost:
            self.endings["lost"] += 1
        except (NotReadable, Refused):
            await self._db.write(lambda s: jobs.drop(s, job.recording_id))
            self.endings["refused"] += 1
        except (ServerFailed, MediaError, DatabaseError) as error:
            log.warning("a transcript is caught up later", extra={"why": type(error).__name__})
            await self._put_back(job)
            return False
        except Exception:  # ours to repair; meanwhile other jobs come first
            await self._put_back(job)
            raise
        return True

    async def _put_back(self, job: Job) -> None:
        self.endings["put_back"] += 1
        with contextlib.suppress(DatabaseError):  # then its lease runs out
            await self._db.write(lambda s: jobs.put_back(s, job, _now()))

    async def _do(self, job: Job) -> None:
        known = await self._db.read(
            lambda s: transcripts.known(s, self._keys, job.recording_id, _now(), self._policy)
        )
        whole_s = known.duration_ms / 1000
        transcript = (
            from_json(known.words.decode())
            if known.words is not None
            else Transcript(language=self._how.language, duration_s=whole_s)
        )
        transcript = self._signed(transcript)
        everything = tuple(Span(leg.value, 0, known.duration_ms) for leg in Leg)
        for span in everything if job.spans is None else job.spans:
            heard = await self._hear(job, known.data_key, span)
            if span.start_ms < span.end_ms:
                start_s, end_s = span.start_ms / 1000, span.end_ms / 1000
                transcript = replaced(transcript, Leg(span.leg), start_s, end_s, heard)
        transcript = dropped(transcript, pauses(known.captured_ms, whole_s), PAUSED)
        words = to_json(transcript).encode()
        done = await self._db.write(
            lambda s: transcripts.complete(s, self._keys, job, words, _now(), self._policy, self._tags)
        )
        if not done:
            raise Lost

    def _signed(self, transcript: Transcript) -> Transcript:
        """The model of what is heard now stands beside the one before, if they differ."""
        before = transcript.model.split(" + ")
        names = dict.fromkeys(name for name in (*before, self._how.model) if name)
        return replace(transcript, model=" + ".join(names))

    async def _hear(self, job: Job, key: bytes, span: Span) -> list[Word]:
        """The words of a span, and of some sound around it; times are those of the recording."""
        start_s = max(0.0, span.start_ms / 1000 - CONTEXT_S)
        async with contextlib.aclosing(self._pieces(job, key, span, start_s)) as pieces:
            heard = await transcribe(self._how.servers, self._how.config, pieces)
        return [
            replace(word, start_s=word.start_s + start_s, end_s=word.end_s + start_s)
            for word in as_words(heard, Leg(span.leg))
        ]

    async def _pieces(self, job: Job, key: bytes, span: Span, start_s: float) -> AsyncGenerator[bytes, None]:
        channel, end_s = CHANNEL[Leg(span.leg)], span.end_ms / 1000 + CONTEXT_S
        sound = self._store.sound(job.recording_id, key, channel, start_s, end_s)
        with contextlib.closing(sound):
            renewed_at = float("-inf")
            while (piece := await asyncio.to_thread(next, sound, None)) is not None:
                # A look at every piece, a write now and then: live calls need the one writer.
                if time.monotonic() - renewed_at >= RENEW_S:
                    mine = await self._db.write(lambda s: transcripts.renew(s, job, _now(), self._policy))
                    renewed_at = time.monotonic()
                else:
                    mine = await self._db.read(lambda s: transcripts.goes_on(s, job, _now(), self._policy))
                if not mine:
                    raise Lost
                yield piece


def _now() -> datetime:
    return datetime.now(timezone.utc)
