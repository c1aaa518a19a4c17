"""Requests of data subjects (articles 12 to 21): received, held, reviewed, answered, documented (R-30 ff.).

A request holds what it is about from the moment it is received, before anybody is identified; the identity
check decides who gets to see it. `storage.packages` makes what an access request hands out.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta

from sqlalchemy.orm import Session

from storage import books, cases, held, packages
from storage.artifacts import CONTENT, Making
from storage.books import Happened
from storage.desk import Desk, Done
from storage.gate import Asking
from storage.model import CaseKind
from storage.packages import Package
from storage.policy import events as e
from storage.policy.book import Refused, RequestFile
from storage.policy.settings import REQUEST_KINDS
from storage.tables import Case

_OLDEST = timedelta(days=90)
AGENT = "agent:"
"""How a requester who took part in the call is named: `agent:` and the SIP URI or user name."""


@dataclass(frozen=True)
class RequestView:
    """A request as whoever works on it sees it."""

    id: str
    right: str
    requester: str
    received_at: datetime
    due: date
    extended: bool
    answered_at: datetime | None
    calls: tuple[str, ...]
    held: tuple[str, ...]  # artifacts that are kept for it


def receive(
    desk: Desk,
    asking: Asking,
    right: str,
    calls: Sequence[str],
    at: datetime,
    *,
    requester: str = "caller",
    withdraws: bool = False,
    received_at: datetime | None = None,
    words: Mapping[str, str] | None = None,
    request_id: str | None = None,
) -> tuple[str, Done]:
    """A request is received: it is documented, and what it is about is held, at once.

    `received_at` is when it came in, if that was before `at` (a letter that lay): the reply is due from
    then, and nothing is held back in time (A-20).
    """
    if right not in REQUEST_KINDS:
        raise Refused(f"there is no right {right}; there are {', '.join(REQUEST_KINDS)}")
    if received_at is not None and not at - _OLDEST <= received_at <= at:
        raise Refused(f"a request is registered within {_OLDEST.days} days of its receipt")
    request = cases.checked_id(request_id) if request_id else cases.new_id(CaseKind.RIGHTS_REQUEST, at)
    if requester.startswith(AGENT):
        requester = desk.keys.pseudonym(requester)
    elif requester != "caller":
        raise Refused(f"the requester is `caller`, or {AGENT}NAME for somebody who took part in the call")
    event = e.RightsRequest(request, right, tuple(calls), requester, withdraws)

    def date_it(session: Session, happened: Happened) -> None:
        cases.get(session, request).opened_at = received_at or at

    making = {f"{request}/documentation": Making(tags=desk.tags)}
    return request, desk.do(asking, event, at, words, making, also=date_it)


def scope(desk: Desk, asking: Asking, request: str, calls: Sequence[str], at: datetime) -> Done:
    """More calls are found that an open request is about; they are held from now on."""
    return desk.do(asking, e.RequestScoped(request, tuple(calls)), at)


def extend(desk: Desk, asking: Asking, request: str, words: Mapping[str, str], at: datetime) -> Done:
    """The notice of art. 12(3) was sent, inside the first month: two months more. It says why."""
    if not words.get("reason", "").strip():
        raise Refused("the notice must say why it takes longer (art. 12(3))")
    return desk.do(asking, e.RightsExtended(request), at, words)


def identify(desk: Desk, asking: Asking, request: str, result: str, how: str, at: datetime) -> None:
    """The result of the identity check; never a copy of what was shown (R-34)."""
    desk.gate.require(asking, e.RightsAnswered, at, request)
    desk.db.read_sync(lambda s: cases.get(s, request, CaseKind.RIGHTS_REQUEST))
    desk.note(asking, request, "identity", {"result": result, "how": how}, at)


def answer(
    desk: Desk,
    asking: Asking,
    request: str,
    keep: bool,
    words: Mapping[str, str],
    at: datetime,
    lang: str = "da",
) -> tuple[Done, Package | None]:
    """Review completed, package available, request closed. `keep`: for up to a year as documentation (R-31).

    Of an access request the package is made first, so that nothing is released before it can be handed out.
    The policy's `Refused` without a recorded identity check when something is handed out, and without a
    reason when it is to be kept.
    """
    desk.gate.require(asking, e.RightsAnswered, at, request)
    row = desk.db.read_sync(lambda s: cases.get(s, request, CaseKind.RIGHTS_REQUEST))
    if keep and not words.get("reason", "").strip():
        raise Refused("keeping what was reviewed needs a written reason (R-31)")
    scope = desk.db.read_sync(lambda s: _scope(s, desk, request, at))
    package = None
    if row.right == "access" and row.closed_at is None and scope:
        if not _is_identified(desk, request):
            raise Refused(
                "nothing is handed out before the identity is checked (R-30): tast1 requests identify"
            )
        package = packages.build(desk, asking, row, scope, at, lang)
    making = {f"{request}/export": package.making} if package else {}
    try:
        done = desk.do(asking, e.RightsAnswered(request, keep), at, words, making)
    except BaseException:
        if package:
            desk.store.remove(package.artifact_id, in_bucket=False)
        raise
    if package:
        made = package.artifact_id
        desk.db.write_sync(lambda s: held.note(s, desk.store, made))
        desk.note(asking, request, "manifest", package.manifest, at)
    return done, package


def release(desk: Desk, asking: Asking, request: str, at: datetime) -> Done:
    """What documents a request is let go before its year is over: allowed, and preferred (R-31)."""
    return desk.do(asking, e.DocumentationReleased(request), at)


def withdraw(
    desk: Desk,
    asking: Asking,
    calls: Sequence[str],
    channel: str,
    at: datetime,
    document: bool = False,
    words: Mapping[str, str] | None = None,
) -> tuple[str | None, Done]:
    """Consent is withdrawn through any channel (R-20); with `document` it is documented like a request."""
    request = cases.new_id(CaseKind.RIGHTS_REQUEST, at) if document else None
    making = {f"{request}/documentation": Making(tags=desk.tags)}
    return request, desk.do(asking, e.Withdrawn(tuple(calls), channel, request), at, words, making)


def view(session: Session, desk: Desk, request: str, at: datetime) -> RequestView:
    """One request; the policy's `Refused` when there is none."""
    row = cases.get(session, request, CaseKind.RIGHTS_REQUEST)
    excerpt = books.look(session, desk.settings, cases=[request])
    file: RequestFile = excerpt.book.requests[request]
    held = [
        holding.id
        for holding in excerpt.book.parts(file.calls, at)
        if any(ground.case == request and ground.active(at) for ground in holding.grounds)
    ]
    return RequestView(
        request,
        row.right or "",
        "caller" if row.requester in (None, "caller") else "agent",
        row.opened_at,
        file.due,
        file.extended_at is not None,
        file.answered_at,
        file.calls,
        tuple(held),
    )


def listing(session: Session, desk: Desk, at: datetime, everything: bool = False) -> list[RequestView]:
    """Requests by the day their answer is due; answered ones too with `everything`."""
    rows: Sequence[Case] = cases.listing(session, CaseKind.RIGHTS_REQUEST, everything)
    return sorted((view(session, desk, row.id, at) for row in rows), key=lambda view: view.due)


def _scope(session: Session, desk: Desk, request: str, at: datetime) -> list[str]:
    """The artifacts that are handed out: recordings, transcripts and derivatives of the request's calls."""
    excerpt = books.look(session, desk.settings, cases=[request])
    calls = excerpt.book.requests[request].calls
    return [
        holding.id
        for holding in excerpt.holdings()
        if holding.call in calls and holding.kind in CONTENT and excerpt.book.exists(holding, at)
    ]


def _is_identified(desk: Desk, request: str) -> bool:
    notes = desk.db.read_sync(lambda s: cases.notes(s, desk.keys, request))
    return any(note.kind == "identity" and note.words.get("result") == "confirmed" for note in notes)
