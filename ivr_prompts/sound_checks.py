"""Checks of a prompt's sound: of the file as it came from the studio, and of what callers hear. Pure.

The limits are those of the telephone: G.711 takes what lies between 300 and 3400 Hz, prompts are spoken at
-22 LUFS or so (the shipped ones are), and what clips or begins in mid-word cannot be mended by anybody later.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from ivr_prompts.findings import Finding, error, warning
from ivr_prompts.sound import Samples, Sound, decibels

BAND_HZ = (300.0, 3400.0)  # ITU-T G.712
LEAST_RATE_HZ = 8000
QUIET_LUFS, TOO_QUIET_LUFS = -28.0, -36.0  # warning, error
LOUD_LUFS, TOO_LOUD_LUFS = -16.0, -11.0
PEAK_DBTP = -1.0  # EBU R 128: the most a true peak may be
SILENT_DBFS = -50.0
SHORT_MS = 100
LONG_S = {"consent": 60, "greeting": 20}
LONG_OTHERS_S = 30
LEAD_MS = (20, 1000, 3000)  # at least, then a warning, then an error
TAIL_MS = (20, 2000, 5000)
PAUSE_MS = 2500  # a caller takes that for the end
CLIPPED_RUN = 3  # samples in a row at the top
FLAT_TOPS = 10  # of them below full scale: clipped, then turned down
OFFSET, TOO_MUCH_OFFSET = 0.005, 0.03
MUFFLED_HZ, MUFFLED_DB = 1000.0, -30.0
BAND_SHARE, LEAST_BAND_SHARE = 0.25, 0.05
CANCEL_DB = 6.0


def of_file(sound: Sound, spoken: bool, mixed_loss_db: float = 0.0) -> Iterator[Finding]:
    """What is wrong with the file itself; `mixed_loss_db`: what is lost when its channels become one."""
    if sound.rate_hz < LEAST_RATE_HZ:
        yield error("sample_rate", rate_hz=sound.rate_hz)
    if mixed_loss_db > CANCEL_DB:
        yield error("channels_cancel", loss_db=round(mixed_loss_db, 1))
    if sound.peak_dbfs < SILENT_DBFS:
        return  # nothing that could be measured
    if places := clipped(sound.samples):
        yield error("clipped", places=len(places), first_ms=places[0] * 1000 // sound.rate_hz)
    offset = abs(float(sound.samples.mean()))
    if offset > OFFSET:
        told = {"percent": round(100 * offset, 1)}
        yield error("dc_offset", **told) if offset > TOO_MUCH_OFFSET else warning("dc_offset", **told)
    share = sound.power_share(*BAND_HZ)
    if share < BAND_SHARE:
        told = {"percent": round(100 * share, 1)}
        yield error("outside_band", **told) if share < LEAST_BAND_SHARE else warning("outside_band", **told)
    above_db = decibels(sound.power_share(MUFFLED_HZ, sound.rate_hz / 2) ** 0.5)
    if spoken and above_db < MUFFLED_DB:
        yield error("muffled", share_db=round(above_db, 1))


def of_prompt(role: str, sound: Sound, spoken: bool) -> Iterator[Finding]:
    """What is wrong with what the caller hears (8 kHz)."""
    spoken_ms = sound.spoken_ms
    if sound.length_ms < SHORT_MS:
        yield error("too_short", length_ms=sound.length_ms, least_ms=SHORT_MS)
    if sound.peak_dbfs < SILENT_DBFS or spoken_ms is None:
        yield error("silent", peak_dbfs=round(sound.peak_dbfs, 1))
        return
    most_s = LONG_S.get(role, LONG_OTHERS_S)
    if sound.length_ms > most_s * 1000:
        yield warning("too_long", length_s=round(sound.length_ms / 1000, 1), most_s=most_s)
    yield from _level(sound)
    if spoken:
        yield from _silences(sound, spoken_ms)


def _level(sound: Sound) -> Iterator[Finding]:
    lufs = round(sound.loudness_lufs, 1)
    if lufs < QUIET_LUFS:
        told = {"lufs": lufs, "least_lufs": QUIET_LUFS}
        yield error("too_quiet", **told) if lufs < TOO_QUIET_LUFS else warning("too_quiet", **told)
    if lufs > LOUD_LUFS:
        told = {"lufs": lufs, "most_lufs": LOUD_LUFS}
        yield error("too_loud", **told) if lufs > TOO_LOUD_LUFS else warning("too_loud", **told)
    peak = round(sound.peak_dbtp, 1)
    if peak > PEAK_DBTP:
        told = {"peak_dbtp": peak, "lower_db": round(peak - PEAK_DBTP, 1)}
        yield error("true_peak", **told) if peak > 0 else warning("true_peak", **told)


def _silences(sound: Sound, spoken_ms: tuple[int, int]) -> Iterator[Finding]:
    first_ms, last_ms = spoken_ms
    tail_ms = max(0, sound.length_ms - last_ms)
    if first_ms < LEAD_MS[0]:
        yield warning("starts_abruptly", lead_ms=first_ms, least_ms=LEAD_MS[0])
    elif first_ms > LEAD_MS[1]:
        told = {"lead_ms": first_ms, "most_ms": LEAD_MS[1]}
        yield error("starts_late", **told) if first_ms > LEAD_MS[2] else warning("starts_late", **told)
    if tail_ms < TAIL_MS[0]:
        yield warning("ends_abruptly", tail_ms=tail_ms, least_ms=TAIL_MS[0])
    elif tail_ms > TAIL_MS[1]:
        told = {"tail_ms": tail_ms, "most_ms": TAIL_MS[1]}
        yield error("ends_late", **told) if tail_ms > TAIL_MS[2] else warning("ends_late", **told)
    for start_ms, end_ms in sound.pauses_ms:
        if end_ms - start_ms > PAUSE_MS:
            yield warning("long_pause", at_ms=start_ms, pause_ms=end_ms - start_ms)


def clipped(samples: Samples) -> list[int]:
    """The starts of runs of samples at full scale, or flat at the file's own top."""
    top = float(np.abs(samples).max(initial=0.0))
    if top == 0.0:
        return []
    at_top = _runs(np.abs(samples) >= 0.9995, CLIPPED_RUN)
    if at_top:
        return at_top
    same = np.concatenate([[False], samples[1:] == samples[:-1]])
    flat = (np.abs(samples) >= 0.999 * top) & (same | np.concatenate([same[1:], [False]]))
    tops = _runs(flat, CLIPPED_RUN)
    return tops if len(tops) >= FLAT_TOPS else []


def _runs(wanted: NDArray[np.bool_], least: int) -> list[int]:
    """The starts of runs of True that are `least` or longer."""
    edges = np.flatnonzero(np.diff(np.concatenate([[0], wanted.astype(np.int8), [0]])))
    starts, ends = edges[::2], edges[1::2]
    return [int(start) for start in starts[ends - starts >= least]]
