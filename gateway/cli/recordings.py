"""`tast1 recordings`: what is kept, why, until when; and a copy for who may have one."""

from __future__ import annotations

import shutil
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
    seconds,
    table,
)
from gateway.cli.desk import AsRole, CaseOption, Purpose, Reason, Unredacted, at_desk, new_file
from gateway.texts import text
from gateway.texts.rules import said

recordings_app = typer.Typer(name="recordings", help="What is kept of calls, why, and until when.")
ArtifactId = Annotated[str, typer.Argument(help="The artifact's id, or the beginning of it.")]


@recordings_app.command("list")
def listing(
    config: ConfigFile = DEFAULT_FILE,
    limit: Annotated[int, typer.Option(help="How many, newest first.")] = 50,
    everything: Annotated[
        bool, typer.Option("--all", help="Consent evidence and decision logs too.")
    ] = False,
    as_json: AsJson = False,
    lang: Language = "da",
) -> None:
    """Recordings with their lawful basis and expiry, newest first."""
    from storage.model import ArtifactKind

    with at_desk(config, lang) as work:
        found = artifact_rows(work.opened, None if everything else ArtifactKind.AUDIO, limit)
        work.looked("recordings", len(found))
    if as_json:
        print_json(found)
    elif not found:
        console.print(text("recordings.none", lang))
    else:
        print_artifacts(found, lang)


@recordings_app.command()
def show(
    artifact: ArtifactId, config: ConfigFile = DEFAULT_FILE, as_json: AsJson = False, lang: Language = "da"
) -> None:
    """One artifact: its facts, its grounds, and its deletion certificate once it is gone."""
    from storage import artifacts, certificates

    with at_desk(config, lang) as work:
        opened, artifact_id = work.opened, work.artifact(artifact)
        work.looked("recording", 1)

        def read(session: Any) -> tuple[Any, Any]:
            return artifacts.get(session, artifact_id), certificates.of_artifact(session, artifact_id)

        row, certificate = opened.database.read_sync(read)
        grounds = opened.database.read_sync(lambda session: artifacts.grounds_of(session, artifact_id))
        genuine = opened.database.read_sync(lambda s: _is_genuine(s, row, opened.keys.public_key))
    facts = _facts(row, grounds)
    facts["genuine"] = genuine
    facts["certificate"] = (
        {"id": certificate.dc_id, "purged_at": certificate.purged_at, "lapsed": certificate.lapsed}
        if certificate
        else None
    )
    if as_json:
        print_json(facts)
        return
    print_artifacts([facts], lang)
    if grounds:
        table(
            text("column.ground", lang),
            ("ground", "rule", "lawful_basis", "purposes", "until", "expires_at"),
            [
                (
                    ground.ground.value,
                    ground.rule,
                    ", ".join(ground.lawful_basis),
                    ", ".join(ground.purposes),
                    ground.until or text("open_ended", lang),
                    local(ground.expires_at),
                )
                for ground in grounds
            ],
            lang,
        )
    if genuine is not None:
        stands = "consent.genuine" if genuine else "consent.not_genuine"
        console.print(text(stands, lang), style="green" if genuine else "red")
    if certificate:
        console.print(
            f"{text('column.certificate', lang)}: {certificate.dc_id} {local(certificate.purged_at)}"
        )


def _is_genuine(session: Any, row: Any, public_key: str) -> bool | None:
    """Whether the consent record that this artifact is stands as it was signed; None if it is no such."""
    from storage import consents
    from storage.tables import Consent

    consent = session.get(Consent, row.consent_id) if row.kind in ("CE", "NL") and row.consent_id else None
    return None if consent is None else consents.is_genuine(consent, public_key)


@recordings_app.command()
def export(
    artifact: ArtifactId,
    out: Annotated[Path, typer.Option("--out", "-o", help="Where to write the copy.")],
    purpose: Purpose = "",
    role: AsRole = None,
    case: CaseOption = "",
    reason: Reason = "",
    redacted: Annotated[
        bool, typer.Option("--redacted", help="Silence numbers that identify people, by the transcript.")
    ] = False,
    config: ConfigFile = DEFAULT_FILE,
    lang: Language = "da",
) -> None:
    """Write a readable copy: FLAC of a recording (caller left, agent right), ZIP of a package.

    The policy is asked and the reading is logged; the copy is yours to erase.
    """
    from storage.redaction import NotTranscribed

    with at_desk(config, lang) as work:
        artifact_id = work.artifact(artifact)
        asking = work.asking(role, purpose, case, reason)
        with new_file(out, lang) as file:
            if redacted:
                try:
                    with work.desk.gate.open_silenced(asking, artifact_id, work.at) as sound:
                        sound.write(file)
                except NotTranscribed:
                    raise fail(text("recordings.not_transcribed", lang), 3) from None
                pieces = [sum(end - start for start, end in leg) for leg in sound.silences]
                console.print(text("recordings.silenced", lang, seconds=f"{sum(pieces):.1f}"))
            else:
                with work.desk.gate.open_media(asking, artifact_id, work.at, "export") as reader:
                    shutil.copyfileobj(reader, file, 1 << 18)
    console.print(text("recordings.exported", lang, path=out, duration=f"{out.stat().st_size} B"))


@recordings_app.command()
def read(
    artifact: ArtifactId,
    purpose: Purpose = "",
    role: AsRole = None,
    case: CaseOption = "",
    reason: Reason = "",
    unredacted: Unredacted = False,
    config: ConfigFile = DEFAULT_FILE,
    lang: Language = "da",
) -> None:
    """Print the words of a transcript or derivative. The policy is asked and the reading is logged."""
    with at_desk(config, lang) as work:
        artifact_id = work.artifact(artifact)
        asking = work.asking(role, purpose, case, reason)
        typer.echo(work.desk.gate.read_words(asking, artifact_id, work.at, "read", unredacted).decode())


@recordings_app.command()
def may(
    artifact: ArtifactId,
    purpose: Purpose = "",
    role: AsRole = None,
    case: CaseOption = "",
    reason: Reason = "",
    config: ConfigFile = DEFAULT_FILE,
    as_json: AsJson = False,
    lang: Language = "da",
) -> None:
    """Whether you may read an artifact, and why (not). Opens and logs nothing. Exit status 3: no."""
    with at_desk(config, lang) as work:
        asking = work.asking(role, purpose, case, reason)
        verdict = work.desk.gate.may_read(asking, work.artifact(artifact), work.at)
    if as_json:
        print_json(vars(verdict))
    else:
        console.print(said(verdict.why, lang), style="green" if verdict.allowed else "red", markup=False)
    if not verdict.allowed:
        raise typer.Exit(3)


@recordings_app.command()
def disclose(
    artifact: ArtifactId,
    to: Annotated[str, typer.Option(help="The organisation that was given a copy; never a person.")],
    role: AsRole = None,
    config: ConfigFile = DEFAULT_FILE,
    lang: Language = "da",
) -> None:
    """Note that an organisation was given a copy; it is told when a caller's order erases it (R-25, R-39)."""
    with at_desk(config, lang) as work:
        work.desk.disclose(work.asking(role), work.artifact(artifact), to, work.at)
    console.print(text("desk.noted", lang))


def artifact_rows(opened: Any, kind: Any, limit: int) -> list[dict[str, Any]]:
    """Artifacts with their grounds as plain values."""
    from storage import artifacts

    found = opened.database.read_sync(lambda session: artifacts.listing(session, kind=kind, limit=limit))
    return [_facts(row, grounds) for row, grounds in found]


def print_artifacts(rows: list[dict[str, Any]], lang: str) -> None:
    """The table of artifacts: kind, length, hash, lawful basis, until, expires at."""
    table(
        text("title.artifacts", lang),
        ("artifact", "call", "kind", "state", "duration", "sha256", "lawful_basis", "until", "expires_at"),
        [
            (
                row["artifact"][:12],
                (row["call"] or "")[:12],
                text(f"kind.{row['kind']}", lang),
                text(f"state.{row['state']}", lang),
                seconds(row["duration_ms"]),
                (row["sha256"] or "")[:16],
                ", ".join(row["lawful_basis"]),
                row["until"] or ("" if row["state"] == "erased" else text("open_ended", lang)),
                local(row["expires_at"]),
            )
            for row in rows
        ],
        lang,
    )


def _facts(row: Any, grounds: Any) -> dict[str, Any]:
    from storage import facts

    return dict(vars(facts.of(row, grounds)))
