"""A corpus of broken prompts: each fault is found by its name, and a good studio recording has none."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import pytest
import soxr

from gateway.texts import text as told
from ivr_prompts import studio
from ivr_prompts.catalogue import CONSENT_MARKERS, Catalogue
from ivr_prompts.checks import Candidate, check, worst_first
from ivr_prompts.findings import VALUES, Finding, error, warning
from ivr_prompts.sound import NEVER, Sound
from ivr_prompts.sound_checks import clipped
from ivr_prompts.wording import Wanted, keys_named
from tests.ivr_prompts.studio_files import RATE_HZ, Samples, shipped, silence, spoken, write

WANTED = Wanted(("1",), company="LB Forsikring")
CONSENT = shipped("consent")
MARKERS = dict(CONSENT.markers_ms)


def found(
    path: Path,
    role: str = "goodbye",
    text: str | None = None,
    markers_ms: Mapping[str, int] | None = None,
    language: str = "da",
    wanted: Wanted = WANTED,
) -> dict[str, Finding]:
    """What is found in a file that was taken in, by name."""
    recording = studio.read(path)
    if markers_ms is None:
        markers_ms = MARKERS if role == "consent" else {}
    candidate = Candidate(
        role,
        language,
        shipped(role).text if text is None else text,
        studio.from_wav(studio.to_wav(studio.for_telephone(recording))),
        markers_ms,
        recording.sound,
        recording.mixed_loss_db,
    )
    return {each.name: each for each in check(candidate, wanted)}


# --- good ones ------------------------------------------------------------------------------------


@pytest.mark.parametrize("prompt", list(Catalogue.load()), ids=lambda prompt: prompt.id)
def test_nothing_is_wrong_with_what_is_shipped(prompt: object) -> None:
    sound = studio.from_wav(prompt.path.read_bytes())  # type: ignore[attr-defined]
    candidate = Candidate(prompt.role, prompt.language, prompt.text, sound, prompt.markers_ms)  # type: ignore[attr-defined]
    assert check(candidate, WANTED) == ()


@pytest.mark.parametrize(
    ("name", "rate_hz", "subtype", "channels"),
    [
        ("a.wav", 48000, "PCM_24", 1),
        ("a.wav", 44100, "FLOAT", 2),
        ("a.flac", 96000, "PCM_24", 2),
        ("a.wav", 8000, "ALAW", 1),
        ("a.aiff", 16000, "PCM_16", 1),
    ],
)
@pytest.mark.parametrize("role", ["goodbye", "consent", "greeting"])
def test_a_good_studio_recording_passes(
    tmp_path: Path, role: str, name: str, rate_hz: int, subtype: str, channels: int
) -> None:
    samples = np.repeat(spoken(role, rate_hz=rate_hz)[:, None], channels, axis=1)
    assert found(write(tmp_path / name, samples, rate_hz, subtype), role) == {}


# --- broken files ---------------------------------------------------------------------------------


@dataclass(frozen=True)
class Broken:
    """How a good recording was broken, and what must be found."""

    finding: str
    severity: str
    change: Callable[[Samples], Samples] = lambda samples: samples
    role: str = "goodbye"
    rate_hz: int = RATE_HZ
    subtype: str = "PCM_24"
    text: str | None = None
    markers_ms: Mapping[str, int] | None = None
    language: str = "da"
    values: Mapping[str, object] = field(default_factory=dict)


def lowpass(samples: Samples, hz: float) -> Samples:
    spectrum = np.fft.rfft(samples)
    spectrum[np.fft.rfftfreq(len(samples), 1 / RATE_HZ) > hz] = 0
    filtered = np.fft.irfft(spectrum, len(samples))
    return filtered * 0.2 / np.abs(filtered).max()


def hum(samples: Samples, level: float) -> Samples:
    """With so much of 50 Hz in it."""
    return samples * 0.3 + level * np.sin(2 * np.pi * 50 * np.arange(len(samples)) / RATE_HZ)


def with_gap(samples: Samples, ms: float) -> Samples:
    middle = len(samples) // 2
    return np.concatenate([samples[:middle], silence(ms), samples[middle:]])


def loud(samples: Samples, peak: float) -> Samples:
    return samples * peak / np.abs(samples).max()


def pressed(samples: Samples) -> Samples:
    """As loud as it gets without a single clipped sample: compressed to the ceiling."""
    return 0.88 * np.tanh(samples * 30)


def between_samples(samples: Samples) -> Samples:
    """A tone of a quarter of 8 kHz whose samples miss its peaks; at 8 kHz already."""
    tone = np.sin(2 * np.pi * 2000 * np.arange(8000) / 8000 + np.pi / 4) * 0.95 / np.sin(np.pi / 4)
    return np.concatenate([np.zeros(400), tone, np.zeros(400)])


FILES = {
    "a dictaphone": Broken("sample_rate", "error", lambda s: s[::8], rate_hz=6000, values={"rate_hz": 6000}),
    "one channel upside down": Broken("channels_cancel", "error", lambda s: np.stack([s, -0.98 * s], axis=1)),
    "the wrong track": Broken("silent", "error", np.zeros_like),
    "a click": Broken("too_short", "error", lambda s: s[4800 : 4800 + 48 * 60], values={"length_ms": 60}),
    "an audio book": Broken("too_long", "warning", lambda s: np.tile(s, 16)),
    "whispered": Broken("too_quiet", "warning", lambda s: s * 10 ** (-10 / 20)),
    "hardly there": Broken("too_quiet", "error", lambda s: s * 10 ** (-20 / 20)),
    "shouted": Broken("too_loud", "warning", lambda s: loud(np.tanh(s * 5), 0.85)),
    "compressed to death": Broken("too_loud", "error", pressed),
    "up to the top": Broken("true_peak", "warning", lambda s: loud(s, 0.93)),
    "over the top between samples": Broken("true_peak", "error", between_samples, rate_hz=8000),
    "clipped": Broken("clipped", "error", lambda s: np.clip(s * 12, -1, 1)),
    "clipped, then turned down": Broken("clipped", "error", lambda s: np.clip(s * 8, -1, 1) * 0.5),
    "off zero": Broken("dc_offset", "warning", lambda s: s + 0.01, values={"percent": 1.0}),
    "far off zero": Broken("dc_offset", "error", lambda s: s + 0.05, values={"percent": 5.0}),
    "under a blanket": Broken("muffled", "error", lambda s: lowpass(s, 900.0)),
    "with hum": Broken("outside_band", "warning", lambda s: hum(s, 0.1)),
    "hum with some voice": Broken("outside_band", "error", lambda s: hum(s, 0.5)),
    "cut at the first word": Broken("starts_abruptly", "warning", lambda s: s[48 * 200 :]),
    "a long breath before": Broken("starts_late", "warning", lambda s: np.concatenate([silence(1500), s])),
    "a very long breath before": Broken("starts_late", "error", lambda s: np.concatenate([silence(4000), s])),
    "cut at the last word": Broken("ends_abruptly", "warning", lambda s: s[: -48 * 600]),
    "silence at the end": Broken("ends_late", "warning", lambda s: np.concatenate([s, silence(2500)])),
    "the tape ran on": Broken("ends_late", "error", lambda s: np.concatenate([s, silence(6000)])),
    "the speaker coughed and waited": Broken("long_pause", "warning", lambda s: with_gap(s, 3000)),
    "another prompt's file": Broken("text_length", "warning", role="goodbye", text=CONSENT.text),
}


@pytest.mark.parametrize("name", FILES)
def test_a_broken_file_is_found_by_name(tmp_path: Path, name: str) -> None:
    broken = FILES[name]
    samples = broken.change(spoken(broken.role))
    path = write(tmp_path / "broken.wav", samples, broken.rate_hz, "FLOAT")
    findings = found(path, broken.role, broken.text)
    assert broken.finding in findings, f"{name}: {sorted(findings)}"
    finding = findings[broken.finding]
    assert finding.severity == broken.severity
    assert {key: finding.values[key] for key in broken.values} == broken.values


# --- broken markers -------------------------------------------------------------------------------

MARKED = {
    "no markers": ({}, "markers_missing", "error"),
    "one is missing": (
        {k: v for k, v in MARKERS.items() if k != "key_instruction"},
        "markers_missing",
        "error",
    ),
    "an invented one": ({**MARKERS, "website": 12000}, "markers_unknown", "error"),
    "upside down": (
        dict(zip(CONSENT_MARKERS, reversed(MARKERS.values()), strict=True)),
        "markers_order",
        "error",
    ),
    "two at once": ({**MARKERS, "key_instruction": MARKERS["purposes_end"]}, "markers_order", "error"),
    "after the end": ({**MARKERS, "prompt_end": 60_000}, "marker_outside", "error"),
    "at nought": ({**MARKERS, "purposes_end": 0}, "marker_outside", "error"),
    "before the purposes are said": ({**MARKERS, "purposes_end": 4000}, "marker_in_speech", "error"),
    "in the middle of the key": ({**MARKERS, "key_instruction": 14_000}, "marker_in_speech", "warning"),
    "long before the end": ({**MARKERS, "prompt_end": 15_000}, "speech_after_end", "warning"),
}


@pytest.mark.parametrize("name", MARKED)
def test_broken_markers_are_found_by_name(tmp_path: Path, name: str) -> None:
    markers_ms, finding, severity = MARKED[name]
    findings = found(write(tmp_path / "a.wav", spoken("consent")), "consent", markers_ms=markers_ms)
    assert finding in findings, f"{name}: {sorted(findings)}"
    assert findings[finding].severity == severity


def test_a_marker_in_speech_is_told_with_the_pause_nearest_to_it(tmp_path: Path) -> None:
    markers = {**MARKERS, "purposes_end": MARKERS["purposes_end"] - 200}
    findings = found(write(tmp_path / "a.wav", spoken("consent")), "consent", markers_ms=markers)
    assert abs(int(findings["marker_in_speech"].values["pause_ms"]) - MARKERS["purposes_end"]) <= 30


def test_without_pauses_the_markers_are_said_to_be_unchecked(tmp_path: Path) -> None:
    rng = np.random.default_rng(1)
    music = rng.normal(0, 0.1, RATE_HZ * 17)
    findings = found(write(tmp_path / "a.wav", music), "consent")
    assert findings["no_pauses"].severity == "warning" and "marker_in_speech" not in findings


def test_markers_belong_to_the_consent_question_only(tmp_path: Path) -> None:
    findings = found(write(tmp_path / "a.wav", spoken()), "goodbye", markers_ms={"purposes_end": 500})
    assert findings["markers_unknown"].severity == "error"


# --- broken words ---------------------------------------------------------------------------------

ENGLISH = shipped("consent", "en").text
WORDS = {
    "nothing": ("goodbye", "da", " ", "text_empty", "error"),
    "another key": ("consent", "da", CONSENT.text.replace("Tast 1", "Tast 2"), "key_not_named", "error"),
    "another key is named": ("consent", "da", CONSENT.text.replace("Tast 1", "Tast 2"), "other_key", "error"),
    "two keys": ("consent", "da", f"{CONSENT.text} Tryk på 9 for at gentage.", "other_key", "error"),
    "a key in words": ("consent", "da", CONSENT.text.replace("Tast 1", "Tast to"), "other_key", "error"),
    "no key": ("consent", "da", CONSENT.text.replace("Tast 1", "Sig ja"), "key_not_named", "error"),
    "no training": (
        "consent",
        "da",
        CONSENT.text.replace("uddannelses- og ", ""),
        "purposes_missing",
        "error",
    ),
    "a purpose too many": (
        "consent_training",
        "da",
        shipped("consent_training").text.replace("uddannelse", "uddannelse og analyse"),
        "purposes_more",
        "error",
    ),
    "not its purpose": (
        "consent_analysis",
        "en",
        shipped("consent_training", "en").text,
        "purposes_missing",
        "error",
    ),
    "no documentation": ("consent", "en", ENGLISH.replace("document", "note"), "purposes_missing", "error"),
    "a word left out": ("consent", "da", CONSENT.text.replace("venligst", ""), "policy_wording", "warning"),
    "a word changed": ("consent", "en", ENGLISH.replace("improve", "better"), "policy_wording", "warning"),
    "a key in the greeting": ("greeting", "da", "LB Forsikring. Tast 2 for skade.", "other_key", "warning"),
    "nobody's greeting": ("greeting", "da", "Velkommen til os.", "company_not_named", "error"),
    "an unknown language": ("consent", "sv", "Tryck ett.", "language_unknown", "warning"),
}


@pytest.mark.parametrize("name", WORDS)
def test_broken_words_are_found_by_name(tmp_path: Path, name: str) -> None:
    role, language, words, finding, severity = WORDS[name]
    findings = found(write(tmp_path / "a.wav", spoken(role)), role, words, language=language)
    assert finding in findings, f"{name}: {sorted(findings)}"
    assert findings[finding].severity == severity


def test_what_differs_from_the_policy_is_told_by_the_word() -> None:
    words = CONSENT.text.replace("optage samtalen", "gemme samtalen")
    sound = studio.from_wav(CONSENT.path.read_bytes())
    (finding,) = check(Candidate("consent", "da", words, sound, MARKERS), WANTED)
    assert (finding.name, finding.values) == (
        "policy_wording",
        {"word": 9, "says": "gemme", "policy": "optage"},
    )


def test_what_is_not_heard_is_no_difference() -> None:
    words = CONSENT.text.capitalize().replace("”", '"').replace(" - ", " – ") + "."
    sound = studio.from_wav(CONSENT.path.read_bytes())
    assert check(Candidate("consent", "da", words, sound, MARKERS), WANTED) == ()


@pytest.mark.parametrize(
    ("language", "words", "keys"),
    [
        ("da", "Tast 1 for ja, tryk på 2 for nej", ["1", "2"]),
        ("da", "tryk stjerne, eller tast firkant", ["*", "#"]),
        ("da", "Tast et. Tast *9.", ["1", "*"]),
        ("da", "Vi tager 1 opkald ad gangen, og tast 12 gør intet", []),
        ("en", "Press 1, press star, or hit the hash key", ["1", "*", "#"]),
        ("en", "Press nine", ["9"]),
        ("en", "We press on. The press 1 reads", ["1"]),
    ],
)
def test_keys_are_found_in_words(language: str, words: str, keys: list[str]) -> None:
    assert keys_named(language, words) == keys


def test_another_accepting_key_is_right_where_it_accepts() -> None:
    words, sound = CONSENT.text.replace("Tast 1", "Tast 2"), studio.from_wav(CONSENT.path.read_bytes())
    names = [each.name for each in check(Candidate("consent", "da", words, sound, MARKERS), Wanted(("2",)))]
    assert names == ["policy_wording"]


# --- the measures ---------------------------------------------------------------------------------


def sine(hz: float, seconds: float, peak: float, rate_hz: int = 48000) -> Sound:
    return Sound(peak * np.sin(2 * np.pi * hz * np.arange(round(seconds * rate_hz)) / rate_hz), rate_hz)


@pytest.mark.parametrize("rate_hz", [8000, 48000])
def test_loudness_is_that_of_ebu_tech_3341(rate_hz: int) -> None:
    """Test signal 1 in mono: 1000 Hz at -23 dBFS peak is 3.01 dB below the stereo signal's -23 LUFS."""
    sound = sine(1000, 20, 10 ** (-23 / 20), rate_hz)
    assert sound.loudness_lufs == pytest.approx(
        -23 - 3.01, abs=0.2
    )  # EBU allows 0.1 at 48 kHz; the shelf is steeper at 8


@pytest.mark.parametrize("seconds", [0.05, 0.2, 0.39])
def test_what_is_shorter_than_a_gating_block_is_as_loud_as_it_sounds(seconds: float) -> None:
    whole, piece = sine(1000, 4, 0.1), sine(1000, seconds, 0.1)
    assert piece.loudness_lufs == pytest.approx(whole.loudness_lufs, abs=0.2)


def test_silence_has_no_loudness_and_no_peak() -> None:
    sound = Sound(np.zeros(8000), 8000)
    assert sound.loudness_lufs == sound.peak_dbtp == NEVER
    assert sound.spoken_ms is None and sound.pauses_ms == ()


def test_the_true_peak_is_found_between_samples() -> None:
    """A quarter of the rate at 45 degrees: samples stand 3.01 dB below the peaks (BS.1770-4 annex 2)."""
    samples = 0.5 * np.hanning(48000) * np.sin(2 * np.pi * 12000 * np.arange(48000) / 48000 + np.pi / 4)
    sound = Sound(samples, 48000)
    assert sound.peak_dbfs == pytest.approx(-9.03, abs=0.02)
    assert sound.peak_dbtp == pytest.approx(-6.02, abs=0.3)


def test_a_clean_tone_is_not_clipped_however_loud() -> None:
    for hz in (425, 1000, 3000):
        assert clipped(sine(hz, 1, 0.9).samples) == []
    sixteen_bit = np.round(soxr.resample(spoken(), RATE_HZ, 16000) * 32767) / 32767
    assert clipped(sixteen_bit) == []


def test_pauses_are_told_by_their_ends() -> None:
    tone = sine(1000, 0.5, 0.2, 8000).samples
    sound = Sound(
        np.concatenate([silence(100, 8000), tone, silence(300, 8000), tone, silence(50, 8000)]), 8000
    )
    assert sound.spoken_ms == (100, 1400)
    assert sound.pauses_ms == ((600, 900),)


# --- findings -------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", VALUES)
def test_every_finding_says_what_to_do_in_both_languages(name: str) -> None:
    values = dict.fromkeys(VALUES[name], 7)
    danish, english = (told(f"finding.{name}", lang, **values) for lang in ("da", "en"))
    assert danish != english and "{" not in danish + english
    assert danish.count("7") == english.count("7") >= len(values)


def test_every_finding_of_the_corpus_tells_the_values_it_promises(tmp_path: Path) -> None:
    path = write(tmp_path / "a.wav", np.clip(spoken() * 12, -1, 1), subtype="FLOAT")
    for name, finding in found(path, "goodbye", " ").items():
        assert set(finding.values) == set(VALUES[name])
        assert Finding.from_json(finding.as_json()) == finding


def test_the_corpus_knows_every_finding() -> None:
    broken = {each.finding for each in FILES.values()} | {finding for _, finding, _ in MARKED.values()}
    broken |= {finding for *_, finding, _ in WORDS.values()} | {"no_pauses"}
    assert broken == set(VALUES)


def test_errors_come_first_and_nothing_twice() -> None:
    told = worst_first([warning("long_pause", at_ms=1), error("clipped"), warning("long_pause", at_ms=2)])
    assert [each.name for each in told] == ["clipped", "long_pause"]
