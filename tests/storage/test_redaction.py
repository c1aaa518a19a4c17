"""Storage gives out words and silenced sound by the redaction that it is given, and none without one."""

from __future__ import annotations

import io
import json
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import IO, cast

import numpy as np
import pytest
import soundfile

from storage import audit_log, transcripts
from storage.artifacts import NotReadable
from storage.gate import Asking, Gate
from storage.people import Person, Role
from storage.redaction import NotTranscribed, Redaction, SilencedSound
from storage.sealed import MediaError, SealedReader
from tests.storage.world import ARRIVED, World, open_world, record_call

AT = ARRIVED + timedelta(days=1)
QA = Asking(Person("qa", (Role("QA"),)), "QA", "training")
DPO = Asking(Person("dpo", (Role("DPO"),)), "DPO", reason="a doubt")
UPPER = Redaction(bytes.upper, lambda words: [[(0.25, 0.5)], []])


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    made = open_world(tmp_path)
    yield made
    made.db.close()


def transcribed(world: World) -> tuple[str, str]:
    _, recording = record_call(world)
    words = world.db.write_sync(
        lambda s: transcripts.store(s, world.keys, recording, b"words", ARRIVED, world.settings)
    )
    return recording, words


def gate(world: World, redaction: Redaction = UPPER) -> Gate:
    return Gate(world.db, world.store, world.keys, world.settings, redaction)


def logged(world: World, subject: str) -> list[tuple[str, object]]:
    entries = world.db.read_sync(lambda s: [*audit_log.entries(s, subject)])
    return [(entry.action, json.loads(entry.detail).get("redacted")) for entry in entries]


def test_words_pass_through_redaction_and_the_log_says_so(world: World) -> None:
    _, words = transcribed(world)
    assert gate(world).read_words(QA, words, AT) == b"WORDS"
    assert gate(world).read_words(DPO, words, AT, unredacted=True) == b"words"
    assert logged(world, words)[-2:] == [("read", True), ("read", False)]


def test_who_may_not_have_them_whole_gets_nothing(world: World) -> None:
    _, words = transcribed(world)
    with pytest.raises(NotReadable, match="not for QA"):
        gate(world).read_words(QA, words, AT, unredacted=True)
    assert [action for action, _ in logged(world, words)][-1] == "deny"


def test_without_redaction_no_words_are_given_out_redacted(world: World) -> None:
    recording, words = transcribed(world)
    with pytest.raises(NotReadable, match="cannot be redacted"):
        gate(world, Redaction()).read_words(QA, words, AT)
    with pytest.raises(NotReadable, match="cannot be redacted"):
        gate(world, Redaction()).open_silenced(QA, recording, AT)
    assert gate(world, Redaction()).read_words(DPO, words, AT, unredacted=True) == b"words"


def test_a_recording_is_silenced_by_its_own_transcript_only(world: World) -> None:
    recording, words = transcribed(world)
    copy = io.BytesIO()
    with gate(world).open_silenced(QA, recording, AT) as sound:
        sound.write(copy)
    with gate(world).open_media(QA, recording, AT) as reader:
        before, rate_hz = soundfile.read(reader, dtype="int16")
    copy.seek(0)
    after, _ = soundfile.read(copy, dtype="int16")
    assert not after[rate_hz // 4 : rate_hz // 2, 0].any()
    after[rate_hz // 4 : rate_hz // 2, 0] = before[rate_hz // 4 : rate_hz // 2, 0]
    assert (after == before).all()
    _, other = record_call(world)
    for what in (other, words):
        with pytest.raises(NotTranscribed):
            gate(world).open_silenced(QA, what, AT)


def test_the_policy_is_asked_before_a_recording_is_silenced(world: World) -> None:
    recording, _ = transcribed(world)
    other = Asking(QA.person, "QA", "marketing")
    with pytest.raises(NotReadable, match="R-03"):
        gate(world).open_silenced(other, recording, AT)


def sound(seconds: float, silences: list[list[tuple[float, float]]]) -> SilencedSound:
    content = io.BytesIO()
    samples = np.random.default_rng(1).integers(1, 9000, (round(seconds * 8000), 2)).astype(np.int16)
    soundfile.write(content, samples, 8000, format="FLAC", subtype="PCM_16")
    content.seek(0)
    return SilencedSound(cast(SealedReader, content), silences)


def test_a_stretch_across_blocks_and_beyond_the_end_is_silent_whole() -> None:
    copy = io.BytesIO()
    with sound(25.0, [[(9.5, 20.25)], [(24.0, 99.0)]]) as made:
        made.write(copy)
    copy.seek(0)
    after, _ = soundfile.read(copy, dtype="int16")
    quiet = after == 0
    assert quiet[76000:162000, 0].all() and quiet[192000:, 1].all()
    assert quiet.sum() == 162000 - 76000 + 200000 - 192000


class FullDisk(io.BytesIO):
    def write(self, piece: object) -> int:
        raise OSError(28, "No space left on device")


def test_a_full_disk_is_said() -> None:
    with pytest.raises(OSError, match="No space"), sound(1.0, [[], []]) as made:
        made.write(cast(IO[bytes], FullDisk()))


def test_what_is_no_sound_is_said() -> None:
    with pytest.raises(MediaError, match="decoded"):
        SilencedSound(cast(SealedReader, io.BytesIO(b"no flac")), []).write(io.BytesIO())
