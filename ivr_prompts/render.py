"""Voices the prompts with espeak-ng, and re-hashes a set after a recording was replaced.

    python -m ivr_prompts.render             voice every text anew (needs espeak-ng)
    python -m ivr_prompts.render --rehash    keep the audio, take over its hash and duration

Both write `catalogue.yaml`; a prompt whose audio or text changed gets the next version. The same
text always gives the same file. A marker stands where the words of its `after` have been spoken:
the text is voiced in parts, cut at these words, and the marker is the last audible sample of its
part. A studio recording has its markers measured by ear and written into the catalogue by hand.
"""

from __future__ import annotations

import argparse
import hashlib
import io
import math
import subprocess
import sys
import tempfile
import wave
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import yaml
from numpy.typing import NDArray

from ivr_prompts.catalogue import BUILT_IN, SAMPLE_RATE_HZ, text_sha256, wav_duration_ms

Samples = NDArray[np.float64]

VOICES = {"da": ("da", 150, 42), "en": ("en-gb", 155, 42)}  # voice, words a minute, pitch
BAND_HZ = (300.0, 3400.0)  # the telephone band
BAND_LEAD = SAMPLE_RATE_HZ // 2  # samples of silence that `band` puts before what it returns
LEVEL_DBFS = -20.0  # root mean square of what is audible
PEAK_DBFS = -3.0
AUDIBLE = 10 ** (-50 / 20)  # quieter than -50 dBFS is silence
LEAD_MS, GAP_MS, TAIL_MS = 100, 300, 250
FADE_MS = 5

HEADER = """\
# Prompts, language "{language}". What a caller hears is evidence: Tast1 refuses a set in which a file or
# a text does not match its hash. To replace a prompt: put the new recording (8 kHz, mono, 16-bit PCM
# WAV) in place of the file, set `text` to what it says and the `ms` of its markers to where in the
# recording the words of `after` have ended, then run
#
#     python -m ivr_prompts.render --rehash
#
# which fills in sha256, text_sha256 and duration_ms and counts the version up. The text of the consent
# prompt is the published policy's, word for word: a change needs the data protection officer.
"""


class WordsMissing(ValueError):
    """A text that does not say the words after which a marker should stand."""

    def __init__(self, marker: str, words: str) -> None:
        super().__init__(f"marker {marker}: the text does not say {words!r} after the marker before it")
        self.marker = marker
        self.words = words


def main(arguments: list[str] | None = None) -> int:
    """Voice or re-hash the sets of a folder; 0, or 2 with the reason on stderr."""
    parser = argparse.ArgumentParser(prog="python -m ivr_prompts.render", description=__doc__.split("\n")[0])
    parser.add_argument("--folder", type=Path, default=BUILT_IN, help="folder of the prompt sets")
    parser.add_argument("--rehash", action="store_true", help="keep the audio, update the catalogue")
    options = parser.parse_args(arguments)
    catalogues = sorted(options.folder.glob("*/catalogue.yaml"))
    if not catalogues:
        print(f"{options.folder}: no prompt set (LANGUAGE/catalogue.yaml)", file=sys.stderr)
        return 2
    try:
        for file in catalogues:
            _update(file, voice=not options.rehash)
    except (ValueError, OSError, subprocess.CalledProcessError) as error:
        print(f"{file}: {error}", file=sys.stderr)
        return 2
    return 0


def _update(file: Path, voice: bool) -> None:
    """Bring one catalogue file, and with `voice` its WAV files, up to date."""
    language = file.parent.name
    prompts = yaml.safe_load(file.read_text(encoding="utf-8"))["prompts"]
    for entry in prompts.values():
        path = file.parent / entry["file"]
        if voice:
            after = {name: marker["after"] for name, marker in entry.get("markers", {}).items()}
            audio, marks = (
                speak(entry["text"], language, after) if entry["text"] else (_tone(entry["tone"]), {})
            )
            path.write_bytes(wav_bytes(audio))
            for name, ms in marks.items():
                entry["markers"][name]["ms"] = ms
        _measure(entry, path)
    body = yaml.safe_dump({"prompts": prompts}, allow_unicode=True, sort_keys=False, width=100)
    file.write_text(HEADER.format(language=language) + body, encoding="utf-8")


def _measure(entry: dict[str, Any], path: Path) -> None:
    """Take over hashes and duration; the version counts up when one was there and differs."""
    audio = path.read_bytes()
    try:
        duration_ms = wav_duration_ms(audio)
    except ValueError as error:
        raise ValueError(f"{path.name} {error}") from error
    found = {"sha256": hashlib.sha256(audio).hexdigest(), "text_sha256": text_sha256(entry["text"])}
    if any(name in entry and entry[name] != value for name, value in found.items()):
        entry["version"] = str(int(entry["version"]) + 1)
    entry.update(found, duration_ms=duration_ms)


def speak(text: str, language: str, after: Mapping[str, str]) -> tuple[Samples, dict[str, int]]:
    """The voiced text at 8 kHz, and in milliseconds where the words of each marker in `after` have ended.

    `KeyError` for a language without a voice, `WordsMissing` when the text does not say those words,
    `IndexError` when a part of it is not heard at all, `OSError` when espeak-ng is not installed.
    """
    pieces: list[Samples] = [_silence(LEAD_MS)]
    marks: dict[str, int] = {}
    for name, words in _parts(text, after):
        if len(pieces) > 1:
            pieces.append(_silence(GAP_MS))
        pieces.append(_trim(band(*_espeak(words, language))))
        if name:
            marks[name] = math.ceil(sum(map(len, pieces)) * 1000 / SAMPLE_RATE_HZ)
    pieces.append(_silence(TAIL_MS))
    return _level(np.concatenate(pieces)), marks


def _parts(text: str, cuts: Mapping[str, str]) -> list[tuple[str | None, str]]:
    """The text cut after the words of each marker; the rest, if any, has no marker."""
    parts: list[tuple[str | None, str]] = []
    for name, words in cuts.items():
        before, found, text = text.partition(words)
        if not found:
            raise WordsMissing(name, words)
        parts.append((name, before + words))
    return [*parts, (None, text)] if text.strip(" .") else parts


def _espeak(words: str, language: str) -> tuple[Samples, int]:
    """What espeak-ng says, and its sample rate."""
    voice, speed, pitch = VOICES[language.split("-")[0]]
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "voice.wav"
        command = ["espeak-ng", "-v", voice, "-s", str(speed), "-p", str(pitch), "-w", str(path), "--", words]
        subprocess.run(command, check=True)
        with wave.open(str(path)) as file:
            rate_hz = file.getframerate()
            samples = np.frombuffer(file.readframes(file.getnframes()), dtype="<i2")
    return samples.astype(np.float64) / 32768, rate_hz


def band(samples: Samples, rate_hz: int) -> Samples:
    """The telephone band at 8 kHz: what lies outside is taken from the spectrum, with soft edges.

    The sound begins `BAND_LEAD` samples after the beginning, and some silence follows it.
    """
    samples = np.concatenate([np.zeros(rate_hz // 2), samples])  # room for the ringing before the sound
    length = math.ceil(len(samples) / rate_hz + 0.5) * rate_hz  # whole seconds, so that both rates fit
    spectrum = np.fft.rfft(samples, length)
    out = length // rate_hz * SAMPLE_RATE_HZ
    hz = np.arange(out // 2 + 1) * SAMPLE_RATE_HZ / out
    low, high = BAND_HZ
    rise = np.clip((hz - (low - 100)) / 100, 0, 1)
    fall = np.clip((high + 200 - hz) / 200, 0, 1)
    shaped = spectrum[: len(hz)] * np.sin(np.pi / 2 * rise) * np.sin(np.pi / 2 * fall)
    return np.fft.irfft(shaped, out) * out / length


def _trim(samples: Samples) -> Samples:
    """Without the silence before and after, with soft ends."""
    audible = np.flatnonzero(np.abs(samples) > AUDIBLE)
    samples = samples[audible[0] : audible[-1] + 1].copy()
    fade = np.linspace(0, 1, FADE_MS * SAMPLE_RATE_HZ // 1000)
    samples[: len(fade)] *= fade
    samples[-len(fade) :] *= fade[::-1]
    return samples


def _level(samples: Samples) -> Samples:
    """Brought to the level of a telephone prompt, short peaks limited softly."""
    audible = samples[np.abs(samples) > AUDIBLE]
    samples = samples * 10 ** (LEVEL_DBFS / 20) / np.sqrt(np.mean(audible**2))
    peak = 10 ** (PEAK_DBFS / 20)
    return peak * np.tanh(samples / peak)


def _tone(steps: list[list[int]]) -> Samples:
    """Tones and pauses, `[Hertz, milliseconds]` each; 0 Hz is a pause."""
    pieces = []
    fade = np.linspace(0, 1, FADE_MS * SAMPLE_RATE_HZ // 1000)
    for hz, ms in steps:
        time_s = np.arange(ms * SAMPLE_RATE_HZ // 1000) / SAMPLE_RATE_HZ
        piece = np.sin(2 * np.pi * hz * time_s) * math.sqrt(2) * 10 ** (LEVEL_DBFS / 20)
        if hz:
            piece[: len(fade)] *= fade
            piece[-len(fade) :] *= fade[::-1]
        pieces.append(piece)
    return np.concatenate(pieces)


def _silence(ms: int) -> Samples:
    return np.zeros(ms * SAMPLE_RATE_HZ // 1000)


def wav_bytes(samples: Samples, rate_hz: int = SAMPLE_RATE_HZ) -> bytes:
    """A mono 16-bit PCM WAV file."""
    target = io.BytesIO()
    with wave.open(target, "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(rate_hz)
        file.writeframes(np.round(np.clip(samples, -1, 1) * 32767).astype("<i2").tobytes())
    return target.getvalue()


if __name__ == "__main__":
    sys.exit(main())
