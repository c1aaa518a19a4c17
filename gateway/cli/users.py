"""`tast1 users`: who may work with the archive, in which roles, on whose say-so, until when."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Annotated, Any

import typer

from gateway.cli.context import (
    DEFAULT_FILE,
    AsJson,
    ConfigFile,
    Language,
    console,
    fail,
    local,
    print_json,
    table,
)
from gateway.cli.desk import AsRole, Work, at_desk, day
from gateway.texts import text

users_app = typer.Typer(name="users", help="Who may work with the archive, in which roles.")
UserId = Annotated[str, typer.Argument(help="The user's id: stands in the audit log, so no full name.")]
RoleName = Annotated[
    str, typer.Argument(help="The role, such as QA or PROCESSOR-hosting; see `tast1 users roles`.")
]

MANAGERS = ("SYSADMIN", "DPO")


@users_app.callback()
def _group() -> None:
    """Who may work with the archive, in which roles."""


def _actor(work: Work, role: str | None) -> dict[str, Any]:
    """The one who manages users: the system administrator, or the data protection officer."""
    asking = work.asking(role or next((r.name for r in work.person.roles if r.name in MANAGERS), None))
    if asking.role not in MANAGERS or work.person.role(asking.role) is None:
        raise fail(text("users.managers", work.lang, roles=", ".join(MANAGERS)), 3)
    return asking.actor


@users_app.command("list")
def listing(config: ConfigFile = DEFAULT_FILE, as_json: AsJson = False, lang: Language = "da") -> None:
    """The access list: person, role, given by whom and when, until when, last use, last training."""
    from storage import people

    with at_desk(config, lang) as work:
        found = work.desk.db.read_sync(people.listing)
        at = work.at
    rows: list[dict[str, Any]] = [
        {
            "user": listed.user.id,
            "name": listed.user.name,
            "organisation": listed.user.organisation,
            "role": grant.role if grant else None,
            "granted_by": grant.granted_by if grant else None,
            "granted_at": grant.granted_at if grant else None,
            "expires_at": grant.expires_at if grant else None,
            "terms": _terms(grant) if grant else {},
            "last_used_at": listed.user.last_used_at,
            "trained_on": listed.user.trained_on,
            "disabled_at": listed.user.disabled_at,
        }
        for listed in found
        for grant in (*(g for g in listed.grants if people.holds(g, at)), None)
        if grant is not None or not any(people.holds(g, at) for g in listed.grants)
    ]
    if as_json:
        print_json(rows)
        return
    table(
        text("title.users", lang),
        ("user", "name", "role", "granted_by", "granted_at", "expires_at", "last_used", "trained_on"),
        [
            (
                row["user"],
                row["name"],
                " ".join((row["role"], *row["terms"].values()))
                if row["role"]
                else ("" if row["disabled_at"] is None else text("state.disabled", lang)),
                row["granted_by"],
                local(row["granted_at"]),
                local(row["expires_at"]),
                local(row["last_used_at"]),
                row["trained_on"],
            )
            for row in rows
        ],
        lang,
    )


def _terms(grant: Any) -> dict[str, str]:
    """On what terms a processor holds its role."""
    names = ("country", "dpa", "ticket", "transfer_tool")
    return {name: value for name in names if (value := getattr(grant, name))}


@users_app.command()
def roles(as_json: AsJson = False, lang: Language = "da") -> None:
    """The roles there are, and what each is for."""
    from storage.policy.duties import PROCESSOR_MEANS, ROLES

    index = 0 if lang == "da" else 1
    named = {**{name: means[index] for name, means in ROLES.items()}, "PROCESSOR-…": PROCESSOR_MEANS[index]}
    if as_json:
        print_json(named)
    else:
        table(text("title.roles", lang), ("role", "means"), list(named.items()), lang)


@users_app.command()
def add(
    user: UserId,
    name: Annotated[str, typer.Option(help="Their name, for the access list.")],
    organisation: Annotated[str, typer.Option(help="Whose they are.")] = "",
    role: AsRole = None,
    config: ConfigFile = DEFAULT_FILE,
    lang: Language = "da",
) -> None:
    """A new user, without roles and without a token."""
    from storage import people

    with at_desk(config, lang) as work:
        actor = _actor(work, role)
        whose = organisation or work.opened.settings.controller
        work.desk.db.write_sync(lambda s: people.add(s, user, name, whose, work.at, actor))
    console.print(text("users.added", lang, user=user))


@users_app.command()
def grant(
    user: UserId,
    given: RoleName,
    until: Annotated[str | None, typer.Option(help="The last day of the role, YYYY-MM-DD.")] = None,
    country: Annotated[
        str | None, typer.Option(help="Of a processor: from where they look (DK, US, …).")
    ] = None,
    dpa: Annotated[str | None, typer.Option(help="Of a processor: id of the processing agreement.")] = None,
    ticket: Annotated[str | None, typer.Option(help="Of a processor: id of the instruction.")] = None,
    tool: Annotated[str | None, typer.Option(help="Outside the EU and EEA: adequacy, or SCC+TIA.")] = None,
    role: AsRole = None,
    config: ConfigFile = DEFAULT_FILE,
    lang: Language = "da",
) -> None:
    """Give a user a role; new terms replace those before. A processor's needs all of its options."""
    from storage import people
    from storage.people import Role

    with at_desk(config, lang) as work:
        actor = _actor(work, role)
        new = Role(given, _end_of(until), country, dpa, ticket, tool)
        work.desk.db.write_sync(lambda s: people.grant(s, user, new, work.at, actor))
    console.print(text("users.granted", lang, user=user, role=given))


def _end_of(until: str | None) -> datetime | None:
    from storage.policy.clocks import expiry_of

    return expiry_of(day(until)) if until else None


@users_app.command()
def revoke(
    user: UserId,
    taken: RoleName,
    role: AsRole = None,
    config: ConfigFile = DEFAULT_FILE,
    lang: Language = "da",
) -> None:
    """Take a role away, at once."""
    from storage import people

    with at_desk(config, lang) as work:
        actor = _actor(work, role)
        work.desk.db.write_sync(lambda s: people.revoke(s, user, taken, work.at, actor))
    console.print(text("users.revoked", lang, user=user, role=taken))


@users_app.command()
def token(
    user: UserId,
    days: Annotated[int, typer.Option(help="Days it is good for.", min=1, max=366)] = 90,
    role: AsRole = None,
    config: ConfigFile = DEFAULT_FILE,
    lang: Language = "da",
) -> None:
    """Make a token in place of any before, and show it once. They put it into TAST1_TOKEN or a file."""
    from storage import people

    with at_desk(config, lang) as work:
        actor = _actor(work, role)
        made = work.desk.db.write_sync(lambda s: people.new_token(s, user, work.at, actor, days))
        until = work.at + timedelta(days=days)
    console.print(text("users.token", lang, until=local(until)), style="dim")
    typer.echo(made)


@users_app.command()
def link(
    user: UserId,
    subject: Annotated[str, typer.Argument(help="Their subject (sub) at the identity provider of web.oidc.")],
    role: AsRole = None,
    config: ConfigFile = DEFAULT_FILE,
    lang: Language = "da",
) -> None:
    """Say who a user is at the identity provider, so that they can sign in through it."""
    from storage import provided

    with at_desk(config, lang) as work:
        oidc = work.opened.settings.web.oidc
        if oidc is None:
            raise fail(text("users.no_provider", lang))
        actor = _actor(work, role)
        work.desk.db.write_sync(lambda s: provided.link(s, user, oidc.issuer, subject, work.at, actor))
    console.print(text("users.linked", lang, user=user))


@users_app.command()
def disable(
    user: UserId, role: AsRole = None, config: ConfigFile = DEFAULT_FILE, lang: Language = "da"
) -> None:
    """Somebody leaves: roles, cases and token end at once."""
    from storage import people

    with at_desk(config, lang) as work:
        actor = _actor(work, role)
        work.desk.db.write_sync(lambda s: people.disable(s, user, work.at, actor))
    console.print(text("users.disabled", lang, user=user))


@users_app.command()
def remove(
    user: UserId, role: AsRole = None, config: ConfigFile = DEFAULT_FILE, lang: Language = "da"
) -> None:
    """Forget a disabled user's name; the audit log keeps the id."""
    from storage import people

    with at_desk(config, lang) as work:
        actor = _actor(work, role)
        work.desk.db.write_sync(lambda s: people.remove(s, user, work.at, actor))
    console.print(text("users.removed", lang, user=user))


@users_app.command()
def trained(
    user: UserId,
    on: Annotated[str, typer.Argument(help="The day of the training, YYYY-MM-DD.")],
    role: AsRole = None,
    config: ConfigFile = DEFAULT_FILE,
    lang: Language = "da",
) -> None:
    """Note when somebody was trained in handling recordings."""
    from storage import people

    with at_desk(config, lang) as work:
        actor = _actor(work, role)
        work.desk.db.write_sync(lambda s: people.trained(s, user, day(on), work.at, actor))
    console.print(text("desk.noted", lang))


@users_app.command()
def attest(role: AsRole = None, config: ConfigFile = DEFAULT_FILE, lang: Language = "da") -> None:
    """Say that the access list was gone through and is right, as R-50 wants each quarter."""
    from storage import people

    with at_desk(config, lang) as work:
        actor = _actor(work, role)
        digest = work.desk.db.write_sync(lambda s: people.attest(s, work.at, actor))
    console.print(text("users.attested", lang, digest=digest[:16]))
