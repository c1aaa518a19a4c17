"""`tast1 requests` and `tast1 withdraw`: what data subjects ask for, and how it is answered in time."""

from __future__ import annotations

import os
from collections.abc import Mapping
from enum import Enum
from pathlib import Path
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
from gateway.cli.desk import AsRole, Calls, Reason, Work, at_desk, noon, words
from gateway.texts import LANGUAGES, text, word

requests_app = typer.Typer(name="requests", help="Requests of data subjects: access, erasure, objection, …")
RequestId = Annotated[str, typer.Argument(help="The request's id, such as R-2025-7KQ4M.")]


class Channel(str, Enum):
    """How a withdrawal reached us."""

    AGENT = "agent"
    LETTER = "letter"
    MAIL = "mail"
    WEB = "web"
    PHONE = "phone"


@requests_app.callback()
def _group() -> None:
    """Requests of data subjects: access, erasure, rectification, restriction, objection."""


@requests_app.command()
def receive(
    right: Annotated[str, typer.Argument(help="access, erasure, rectification, restriction or objection.")],
    calls: Annotated[
        list[str] | None, typer.Argument(help="The calls it is about.", metavar="CALL...")
    ] = None,
    requester: Annotated[
        str, typer.Option(help="caller, or agent:NAME for somebody who took part in the call.")
    ] = "caller",
    withdraws: Annotated[
        bool, typer.Option("--withdraws", help="Consent is withdrawn in the same message.")
    ] = False,
    received: Annotated[
        str | None, typer.Option(help="The day it came in, YYYY-MM-DD, if that was before today.")
    ] = None,
    note: Annotated[str, typer.Option(help="What is asked for; kept sealed with the request.")] = "",
    role: AsRole = None,
    config: ConfigFile = DEFAULT_FILE,
    as_json: AsJson = False,
    lang: Language = "da",
) -> None:
    """Register a request: it is documented, and what it is about is held from this moment on (R-30)."""
    from storage import requests
    from storage.policy import events as e

    with at_desk(config, lang) as work:
        asking = work.asking(role, for_event=e.RightsRequest)
        request, done = requests.receive(
            work.desk,
            asking,
            right,
            work.calls(calls or []),
            work.at,
            requester=requester,
            withdraws=withdraws,
            received_at=noon(received),
            words={"request": note},
        )
        view = work.desk.db.read_sync(lambda s: requests.view(s, work.desk, request, work.at))
        if as_json:
            print_json({**vars(view), "refused": done.refusals})
        else:
            work.tell(done, text("requests.received", lang, request=request, due=view.due))


@requests_app.command("list")
def listing(
    everything: Annotated[bool, typer.Option("--all", help="Answered ones too.")] = False,
    config: ConfigFile = DEFAULT_FILE,
    as_json: AsJson = False,
    lang: Language = "da",
) -> None:
    """Requests by the day their answer is due."""
    from storage import requests

    with at_desk(config, lang) as work:
        found = work.desk.db.read_sync(lambda s: requests.listing(s, work.desk, work.at, everything))
    if as_json:
        print_json([vars(view) for view in found])
    elif not found:
        console.print(text("requests.none", lang))
    else:
        table(
            text("title.requests", lang),
            ("request", "right", "requester", "received", "due", "answered", "calls_count", "held"),
            [
                (
                    view.id,
                    text(f"right.{view.right}", lang),
                    text(f"requester.{view.requester}", lang),
                    local(view.received_at),
                    view.due,
                    local(view.answered_at),
                    len(view.calls),
                    len(view.held),
                )
                for view in found
            ],
            lang,
        )


@requests_app.command()
def show(
    request: RequestId,
    role: AsRole = None,
    config: ConfigFile = DEFAULT_FILE,
    as_json: AsJson = False,
    lang: Language = "da",
) -> None:
    """One request, and what was written about it."""
    from storage import requests

    with at_desk(config, lang) as work:
        view = work.desk.db.read_sync(lambda s: requests.view(s, work.desk, request, work.at))
        notes = work.desk.gate.read_notes(work.asking(role, "accountability", request), request, work.at)
    if as_json:
        print_json({**vars(view), "notes": [vars(note) for note in notes]})
        return
    told = (
        ("request", view.id),
        ("right", text(f"right.{view.right}", lang)),
        ("requester", text(f"requester.{view.requester}", lang)),
        ("received", local(view.received_at)),
        ("due", view.due),
        ("answered", local(view.answered_at)),
        *(("call", call) for call in view.calls),
        *(("held", artifact) for artifact in view.held),
    )
    for name, value in told:
        console.print(f"{text(f'column.{name}', lang)}: {value}", markup=False)
    print_notes(notes, lang)


def _written(words: Mapping[str, str], lang: str) -> str:
    return "\n".join(f"{word('written', name, lang)}: {value}" for name, value in words.items())


def print_notes(notes: list[Any], lang: str) -> None:
    """What was written, one note a line."""
    table(
        text("title.notes", lang),
        ("time", "actor", "kind", "words"),
        [
            (local(note.at), note.by, word("action", note.kind, lang), _written(note.words, lang))
            for note in notes
        ],
        lang,
    )


@requests_app.command()
def scope(
    request: RequestId,
    calls: Calls,
    role: AsRole = None,
    config: ConfigFile = DEFAULT_FILE,
    lang: Language = "da",
) -> None:
    """Add calls to an open request, found since it came in; they are held from now on (R-30)."""
    from storage import requests
    from storage.policy import events as e

    with at_desk(config, lang) as work:
        asking = work.asking(role, for_event=e.RequestScoped)
        done = requests.scope(work.desk, asking, request, work.calls(calls), work.at)
        work.tell(done, text("desk.done", lang))


@requests_app.command()
def identify(
    request: RequestId,
    result: Annotated[str, typer.Argument(help="confirmed, or failed.")],
    how: Annotated[str, typer.Option(help="How it was checked; no copy of what was shown.")],
    role: AsRole = None,
    config: ConfigFile = DEFAULT_FILE,
    lang: Language = "da",
) -> None:
    """Note the result of the identity check; nothing is handed out without it."""
    from storage import requests
    from storage.policy import events as e

    if result not in ("confirmed", "failed"):
        raise typer.BadParameter("confirmed, or failed")
    with at_desk(config, lang) as work:
        asking = work.asking(role, for_event=e.RightsAnswered)
        requests.identify(work.desk, asking, request, result, how, work.at)
    console.print(text("desk.noted", lang))


@requests_app.command()
def extend(
    request: RequestId,
    reason: Reason,
    role: AsRole = None,
    config: ConfigFile = DEFAULT_FILE,
    lang: Language = "da",
) -> None:
    """The notice of art. 12(3) was sent, inside the first month: two months more."""
    from storage import requests
    from storage.policy import events as e

    with at_desk(config, lang) as work:
        asking = work.asking(role, for_event=e.RightsExtended)
        done = requests.extend(work.desk, asking, request, words(reason), work.at)
        view = work.desk.db.read_sync(lambda s: requests.view(s, work.desk, request, work.at))
        work.tell(done, text("requests.extended", lang, due=view.due))


@requests_app.command()
def answer(
    request: RequestId,
    keep: Annotated[
        bool,
        typer.Option(
            "--keep/--no-keep", help="Keep what was reviewed for up to a year (R-31); needs a reason."
        ),
    ] = False,
    reason: Reason = "",
    reply: Annotated[str, typer.Option(help="What was answered, in short; kept sealed.")] = "",
    letter: Annotated[str, typer.Option(help="The language of the package's letter: da or en.")] = "da",
    role: AsRole = None,
    config: ConfigFile = DEFAULT_FILE,
    as_json: AsJson = False,
    lang: Language = "da",
) -> None:
    """Review completed: of an access request the package is made; the hold ends, the request is closed."""
    from storage import requests
    from storage.policy import events as e

    if letter not in LANGUAGES:
        raise typer.BadParameter(" or ".join(LANGUAGES))
    with at_desk(config, lang) as work, console.status(text("requests.packing", lang)):
        asking = work.asking(role, for_event=e.RightsAnswered)
        done, package = requests.answer(
            work.desk, asking, request, keep, words(reason, reply=reply), work.at, letter
        )
    if as_json:
        made = None if package is None else {"artifact": package.artifact_id, "manifest": package.manifest}
        print_json({"refused": done.refusals, "package": made, "erased": len(done.erased.erased)})
        return
    work.tell(done, text("requests.answered", lang, request=request))
    if package:
        console.print(text("requests.package", lang, request=request, count=len(package.manifest)))


@requests_app.command()
def package(
    request: RequestId,
    out: Annotated[Path, typer.Option("--out", "-o", help="Where to write the ZIP.")],
    role: AsRole = None,
    config: ConfigFile = DEFAULT_FILE,
    lang: Language = "da",
) -> None:
    """Write the package of an answered access request, to be handed out; logged."""
    with at_desk(config, lang) as work:
        artifact_id = _package_of(work, request)
        if out.exists():
            raise fail(text("recordings.exists", lang, path=out))
        asking = work.asking(role or "RIGHTS", "access_package", request)
        reader = work.desk.gate.open_media(asking, artifact_id, work.at, "download")
        descriptor = os.open(out, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(descriptor, "wb") as file, reader:
            while piece := reader.read(1 << 18):
                file.write(piece)
    console.print(text("recordings.exported", lang, path=out, duration=f"{out.stat().st_size} B"))


def _package_of(work: Work, request: str) -> str:
    from storage import artifacts
    from storage.model import ArtifactKind

    found = work.desk.db.read_sync(lambda s: artifacts.of_case(s, request, ArtifactKind.EXPORT))
    if not found:
        raise fail(text("requests.no_package", work.lang, request=request), 3)
    return found[-1].id


@requests_app.command()
def release(
    request: RequestId, role: AsRole = None, config: ConfigFile = DEFAULT_FILE, lang: Language = "da"
) -> None:
    """Let go of what documents a request before its year is over: allowed, and preferred (R-31)."""
    from storage import requests
    from storage.policy import events as e

    with at_desk(config, lang) as work:
        asking = work.asking(role, for_event=e.DocumentationReleased)
        work.tell(requests.release(work.desk, asking, request, work.at), text("desk.done", lang))


def withdraw(
    calls: Calls,
    channel: Annotated[Channel, typer.Option(help="How it reached us.")],
    document: Annotated[
        bool, typer.Option("--document", help="Keep a record of the withdrawal itself, like of a request.")
    ] = False,
    role: AsRole = None,
    config: ConfigFile = DEFAULT_FILE,
    lang: Language = "da",
) -> None:
    """Consent is withdrawn (R-20): what rests on it alone is unreadable at once and erased now."""
    from gateway.cli.calls import tell_live
    from storage import requests
    from storage.policy import events as e

    with at_desk(config, lang) as work:
        found = work.calls(calls)
        asking = work.asking(role, for_event=e.Withdrawn)
        request, done = requests.withdraw(work.desk, asking, found, channel.value, work.at, document)
        tell_live(work.opened.settings.control_socket, found, "stop")
        work.tell(done, text("requests.withdrawn", lang, count=len(found)))
        if request:
            console.print(text("requests.documented", lang, request=request))
