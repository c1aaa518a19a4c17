"""People whom an identity provider vouches for: known again, or made, as they sign in, with its roles.

Promises:
1. Somebody is known by issuer and subject alone (OpenID Connect Core §5.7: no other claim is unique and
   stays with one person), of which a hash is stored. Another claim may only propose the id of a new user;
   it never opens a user who is there already.
2. Roles from the provider are grants by `PROVIDER`. They end at the first sign-in at which it does not give
   them any more, and `LASTS` after the last sign-in at the latest. What was granted here is not touched.
3. Nobody without a role becomes a user.
4. Every sign-in, every change and every refusal is in the audit log, by id and code.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from storage import audit_log, people
from storage.people import Person, Role, SignInFailed
from storage.policy.book import Refused
from storage.tables import User

PROVIDER = "provider:oidc"
"""Who grants what the provider gives: no id of a user, those have no colon."""
LASTS = timedelta(hours=24)
"""A role from the provider ends so long after the last sign-in: somebody who left it does not come again."""


_OURS = ("no_role", "taken", "disabled")


class NotVouched(SignInFailed):
    """The provider, or what came in its name, does not let somebody in. `why`: a code for the audit log."""

    def __init__(self, why: str) -> None:
        because = "the sign-in through the identity provider failed; try again, or ask your administrator"
        if why in _OURS:
            because = "the identity provider knows you, but you have no access here; ask your administrator"
        super().__init__(because)
        self.why = why


@dataclass(frozen=True)
class Vouched:
    """Whom the provider vouches for. `roles` None: it said nothing about roles, which stay as they are."""

    issuer: str
    subject: str
    proposed_id: str
    name: str
    roles: frozenset[str] | None


def sign_in(session: Session, vouched: Vouched, organisation: str, at: datetime, channel: str) -> Person:
    """Who it is, with the roles they hold now; made on the first time. They may hold none any more.

    `NotVouched`: "no_role" for a stranger without a role, "taken" when the id proposed is somebody else's,
    "disabled".
    """
    user = (
        _by_subject(session, vouched.issuer, vouched.subject)
        or _linked(session, vouched, at)
        or _made(session, vouched, organisation, at)
    )
    if user.disabled_at is not None:
        raise NotVouched("disabled")
    if vouched.name and user.name != vouched.name:
        user.name = vouched.name
        audit_log.append(session, at, "user.name", user.id, {}, _actor(channel))
    if vouched.roles is not None:
        _take_over(session, user.id, vouched.roles, at, channel)
    user.last_used_at = at
    session.flush()
    person = people.person(session, user.id, at, channel)
    detail = {"way": "oidc", "roles": sorted(role.name for role in person.roles)}
    audit_log.append(session, at, "sign_in", user.id, detail, person.actor(""))
    return person


def known(session: Session, issuer: str, subject: str, at: datetime, channel: str) -> Person:
    """Somebody who signed in before; `NotVouched` for anybody else."""
    user = _by_subject(session, issuer, subject)
    if user is None or user.disabled_at is not None:
        raise NotVouched("no_role" if user is None else "disabled")
    return people.person(session, user.id, at, channel)


def link(
    session: Session, user_id: str, issuer: str, subject: str, at: datetime, actor: dict[str, Any]
) -> None:
    """Say that a user who is there already is that subject of the provider."""
    user = session.get(User, user_id)
    if user is None:
        raise Refused(f"there is no user {user_id}")
    other = _by_subject(session, issuer, subject)
    if other is not None and other.id != user_id:
        raise Refused(f"that subject is the user {other.id} already")
    user.subject_hash = subject_hash(issuer, subject)
    audit_log.append(session, at, "user.link", user_id, {}, actor)


def subject_hash(issuer: str, subject: str) -> str:
    """What is stored of issuer and subject."""
    return hashlib.sha256(b"tast1 subject " + f"{len(issuer)} {issuer} {subject}".encode()).hexdigest()


def _by_subject(session: Session, issuer: str, subject: str) -> User | None:
    query = select(User).where(User.subject_hash == subject_hash(issuer, subject))
    return session.scalars(query).one_or_none()


def _linked(session: Session, vouched: Vouched, at: datetime) -> User | None:
    """A user of that id who is there already: theirs if the id is the subject itself, nobody's otherwise."""
    user = session.get(User, _user_id(vouched))
    if user is None:
        return None
    if vouched.proposed_id != vouched.subject or user.subject_hash is not None:
        raise NotVouched("taken")
    user.subject_hash = subject_hash(vouched.issuer, vouched.subject)
    audit_log.append(session, at, "user.link", user.id, {}, _actor("web"))
    return user


def _made(session: Session, vouched: Vouched, organisation: str, at: datetime) -> User:
    if not vouched.roles:
        raise NotVouched("no_role")
    user_id = _user_id(vouched)
    people.add(session, user_id, vouched.name, organisation, at, _actor("web"))
    session.flush()
    user = session.get_one(User, user_id)
    user.subject_hash = subject_hash(vouched.issuer, vouched.subject)
    return user


def _user_id(vouched: Vouched) -> str:
    """The id proposed, where it has the form of one; else one made of the subject."""
    if people.is_id(vouched.proposed_id):
        return vouched.proposed_id
    return f"p-{subject_hash(vouched.issuer, vouched.subject)[:20]}"


def _take_over(session: Session, user_id: str, roles: frozenset[str], at: datetime, channel: str) -> None:
    active = people.active(session, user_id, at)
    for grant in active:
        if grant.granted_by != PROVIDER:
            continue
        if grant.role in roles:
            grant.expires_at = at + LASTS
        else:
            grant.ended_at, grant.ended_by = at, PROVIDER
            audit_log.append(session, at, "role.revoke", user_id, {"role": grant.role}, _actor(channel))
    for role in sorted(roles - {grant.role for grant in active}):
        people.grant(session, user_id, Role(role, at + LASTS), at, _actor(channel))


def _actor(channel: str) -> dict[str, Any]:
    return {"id": PROVIDER, "role": "system", "channel": channel}
