"""A route of the API: where it is, who may call it, and which types go in and out.

    routes = Routes("calls")

    @routes.get("/calls/{call}", rule=ANYBODY)
    async def show(ask: Ask, call: str) -> CallView:
        \"\"\"One call, with what is kept of it.\"\"\"

Parameters named in the path are text; `query` and `body` are pydantic models; what is returned is a model, a
dataclass, None (204) or a response of aiohttp (then `media` says what it is). Every route has a rule: there
is no way to make one without, and `gateway.web.api.serve` starts nothing else.
"""

from __future__ import annotations

import inspect
import re
from collections.abc import Awaitable, Callable, Iterable
from dataclasses import dataclass
from typing import Any, get_type_hints

from storage.policy.duties import DUTIES, ROLES

Handler = Callable[..., Awaitable[Any]]
_HOLE = re.compile(r"\{(\w+)\}")


@dataclass(frozen=True)
class Rule:
    """Who may call a route.

    `roles` None: whoever is signed in and holds a role (none, when `without_role`); what more is asked stands
    in `name` and is asked in storage.
    """

    name: str
    roles: tuple[str, ...] | None = None
    public: bool = False
    without_role: bool = False

    def lets(self, role: str) -> bool:
        """Whether the role may call it at all."""
        return self.public or self.roles is None or role in self.roles


PUBLIC = Rule("public", public=True)
SIGNED_IN = Rule("signed in", without_role=True)
ANYBODY = Rule("any role")
GATE = Rule("any role; the policy is asked about the artifact (R-50)")


def roles(*names: str) -> Rule:
    """A rule for these roles."""
    unknown = set(names) - set(ROLES)
    assert not unknown, f"no such roles: {unknown}"
    return Rule(f"{', '.join(names)} (R-50)", names)


def duty(*events: type[Any]) -> Rule:
    """A rule for who may bring these events about."""
    return roles(*dict.fromkeys(name for event in events for name in DUTIES[event]))


@dataclass(frozen=True)
class Route:
    """One route. `query`, `body`, `returns`: types; `media`: of what is no JSON."""

    method: str
    path: str
    rule: Rule
    tag: str
    handler: Handler
    summary: str
    query: Any
    body: Any
    returns: Any
    status: int
    media: tuple[str, ...]
    problems: tuple[str, ...]
    capacity: bool
    replayed: bool  # whether an `Idempotency-Key` has its answer kept
    form: bool  # whether the body is multipart/form-data, with a file, in place of JSON

    @property
    def parameters(self) -> tuple[str, ...]:
        """The names in the path."""
        return tuple(_HOLE.findall(self.path))

    @property
    def name(self) -> str:
        """Its operation id."""
        return f"{self.tag}_{self.handler.__name__}"


class Routes:
    """The routes of one module."""

    def __init__(self, tag: str) -> None:
        self.tag = tag
        self.all: list[Route] = []

    def get(self, path: str, *, rule: Rule, **more: Any) -> Callable[[Handler], Handler]:
        """A route that only reads."""
        return self._add("GET", path, rule, **more)

    def post(self, path: str, *, rule: Rule, **more: Any) -> Callable[[Handler], Handler]:
        """A route that makes something happen."""
        return self._add("POST", path, rule, **more)

    def delete(self, path: str, *, rule: Rule, **more: Any) -> Callable[[Handler], Handler]:
        """A route that ends something."""
        return self._add("DELETE", path, rule, **more)

    def _add(
        self,
        method: str,
        path: str,
        rule: Rule,
        *,
        status: int | None = None,
        media: Iterable[str] = (),
        problems: Iterable[str] = (),
        capacity: bool | None = None,
        replayed: bool = True,
        form: bool = False,
    ) -> Callable[[Handler], Handler]:
        """`problems`: those beside the usual ones. `capacity`: whether a role is asked for; else by rule.
        `replayed` false: its answer is told once, so it is not kept for an `Idempotency-Key`. `form`: the
        body is multipart/form-data; its file is a field of bytes.
        """

        def add(handler: Handler) -> Handler:
            hints = get_type_hints(handler)
            names = set(inspect.signature(handler).parameters) - {"ask", "query", "body"}
            assert names == set(_HOLE.findall(path)), f"{path}: the handler takes {names}"
            returns = hints.get("return")
            nothing = returns is type(None)
            self.all.append(
                Route(
                    method=method,
                    path=path,
                    rule=rule,
                    tag=self.tag,
                    handler=handler,
                    summary=inspect.cleandoc(handler.__doc__ or ""),
                    query=hints.get("query"),
                    body=hints.get("body"),
                    returns=None if nothing or tuple(media) else returns,
                    status=status or (204 if nothing else 200),
                    media=tuple(media),
                    problems=tuple(problems),
                    capacity=(rule.roles is not None or rule is GATE) if capacity is None else capacity,
                    replayed=replayed and method == "POST" and not rule.public,
                    form=form,
                )
            )
            return handler

        return add
