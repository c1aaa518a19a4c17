"""What a handler is given: who asks, in what capacity, in which language, when, and what it may turn to."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Protocol, TypeVar
from urllib.parse import unquote

from aiohttp import web
from sqlalchemy.orm import Session

from gateway.calls.live import LiveCalls
from gateway.web.api.problems import Problem
from gateway.web.api.route import Route
from gateway.workshop.workshop import Workshop
from storage import artifacts, audit_log, calls
from storage.desk import Desk
from storage.gate import Asking
from storage.people import Person

T = TypeVar("T")

ROLE, PURPOSE, CASE, REASON = "Tast1-Role", "Tast1-Purpose", "Tast1-Case", "Tast1-Reason"
"""Headers that say in what capacity somebody asks. The reason is UTF-8, percent-encoded."""


class Told(Protocol):
    """Something that can be told as plain values."""

    def told(self) -> dict[str, Any]:
        """Ready for JSON."""
        ...


class Running(Protocol):
    """What the API turns to in the gateway that serves it."""

    @property
    def desk(self) -> Desk:
        """The desk with the settings in force."""
        ...

    @property
    def calls(self) -> LiveCalls:
        """The calls that are up."""
        ...

    @property
    def swept_at(self) -> datetime | None:
        """When the last sweep ended."""
        ...

    @property
    def workshop(self) -> Workshop:
        """Where prompts are made, with the settings in force."""
        ...

    async def look_up_prompts(self) -> int:
        """What was activated is played by calls that begin from now on."""
        ...

    def shown_settings(self) -> Mapping[str, Any]:
        """The settings in force, secrets masked."""
        ...

    async def reload(self, actor: Mapping[str, Any], dry_run: bool = False) -> Told:
        """Read the settings again; who may has been asked."""
        ...

    def now(self) -> datetime:
        """This instant, UTC."""
        ...


@dataclass
class Ask:
    """One request."""

    request: web.Request
    route: Route
    running: Running
    person: Person
    lang: str
    at: datetime
    session: Any = None
    body: bytes = b""
    notes: dict[str, Any] = field(default_factory=dict)

    @property
    def desk(self) -> Desk:
        """Where people make things happen."""
        return self.running.desk

    def asking(self) -> Asking:
        """Who asks, in the capacity that the headers state; `Problem` when the role cannot be told."""
        held = [each.name for each in self.person.roles]
        role = self.request.headers.get(ROLE, "")
        if not role:
            fitting = [name for name in held if self.route.rule.lets(name)]
            choice = fitting or held
            if len(choice) > 1:
                raise Problem("invalid", errors=[{"key": ROLE, "why": f"one of {', '.join(choice)}"}])
            role = choice[0] if choice else ""
        headers = self.request.headers
        return Asking(
            self.person,
            role,
            headers.get(PURPOSE, ""),
            headers.get(CASE, ""),
            unquote(headers.get(REASON, "")),
        )

    async def work(self, fn: Callable[[], T]) -> T:
        """`fn()` in a thread: storage works there."""
        return await asyncio.to_thread(fn)

    async def read(self, fn: Callable[[Session], T]) -> T:
        """`fn(session)`, reading."""
        return await self.desk.db.read(fn)

    async def write(self, fn: Callable[[Session], T]) -> T:
        """`fn(session)`, written."""
        return await self.desk.db.write(fn)

    async def call(self, prefix: str) -> str:
        """The one call whose id begins so."""
        return await self._one(lambda s: calls.beginning(s, prefix))

    async def artifact(self, prefix: str) -> str:
        """The one artifact whose id begins so."""
        return await self._one(lambda s: artifacts.beginning(s, prefix))

    async def _one(self, fn: Callable[[Session], Any]) -> str:
        found = await self.read(fn)
        if len(found) != 1:
            raise Problem("not-found")
        return str(found[0])

    async def looked(self, what: str, count: int) -> None:
        """Log that facts about the archive were shown: no content, but a look all the same (R-50)."""
        role = self.request.headers.get(ROLE) or next((each.name for each in self.person.roles), "")
        actor = self.person.actor(role)
        detail = {"what": what, "count": count}
        await self.write(lambda s: audit_log.append(s, self.at, "list", "archive", detail, actor))


Work = Callable[[Ask], Awaitable[Any]]
