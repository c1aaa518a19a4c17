"""Speech from espeak-ng with the time of every phone, through its C library.

espeak-ng (Debian: libespeak-ng1, espeak-ng-data) tells while it speaks when each phone begins, so the
speech comes with its labels and nothing has to be aligned. Phone names are espeak-ng's own ASCII mnemonics
(docs/phonemes.md of espeak-ng), without stress and length.
"""

from __future__ import annotations

import ctypes
import ctypes.util
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

# speak_lib.h of espeak-ng 1.51
SYNCHRONOUS = 2  # espeak_AUDIO_OUTPUT: samples go to the callback, speaking returns when all is said
PHONEME_EVENTS = 0x0001  # espeakINITIALIZE_PHONEME_EVENTS
DO_NOT_EXIT = 0x8000  # espeakINITIALIZE_DONT_EXIT
UTF8 = 1  # espeakCHARS_UTF8
PHONEME = 7  # espeakEVENT_PHONEME
END_OF_EVENTS = 0  # espeakEVENT_LIST_TERMINATED
RATE, PITCH, RANGE, WORD_GAP = 1, 3, 4, 7  # espeak_PARAMETER
NAME_BYTES = 8

PAUSES = ("_", "_:")
BOUNDARIES = ("_|", "||")  # of syllables and words, without length
STRESS = "',%="
LENGTH = ":"
PAUSE = ""
"""The name of what is silent between words."""


class EspeakError(Exception):
    """espeak-ng is not there or refuses; the message says what to do."""


class _Id(ctypes.Union):
    _fields_ = [
        ("number", ctypes.c_int),
        ("name", ctypes.c_char_p),
        ("string", ctypes.c_char * NAME_BYTES),
    ]


class _Event(ctypes.Structure):
    """espeak_EVENT."""

    _fields_ = [
        ("type", ctypes.c_int),
        ("unique_identifier", ctypes.c_uint),
        ("text_position", ctypes.c_int),
        ("length", ctypes.c_int),
        ("audio_position", ctypes.c_int),  # milliseconds
        ("sample", ctypes.c_int),
        ("user_data", ctypes.c_void_p),
        ("id", _Id),
    ]


_CALLBACK = ctypes.CFUNCTYPE(
    ctypes.c_int, ctypes.POINTER(ctypes.c_short), ctypes.c_int, ctypes.POINTER(_Event)
)


@dataclass(frozen=True)
class Voice:
    """How something is said. `variant` is a file of espeak-ng's voices/!v, or empty for the plain voice."""

    variant: str = ""
    words_a_minute: int = 160
    pitch: int = 50  # 0 to 99
    pitch_range: int = 50  # 0 to 99
    word_gap: int = 0  # units of 10 ms at the default speed


@dataclass(frozen=True)
class Spoken:
    """Samples, and for each phone, and `PAUSE`, its name and the sample where it begins."""

    samples: NDArray[np.int16]
    rate_hz: int
    phones: tuple[tuple[str, int], ...]


class Espeak:
    """The library, set up once in a process: it has global state. One thread at a time."""

    def __init__(self, language: str = "da") -> None:
        """Load it; `EspeakError` where it is not installed."""
        self.language = language
        try:
            self._library = ctypes.CDLL(ctypes.util.find_library("espeak-ng") or "libespeak-ng.so.1")
        except OSError:
            raise EspeakError("espeak-ng is not installed: apt-get install espeak-ng") from None
        self._library.espeak_TextToPhonemes.restype = ctypes.c_char_p
        self._library.espeak_Info.restype = ctypes.c_char_p
        self.rate_hz = self._library.espeak_Initialize(SYNCHRONOUS, 0, None, PHONEME_EVENTS | DO_NOT_EXIT)
        if self.rate_hz <= 0:
            raise EspeakError("espeak-ng finds no data of its own: apt-get install espeak-ng-data")
        self._pieces: list[NDArray[np.int16]] = []
        self._phones: list[tuple[str, int]] = []
        self._callback = _CALLBACK(self._heard)  # kept: C holds only its address
        self._use(Voice())

    @property
    def version(self) -> str:
        """As espeak-ng names itself, e.g. `1.51`."""
        return str(self._library.espeak_Info(None).decode())

    def _heard(self, samples: Any, count: int, events: Any) -> int:
        if samples and count:
            self._pieces.append(np.ctypeslib.as_array(samples, (count,)).copy())
        index = 0
        while events[index].type != END_OF_EVENTS:
            if events[index].type == PHONEME:
                name = ctypes.string_at(ctypes.addressof(events[index].id), NAME_BYTES).split(b"\0")[0]
                self._phones.append((name.decode(), events[index].sample))
            index += 1
        return 0

    def speak(self, words: str, voice: Voice) -> Spoken:
        """Say it; `EspeakError` when the voice is unknown."""
        self._use(voice)
        self._library.espeak_SetSynthCallback(self._callback)  # another of this class may have set its own
        self._pieces, self._phones = [], []
        text = words.encode()
        self._library.espeak_Synth(text, len(text) + 1, 0, 0, 0, UTF8, None, None)
        samples = np.concatenate([*self._pieces, np.zeros(0, np.int16)])
        phones = tuple((_bare(name), sample) for name, sample in self._phones if name not in BOUNDARIES)
        return Spoken(samples, self.rate_hz, phones)

    def _use(self, voice: Voice) -> None:
        name = f"{self.language}+{voice.variant}" if voice.variant else self.language
        if self._library.espeak_SetVoiceByName(name.encode()):
            raise EspeakError(f"espeak-ng has no voice {name}")
        for parameter, value in (
            (RATE, voice.words_a_minute),
            (PITCH, voice.pitch),
            (RANGE, voice.pitch_range),
            (WORD_GAP, voice.word_gap),
        ):
            self._library.espeak_SetParameter(parameter, value, 0)

    def phones(self, words: str) -> list[list[str]]:
        """The phones of each word, as they are said in this sequence of words."""
        text = ctypes.c_char_p(words.encode())
        spelled = []
        while text.value:  # a clause at a time; espeak moves the pointer on
            found = self._library.espeak_TextToPhonemes(ctypes.byref(text), UTF8, ord("~") << 8)
            spelled.append(found.decode())
        groups = " ".join(spelled).split()
        return [bare for group in groups if (bare := [p for p in map(_bare, group.split("~")) if p])]


def _bare(name: str) -> str:
    """A phone without stress and length; `PAUSE` for what is none."""
    if name.startswith("(") or name in (*PAUSES, *BOUNDARIES):  # "(": a change of language
        return PAUSE
    return name.strip(STRESS).rstrip(LENGTH)
