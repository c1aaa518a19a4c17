"""What goes wrong, in one shape: problem details (RFC 9457), `application/problem+json`.

`type` is `/problems/NAME`; the names are those of `STATUS`. `detail` says what to do, in Danish or English.
No problem holds what was sent: not a number, not a word, not a token.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from typing import Any

from aiohttp import web
from pydantic import ValidationError

from gateway.texts import text
from gateway.texts.rules import said
from storage import database
from storage.artifacts import NotReadable
from storage.gate import NotAllowed
from storage.people import SignInFailed
from storage.policy.book import Refused
from storage.redaction import NotTranscribed
from storage.sealed import MediaError

STATUS: dict[str, int] = {
    "malformed": 400,
    "sign-in-failed": 401,
    "not-allowed": 403,
    "not-found": 404,
    "method-not-allowed": 405,
    "refused": 409,
    "conflict": 409,
    "too-large": 413,
    "range-not-satisfiable": 416,
    "invalid": 422,
    "too-many-requests": 429,
    "failed": 500,
    "unavailable": 503,
}
"""Name of a problem to its HTTP status."""

_RULE = re.compile(r"R-\d+")


class Problem(Exception):
    """A request that ends otherwise than hoped. `errors` are of single fields: key and why."""

    def __init__(
        self,
        name: str,
        detail: str = "",
        errors: Sequence[Mapping[str, str]] = (),
        headers: Mapping[str, str] | None = None,
        **more: Any,
    ) -> None:
        super().__init__(name)
        self.name = name
        self.detail = detail
        self.errors = tuple(errors)
        self.headers = dict(headers or {})
        self.more = more

    @property
    def status(self) -> int:
        """Its HTTP status."""
        return STATUS[self.name]

    def body(self, lang: str) -> dict[str, Any]:
        """The members of the problem."""
        told: dict[str, Any] = {
            "type": f"/problems/{self.name}",
            "title": text(f"problem.{self.name}", lang),
            "status": self.status,
            "detail": said(self.detail, lang) or text(f"problem.{self.name}.detail", lang),
        }
        if rule := _RULE.search(self.detail):
            told["rule"] = rule.group()
        if self.errors:
            told["errors"] = [dict(each) for each in self.errors]
        return {**told, **self.more}

    def response(self, lang: str) -> web.Response:
        """The answer."""
        return web.Response(
            body=json.dumps(self.body(lang), ensure_ascii=False).encode(),
            status=self.status,
            headers={**self.headers, "Content-Language": lang},
            content_type="application/problem+json",
        )


def of(error: Exception) -> Problem | None:
    """The problem that an error of ours is; None for any other."""
    if isinstance(error, Problem):
        return error
    for kind, name in _OURS:
        if isinstance(error, kind):
            return Problem(name, str(error))
    return None


def of_validation(error: ValidationError) -> Problem:
    """Which fields are wrong, and how; what was sent is not repeated."""
    found = [
        {"key": ".".join(str(part) for part in one["loc"]), "why": one["msg"]}
        for one in error.errors(include_url=False, include_input=False, include_context=False)
    ]
    return Problem("invalid", errors=found)


_OURS: tuple[tuple[type[Exception], str], ...] = (
    (SignInFailed, "sign-in-failed"),
    (NotAllowed, "not-allowed"),
    (NotReadable, "not-allowed"),
    (NotTranscribed, "conflict"),
    (Refused, "refused"),
    (database.Refused, "conflict"),
    (database.DatabaseError, "unavailable"),
    (MediaError, "unavailable"),
)
