"""Checks of the consent question's markers: keys count from them, so they decide what consent is. Pure.

A marker stands in the pause after its words. A key that counts before the purposes have been said would be
consent to something not heard (R-04), so a `purposes_end` that stands in speech is an error wherever
pauses can be told at all; the others have the words before the pause at stake only.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from ivr_prompts.catalogue import CONSENT_MARKERS, CONSENT_ROLES
from ivr_prompts.findings import Finding, error, warning
from ivr_prompts.sound import FRAME_MS, Sound

AFTER_END_MS = 200  # speech after `prompt_end` that is more than a breath


def of_markers(role: str, sound: Sound, markers_ms: Mapping[str, int]) -> Iterator[Finding]:
    """What is wrong with the markers of a prompt; only the consent question has any."""
    wanted = CONSENT_MARKERS if role in CONSENT_ROLES else ()
    unknown = [name for name in markers_ms if name not in wanted]
    if unknown:
        yield error("markers_unknown", names=", ".join(unknown))
    missing = [name for name in wanted if name not in markers_ms]
    if missing:
        yield error("markers_missing", names=", ".join(missing))
    there = [name for name in wanted if name in markers_ms]
    at = [markers_ms[name] for name in there]
    if at != sorted(at) or (len(at) > 1 and at[0] == at[1]):
        yield error("markers_order", names=", ".join(wanted))
    outside = [name for name in there if not 0 < markers_ms[name] <= sound.length_ms]
    for name in outside:
        yield error("marker_outside", marker=name, ms=markers_ms[name], length_ms=sound.length_ms)
    inside = {name: markers_ms[name] for name in there if name not in outside}
    if inside and sound.spoken_ms is not None:
        yield from _in_speech(sound, sound.spoken_ms, inside)


def _in_speech(sound: Sound, spoken_ms: tuple[int, int], markers_ms: Mapping[str, int]) -> Iterator[Finding]:
    last_ms = spoken_ms[1]
    if not sound.pauses_ms:
        yield warning("no_pauses")
        return
    silences = (*sound.pauses_ms, (last_ms, max(last_ms, sound.length_ms)))
    for name, ms in markers_ms.items():
        if not any(start - FRAME_MS <= ms <= end + FRAME_MS for start, end in silences):
            nearest = min((start for start, _ in silences), key=lambda start: abs(start - ms))
            found = error if name == "purposes_end" else warning
            yield found("marker_in_speech", marker=name, ms=ms, pause_ms=nearest)
    end_ms = markers_ms.get("prompt_end")
    if end_ms is not None and last_ms - end_ms > AFTER_END_MS:
        yield warning("speech_after_end", ms=end_ms, speech_ms=last_ms)
