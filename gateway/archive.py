"""Archive: storage as the gateway and the commands share it, with what a start makes good in it."""

from __future__ import annotations

import asyncio
import hashlib
import itertools
import json
import logging
import shutil
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timezone
from pathlib import Path

from gateway.calls.capture import LegFiles, stray_audio_bytes
from gateway.calls.catchup import CatchUp
from gateway.calls.records import StoredRecords
from gateway.calls.tones import StereoEraser
from gateway.calls.transcribing import Transcribing
from gateway.config import Settings
from gateway.config.custody import OtherKeySection, TokenSection
from gateway.config.secret_files import NoSecret, secret
from storage import audit_log, held, jobs, ledger
from storage.artifacts import Tags
from storage.bucket import Bucket, BucketSettings
from storage.database import Away, Database, DatabaseError
from storage.desk import Desk
from storage.key_register import keys_meanwhile, open_keys
from storage.key_sources import KeyCommand, KeyFile, KeyPair, KeySources, KeyToken, Source
from storage.keys import Keys, KeysError, SealsOnly
from storage.leftovers import Recovered, finish_left, recover_leftovers
from storage.media import MediaStore
from storage.redaction import Redaction
from storage.replay import Replayed, is_behind, replay
from storage.sealed import MediaError
from storage.sweep import SweepResult, Told, erase_now, sweep
from transcription.stored import redacted_words, silences

SAMPLE_BYTES = 2
ADMIT_S = (1.0, 2.0, 5.0)
"""Between looks whether an archive that was away at the start is there; the last one is repeated."""

log = logging.getLogger(__name__)


@dataclass
class Archive:
    """Storage, opened: what the gateway and the commands share.

    `settings` are those in force; a reload puts others in their place (`gateway.reloading`). Who holds an
    archive asks it for `desk`, `tags` and sweeps each time, and so works by what is in force.
    """

    settings: Settings
    keys: Keys
    database: Database
    store: MediaStore

    @classmethod
    def open(cls, settings: Settings, replay_first: bool = True) -> Archive:
        """Open keys, database (migrating it) and media store; each error says what to do.

        A restored database is brought in line with the erasure ledger first: no command reads what was
        erased (R-61). `replay_first` false is for who calls `replay` next.
        """
        settings.storage.folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        _require_key(settings)
        database = Database(settings.database_url)
        try:
            store = store_of(settings)
            _require_rows(database, store)
            keys = open_keys(database, key_sources(settings), _now())
            opened = cls(settings, keys, database, store)
            if replay_first and is_behind(opened.database, opened.store):
                opened.replay(_now())
        except BaseException:
            database.close()
            raise
        return opened

    @classmethod
    def shut(cls, settings: Settings) -> Archive:
        """Keys and media store while the database is away: reads and writes fail until `admit`."""
        keys, store = keys_meanwhile(key_sources(settings)), store_of(settings)
        return cls(settings, keys, Database(settings.database_url, False, admitted=False), store)

    async def admit(
        self, now: Callable[[], datetime], take_name: Callable[[], None] = lambda: None
    ) -> Recovered:
        """Try until the database can be used; make good what `open` and `recover` do, then let others use it.

        `take_name` comes before anything that was left under this gateway's name is touched.

        Until then nothing is stored of any call and nothing is read, so what a killed gateway left is not
        taken for a call that is up, and what a restored backup brought back is not read (R-61).
        """
        told = ""
        for pause_s in itertools.chain(ADMIT_S, itertools.repeat(ADMIT_S[-1])):
            await asyncio.sleep(pause_s)
            try:
                await asyncio.to_thread(take_name)
                found = await asyncio.to_thread(self._make_good, now())
            except (DatabaseError, MediaError) as error:
                if str(error) != told:
                    told = str(error)
                    log.error(
                        "the archive is away; nothing is recorded until it is there", extra={"why": told}
                    )
            else:
                self.database.admit()
                return found
        raise AssertionError("unreachable")

    def _make_good(self, now: datetime) -> Recovered:
        opened = Archive.open(self.settings)  # with connections of its own: those of calls are shut
        try:
            found = opened.recover(now)
            self.keys.become(opened.keys)  # whoever holds them has the right ones from now on
            return found
        finally:
            opened.close()

    @property
    def tags(self) -> Tags:
        """Who answers for what is kept here, who holds it, and where."""
        storage = self.settings.storage
        return Tags(self.settings.controller, storage.processor or "self", storage.region)

    @property
    def desk(self) -> Desk:
        """Where people make things happen to what is kept, and the gate through which they read."""
        return Desk(
            self.database,
            self.store,
            self.keys,
            self.settings.policy,
            self.tags,
            self.settings.reuse,
            Redaction(redacted_words, silences),
        )

    def sweep(self, now: datetime, dry_run: bool = False, on_erased: Told | None = None) -> SweepResult:
        """Erase what is due at `now`; `on_erased` is told of each instead of the result."""
        return sweep(self.database, self.store, now, self.settings.policy, dry_run, on_erased)

    def sweep_own(self, now: datetime) -> SweepResult:
        """Remove the files that this gateway has of what another one began to erase, and certify it."""
        begun = self.database.read_sync(lambda s: held.to_erase(s, self.store.instance))
        return erase_now(self.database, self.store, begun, now, self.settings.policy)

    def replay(self, now: datetime) -> Replayed:
        """Erase again what was erased before a backup was restored (R-61)."""
        again = replay(self.database, self.store, now, self.settings.policy)
        if again.erased or again.files_removed or again.failed:
            log.warning(
                "a backup was restored; what had been erased since is erased again",
                extra={
                    "artifacts": len(again.erased),
                    "files": again.files_removed,
                    "failed": len(again.failed),
                },
            )
        if again.torn_lines:
            log.warning("lines of the erasure ledger cannot be read", extra={"lines": again.torn_lines})
        return again

    def recover(self, now: datetime) -> Recovered:
        """Erase again what a restored backup brought back; complete what a killed gateway left.

        That is: spools, tails in memory, open calls. On a server's database those of this gateway alone, as
        others may be up; an SQLite file has one gateway, whatever it was called before.
        """
        self.replay(now)
        memory = self.settings.storage.memory_folder

        def tail(artifact_id: str, frames: int) -> bytes:
            files = LegFiles(memory / artifact_id, already_read_bytes=frames * SAMPLE_BYTES)
            try:
                return StereoEraser().take(files.take(last=True), last=True)
            finally:
                files.close()

        instance = None if self.database.is_sqlite else self.store.instance
        self.database.write_sync(lambda s: jobs.take_over(s, now, instance))
        found = recover_leftovers(
            self.database, self.store, self.keys, now, self.settings.policy, tail, instance
        )
        if found.left:
            log.warning(
                "recordings were left for a node that can open them", extra={"recordings": len(found.left)}
            )
        for folder in sorted(memory.glob("*")) if memory.is_dir() else ():
            if folder.name not in found.failed:
                known = {*found.sealed, *found.abandoned, *found.left}
                if folder.name not in known and stray_audio_bytes(folder):
                    log.error("audio of no recording was found in memory and removed")
                shutil.rmtree(folder, ignore_errors=True)
        return found

    def finish_left(self, now: datetime) -> Recovered:
        """Complete what a node left that could not open its spools; `SealsOnly` where this one cannot."""
        if not self.keys.opens:
            raise SealsOnly
        return finish_left(self.database, self.store, self.keys, now, self.settings.policy)

    def records(self, transcribes: bool) -> StoredRecords:
        """What calls write down, by the settings in force: a call keeps them to its end."""
        settings = self.settings
        return StoredRecords(
            self.database, self.store, self.keys, settings.policy, self.tags, transcribes=transcribes
        )

    def catch_up(self, how: Transcribing | None) -> CatchUp:
        """Who transcribes what was left; does nothing while nothing is transcribed here."""
        return CatchUp(self.database, self.store, self.keys, self.settings.policy, self.tags, how)

    def close(self) -> None:
        """Let go of the database."""
        self.database.close()


def _require_key(settings: Settings) -> None:
    """Refuse to make a new key for an old archive: nothing in it could be read with it.

    `storage.keys.KeysError` when the key file is missing and there is an archive.
    """
    folder = settings.storage.folder
    signs = [folder / ledger.FILE_NAME, *folder.glob("media/*"), *folder.glob("spool/*")]
    if settings.database_url.startswith("sqlite:///"):
        signs.append(Path(settings.database_url.removeprefix("sqlite:///")))
    elsewhere = settings.storage.key.command or settings.storage.key.pkcs11
    if not elsewhere and not settings.key_file.exists() and any(sign.exists() for sign in signs):
        raise KeysError(
            f"the key file {settings.key_file} is missing, and there is an archive in {folder}: restore "
            "the key file's backup (without it nothing recorded can be read); to begin anew, move the "
            "archive away"
        )


def _require_rows(database: Database, store: MediaStore) -> None:
    """Refuse an empty database beside what a full one told of: its recordings would be taken for strays.

    Raises `Away`: the right database may be put back while the gateway runs. Asked before anything is
    written into it.
    """
    left = any(store.ids()) or (store.folder / ledger.FILE_NAME).exists()
    if left and not database.read_sync(audit_log.count):
        raise Away(
            f"the database is empty, and there are recordings or erasures in {store.folder}: restore the "
            "database's backup, or name the right database in `storage.database`; to begin anew, move "
            "the folder away"
        )


def key_sources(settings: Settings) -> KeySources:
    """Where the keys of this node come from."""
    key = settings.storage.key
    own: Source = KeyFile(settings.key_file)
    if key.command:
        own = KeyCommand(key.command, key.command_timeout_s)
    elif key.pkcs11:
        own = _token(key.pkcs11)
    return KeySources(
        own,
        tuple(_other(each, key.command_timeout_s) for each in key.others),
        key.public_key,
        key.private_key,
    )


def _other(other: OtherKeySection, timeout_s: float) -> Source:
    if other.pkcs11:
        return _token(other.pkcs11)
    if other.command:
        return KeyCommand(other.command, timeout_s)
    if other.private_key:
        return KeyPair(other.private_key)
    assert other.key_file is not None, "checked with the settings"
    return KeyFile(other.key_file)


def _token(token: TokenSection) -> KeyToken:
    def pin() -> str:
        try:
            return secret(token.pin)
        except NoSecret as error:
            raise KeysError(str(error)) from None

    return KeyToken(token.module, token.token, token.key, pin)


def store_of(settings: Settings) -> MediaStore:
    """The media store that the settings name."""
    return MediaStore(settings.storage.folder, bucket(settings), settings.storage.instance)


def bucket(settings: Settings) -> Bucket | None:
    """The bucket for sealed files; None: they stay in the folder. `NoSecret` when a credential is gone."""
    media, told = settings.storage.media, settings.storage.bucket
    if media == "folder":
        return None
    name, _, prefix = media.removeprefix("s3://").partition("/")
    return Bucket(
        BucketSettings(
            bucket=name,
            prefix=prefix,
            endpoint=told.endpoint or "",
            region=told.region,
            access_key=secret(told.access_key) if told.access_key else "",
            secret_key=secret(told.secret_key) if told.secret_key else "",
            keeps_versions=told.versions == "expire",
        )
    )


def agreed(settings: Settings) -> str:
    """A hash of what all gateways on one database must have alike: 16 hex characters."""
    file = settings.file.model_dump(mode="json", include={"policy", "compliance"})
    told = {**file, "region": settings.storage.region, "media": settings.storage.media}
    told["hooks"] = sorted(hook.url for hook in settings.web.webhooks)
    return hashlib.sha256(json.dumps(told, sort_keys=True).encode()).hexdigest()[:16]


def _now() -> datetime:
    return datetime.now(timezone.utc)
