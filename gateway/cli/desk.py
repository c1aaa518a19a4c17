"""What the commands share that work with the archive for people: who asks, in which role, and refusals.

Somebody signs in with a token (`TAST1_TOKEN`, or `TAST1_TOKEN_FILE`). Without one it is the account of this
machine, which is a system administrator: it manages users and reads no content.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import date, datetime, time
from pathlib import Path
from typing import IO, TYPE_CHECKING, Annotated, Any

import typer

from gateway.cli.context import archive, console, fail, now, operator
from gateway.texts import text
from gateway.texts.rules import said

if TYPE_CHECKING:
    from storage.desk import Desk, Done
    from storage.gate import Asking
    from storage.people import Person

TOKEN, TOKEN_FILE = "TAST1_TOKEN", "TAST1_TOKEN_FILE"

AsRole = Annotated[
    str | None,
    typer.Option("--as", help="The role you act in; may be left out when you hold one only.", metavar="ROLE"),
]
Reason = Annotated[str, typer.Option(help="Why, in your own words; kept sealed with the case.")]
Necessity = Annotated[str, typer.Option(help="Why less would not do.")]
Alternatives = Annotated[str, typer.Option(help="What else was considered.")]
FactsOption = Annotated[str, typer.Option("--facts", help="What the decision is based on.")]
CaseOption = Annotated[str, typer.Option("--case", help="The case it is for.")]
Purpose = Annotated[str, typer.Option(help="For what: a purpose of the ground it is kept on.")]
Unredacted = Annotated[
    bool,
    typer.Option("--unredacted", help="With CPR, card, IBAN and telephone numbers; for few roles."),
]
Calls = Annotated[
    list[str],
    typer.Argument(help="Calls: ids, or the beginnings of ids.", show_default=False, metavar="CALL..."),
]


class Work:
    """An open archive, its desk, and the one who gives the command."""

    def __init__(self, opened: Any, desk: Desk, person: Person, lang: str) -> None:
        self.opened = opened
        self.desk = desk
        self.person = person
        self.lang = lang
        self.at = now()

    def asking(
        self,
        role: str | None,
        purpose: str = "",
        case: str = "",
        reason: str = "",
        for_event: type[Any] | None = None,
    ) -> Asking:
        """Who asks; the role is the one given, or the only one held, or the only one that fits the event."""
        from storage.gate import Asking
        from storage.policy.duties import may_do

        held = [each.name for each in self.person.roles]
        if role is None:
            fitting = [name for name in held if for_event is not None and may_do(name, for_event)]
            choice = fitting or held
            if len(choice) != 1:
                raise fail(text("desk.which_role", self.lang, roles=", ".join(held) or "-"))
            role = choice[0]
        named = next((name for name in held if name.lower() == role.lower()), role)
        return Asking(self.person, named, purpose, case, reason)

    def calls(self, prefixes: Sequence[str]) -> list[str]:
        """The ids of calls given by the beginnings of their ids."""
        return [self.call(prefix) for prefix in prefixes]

    def call(self, prefix: str) -> str:
        """The one call whose id begins so."""
        from storage import calls

        found = self.desk.db.read_sync(lambda s: calls.beginning(s, prefix))
        if len(found) != 1:
            raise fail(text("desk.no_call", self.lang, prefix=prefix))
        return found[0]

    def artifact(self, prefix: str) -> str:
        """The one artifact whose id begins so."""
        from storage import artifacts

        found = self.desk.db.read_sync(lambda s: artifacts.beginning(s, prefix))
        if len(found) != 1:
            raise fail(text("recordings.unknown", self.lang))
        return found[0]

    def looked(self, what: str, count: int) -> None:
        """Log that facts about the archive were shown: no content, but a look all the same (R-50)."""
        from storage import audit_log

        actor = self.person.actor(self.person.roles[0].name) if self.person.roles else operator()
        detail = {"what": what, "count": count}
        self.desk.db.write_sync(lambda s: audit_log.append(s, self.at, "list", "archive", detail, actor))

    def tell(self, done: Done, message: str = "") -> None:
        """Say what was done, what of it was refused, and what was erased because of it."""
        if message:
            console.print(message, style="green", markup=False)
        for why in (said(refusal, self.lang) for refusal in done.refusals):
            console.print(text("desk.partly_refused", self.lang, why=why), style="yellow", markup=False)
        if done.erased.erased:
            console.print(text("sweep.deleted", self.lang, count=len(done.erased.erased)))
        if done.erased.failed:
            console.print(text("sweep.failed", self.lang, count=len(done.erased.failed)), style="red")


@contextmanager
def at_desk(config: Path, lang: str) -> Iterator[Work]:
    """The desk for the time of a command; what the rules or the role forbid is said in one line, status 3."""
    from storage import people
    from storage.artifacts import NotReadable
    from storage.gate import NotAllowed
    from storage.people import SignInFailed
    from storage.policy.book import Refused

    with archive(config, lang) as opened:
        try:
            yield Work(opened, opened.desk, _person(opened, lang), lang)
        except SignInFailed as error:
            opened.database.write_sync(lambda s: people.note_failed(s, now(), operator()))
            raise fail(said(str(error), lang), 3) from None
        except (NotAllowed, NotReadable) as error:
            raise fail(f"{text('desk.not_allowed', lang)} {said(str(error), lang)}", 3) from None
        except Refused as error:
            raise fail(f"{text('desk.refused', lang)} {said(str(error), lang)}", 3) from None


def token_given(lang: str) -> str:
    """The token of who gives the command; "": the account of this machine does."""
    token = os.environ.get(TOKEN, "")
    if not token and (file := os.environ.get(TOKEN_FILE)):
        try:
            token = Path(file).read_text(encoding="ascii").strip()
        except (OSError, UnicodeDecodeError):
            raise fail(text("desk.token_file", lang, variable=TOKEN_FILE, path=file)) from None
    return token


def _person(opened: Any, lang: str) -> Person:
    from storage import people
    from storage.people import Person, Role

    token = token_given(lang)
    if not token:
        return Person(f"os:{os.getuid()}", (Role("SYSADMIN"),))
    person: Person = opened.database.write_sync(lambda s: people.sign_in(s, token, now()))
    return person


def words(
    reason: str = "", necessity: str = "", alternatives: str = "", facts: str = "", **more: str
) -> Mapping[str, str]:
    """What somebody wrote about a decision, by what it answers (§8.6)."""
    told = {"reason": reason, "facts": facts, "necessity": necessity, "alternatives": alternatives}
    return {**told, **more}


@contextmanager
def new_file(out: Path, lang: str) -> Iterator[IO[bytes]]:
    """A file that nobody else reads and that was not there; when anything fails, nothing is left of it.

    Open it before what goes into it: no reading is logged for a copy that cannot be written.
    """
    try:
        descriptor = os.open(out, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    except FileExistsError:
        raise fail(text("recordings.exists", lang, path=out)) from None
    except OSError as error:
        raise _no_copy(out, error, lang) from None
    try:
        with os.fdopen(descriptor, "wb") as file:
            yield file
    except BaseException as error:
        out.unlink(missing_ok=True)
        if isinstance(error, OSError):
            raise _no_copy(out, error, lang) from None
        raise


def _no_copy(out: Path, error: OSError, lang: str) -> typer.Exit:
    return fail(text("recordings.not_written", lang, path=out, why=error.strerror or type(error).__name__))


def day(value: str) -> date:
    """A civil date of an option: YYYY-MM-DD."""
    try:
        return date.fromisoformat(value)
    except ValueError:
        raise typer.BadParameter(f"{value}: write YYYY-MM-DD") from None


def noon(value: str | None) -> datetime | None:
    """The middle of a local day; None for no value. For dates of letters."""
    from storage.policy.clocks import COPENHAGEN

    return datetime.combine(day(value), time(12), COPENHAGEN) if value else None
