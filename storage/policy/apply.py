"""`change(book, event, at)`: let one event change the book, or say why the rules refuse it. Pure.

Of some events a part can be refused while the rest happens, such as the keeping in `RightsAnswered`.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from typing import Any

from storage.policy import claims, recordings, requests, restate
from storage.policy import events as e
from storage.policy.book import Book, Refused

HANDLERS: dict[type[Any], Callable[[Book, Any, datetime], list[str]]] = {
    e.CallArrived: recordings.call_arrived,
    e.CallEnded: recordings.call_ended,
    e.ConsentGiven: recordings.consent_given,
    e.Declined: recordings.declined,
    e.RecordingStarted: recordings.recording_started,
    e.RecordingStopped: recordings.recording_stopped,
    e.Transcribed: recordings.transcribed,
    e.Derived: recordings.derived,
    e.SpecialCategory: recordings.special_category,
    e.Sampled: recordings.sampled,
    e.SampleReplaced: recordings.sample_replaced,
    e.Restored: recordings.restored,
    e.Restated: restate.restated,
    e.Withdrawn: requests.withdrawn,
    e.ConsentInvalid: requests.consent_invalid,
    e.RightsRequest: requests.rights_request,
    e.RequestScoped: requests.request_scoped,
    e.RightsExtended: requests.rights_extended,
    e.RightsAnswered: requests.rights_answered,
    e.DocumentationReleased: requests.documentation_released,
    e.ComplaintReceived: claims.complaint,
    e.FreezeExtended: claims.freeze_extended,
    e.ComplaintDecided: claims.complaint_decided,
    e.ComplaintClosed: claims.complaint_closed,
    e.LimitationFactsGiven: claims.limitation_facts,
    e.LimitationConfirmed: claims.limitation_confirmed,
    e.Forwarded: claims.forwarded,
    e.InvestigatorRecording: claims.investigator_recording,
    e.InvestigationDecided: claims.investigation_decided,
    e.InvestigationExtended: claims.investigation_extended,
    e.AuthorityOrdered: claims.authority_ordered,
    e.AuthorityLifted: claims.authority_lifted,
}


def change(book: Book, event: e.PolicyEvent, at: datetime) -> tuple[str, ...]:
    """Let `event` happen at `at`; what of it the rules refused while the rest happened (empty: nothing).

    Raises `Refused` when the rules refuse all of it; then nothing is changed.
    """
    _stop_recording_what_is_gone(book, event, at)  # while time passed, before the event
    refusals = tuple(HANDLERS[type(event)](book, event, at))
    _stop_recording_what_is_gone(book, event, at)
    return refusals


def apply(book: Book, event: e.PolicyEvent, at: datetime) -> tuple[str, ...]:
    """Let `event` happen at `at`; return what of it the rules refused, all or a part (empty: nothing)."""
    try:
        return change(book, event, at)
    except Refused as refused:
        return (str(refused),)


def _stop_recording_what_is_gone(book: Book, event: e.PolicyEvent, at: datetime) -> None:
    """An event about one call ends grounds of that call alone; any other may end those of every call."""
    call = getattr(event, "call", None)
    files = book.calls.values() if call is None else filter(None, [book.calls.get(call)])
    for file in files:
        if file.recording:
            file.captured = book.captured(file.call, at)
