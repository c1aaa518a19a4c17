"""`tast1 keys`: which keys open the recordings, whether all is well with them, another one in their place."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.progress import Progress

from gateway.cli.context import (
    DEFAULT_FILE,
    AsJson,
    ConfigFile,
    Language,
    archive,
    console,
    errors,
    fail,
    local,
    now,
    operator,
    print_json,
    table,
)
from gateway.texts import text
from gateway.texts.rules import said

keys_app = typer.Typer(name="keys", help="The keys that open what is recorded, and who has them.")

KeyId = Annotated[str, typer.Argument(help="Its id, as `tast1 keys list` shows it.")]


@keys_app.callback()
def _group() -> None:
    """The keys that open what is recorded, and who has them."""


@keys_app.command("list")
def listing(config: ConfigFile = DEFAULT_FILE, as_json: AsJson = False, lang: Language = "da") -> None:
    """The key encryption keys there are and were: kind, state, what each wraps still."""
    from storage import rotation

    with archive(config, lang) as opened:
        days = opened.settings.policy.backup.max_lag_days
        found = rotation.listing(opened.database, opened.keys, days)
    if as_json:
        print_json([{**vars(each), "needed": vars(each.needed), "state": _state(each)} for each in found])
        return
    table(
        text("title.keys", lang),
        ("key", "kept_in", "state", "since", "at_hand", "wraps", "backups_until"),
        [
            (
                each.key_id,
                text(f"keys.kind.{each.kind}", lang) if each.kind else "",
                text(f"keys.state.{_state(each)}", lang),
                local(each.since),
                text("yes" if each.at_hand else "no", lang),
                each.needed.total,
                each.backups_until,
            )
            for each in found
        ],
        lang,
    )


def _state(known: Any) -> str:
    if known.destroyed_at or known.retired_at:
        return "destroyed" if known.destroyed_at else "retired"
    if known.wraps:
        return "in_use"
    return "superseded" if known.superseded_at else "opens"


@keys_app.command()
def check(
    config: ConfigFile = DEFAULT_FILE,
    everything: Annotated[
        bool, typer.Option("--every", help="Open each stored data key, too; with a token that takes a while.")
    ] = False,
    as_json: AsJson = False,
    lang: Language = "da",
) -> None:
    """Whether the keys that are needed are at hand and open what they wrap. Exit status 1: no."""
    from storage import rotation

    with archive(config, lang) as opened, _progress(lang) as told:
        found = rotation.check(opened.database, opened.keys, everything, told)
        seals_only = not opened.keys.opens
    if as_json:
        print_json({"seals_only": seals_only, "findings": [{"what": w, "of": of} for w, of in found]})
    else:
        for what, of in found:
            errors.print(text(f"keys.finding.{what}", lang, of=of), style="red", markup=False)
        if not found:
            console.print(text("keys.well", lang), style="green")
        if seals_only:
            console.print(text("keys.seals_only", lang))
    if found:
        raise typer.Exit(1)


@keys_app.command()
def rotate(config: ConfigFile = DEFAULT_FILE, as_json: AsJson = False, lang: Language = "da") -> None:
    """Put another key encryption key in use and wrap every data key with it; calls and recordings go on.

    A key file is replaced by a fresh one. Of a command, a token or a key pair name the new key in the
    settings first. Safe to interrupt; given again it goes on.
    """
    from gateway.archive import key_sources
    from storage import rotation
    from storage.key_sources import KeyFile

    with archive(config, lang) as opened, _progress(lang) as told:
        sources = key_sources(opened.settings)
        # One machine, one key file: whoever runs here reads the new one by itself.
        alone = (
            opened.database.is_sqlite
            and isinstance(sources.own, KeyFile)
            and opened.keys.ring.recipient is None
        )
        done = rotation.rotate(opened.database, sources, now(), operator(), alone, told)
    if as_json:
        print_json(vars(done))
    else:
        key = "keys.rotated" if done.is_new else "keys.went_on"
        console.print(text(key, lang, id=done.key_id, count=done.rewrapped))
        for each in done.retired:
            console.print(text("keys.retired", lang, id=each))
        for each in done.waiting:
            console.print(text("keys.waiting", lang, id=each))
        if done.is_new:
            console.print(text("keys.back_up", lang), style="bold")
        for each in done.failed:
            errors.print(text("keys.finding.altered", lang, of=each), style="red", markup=False)
    if done.failed:
        raise typer.Exit(1)


@keys_app.command()
def retire(key_id: KeyId, config: ConfigFile = DEFAULT_FILE, lang: Language = "da") -> None:
    """Let a key that nothing needs wrap nothing more. Every gateway must have the new one before."""
    from storage import rotation

    with archive(config, lang) as opened:
        rotation.retire(opened.database, key_id, now(), operator())
    console.print(text("keys.retired", lang, id=key_id))


@keys_app.command()
def destroy(
    key_id: KeyId,
    despite_backups: Annotated[
        bool, typer.Option("--despite-backups", help="Although backups may exist that need it.")
    ] = False,
    config: ConfigFile = DEFAULT_FILE,
    lang: Language = "da",
) -> None:
    """Remove the file of a retired key. Backups from before its rotation are unreadable from then on."""
    from gateway.archive import key_sources
    from storage import rotation

    with archive(config, lang) as opened:
        days = opened.settings.policy.backup.max_lag_days
        sources = key_sources(opened.settings)
        rotation.destroy(opened.database, sources, key_id, now(), days, operator(), despite_backups)
    console.print(text("keys.destroyed", lang, id=key_id))


@keys_app.command()
def pair(
    private: Annotated[Path, typer.Option("--private", help="File for the private key; must not exist.")],
    public: Annotated[Path, typer.Option("--public", help="File for the public key; must not exist.")],
    lang: Language = "da",
) -> None:
    """Make a key pair: with the public key nodes seal, with the private key others open."""
    from storage.key_sources import create_file
    from storage.wrapping import KeysError, new_pair

    for path in (private, public):
        if path.exists():
            raise fail(text("recordings.exists", lang, path=path))
    secret, shown = new_pair()
    try:
        create_file(private, secret)
        create_file(public, shown)
    except KeysError as error:
        raise fail(said(str(error), lang)) from None
    console.print(text("keys.pair", lang, private=private, public=public), markup=False)


@keys_app.command()
def finish(config: ConfigFile = DEFAULT_FILE, as_json: AsJson = False, lang: Language = "da") -> None:
    """Do what nodes left that can only seal: complete recordings, transcribe. Needs the private key."""
    with archive(config, lang) as opened:
        found = opened.finish_left(now())
        transcribed = asyncio.run(_catch_up(opened))
    if as_json:
        print_json(
            {
                "completed": found.sealed,
                "abandoned": found.abandoned,
                "failed": found.failed,
                "transcribed": transcribed,
            }
        )
    else:
        console.print(text("keys.finished", lang, recordings=len(found.sealed), transcripts=transcribed))
        for artifact_id, why in found.failed.items():
            errors.print(f"{artifact_id}: {said(why, lang)}", style="red", markup=False)
    if found.failed:
        raise typer.Exit(1)


async def _catch_up(opened: Any) -> int:
    """Run the jobs that wait, with the transcribers that the settings name; how many were done."""
    from gateway import parts
    from transcription.servers import Servers

    servers = Servers(parts.servers(opened.settings, None))
    catch_up = opened.catch_up(parts.transcribing(opened.settings, servers))
    try:
        while await catch_up.run_one():
            pass
    finally:
        await servers.close()
    return int(catch_up.endings["done"])


@contextmanager
def _progress(lang: str) -> Iterator[Callable[[int, int], None]]:
    """A bar on a terminal."""
    with Progress(console=errors, transient=True, disable=not errors.is_terminal) as bar:
        task = bar.add_task(text("title.keys", lang), total=None)
        yield lambda done, total: bar.update(task, completed=done, total=total)
