"""People: who may work with the archive, in which roles, on whose say-so, until when."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date, datetime
from typing import Any

from pydantic import BaseModel, Field
from sqlalchemy.orm import Session

from gateway.texts import LANGUAGES
from gateway.web.api.ask import Ask
from gateway.web.api.pages import Given
from gateway.web.api.problems import Problem
from gateway.web.api.route import ANYBODY, Routes, roles
from gateway.web.api.serve import SERVICE
from storage import people
from storage.people import Role
from storage.policy.clocks import expiry_of
from storage.policy.duties import PROCESSOR_MEANS, ROLES

routes = Routes("users")
MANAGERS = roles("SYSADMIN", "DPO")


class GrantView(BaseModel):
    """A role somebody holds. `terms`: of a processor."""

    role: str
    granted_by: str
    granted_at: datetime
    expires_at: datetime | None
    terms: dict[str, str]


class UserView(BaseModel):
    """A line of the access list (§8.8)."""

    user: str
    name: str
    organisation: str
    roles: list[GrantView]
    last_used_at: datetime | None
    token_expires_at: datetime | None
    trained_on: date | None
    disabled_at: datetime | None


class NewUser(Given):
    """Somebody new. The id stands in the audit log, so it is no full name."""

    user: str = Field(min_length=2, max_length=24)
    name: str = Field(min_length=1, max_length=200)
    organisation: str = Field("", max_length=64)


class NewGrant(Given):
    """A role, until the end of a civil date; a processor's with all of its terms."""

    role: str = Field(min_length=1, max_length=32)
    until: date | None = None
    country: str | None = Field(None, max_length=2)
    dpa: str | None = Field(None, max_length=64)
    ticket: str | None = Field(None, max_length=64)
    tool: str | None = Field(None, max_length=16)


class RoleName(Given):
    """A role."""

    role: str = Field(min_length=1, max_length=32)


class Days(Given):
    """For how long a token is good."""

    days: int = Field(90, ge=1, le=366)


class Trained(Given):
    """When somebody was trained in handling recordings."""

    on: date


class TokenView(BaseModel):
    """A token. It is shown this once."""

    token: str


class Attestation(BaseModel):
    """The hash of the access list that was attested."""

    sha256: str


class RoleView(BaseModel):
    """A role and what it is for."""

    role: str
    means: str


@routes.get("/roles", rule=ANYBODY)
async def role_list(ask: Ask) -> list[RoleView]:
    """The roles there are, and what each is for."""
    column = LANGUAGES.index(ask.lang)
    named = {**{name: means[column] for name, means in ROLES.items()}, "PROCESSOR-": PROCESSOR_MEANS[column]}
    return [RoleView(role=name, means=means) for name, means in named.items()]


@routes.get("/users", rule=MANAGERS)
async def listing(ask: Ask) -> list[UserView]:
    """The access list: person, roles, given by whom and when, until when, last use, last training."""
    found = await ask.read(people.listing)
    await ask.looked("users", len(found))
    return [_view(listed, ask.at) for listed in found]


@routes.post("/users", rule=MANAGERS, status=201)
async def add(ask: Ask, body: NewUser) -> UserView:
    """A new user, without roles and without a token."""
    whose = body.organisation or ask.desk.tags.controller
    actor = ask.asking().actor
    await ask.write(lambda s: people.add(s, body.user, body.name, whose, ask.at, actor))
    return await _one(ask, body.user)


@routes.post("/users/{user}/grant", rule=MANAGERS)
async def grant(ask: Ask, user: str, body: NewGrant) -> UserView:
    """Give a role; new terms replace those before."""
    expires_at = expiry_of(body.until) if body.until else None
    new = Role(body.role, expires_at, body.country, body.dpa, body.ticket, body.tool)
    return await _change(ask, user, lambda s, actor: people.grant(s, user, new, ask.at, actor))


@routes.post("/users/{user}/revoke", rule=MANAGERS)
async def revoke(ask: Ask, user: str, body: RoleName) -> UserView:
    """Take a role away, at once."""
    return await _change(ask, user, lambda s, actor: people.revoke(s, user, body.role, ask.at, actor))


@routes.post("/users/{user}/token", rule=MANAGERS, status=201, replayed=False)
async def token(ask: Ask, user: str, body: Days) -> TokenView:
    """Make a token in place of any before; it is shown this once."""
    await _one(ask, user)
    actor = ask.asking().actor
    made = await ask.write(lambda s: people.new_token(s, user, ask.at, actor, body.days))
    return TokenView(token=made)


@routes.post("/users/{user}/disable", rule=MANAGERS)
async def disable(ask: Ask, user: str) -> UserView:
    """Somebody leaves: roles, cases, token and sessions end at once."""
    shown = await _change(ask, user, lambda s, actor: people.disable(s, user, ask.at, actor))
    ask.request.app[SERVICE].sessions.end_of_user(user)
    return shown


@routes.post("/users/{user}/remove", rule=MANAGERS)
async def remove(ask: Ask, user: str) -> None:
    """Forget a disabled user's name; the audit log keeps the id."""
    await _one(ask, user)
    actor = ask.asking().actor
    await ask.write(lambda s: people.remove(s, user, ask.at, actor))


@routes.post("/users/{user}/trained", rule=MANAGERS)
async def trained(ask: Ask, user: str, body: Trained) -> UserView:
    """Note when somebody was trained in handling recordings."""
    return await _change(ask, user, lambda s, actor: people.trained(s, user, body.on, ask.at, actor))


@routes.post("/access-list/attest", rule=MANAGERS)
async def attest(ask: Ask) -> Attestation:
    """Say that the access list was gone through and is right, as R-50 wants each quarter."""
    actor = ask.asking().actor
    return Attestation(sha256=await ask.write(lambda s: people.attest(s, ask.at, actor)))


async def _change(ask: Ask, user: str, fn: Callable[[Session, dict[str, Any]], None]) -> UserView:
    await _one(ask, user)
    actor = ask.asking().actor
    await ask.write(lambda s: fn(s, actor))
    return await _one(ask, user)


async def _one(ask: Ask, user: str) -> UserView:
    for listed in await ask.read(people.listing):
        if listed.user.id == user:
            return _view(listed, ask.at)
    raise Problem("not-found")


def _view(listed: people.Listed, at: datetime) -> UserView:
    user = listed.user
    return UserView(
        user=user.id,
        name=user.name,
        organisation=user.organisation,
        roles=[
            GrantView(
                role=each.role,
                granted_by=each.granted_by,
                granted_at=each.granted_at,
                expires_at=each.expires_at,
                terms={
                    name: value
                    for name in ("country", "dpa", "ticket", "transfer_tool")
                    if (value := getattr(each, name))
                },
            )
            for each in listed.grants
            if people.holds(each, at)
        ],
        last_used_at=user.last_used_at,
        token_expires_at=user.token_expires_at,
        trained_on=user.trained_on,
        disabled_at=user.disabled_at,
    )
