"""People and their roles: who they are, what they were given, by whom, and until when (R-50, §8.8).

A token is shown once, when it is made; stored is its SHA-256 (it has 256 bits, so nothing slower is needed).
Everything that changes here is in the audit log, by id; the name stands in the one row only.
"""

from __future__ import annotations

import hashlib
import re
import secrets
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from typing import Any

from sqlalchemy import delete, select
from sqlalchemy.orm import Session

from storage import audit_log
from storage.policy.access import EEA, PROCESSOR, TRANSFER_TOOLS
from storage.policy.book import Refused
from storage.policy.duties import ROLES, is_role
from storage.tables import CaseMember, Grant, User

TOKEN_DAYS = 90
_ID = re.compile(r"[a-z][a-z0-9._-]{1,23}")
_USED_EVERY = timedelta(minutes=10)


class SignInFailed(Exception):
    """The token is unknown, has expired, or its owner is disabled. The message does not say which."""


@dataclass(frozen=True)
class Role:
    """A role somebody holds; of a processor also on what terms."""

    name: str
    expires_at: datetime | None = None
    country: str | None = None
    dpa: str | None = None
    ticket: str | None = None
    transfer_tool: str | None = None


@dataclass(frozen=True)
class Person:
    """Somebody who asks for something, with the roles they hold now. `channel`: how they ask."""

    id: str
    roles: tuple[Role, ...] = ()
    organisation: str = ""
    channel: str = "cli"

    def role(self, name: str) -> Role | None:
        """The role of that name, if they hold it."""
        return next((role for role in self.roles if role.name == name), None)

    def actor(self, role: str) -> dict[str, Any]:
        """Who this is in the audit log, acting in a role."""
        held = self.role(role)
        told = {"id": self.id, "role": role, "org": self.organisation, "channel": self.channel}
        country = held.country if held else None
        return {**told, "country": country} if country else told


@dataclass(frozen=True)
class Listed:
    """A line of the access list (§8.8)."""

    user: User
    grants: tuple[Grant, ...] = field(default=())


def add(
    session: Session, user_id: str, name: str, organisation: str, at: datetime, actor: dict[str, Any]
) -> None:
    """A new user without roles and without a token."""
    if not is_id(user_id):
        raise Refused("a user's id has 2 to 24 of a-z, 0-9, '.', '_' and '-', and begins with a letter")
    if session.get(User, user_id) is not None:
        raise Refused(f"there is a user {user_id} already")
    session.add(User(id=user_id, name=name, organisation=organisation, created_at=at))
    audit_log.append(session, at, "user.add", user_id, {"org": organisation}, actor)


def disable(session: Session, user_id: str, at: datetime, actor: dict[str, Any]) -> None:
    """A leaver: roles and token end now; the row stays on the access list until it is removed."""
    user = _get(session, user_id)
    user.disabled_at = user.disabled_at or at
    user.token_hash = user.token_expires_at = None
    for grant in active(session, user_id, at):
        grant.ended_at, grant.ended_by = at, str(actor["id"])
    session.execute(delete(CaseMember).where(CaseMember.user_id == user_id))
    audit_log.append(session, at, "user.disable", user_id, {}, actor)


def remove(session: Session, user_id: str, at: datetime, actor: dict[str, Any]) -> None:
    """Forget a disabled user: the name goes, the audit log keeps the id."""
    user = _get(session, user_id)
    if user.disabled_at is None:
        raise Refused(f"{user_id} is not disabled; disable first")
    session.execute(delete(CaseMember).where(CaseMember.user_id == user_id))
    session.execute(delete(Grant).where(Grant.user_id == user_id))
    session.delete(user)
    audit_log.append(session, at, "user.remove", user_id, {}, actor)


def trained(session: Session, user_id: str, on: date, at: datetime, actor: dict[str, Any]) -> None:
    """When somebody was last trained in handling recordings."""
    _get(session, user_id).trained_on = on
    audit_log.append(session, at, "user.trained", user_id, {"on": on.isoformat()}, actor)


def grant(session: Session, user_id: str, role: Role, at: datetime, actor: dict[str, Any]) -> None:
    """Give somebody a role. A processor's needs agreement, instruction, country and an end (R-52)."""
    user = _get(session, user_id)
    if user.disabled_at is not None:
        raise Refused(f"{user_id} is disabled")
    if not is_role(role.name):
        raise Refused(f"there is no role {role.name}; there are {', '.join(ROLES)} and PROCESSOR-NAME")
    if role.expires_at is not None and role.expires_at <= at:
        raise Refused("the end of the role has passed already")
    if role.name.startswith(PROCESSOR):
        _check_processor(role)
    for held in active(session, user_id, at):
        if held.role == role.name:  # new terms in place of the old
            held.ended_at, held.ended_by = at, str(actor["id"])
    session.add(
        Grant(
            user_id=user_id,
            role=role.name,
            granted_at=at,
            granted_by=str(actor["id"]),
            expires_at=role.expires_at,
            country=role.country,
            dpa=role.dpa,
            ticket=role.ticket,
            transfer_tool=role.transfer_tool,
        )
    )
    told = {"role": role.name, "country": role.country, "dpa": role.dpa, "ticket": role.ticket}
    told["expires_at"] = role.expires_at.isoformat() if role.expires_at else None
    audit_log.append(
        session, at, "role.grant", user_id, {key: value for key, value in told.items() if value}, actor
    )


def _check_processor(role: Role) -> None:
    missing = [
        name
        for name, value in (
            ("the country", role.country),
            ("the data processing agreement", role.dpa),
            ("the instruction", role.ticket),
            ("the end", role.expires_at),
        )
        if not value
    ]
    if missing:
        raise Refused(f"a processor's role needs {', '.join(missing)} (R-52)")
    if (role.country or "").upper() not in EEA and role.transfer_tool not in TRANSFER_TOOLS:
        tools = " or ".join(sorted(TRANSFER_TOOLS))
        raise Refused(f"from outside the EU and EEA a transfer tool is needed: {tools} (R-52)")


def revoke(session: Session, user_id: str, role: str, at: datetime, actor: dict[str, Any]) -> None:
    """Take a role away."""
    held = [grant for grant in active(session, user_id, at) if grant.role == role]
    if not held:
        raise Refused(f"{user_id} does not hold {role}")
    for grant in held:
        grant.ended_at, grant.ended_by = at, str(actor["id"])
    audit_log.append(session, at, "role.revoke", user_id, {"role": role}, actor)


def new_token(
    session: Session, user_id: str, at: datetime, actor: dict[str, Any], days: int = TOKEN_DAYS
) -> str:
    """A token in place of any before; it is told here and never again."""
    user = _get(session, user_id)
    if user.disabled_at is not None:
        raise Refused(f"{user_id} is disabled")
    token = f"t1_{secrets.token_urlsafe(32)}"
    user.token_hash, user.token_expires_at = _hash(token), at + timedelta(days=days)
    expires = user.token_expires_at.isoformat()
    audit_log.append(session, at, "user.token", user_id, {"expires_at": expires}, actor)
    return token


def sign_in(session: Session, token: str, at: datetime, channel: str = "cli") -> Person:
    """Whose token it is, with the roles they hold at `at`; `SignInFailed` otherwise."""
    user = session.scalars(select(User).where(User.token_hash == _hash(token.strip()))).one_or_none()
    if (
        user is None
        or user.disabled_at is not None
        or user.token_expires_at is None
        or user.token_expires_at <= at
    ):
        raise SignInFailed("the token is not valid (any more); ask for a new one: tast1 users token")
    if user.last_used_at is None or at - user.last_used_at > _USED_EVERY:
        user.last_used_at = at
    return _person(session, user, at, channel)


def person(session: Session, user_id: str, at: datetime, channel: str) -> Person:
    """Somebody who signed in before, with the roles they hold at `at`; `SignInFailed` once disabled."""
    user = session.get(User, user_id)
    if user is None or user.disabled_at is not None:
        raise SignInFailed("nobody is signed in")
    return _person(session, user, at, channel)


def note_failed(session: Session, at: datetime, actor: dict[str, Any], **told: str) -> None:
    """Somebody came with a token that is not valid; what it was is not said (R-50). `told`: codes."""
    audit_log.append(session, at, "deny", "users", {"action": "sign_in", **told}, actor)


def listing(session: Session) -> list[Listed]:
    """The access list: everybody, with every role they hold or held, oldest first."""
    users = session.scalars(select(User).order_by(User.id)).all()
    grants = session.scalars(select(Grant).order_by(Grant.granted_at, Grant.id)).all()
    return [Listed(user, tuple(g for g in grants if g.user_id == user.id)) for user in users]


def attest(session: Session, at: datetime, actor: dict[str, Any]) -> str:
    """The access list was gone through and is right (R-50: each quarter). Its hash, which the log keeps."""
    lines = [
        f"{listed.user.id} {grant.role} {grant.granted_at.isoformat()}"
        for listed in listing(session)
        for grant in listed.grants
        if holds(grant, at)
    ]
    digest = hashlib.sha256("\n".join(lines).encode()).hexdigest()
    audit_log.append(session, at, "users.attest", "users", {"sha256": digest, "roles": len(lines)}, actor)
    return digest


def is_id(user_id: str) -> bool:
    """Whether a user may have that id."""
    return _ID.fullmatch(user_id) is not None


def holds(grant: Grant, at: datetime) -> bool:
    """Whether a role that was given is held at `at`."""
    return (grant.ended_at is None or grant.ended_at > at) and (
        grant.expires_at is None or grant.expires_at > at
    )


def active(session: Session, user_id: str, at: datetime) -> Sequence[Grant]:
    """What somebody holds at `at`, oldest first."""
    query = select(Grant).where(Grant.user_id == user_id).order_by(Grant.granted_at, Grant.id)
    return [grant for grant in session.scalars(query) if holds(grant, at)]


def _person(session: Session, user: User, at: datetime, channel: str) -> Person:
    roles = tuple(
        Role(row.role, row.expires_at, row.country, row.dpa, row.ticket, row.transfer_tool)
        for row in active(session, user.id, at)
    )
    return Person(user.id, roles, user.organisation, channel)


def _get(session: Session, user_id: str) -> User:
    user = session.get(User, user_id)
    if user is None:
        raise Refused(f"there is no user {user_id}")
    return user


def _hash(token: str) -> str:
    return hashlib.sha256(b"tast1 token " + token.encode()).hexdigest()
