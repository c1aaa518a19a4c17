"""The package for somebody who asked for access (article 15, §8.5): a ZIP, sealed like everything else.

    letter.txt                   what is processed, why, for how long, for whom, and what can be done about it
    CALL/recording-ID.flac       the sound: caller left, agent right
    CALL/transcript-ID.json      the words, when there are any; and what else was derived
    CALL/consent.json            what was played, heard and pressed
    CALL/call.json               when the call was, how long, and each ground with its last date
    lookups.csv                  when it was looked at, for what, from where; not by whom (C-579/21)
    recipients.json              who was given a copy, who processes it, where
    redactions.json              what was left out, and why
    SHA256SUMS                   the hash of every file, for `sha256sum --check`

Every file passes the gate, so that the handing out is decided and logged artifact by artifact.
"""

from __future__ import annotations

import contextlib
import csv
import hashlib
import io
import json
import zipfile
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import IO, TYPE_CHECKING, Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from storage import audit_log, books, consents, disclosures, package_texts
from storage.artifacts import Making
from storage.audit_chain import Entry
from storage.excerpts import Excerpt
from storage.gate import SOUND, Asking
from storage.ids import new_id
from storage.keys import new_data_key
from storage.model import ArtifactKind
from storage.policy.answers import ground_answer, instant
from storage.policy.book import Holding
from storage.redaction import NotTranscribed
from storage.sealed import SealedReader
from storage.tables import Artifact, Case, Consent

if TYPE_CHECKING:
    from storage.desk import Desk

PURPOSE = "rights_request"
LOOKUPS = ("play", "read", "export", "download")


@dataclass(frozen=True)
class Package:
    """A package that was made: its artifact to be, and what is in it (name to SHA-256)."""

    artifact_id: str
    making: Making = field(repr=False)
    manifest: dict[str, str]


class _Zip:
    """Files into a ZIP, one after the other, each with its hash."""

    def __init__(self, file: IO[bytes]) -> None:
        self._zip = zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED)
        self.manifest: dict[str, str] = {}

    def add(self, name: str, content: bytes) -> None:
        self.copy(name, lambda size: content if size else b"", whole=True)

    def copy(self, name: str, read: Callable[[int], bytes], whole: bool = False) -> None:
        digest = hashlib.sha256()
        how = zipfile.ZIP_STORED if name.endswith(".flac") else zipfile.ZIP_DEFLATED
        info = zipfile.ZipInfo(name, (1980, 1, 1, 0, 0, 0))
        info.compress_type = how
        info.external_attr = 0o600 << 16
        with self._zip.open(info, "w", force_zip64=True) as target:
            while piece := read(1 << 18):
                digest.update(piece)
                target.write(piece)
                if whole:
                    break
        self.manifest[name] = digest.hexdigest()

    def json(self, name: str, value: Any) -> None:
        self.add(name, json.dumps(value, ensure_ascii=False, indent=2, default=str).encode())

    def close(self) -> None:
        self._zip.close()


def build(desk: Desk, asking: Asking, row: Case, scope: Sequence[str], at: datetime, lang: str) -> Package:
    """Make the package of an access request and seal it; the caller makes it an artifact.

    `storage.gate.NotReadable` when something in the scope may not be handed out to the one who asks for it.
    """
    asking = Asking(asking.person, asking.role, PURPOSE, row.id, asking.reason)
    artifact_id, data_key = new_id(at), new_data_key()
    manifest: dict[str, str] = {}

    def write(file: IO[bytes]) -> None:
        zipped = _Zip(file)
        _fill(zipped, desk, asking, row, scope, at, lang)
        sums = "".join(f"{digest}  {name}\n" for name, digest in sorted(zipped.manifest.items()))
        zipped.add("SHA256SUMS", sums.encode())
        zipped.close()
        manifest.update(zipped.manifest)

    sealed = desk.store.put(artifact_id, data_key, write)
    making = Making(
        artifact_id,
        sha256=sealed.sha256,
        content_bytes=sealed.content_bytes,
        media_name=sealed.media_name,
        tags=desk.tags,
        keys=desk.keys,
        data_key=data_key,
    )
    return Package(artifact_id, making, manifest)


def _fill(
    zipped: _Zip, desk: Desk, asking: Asking, row: Case, scope: Sequence[str], at: datetime, lang: str
) -> None:
    excerpt = desk.db.read_sync(lambda s: books.look(s, desk.settings, cases=[row.id]))
    holdings = [excerpt.holding(artifact_id) for artifact_id in scope]
    letter = package_texts.letter(
        lang, desk.tags, row, at, [_summary(excerpt, each, at) for each in holdings]
    )
    zipped.add("letter.txt", letter.encode())
    folders = {
        call: f"call-{number}" for number, call in enumerate(sorted({h.call or "" for h in holdings}), 1)
    }
    own = row.requester in (None, "caller")
    redactions: list[dict[str, str]] = []
    for holding in holdings:
        folder, artifact = folders[holding.call or ""], excerpt.artifacts[holding.id]
        redactions += _add_content(zipped, desk, asking, folder, artifact, at, own)
    for call, folder in folders.items():
        parts = [_summary(excerpt, each, at) for each in holdings if each.call == call]
        zipped.json(f"{folder}/call.json", {**_call(excerpt, call), "kept": parts})
        records = desk.db.read_sync(lambda s, c=call: consents.of_call(s, c, at))  # type: ignore[misc]
        if records:
            zipped.json(f"{folder}/consent.json", [_consent(record) for record in records])
    zipped.add("lookups.csv", desk.db.read_sync(lambda s: _lookups(s, scope, folders, excerpt)).encode())
    zipped.json("recipients.json", desk.db.read_sync(lambda s: _recipients(s, desk, scope)))
    zipped.json("redactions.json", redactions)


def _add_content(
    zipped: _Zip, desk: Desk, asking: Asking, folder: str, artifact: Artifact, at: datetime, own: bool
) -> list[dict[str, str]]:
    """Add sound or words; what was left out of them.

    A caller is given all of it. An agent who asks is given the conversation without the numbers that
    identify the caller (art. 15(4)); of sound, as far as it was transcribed.
    """
    number = artifact.id[:6]
    if ArtifactKind(artifact.kind) not in SOUND:
        name = f"{folder}/{artifact.part}-{number}.json"
        zipped.add(name, desk.gate.read_words(asking, artifact.id, at, "export", unredacted=own))
        return [] if own else [_left_out(name)]
    name = f"{folder}/recording-{number}.flac"
    if not own:
        with contextlib.suppress(NotTranscribed):
            copy = io.BytesIO()
            with desk.gate.open_silenced(asking, artifact.id, at, "export") as sound:
                sound.write(copy)
            zipped.add(name, copy.getvalue())
            return [_left_out(name)]
    reader: SealedReader
    with desk.gate.open_media(asking, artifact.id, at, "export") as reader:
        zipped.copy(name, lambda size: reader.read(size) or b"")
    return []


def _left_out(name: str) -> dict[str, str]:
    return {"file": name, "left_out": "CPR, card, account and telephone numbers", "rule": "art. 15(4)"}


def _summary(excerpt: Excerpt, holding: Holding, at: datetime) -> dict[str, Any]:
    return {
        "what": holding.kind.value,
        "recorded_at": instant(holding.recorded_at or holding.made_at),
        "duration_ms": excerpt.artifacts[holding.id].duration_ms,
        "grounds": [
            {key: ground[key] for key in ("ground", "rule", "lawful_basis", "purposes", "until")}
            for ground in (ground_answer(each) for each in excerpt.book.effective(holding, at))
        ],
    }


def _call(excerpt: Excerpt, call: str) -> dict[str, Any]:
    row = excerpt.calls[call]
    return {
        "arrived_at": instant(row.arrived_at),
        "ended_at": instant(row.ended_at),
        "direction": row.direction,
        "decision": row.decision,
    }


def _consent(record: Consent) -> dict[str, Any]:
    names = ("started_local", "language", "prompt_id", "prompt_version", "prompt_text_sha256", "marker")
    more = ("played_ms", "total_ms", "keys", "decision", "policy_version", "record_hash")
    split = ("purposes", "questions") if record.questions else ()
    told = {name: getattr(record, name) for name in (*names, *more, *split)}
    return {**told, "decided_at": instant(record.decided_at), "withdrawn_at": instant(record.withdrawn_at)}


def _lookups(session: Session, scope: Sequence[str], folders: dict[str, str], excerpt: Excerpt) -> str:
    text = io.StringIO()
    table = csv.writer(text)
    table.writerow(("at", "what", "action", "purpose", "from"))
    for artifact_id in scope:
        row = excerpt.artifacts[artifact_id]
        for entry in audit_log.entries(session, artifact_id):
            if entry.action in LOOKUPS:
                told = (folders[row.call_id or ""], entry.action, _purpose(entry), _country(entry))
                table.writerow((_at(entry), *told))
    return text.getvalue()


def _at(entry: Entry) -> str:
    return instant(datetime.fromisoformat(entry.at)) or ""


def _purpose(entry: Entry) -> str:
    return str(json.loads(entry.detail).get("purpose", ""))


def _country(entry: Entry) -> str:
    """The country from which a processor looked; "" for the controller's own people."""
    return str(json.loads(entry.actor).get("country", ""))


def _recipients(session: Session, desk: Desk, scope: Sequence[str]) -> dict[str, Any]:
    rows = session.scalars(select(Artifact).where(Artifact.id.in_(scope))).all()
    given = [each for artifact_id in scope for each in disclosures.of_artifact(session, artifact_id)]
    return {
        "controller": desk.tags.controller,
        "processors": sorted({row.processor for row in rows if row.processor != "self"}),
        "stored_in": sorted({row.region for row in rows}),
        "copies_given_to": sorted({each.recipient for each in given}),
    }
