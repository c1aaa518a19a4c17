"""`tast1 transcripts`: what was said, to read and to take along, without the numbers that identify people."""

from __future__ import annotations

from enum import Enum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from gateway.cli.context import DEFAULT_FILE, AsJson, ConfigFile, Language, console, fail, print_json
from gateway.cli.desk import AsRole, CaseOption, Purpose, Reason, Unredacted, Work, at_desk, new_file
from gateway.cli.recordings import ArtifactId, artifact_rows, print_artifacts
from gateway.texts import text

if TYPE_CHECKING:
    from storage.gate import Asking
    from transcription.segments import Transcript

transcripts_app = typer.Typer(name="transcripts", help="What was said: shown and exported, redacted.")


class Format(str, Enum):
    """How a transcript is written."""

    VTT = "vtt"
    JSON = "json"
    TEXT = "text"


@transcripts_app.command("list")
def listing(
    config: ConfigFile = DEFAULT_FILE,
    limit: Annotated[int, typer.Option(help="How many, newest first.")] = 50,
    as_json: AsJson = False,
    lang: Language = "da",
) -> None:
    """Transcripts with their lawful basis and expiry, newest first."""
    from storage.model import ArtifactKind

    with at_desk(config, lang) as work:
        found = artifact_rows(work.opened, ArtifactKind.TRANSCRIPT, limit)
        work.looked("transcripts", len(found))
    if as_json:
        print_json(found)
    elif not found:
        console.print(text("transcripts.none", lang))
    else:
        print_artifacts(found, lang)


@transcripts_app.command()
def show(
    what: Annotated[
        str,
        typer.Argument(
            help="A call, recording or transcript: the beginning of its id.", metavar="CALL_OR_ARTIFACT"
        ),
    ],
    purpose: Purpose = "",
    role: AsRole = None,
    case: CaseOption = "",
    reason: Reason = "",
    unredacted: Unredacted = False,
    config: ConfigFile = DEFAULT_FILE,
    lang: Language = "da",
) -> None:
    """Print what was said, turn by turn. The policy is asked and the reading is logged."""
    from transcription.exports import to_text

    with at_desk(config, lang) as work:
        asking = work.asking(role, purpose, case, reason)
        for transcript_id in _transcripts(work, what):
            typer.echo(to_text(_read(work, asking, transcript_id, "read", unredacted), lang), nl=False)


@transcripts_app.command()
def export(
    artifact: ArtifactId,
    out: Annotated[Path, typer.Option("--out", "-o", help="Where to write the copy.")],
    form: Annotated[Format, typer.Option("--format", help="WebVTT, JSON for machines, or plain text.")],
    purpose: Purpose = "",
    role: AsRole = None,
    case: CaseOption = "",
    reason: Reason = "",
    unredacted: Unredacted = False,
    config: ConfigFile = DEFAULT_FILE,
    lang: Language = "da",
) -> None:
    """Write a transcript as WebVTT, JSON or text. The policy is asked, the reading logged; the copy is yours
    to erase."""
    with at_desk(config, lang) as work:
        transcript_id, *more = _transcripts(work, artifact)
        if more:
            raise fail(text("transcripts.several", lang))
        asking = work.asking(role, purpose, case, reason)
        with new_file(out, lang) as file:
            content = _written(_read(work, asking, transcript_id, "export", unredacted), form, lang).encode()
            file.write(content)
    console.print(text("recordings.exported", lang, path=out, duration=f"{len(content)} B"))


def _transcripts(work: Work, prefix: str) -> list[str]:
    """The transcripts that are kept of a call or recording, or the one whose id begins so."""
    from storage import artifacts, calls, transcripts
    from storage.gate import SOUND
    from storage.model import ArtifactKind

    def look(session: Any) -> list[str | None]:
        found, called = artifacts.beginning(session, prefix), calls.beginning(session, prefix)
        if len(found) + len(called) != 1:
            return []
        if called:
            rows = artifacts.listing(session, call_id=called[0], kind=ArtifactKind.TRANSCRIPT)
            return [row.id for row, _ in rows if row.blocked_at is None]
        if ArtifactKind(artifacts.required(session, found[0]).kind) in SOUND:
            return [transcripts.of_recording(session, found[0])]
        return [found[0]]

    found = [each for each in work.desk.db.read_sync(look) if each is not None]
    if not found:
        raise fail(text("transcripts.unknown", work.lang))
    return found


def _read(work: Work, asking: Asking, transcript_id: str, action: str, unredacted: bool) -> Transcript:
    from transcription.exports import TranscriptFormatError, from_json

    words = work.desk.gate.read_words(asking, transcript_id, work.at, action, unredacted)
    try:
        return from_json(words.decode())
    except TranscriptFormatError:
        raise fail(text("transcripts.other", work.lang)) from None


def _written(transcript: Transcript, form: Format, lang: str) -> str:
    from transcription import exports

    if form is Format.JSON:
        return exports.to_json(transcript)
    write = exports.to_webvtt if form is Format.VTT else exports.to_text
    return write(transcript, lang)
