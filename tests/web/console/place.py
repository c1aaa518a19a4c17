"""A place to look at with a browser: a real archive with calls, words and cases, its API and its console.

The telephone is missing; `tests/web/console/test_live.py` has a whole gateway.
"""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import date, datetime, timedelta, timezone
from pathlib import Path

import numpy as np
from aiohttp import web
from sqlalchemy.orm import Session

from gateway.app import Archive
from gateway.web.api.app import api_app, check
from gateway.web.console import add_console
from storage import calls, people, recordings, transcripts
from storage.policy.clocks import local_date
from tests.cli.shop import Shop
from tests.storage.world import World, begin
from tests.transcription.talk import talk
from tests.web.site import Running
from transcription.exports import to_json
from transcription.segments import Leg, Transcript

NOW = datetime.now(timezone.utc)
RATE_HZ = 8000
SAID = talk(
    "M:LB Forsikring du taler med Mette hvad kan jeg hjælpe med",
    "K:ja hej det er om min bilforsikring (0.6) jeg har fået en skade på den bagerste kofanger",
    "M:det er jeg ked af at høre (0.4) hvornår skete det",
    "K:det var i går eftermiddags på parkeringspladsen ved Bilka (2.5) der var en der bakkede ind i mig",
    "M:har du et skadenummer eller skal jeg oprette sagen nu",
    "K:nej det har jeg ikke (3.0) så det må du gerne",
    "M:så opretter jeg den (1.0) må jeg få dit registreringsnummer",
    "K:det er AB 12 345",
    "M:tak (0.5) du hører fra en taksator inden for to hverdage",
    "K:det lyder fint tusind tak for hjælpen",
    "M:det var så lidt hav en god dag",
)
STAFF = {
    "anna": ("DPO",),
    "quinn": ("QA",),
    "rita": ("RIGHTS",),
    "karl": ("COMPLAINT",),
    "ivan": ("INSPECTOR",),
    "lene": ("LEGAL",),
    "cleo": ("COMPLIANCE",),
    "sam": ("SYSADMIN",),
    "mette": ("AGENT",),
    "bo": ("QA", "COMPLAINT", "RIGHTS"),
}


def voices(said: Transcript) -> bytes:
    """Interleaved PCM with a sound wherever a word is said, caller left, agent right."""
    draw = np.random.default_rng(1)
    sound = np.zeros((int(said.duration_s * RATE_HZ), 2))
    for word in said.words:
        start, end = int(word.start_s * RATE_HZ), int(word.end_s * RATE_HZ)
        swell = np.hanning(end - start) * draw.uniform(0.12, 0.5)
        at = np.arange(end - start) / RATE_HZ
        tone = np.sin(2 * np.pi * draw.uniform(140, 240) * at) + draw.normal(0, 0.3, end - start)
        sound[start:end, 1 if word.leg is Leg.AGENT else 0] += swell * tone
    return (np.clip(sound, -1, 1) * 32767).astype("<i2").tobytes()


def record(world: World, at: datetime, said: Transcript = SAID) -> tuple[str, str]:
    """A recorded and transcribed call: (call, recording)."""
    call_id, new = begin(world, at)
    pcm = voices(said)
    with world.store.create_spool(new.artifact_id, new.data_key) as spool:
        for start in range(0, len(pcm), 16000):
            spool.append(pcm[start : start + 16000])
    facts = world.store.finish(new.artifact_id, new.data_key)
    ended_at = at + timedelta(seconds=said.duration_s)
    words = to_json(said).encode()
    world.db.write_sync(lambda s: recordings.seal(s, new.artifact_id, facts, ended_at, world.settings))
    world.db.write_sync(
        lambda s: transcripts.store(s, world.keys, new.artifact_id, words, ended_at, world.settings)
    )
    world.db.write_sync(lambda s: calls.close_call(s, call_id, ended_at, "hangup_caller", world.settings))
    return call_id, new.artifact_id


def hire(session: Session) -> dict[str, str]:
    """The staff, each with a token."""
    actor = {"id": "test", "role": "SYSADMIN", "channel": "test"}
    tokens = {}
    for user, roles in STAFF.items():
        people.add(session, user, f"{user.title()} Hansen", "LB Forsikring", NOW, actor)
        for role in roles:
            people.grant(session, user, people.Role(role), NOW, actor)
        tokens[user] = people.new_token(session, user, NOW, actor)
    return tokens


class Place:
    """An archive with something in all of its rooms. `url`: of the console; `tokens`: by user."""

    def __init__(self, folder: Path) -> None:
        self.shop = Shop(folder)
        self.url = ""
        archive = self.shop.archive()
        self.tokens = self.shop.tokens
        self.tokens.update(archive.database.write_sync(hire))
        world = World(folder, archive.database, archive.keys, archive.store, archive.settings.policy)
        made = [record(world, NOW - timedelta(days=days, minutes=7)) for days in (0, 1, 2, 3, 9, 21)]
        archive.close()
        self.calls = [call for call, _ in made]
        self.recordings = [recording for _, recording in made]
        self._work()

    def _work(self) -> None:
        tast1, of = self.shop.tast1, self.calls
        self.request = self._id(tast1("requests", "receive", "access", of[1], "--note", "Indsigt", by="rita"))
        self.complaint = "K-1001"
        tast1("complaints", "receive", of[2], "--id", self.complaint, "--note", "Om tonen", by="karl")
        tast1("complaints", "take", self.complaint, by="karl")
        self.case = "SKADE-88"
        tast1("cases", "open", self.case, by="ivan")
        tast1("cases", "forward", self.case, of[3], "--reason", "To forklaringer", by="quinn")
        tast1("cases", "decide", self.case, "--relevant", "--reason", "Forklaringen skifter", by="ivan")
        until = str(date.today() + timedelta(days=500))
        tast1("cases", "propose", self.case, "--until", until, "--reason", "Retssag", by="ivan")
        days = (local_date(NOW - timedelta(days=30)).isoformat(), local_date(NOW).isoformat())
        drawn = tast1(
            *("samples", "draw", "--objective", "R-03", "--from", days[0], "--to", days[1], "--size", "2"),
            by="cleo",
        )
        self.sample = self._id(drawn)
        tast1("orders", "receive", of[4], "--reason", "Retten i Glostrup", "--id", "M-7", by="lene")
        tast1("sweep")

    @staticmethod
    def _id(printed: str) -> str:
        return next(
            word.strip(".:,") for word in printed.split() if word[:2] in ("R-", "P-") and "-20" in word
        )


@contextmanager
def open_place(folder: Path) -> Iterator[Place]:
    """A place, served on a port of loopback by a thread of its own."""
    place = Place(folder)
    archive = place.shop.archive()
    loop = asyncio.new_event_loop()
    runner = web.AppRunner(_app(archive), access_log=None)

    async def begin_serving() -> int:
        await runner.setup()
        await web.TCPSite(runner, "127.0.0.1", 0).start()
        return int(runner.addresses[0][1])

    thread = threading.Thread(target=loop.run_forever, daemon=True)
    thread.start()
    port = asyncio.run_coroutine_threadsafe(begin_serving(), loop).result(30)
    place.url = f"http://127.0.0.1:{port}/console"
    try:
        yield place
    finally:
        asyncio.run_coroutine_threadsafe(runner.cleanup(), loop).result(30)
        loop.call_soon_threadsafe(loop.stop)
        thread.join(10)
        archive.close()


def _app(archive: Archive) -> web.Application:
    app = api_app(Running(archive))
    add_console(app)
    check(app)
    return app
