"""The answers to the questions of a scenario: plain values, ready for JSON (pure).

Instants are ISO 8601 with the offset of Copenhagen, dates ISO 8601, as the data protection officer
reads them.
"""

from __future__ import annotations

from datetime import datetime
from typing import Any

from storage.model import Ground
from storage.policy import grounds as g
from storage.policy.access import Access, decide
from storage.policy.book import Book, CallFile
from storage.policy.clocks import COPENHAGEN

Answer = dict[str, Any]

# Why what belongs to no call never was.
_NEVER = {
    "documentation": "nobody made that request (R-34)",
    "export": "no access request was answered with something to hand out (R-33)",
    "record": "no such sample was drawn (R-55)",
}


def artifact_answer(book: Book, name: str, at: datetime) -> Answer:
    """Whether the artifact exists at `at`, until when, on what grounds, and why."""
    living = book.living(name, at)
    grounds = tuple(dict.fromkeys(ground for holding in living for ground in book.effective(holding, at)))
    until = g.until(grounds) if grounds else None
    expires_at = g.expires_at(grounds) if grounds else None
    answer: Answer = {
        "exists": bool(grounds),
        "ever_existed": bool(book.versions(name)),
        "until": until.isoformat() if until else None,
        "expires_at": instant(expires_at),
        "grounds": [ground_answer(ground) for ground in grounds],
        "why": why(book, name, at),
    }
    call, _, part = name.partition("/")
    if part == "audio":
        answer["captured"] = [[instant(start), instant(end)] for start, end in book.captured(call, at)]
    return answer


def ground_answer(ground: Ground) -> Answer:
    """One active ground."""
    return {
        "ground": ground.ground.value,
        "rule": ground.rule,
        "lawful_basis": list(ground.lawful_basis),
        "purposes": list(ground.purposes),
        "roles": list(ground.roles),
        "until": ground.until.isoformat() if ground.until else None,
        "case": ground.case,
        "decided_by": ground.decided_by,
    }


def access_answer(book: Book, access: Access, at: datetime) -> Answer:
    """Whether the role may read the artifact at `at`, and why."""
    verdict = decide(book, access, at)
    return {"allowed": verdict.allowed, "why": verdict.why}


def request_answer(book: Book, request: str, at: datetime) -> Answer:
    """Where a rights request stands; every value null when it is not known (yet)."""
    file = book.requests.get(request)
    if file is None:
        return {"state": None, "due": None, "kind": None}
    state = "open" if file.answered_at is None else "answered"
    return {"state": state, "due": file.due.isoformat(), "kind": file.kind}


def why(book: Book, name: str, at: datetime) -> str:
    """One sentence about the artifact: why it exists at `at`, or why it does not."""
    versions = book.versions(name)
    if not versions:
        return _why_never(book, name)
    holding = (book.living(name, at) or versions)[-1]
    effective = book.effective(holding, at)
    return g.why(effective or book.grounds(holding), at)


def _why_never(book: Book, name: str) -> str:
    call, _, part = name.partition("/")
    file = book.calls.get(call)
    if file is not None and part in ("audio", "transcript", "consent", "decision"):
        because = _why_unrecorded(file, part)
    elif file is not None:
        because = "nothing of the kind was made from the call (R-11)"
    else:
        because = _NEVER.get(part, f"there was no call {call} (R-01)")
    return f"There never was {name}: {because}."


def _why_unrecorded(file: CallFile, part: str) -> str:
    if part == "decision":
        if file.consented_at is not None:
            return "the caller accepted the recording, and its proof is the consent record (R-12, R-13)"
        return "a log of an unrecorded call is made when the caller was asked and did not say yes (R-12)"
    if file.direction != "inbound":
        return "only incoming calls are recorded (R-02)"
    if file.declined:
        return "the caller did not accept the recording in time (R-01, R-71)"
    if file.consented_at is None:
        return "nobody has consented to a recording (R-01)"
    if part == "transcript":
        return "nothing was transcribed (R-01)"
    return "nothing was recorded after the consent (R-01)"


def instant(at: datetime | None) -> str | None:
    """An instant as text, in Copenhagen."""
    return at.astimezone(COPENHAGEN).isoformat() if at is not None else None
