"""Reloading: the settings are read again while calls are up, and what of them can be is put in force.

Promises:
1. A file with a mistake changes nothing; every mistake is told, as `tast1 config check` tells it.
2. What is put in force is noted in the audit log first: who, which settings, before and after. A refusal is
   noted, too: the settings and the sentences, and nothing that was written in the file.
3. Calls that are up keep what they began with; what only a start can change goes on as it is, and is named.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

from gateway.archive import Archive
from gateway.config import Change, ConfigError, Mistake, Settings, changes, in_force, prompt_changes
from gateway.config.checks import rules
from gateway.config.effects import START
from gateway.config.mistakes import mistake_at
from gateway.workshop.fitting import Unfit
from ivr_prompts.catalogue import Catalogue, CatalogueError
from ivr_prompts.held import held
from storage import audit_log, people
from storage.gate import Asking
from storage.people import Person, Role, SignInFailed
from storage.policy.duties import CONFIGURERS

log = logging.getLogger(__name__)

SUBJECT = "settings"
BY_SIGNAL: dict[str, Any] = {**audit_log.SYSTEM, "channel": "signal"}
"""Who reloads when SIGHUP comes, for the audit log."""


@dataclass(frozen=True)
class Reloaded:
    """What a reload did, or with `dry_run` what it would do. Without `taken` nothing changed."""

    taken: bool
    changes: tuple[Change, ...] = ()
    mistakes: tuple[Mistake, ...] = ()
    dry_run: bool = False
    unfit: tuple[Unfit, ...] = ()  # consent questions that do not go with their flow's key

    @property
    def waiting(self) -> tuple[Change, ...]:
        """The changes that take effect at the next start."""
        return tuple(change for change in self.changes if change.effect == START)

    def told(self) -> dict[str, Any]:
        """The same as plain values, for JSON."""
        return asdict(self)


@dataclass(frozen=True)
class Found:
    """Settings that can be put in force: those, the prompts they name, and what is different."""

    settings: Settings
    catalogue: Catalogue
    prompts: Catalogue  # the same, held in memory
    changes: tuple[Change, ...]


def read(running: Settings, catalogue: Catalogue, file: Path | None = None) -> Found:
    """What the settings file says now (or `file` in its place); blocks. `ConfigError`: every mistake."""
    other = running.again(file)
    usable = Settings(in_force(running.file, other.file), other.source, running.origin)
    # Two that fit together in the file may not fit as long as one of them waits for the next start.
    unfit = "does not go with settings that wait for the next start: "
    source = other.source
    assert source is not None
    if faults := [mistake_at(source, key, f"{unfit}{why}") for key, why in rules(usable.file)]:
        raise ConfigError(faults)
    try:
        other_catalogue = Catalogue.load(usable.prompts.folder)
        prompts = held(other_catalogue)
    except CatalogueError as error:  # they were whole a moment ago, when the settings were checked
        raise ConfigError([mistake_at(source, ("prompts", "folder"), one) for one in error.faults]) from None
    found = (*changes(running.file, other.file), *prompt_changes(catalogue, other_catalogue))
    return Found(usable, other_catalogue, prompts, found)


async def note(archive: Archive, at: datetime, actor: Mapping[str, Any], done: Reloaded) -> None:
    """Tell the audit log of a reload, or of one that was refused (R-50)."""
    action = "settings.reload" if done.taken else "settings.refuse"
    detail: dict[str, Any] = (
        {
            "changes": [asdict(change) for change in done.changes],
            **({"unfit": [asdict(each) for each in done.unfit]} if done.unfit else {}),
        }
        if done.taken
        else {"mistakes": [{"key": one.key, "why": one.sentence} for one in done.mistakes]}
    )
    await archive.database.write(lambda s: audit_log.append(s, at, action, SUBJECT, detail, dict(actor)))


def tell(done: Reloaded) -> None:
    """Tell the log of a reload, or of one that was refused: which settings, and no value."""
    if done.taken:
        told = {"changed": [change.key for change in done.changes]}
        log.info("the settings were read again", extra=told)
        if done.waiting:
            waiting = {"settings": [change.key for change in done.waiting]}
            log.warning("settings that take effect at the next start have changed", extra=waiting)
        tell_unfit(done.unfit)
    else:
        mistakes = [f"{one.where}: {one.key}: {one.sentence}" for one in done.mistakes]
        log.error(
            "the settings cannot be used; those before stay in force (tast1 config check)",
            extra={"mistakes": mistakes},
        )


def tell_unfit(found: Sequence[Unfit]) -> None:
    """Tell the log of consent questions that do not go with their flow's key."""
    if found:
        log.warning(
            "a consent question tells callers to press another key than the one that accepts, so nobody is"
            " recorded",
            extra={"prompts": [f"{each.prompt} in {each.flow}" for each in found]},
        )


async def asker(archive: Archive, told: Mapping[str, Any], at: datetime) -> dict[str, Any]:
    """Who asks over the control socket, as the audit log names them.

    `told`: `token` of who signs in, else `uid` of the account that gives the command; `role` may be left
    out. `SignInFailed` or `storage.gate.NotAllowed`, both logged, when they may not.
    """
    return await asyncio.to_thread(_asker, archive, told, at)


def _asker(archive: Archive, told: Mapping[str, Any], at: datetime) -> dict[str, Any]:
    account = Person(f"os:{int(told.get('uid', -1))}", (Role("SYSADMIN"),))
    person, token = account, str(told.get("token") or "")
    if token:
        try:
            person = archive.database.write_sync(lambda s: people.sign_in(s, token, at))
        except SignInFailed:
            archive.database.write_sync(lambda s: people.note_failed(s, at, account.actor("SYSADMIN")))
            raise
    fitting = [role.name for role in person.roles if role.name in CONFIGURERS]
    held = [role.name for role in person.roles]
    asking = Asking(person, str(told.get("role") or "").upper() or next(iter(fitting or held), "-"))
    archive.desk.gate.require_configurer(asking, at)
    return asking.actor
