"""`tast1 prompts`: what callers hear; made, checked, approved by a second person, put in use, taken back."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

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
)
from gateway.cli.desk import AsRole, Reason, Work, at_desk
from gateway.texts import text

if TYPE_CHECKING:
    from gateway.workshop.workshop import Workshop
    from ivr_prompts.findings import Finding
    from storage.gate import Asking

prompts_app = typer.Typer(
    name="prompts", help="What callers hear: make, check, approve, put in use, take back."
)

PromptName = Annotated[
    str, typer.Argument(metavar="SET/PROMPT", help="Which prompt, such as da/greeting.", show_default=False)
]
VersionName = Annotated[
    str,
    typer.Argument(
        metavar="SET/PROMPT[/VERSION]",
        help="Which version, such as da/greeting/2 or da/greeting/shipped; without one, what is played now.",
        show_default=False,
    ),
]
Words = Annotated[str, typer.Option("--text", help="What it says, word for word.")]
WordsFile = Annotated[
    Path | None, typer.Option("--text-file", help="A UTF-8 file with what it says, in place of --text.")
]
Markers = Annotated[
    list[str],
    typer.Option(
        "--marker",
        "-m",
        metavar="NAME=PLACE",
        help="A marker of the consent question: the words before it (render), or its milliseconds (import).",
    ),
]
Level = Annotated[bool, typer.Option("--level", help="Bring the recording to the usual loudness (-22 LUFS).")]
Flow = Annotated[str, typer.Option(help="Only in this flow.")]
Number = Annotated[str, typer.Option(help="Only where this number was dialled.")]


@prompts_app.callback()
def _group() -> None:
    """What callers hear: make, check, approve, put in use, take back."""


@contextmanager
def workshop(config: Path, lang: str) -> Iterator[tuple[Work, Workshop]]:
    """The workshop for the time of a command; what cannot be made is said in one line."""
    from gateway import parts
    from ivr_prompts.catalogue import Catalogue
    from ivr_prompts.studio import StudioError

    with at_desk(config, lang) as work:
        opened, settings = work.opened, work.opened.settings
        shop = parts.workshop(settings, opened, Catalogue.load(settings.prompts.folder))
        try:
            yield work, shop
        except StudioError as error:
            raise fail(text(f"studio.{error.reason}", lang, **error.values)) from None


def asking_as(work: Work, role: str | None, allowed: tuple[str, ...]) -> Asking:
    """Who asks, in the role given, or in the first of theirs that may."""
    return work.asking(role or next((each.name for each in work.person.roles if each.name in allowed), None))


@prompts_app.command("list")
def listing(
    prompt_set: Annotated[str | None, typer.Option("--set", help="Of this set only, such as da.")] = None,
    prompt: Annotated[
        str | None, typer.Option("--prompt", help="Of this prompt only, such as greeting.")
    ] = None,
    config: ConfigFile = DEFAULT_FILE,
    as_json: AsJson = False,
    lang: Language = "da",
) -> None:
    """Every version there is, who made and approved it, and where each is played from when."""
    from gateway.cli.prompts_shown import activations_as_json, items_as_json, show_activations, show_items

    with workshop(config, lang) as (work, shop):
        items = shop.items(prompt_set, prompt)
        names = {item.row.id: item.name for item in items if item.row is not None}
        kept = {(item.prompt.language, item.prompt.role) for item in items}
        placed = [each for each in shop.activations(work.at) if (each.prompt_set, each.role) in kept]
    if as_json:
        print_json({"versions": items_as_json(items), "activations": activations_as_json(placed, names)})
        return
    show_items(items, lang)
    if placed:
        show_activations(placed, names, lang)


@prompts_app.command()
def render(
    prompt: PromptName,
    words: Words = "",
    words_file: WordsFile = None,
    marker: Markers = [],  # noqa: B006  typer copies it
    role: AsRole = None,
    config: ConfigFile = DEFAULT_FILE,
    as_json: AsJson = False,
    lang: Language = "da",
) -> None:
    """A new version of a prompt from a text, spoken by espeak-ng."""
    from gateway.workshop.workshop import split

    said = _words(words, words_file, lang)
    with workshop(config, lang) as (work, shop):
        prompt_set, name, _ = split(prompt)
        shop.shipped(prompt_set, name)
        asking = _maker(work, shop, role)
        attempt = shop.voice(prompt_set, name, said, dict(_pair(each) for each in marker))
        item = shop.keep(asking, prompt_set, name, said, attempt, work.at)
    _made(item.name, attempt.findings, as_json, lang)


@prompts_app.command("import")
def bring_in(
    prompt: PromptName,
    file: Annotated[Path, typer.Argument(help="A recording: WAV, FLAC, whatever libsndfile reads.")],
    words: Words = "",
    words_file: WordsFile = None,
    marker: Markers = [],  # noqa: B006  typer copies it
    level: Level = False,
    role: AsRole = None,
    config: ConfigFile = DEFAULT_FILE,
    as_json: AsJson = False,
    lang: Language = "da",
) -> None:
    """A new version of a prompt from a studio recording, made into 8 kHz mono 16-bit."""
    from gateway.workshop.workshop import split

    said = _words(words, words_file, lang)
    with workshop(config, lang) as (work, shop):
        prompt_set, name, _ = split(prompt)
        shop.shipped(prompt_set, name)
        asking = _maker(work, shop, role)
        attempt = shop.take(prompt_set, name, file, said, _milliseconds(marker), level)
        item = shop.keep(asking, prompt_set, name, said, attempt, work.at)
    _made(item.name, attempt.findings, as_json, lang)


@prompts_app.command()
def check(
    prompt: VersionName,
    file: Annotated[
        Path | None, typer.Option(help="Check this recording, as if it were imported; nothing is stored.")
    ] = None,
    words: Words = "",
    words_file: WordsFile = None,
    marker: Markers = [],  # noqa: B006  typer copies it
    level: Level = False,
    config: ConfigFile = DEFAULT_FILE,
    as_json: AsJson = False,
    lang: Language = "da",
) -> None:
    """What is wrong with a version, or with a recording before it is imported. Exit status 1: an error."""
    from gateway.cli.prompts_shown import show_findings
    from gateway.workshop.workshop import split

    with workshop(config, lang) as (work, shop):
        if file is None:
            item = shop.find(prompt, work.at)
            name, findings = item.name, shop.findings(item)
        else:
            said = _words(words, words_file, lang)
            prompt_set, part, _ = split(prompt)
            shop.shipped(prompt_set, part)
            attempt = shop.take(prompt_set, part, file, said, _milliseconds(marker), level)
            name, findings = str(file), attempt.findings
    show_findings(name, findings, as_json, lang)
    if any(each.severity == "error" for each in findings):
        raise typer.Exit(1)


@prompts_app.command()
def play(
    prompt: VersionName,
    out: Annotated[Path | None, typer.Option("--out", "-o", help="A new WAV file to write it to.")] = None,
    call: Annotated[
        str, typer.Option(help="Ring up this SIP URI (a telephone on your desk) and play it there.")
    ] = "",
    config: ConfigFile = DEFAULT_FILE,
    lang: Language = "da",
) -> None:
    """A prompt as a caller hears it: through the telephone's band and G.711 A-law."""
    from gateway.cli.prompts_heard import play_aloud, play_on_telephone, write_heard

    with workshop(config, lang) as (work, shop):
        item = shop.find(prompt, work.at)
        audio = shop.audio(item)
    if call:
        play_on_telephone(item.prompt.path, item.prompt.duration_ms, call, lang)
        console.print(text("prompts.called", lang, prompt=item.name), style="green")
    elif out is not None:
        write_heard(audio, out, lang)
        console.print(text("prompts.written", lang, path=out), style="green", markup=False)
    else:
        play_aloud(audio, lang)


@prompts_app.command()
def approve(
    prompt: VersionName,
    accept_warnings: Annotated[
        bool, typer.Option("--accept-warnings", help="Approve it in spite of warnings; needs a reason.")
    ] = False,
    reason: Reason = "",
    role: AsRole = None,
    config: ConfigFile = DEFAULT_FILE,
    lang: Language = "da",
) -> None:
    """Approve a version that somebody else made. The consent question: DPO or LEGAL."""
    from ivr_prompts.catalogue import CONSENT_ROLES
    from storage.policy.duties import CONSENT_APPROVERS, PROMPT_APPROVERS

    with workshop(config, lang) as (work, shop):
        found = shop.find(prompt, work.at)
        allowed = CONSENT_APPROVERS if found.prompt.role in CONSENT_ROLES else PROMPT_APPROVERS
        asking = asking_as(work, role, allowed)
        item = shop.approve(asking, found.name, work.at, accept_warnings, reason)
    console.print(text("prompts.approved", lang, prompt=item.name), style="green", markup=False)


@prompts_app.command()
def activate(
    prompt: VersionName,
    at: Annotated[
        str | None, typer.Option(help="From when, local time: YYYY-MM-DD HH:MM. Left out: from now on.")
    ] = None,
    flow: Flow = "",
    number: Number = "",
    role: AsRole = None,
    config: ConfigFile = DEFAULT_FILE,
    lang: Language = "da",
) -> None:
    """Have new calls play an approved version, from now or later: everywhere, in a flow, at a number."""
    from gateway.cli.prompts_shown import place_of
    from storage.policy.duties import PROMPT_ACTIVATORS

    begins_at = _instant(at)
    with workshop(config, lang) as (work, shop):
        asking = asking_as(work, role, PROMPT_ACTIVATORS)
        item, made = shop.activate(asking, prompt, work.at, begins_at or work.at, flow, number)
        socket = work.opened.settings.control_socket
    told = text(
        "prompts.activated", lang, prompt=item.name, place=place_of(made, lang), begins=local(made.begins_at)
    )
    console.print(told, style="green", markup=False)
    _tell(socket, item.prompt.role, lang)


@prompts_app.command()
def rollback(
    prompt: PromptName,
    flow: Flow = "",
    number: Number = "",
    scheduled: Annotated[
        bool, typer.Option("--scheduled", help="Take back the next that would begin, not what is played now.")
    ] = False,
    role: AsRole = None,
    config: ConfigFile = DEFAULT_FILE,
    lang: Language = "da",
) -> None:
    """Go back to what was played before the last activation of a set, a flow or a number."""
    from gateway.cli.prompts_shown import place_of
    from gateway.workshop.workshop import split
    from storage.policy.duties import PROMPT_ACTIVATORS

    with workshop(config, lang) as (work, shop):
        asking = asking_as(work, role, PROMPT_ACTIVATORS)
        prompt_set, name, _ = split(prompt)
        place = shop.place(prompt_set, name, flow, number)
        ended, left = shop.roll_back(asking, place, work.at, scheduled)
        now = left or (shop.find(f"{prompt_set}/{name}/shipped", work.at) if place.scope == "set" else None)
        socket = work.opened.settings.control_socket
    where = place_of(place, lang)
    if scheduled:
        told = text("prompts.unscheduled", lang, prompt=ended.name, place=where)
    else:
        heard = now.name if now else text("prompts.wider", lang, place=where)
        told = text("prompts.rolled_back", lang, prompt=ended.name, place=where, now=heard)
    console.print(told, style="green", markup=False)
    _tell(socket, name, lang)


def _maker(work: Work, shop: Workshop, role: str | None) -> Asking:
    """Who makes a version; asked before anything is made."""
    from storage.policy.duties import PROMPT_MAKERS

    asking = asking_as(work, role, PROMPT_MAKERS)
    shop.require(asking, "prompt.make", PROMPT_MAKERS, work.at)
    return asking


def _made(name: str, findings: tuple[Finding, ...], as_json: bool, lang: str) -> None:
    from gateway.cli.prompts_shown import show_findings

    show_findings(name, findings, as_json, lang)
    if not as_json:
        faulty = any(each.severity == "error" for each in findings)
        key = "prompts.faulty" if faulty else "prompts.made"
        console.print(text(key, lang, prompt=name), style="yellow" if faulty else "green", markup=False)


def _tell(socket: Path, role: str, lang: str) -> None:
    from gateway.cli.calls import tell_gateway

    key = "prompts.told" if tell_gateway(socket, "/prompts") else "prompts.not_running"
    console.print(text(key, lang))
    if role == "problem":
        console.print(text("prompts.problem", lang), style="yellow")


def _words(words: str, file: Path | None, lang: str) -> str:
    """What a prompt says, from the option or the file."""
    if file is None:
        return words.strip()
    if words:
        raise fail(text("prompts.text_once", lang), 2)
    try:
        return " ".join(file.read_text(encoding="utf-8").split())
    except (OSError, UnicodeDecodeError):
        raise fail(text("prompts.text_file", lang, path=file), 2) from None


def _pair(marker: str) -> tuple[str, str]:
    name, equals, place = marker.partition("=")
    if not (name and equals and place):
        raise typer.BadParameter(f"{marker}: write NAME=PLACE", param_hint="--marker")
    return name, place


def _milliseconds(markers: list[str]) -> dict[str, int]:
    found = dict(_pair(each) for each in markers)
    for name, place in found.items():
        if not place.isdecimal():
            raise typer.BadParameter(f"{name}={place}: write milliseconds", param_hint="--marker")
    return {name: int(place) for name, place in found.items()}


def _instant(written: str | None) -> datetime | None:
    """Local time as people write it, or an instant with its offset."""
    from storage.policy.clocks import from_local

    if written is None:
        return None
    try:
        found = datetime.fromisoformat(written)
    except ValueError:
        raise typer.BadParameter(f"{written}: write YYYY-MM-DD HH:MM", param_hint="--at") from None
    try:
        return found if found.tzinfo else from_local(found)
    except ValueError as error:
        raise typer.BadParameter(f"{written}: {error}", param_hint="--at") from None
