"""Withdrawal of consent and the rights of data subjects: what they do to the grounds (§3.2, §3.3)."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime

from storage.model import ArtifactKind, Ground, GroundName
from storage.policy import changes
from storage.policy import events as e
from storage.policy.book import Book, Holding, Refused, RequestFile
from storage.policy.clocks import local_date
from storage.policy.grounds import ground, ground_for_days


def withdrawn(book: Book, event: e.Withdrawn, at: datetime) -> list[str]:
    """Consent is withdrawn through any channel; the request, if named, is documented (R-20, R-34)."""
    if event.request is not None and event.request in book.requests:
        raise Refused(f"{event.request} is another request already")
    done = withdraw_calls(book, event.calls, at)
    if not done:
        raise Refused("of these calls nothing is kept on consent (R-20)")
    if event.request is not None:
        file = RequestFile(event.request, "withdrawal", at, event.calls, answered_at=at)
        book.requests[event.request] = file
        document(book, event.request, changes.request_documentation(at, book.settings), at)
    others = [call for call in dict.fromkeys(event.calls) if call not in done]
    return [f"{call}: nothing of it is kept on consent (R-20)" for call in others]


def consent_invalid(book: Book, event: e.ConsentInvalid, at: datetime) -> list[str]:
    """There was no valid consent: what rests on it goes, whatever is set about withdrawals (R-04)."""
    if not event.reason.strip():
        raise Refused("a consent is declared invalid only with a written reason (R-04)")
    if not withdraw_calls(book, event.calls, at, order="the consent was not valid (R-04)"):
        raise Refused("of these calls nothing is kept on consent (R-04)")
    return []


def withdraw_calls(book: Book, calls: Iterable[str], at: datetime, *, order: str = "") -> list[str]:
    """End the consent for these calls; those for which there was any (R-20, R-22).

    `order`: an order to erase, such as a request by name, which no setting leaves undone (R-23).
    """
    done = []
    for call in dict.fromkeys(calls):
        file = book.calls.get(call)
        if file is None or file.consented_at is None:
            continue
        during_call = file.ended_at is None
        kept = [holding for holding in book.parts((call,), at) if holding.on_consent]
        # In the queue there may be consent, with its evidence, and no recording yet.
        pending = during_call and file.withdrawn_at is None and book.living(f"{call}/consent", at)
        if not kept and not pending:
            continue
        for holding in kept:
            holding.grounds = changes.withdraw(
                holding.grounds, at, book.settings, during_call=during_call, order=order
            )
            holding.condemned = holding.condemned or "R-20"
        file.withdrawn_at = file.withdrawn_at or at
        done.append(call)
    return done


def rights_request(book: Book, event: e.RightsRequest, at: datetime) -> list[str]:
    """A request is received: documented, held at once, and in time for an answer (R-30, R-34)."""
    if event.request in book.requests:
        raise Refused(f"{event.request} is another request already")
    calls, refusals = _in_scope(book, event.requester, event.calls)
    book.requests[event.request] = RequestFile(
        event.request, event.kind, at, calls, requester=event.requester
    )
    document(book, event.request, ground(GroundName.REQUEST_DOC, at), at)
    _hold(book, event.request, event.kind, calls, at)
    if event.kind == "erasure":
        withdraw_calls(book, calls, at, order=_ERASURE)
    elif event.withdraws and event.requester != "caller":
        refusals.append("only the caller can withdraw the caller's consent (R-20)")
    elif event.withdraws:
        withdraw_calls(book, calls, at)
    return refusals


_ERASURE = "its erasure was asked for (R-23)"


def request_scoped(book: Book, event: e.RequestScoped, at: datetime) -> list[str]:
    """Calls found later are held, or erased, from now on like those named at first (R-30, R-23)."""
    file = open_request(book, event.request)
    calls, refusals = _in_scope(book, file.requester, event.calls)
    more = tuple(call for call in calls if call not in file.calls)
    if not more:
        raise Refused("; ".join(refusals) or "the request is about these calls already")
    file.calls = (*file.calls, *more)
    _hold(book, event.request, file.kind, more, at)
    if file.kind == "erasure":
        withdraw_calls(book, more, at, order=_ERASURE)
    return refusals


def _in_scope(book: Book, requester: str, named: Iterable[str]) -> tuple[tuple[str, ...], list[str]]:
    """The calls that a requester's right reaches, and the refusal of the others."""
    named = tuple(dict.fromkeys(named))
    calls = tuple(call for call in named if took_part(book, requester, call))
    foreign = sorted(set(named) - set(calls))
    if not foreign:
        return calls, []
    return calls, [f"an agent's rights reach only calls they took part in, not {', '.join(foreign)} (A-16)"]


def _hold(book: Book, request: str, kind: str, calls: tuple[str, ...], at: datetime) -> None:
    if kind in book.settings.rights.hold_on:
        for holding in book.parts(calls, at):
            holding.grounds = changes.hold_for_request(holding.grounds, request, kind, at)


def took_part(book: Book, requester: str, call: str) -> bool:
    """Whether the requester may use a right about this call (A-16).

    When it is not known which agent took part, the recording is preserved; who gets to see it is
    decided when identity is checked (R-30).
    """
    file = book.calls.get(call)
    return requester == "caller" or file is None or file.agent in (None, requester)


def rights_extended(book: Book, event: e.RightsExtended, at: datetime) -> list[str]:
    """The notice of art. 12(3): two months more, if sent inside the first."""
    file = open_request(book, event.request)
    if file.extended_at is not None:
        raise Refused("the deadline was extended already, and can be only once (art. 12(3))")
    if local_date(at) > file.due:
        raise Refused(f"the notice had to be sent by {file.due}, inside the first month (art. 12(3))")
    file.extended_at = at
    return []


def rights_answered(book: Book, event: e.RightsAnswered, at: datetime) -> list[str]:
    """The answer: the package, the end of the hold, and the year where it is allowed (R-31, R-33)."""
    file = open_request(book, event.request)
    settings = book.settings
    scope = book.parts(file.calls, at)
    if file.kind == "access" and scope:
        days = settings.rights.export_payload_days
        package = ground_for_days(GroundName.EXPORT, at, days, settings, case=event.request)
        book.add(Holding(f"{event.request}/export", ArtifactKind.EXPORT, at, grounds=(package,)))
    held = [h for h in scope if changes.has(h.grounds, GroundName.RIGHTS_OPEN, at, event.request)]
    documentation = changes.rights_documentation(event.request, file.received_at, at, settings)
    not_kept = "nothing of it is held for this request" if not held else ""
    for holding in held:
        holding.grounds = changes.release_request(holding.grounds, event.request, at)
        if not event.keep:
            continue
        if why := no_keeping(book, file, holding, documentation, at):
            not_kept = why
        else:
            holding.grounds = (*holding.grounds, documentation)
    if file.kind == "objection" and not event.keep:
        why_ended = "an objection to it was granted (R-24)"
        for holding in scope:
            holding.grounds = changes.end(holding.grounds, (GroundName.RIGHTS_DOC,), at, why_ended)
    file.answered_at = at
    document(book, event.request, changes.request_documentation(at, settings), at)
    return [f"answered, but not kept: {not_kept}"] if event.keep and not_kept else []


def documentation_released(book: Book, event: e.DocumentationReleased, at: datetime) -> list[str]:
    """The optional year ends early, which is allowed and preferred (R-31)."""
    file = book.requests.get(event.request)
    held = [
        holding
        for holding in book.parts(file.calls if file else (), at)
        if changes.has(holding.grounds, GroundName.RIGHTS_DOC, at, event.request)
    ]
    if not held:
        raise Refused("nothing is kept as documentation of that request (R-31)")
    for holding in held:
        holding.grounds = changes.end(
            holding.grounds, (GroundName.RIGHTS_DOC,), at, "it was released early (R-31)", event.request
        )
    return []


def no_keeping(
    book: Book, file: RequestFile, holding: Holding, documentation: Ground, at: datetime
) -> str | None:
    """Why this artifact may not be kept as documentation of the request; None: it may (R-31)."""
    if holding.condemned == "R-42":
        return "there was nothing to investigate, and it had to go at once (R-42)"
    # Whoever sets erasure requests to hold recordings wants what they hold kept.
    asked_for = file.kind == "erasure"
    if holding.condemned and not asked_for and book.settings.rights.on_withdrawal != "keep":
        return "the consent was withdrawn; it goes when the request is fulfilled (R-21, R-31)"
    if not documentation.active(at):
        return "the time for which it could be kept is over (R-31)"
    return None


def document(book: Book, request: str, basis: Ground, at: datetime) -> None:
    """`REQUEST/documentation` rests on `basis` from now on (R-34)."""
    name = f"{request}/documentation"
    for holding in book.living(name, at):
        holding.grounds = (basis,)
        return
    book.add(Holding(name, ArtifactKind.REQUEST_DOCUMENTATION, at, grounds=(basis,)))


def open_request(book: Book, request: str) -> RequestFile:
    """The request, if it waits for an answer; Refused otherwise."""
    file = book.requests.get(request)
    if file is None:
        raise Refused(f"there is no request {request}")
    if file.answered_at is not None:
        raise Refused(f"the request {request} is answered already")
    return file
