"""Studio files become telephone prompts, or say why not; what is heard is what a telephone gives."""

from __future__ import annotations

import shutil
from pathlib import Path

import numpy as np
import pytest
import soundfile

from gateway.texts import text as told
from ivr_prompts import studio
from ivr_prompts.catalogue import CONSENT_MARKERS, wav_duration_ms
from ivr_prompts.sound import Sound
from ivr_prompts.studio import REASONS, StudioError
from tests.ivr_prompts.studio_files import shipped, spoken, write
from tests.sip import g711
from tests.sip.signals import best_match, power_near

needs_espeak = pytest.mark.skipif(shutil.which("espeak-ng") is None, reason="voicing needs espeak-ng")


def why(path: Path) -> str:
    with pytest.raises(StudioError) as caught:
        studio.read(path)
    for lang in ("da", "en"):
        assert path.name in told(f"studio.{caught.value.reason}", lang, **caught.value.values)
    return caught.value.reason


@pytest.mark.parametrize(
    ("name", "rate_hz", "subtype"),
    [
        ("a.wav", 48000, "PCM_24"),
        ("a.flac", 44100, "PCM_16"),
        ("a.wav", 22050, "FLOAT"),
        ("a.ogg", 48000, "VORBIS"),
    ],
)
def test_a_recording_becomes_the_same_words_at_8_khz(
    tmp_path: Path, name: str, rate_hz: int, subtype: str
) -> None:
    stereo = np.repeat(spoken(rate_hz=rate_hz)[:, None], 2, axis=1)
    recording = studio.read(write(tmp_path / name, stereo, rate_hz, subtype))
    assert (recording.channels, recording.sound.rate_hz) == (2, rate_hz)
    audio = studio.to_wav(studio.for_telephone(recording))
    assert abs(wav_duration_ms(audio) - shipped().duration_ms) <= 1
    original = studio.from_wav(shipped().path.read_bytes()).samples
    match, _ = best_match(studio.from_wav(audio).samples * 32767, original * 32767)
    assert match > 0.98


def test_files_that_are_none_say_why(tmp_path: Path) -> None:
    (tmp_path / "text.wav").write_bytes(b"no sound at all")
    (tmp_path / "empty.wav").touch()
    assert why(tmp_path / "text.wav") == why(tmp_path / "empty.wav") == "unreadable"
    assert why(tmp_path / "nowhere.wav") == "unreadable"
    assert why(tmp_path) == "unreadable"
    soundfile.write(tmp_path / "header.wav", np.zeros(0), 48000)
    assert why(tmp_path / "header.wav") == "empty"
    soundfile.write(tmp_path / "book.wav", np.zeros(8000 * 301), 8000)
    assert why(tmp_path / "book.wav") == "endless"
    soundfile.write(tmp_path / "nan.wav", np.full(8000, np.nan), 8000, subtype="FLOAT")
    assert why(tmp_path / "nan.wav") == "not_finite"


def test_a_recording_is_brought_to_the_usual_loudness_and_no_further_than_its_peaks(tmp_path: Path) -> None:
    quiet = studio.read(write(tmp_path / "quiet.wav", spoken() * 0.1))
    assert studio.for_telephone(quiet).loudness_lufs < -35
    assert studio.for_telephone(quiet, level=True).loudness_lufs == pytest.approx(-22, abs=0.1)
    spiky = spoken() * 0.1
    spiky[20000] = 0.9
    levelled = studio.for_telephone(studio.read(write(tmp_path / "spiky.wav", spiky)), level=True)
    assert levelled.loudness_lufs < -25 and levelled.peak_dbtp <= -0.99


def test_a_caller_hears_the_telephone_band_only_in_a_law() -> None:
    t = np.arange(16000) / 8000
    low, speech = 0.2 * np.sin(2 * np.pi * 100 * t), 0.2 * np.sin(2 * np.pi * 1000 * t)
    heard = studio.as_heard(Sound(low + speech, 8000))
    assert (heard.rate_hz, len(heard.samples)) == (8000, 16000)
    pcm = np.round(heard.samples * 32768).astype(np.int16)
    assert power_near(pcm, 1000) > 0.99 and power_near(pcm, 100) < 0.001
    assert np.array_equal(g711.decode(g711.encode(pcm)), pcm), "a value that A-law does not have"
    assert best_match(pcm, (speech * 32767).astype(np.int16)[:8000])[0] > 0.98


def test_it_begins_when_the_prompt_begins() -> None:
    prompt = studio.from_wav(shipped().path.read_bytes())
    heard = studio.as_heard(prompt)
    assert heard.length_ms == prompt.length_ms
    assert heard.spoken_ms is not None and prompt.spoken_ms is not None
    assert abs(heard.spoken_ms[0] - prompt.spoken_ms[0]) <= 20


@needs_espeak
@pytest.mark.parametrize("language", ["da", "en"])
def test_a_text_is_voiced_with_its_markers_in_pauses(language: str) -> None:
    prompt = shipped("consent", language)
    sound, marks = studio.voice(prompt.text, language, prompt.after)
    assert tuple(marks) == CONSENT_MARKERS
    silences = [*sound.pauses_ms, (sound.spoken_ms[1], sound.length_ms)]  # type: ignore[index]
    for ms in marks.values():
        assert any(start - 20 <= ms <= end for start, end in silences)


@needs_espeak
def test_what_cannot_be_voiced_says_why() -> None:
    def reason(text: str, language: str, after: dict[str, str]) -> str:
        with pytest.raises(StudioError) as caught:
            studio.voice(text, language, after)
        told(f"studio.{caught.value.reason}", "da", **caught.value.values)
        return caught.value.reason

    assert reason("Tack för samtalet.", "sv", {}) == "no_voice"
    assert reason("Farvel.", "da", {"purposes_end": "hvad vi har talt om"}) == "words_missing"
    assert reason("…", "da", {}) == "nothing_said"


def test_without_espeak_it_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", "/nowhere")
    with pytest.raises(StudioError) as caught:
        studio.voice("Farvel.", "da", {})
    assert caught.value.reason == "no_espeak"


def test_every_reason_has_its_text() -> None:
    for reason in REASONS:
        assert told(f"studio.{reason}", "da", **dict.fromkeys(_values(reason), "x"))


def _values(reason: str) -> tuple[str, ...]:
    return {
        "endless": ("file", "most_s"),
        "no_voice": ("language",),
        "words_missing": ("marker", "words"),
        **dict.fromkeys(("no_espeak", "nothing_said"), ()),
    }.get(reason, ("file",))
