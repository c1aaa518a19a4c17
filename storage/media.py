"""The media store: a spool while a call is recorded, one sealed FLAC file afterwards, a folder of both.

Promises:
1. Audio is sealed before it is written, in the spool and in the final file; encoding happens in memory.
2. `finish` may be killed at any line and called again: temp file, fsync, rename, fsync of the folder,
   read back, and only then is the spool removed.
3. File names are artifact ids: they say nothing about a person.

    <folder>/spool/<id>.t1s      while it is recorded
    <folder>/media/ab/<id>.t1    afterwards (ab: the first two characters of the id)

With a bucket the sealed file goes there (`storage.uploads`); until it has, the folder is where it is, and
what is in the folder is what is still to go. So a bucket that is away costs nothing and holds up no call.
"""

from __future__ import annotations

import hashlib
import itertools
import logging
from collections.abc import Callable, Generator, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import IO, cast

import numpy as np
import numpy.typing as npt
import soundfile

from storage.bucket import Bucket, BucketFile
from storage.ids import shard
from storage.sealed import (
    MediaError,
    SealedReader,
    SealedWriter,
    explain,
    open_bytes,
    seal_bytes,
    sync_folder,
)
from storage.spool import Spool, SpoolReader

PEAK_MS = 50
MEDIA = "media"

log = logging.getLogger(__name__)


class NothingRecorded(MediaError):
    """There is no audio for that artifact: neither a sealed file nor a sample in a spool."""


@dataclass(frozen=True)
class SealedFacts:
    """What is known of a recording once it is sealed."""

    media_name: str  # relative to the media folder
    sha256: str  # of the FLAC plaintext, hex
    flac_bytes: int  # size of the FLAC plaintext
    frames: int  # samples per channel
    sample_rate_hz: int
    channels: int
    peaks: bytes  # see `peaks_of`, sealed under the data key

    @property
    def duration_ms(self) -> int:
        """Length in milliseconds, rounded down."""
        return self.frames * 1000 // self.sample_rate_hz


@dataclass(frozen=True)
class SealedFile:
    """A sealed file that is no recording (a package)."""

    media_name: str  # relative to the media folder
    sha256: str  # of the plaintext, hex
    content_bytes: int  # of the plaintext


class _Forwards:
    """What a writer of archives may do with a sealed file: append. It keeps length and hash."""

    def __init__(self, sealed: SealedWriter) -> None:
        self._sealed = sealed
        self.digest = hashlib.sha256()
        self.length = 0

    def write(self, piece: bytes) -> int:
        """Append; a failure is raised here, because nothing in between is written in C."""
        written = self._sealed.write(piece)
        if self._sealed.error is not None:
            raise self._sealed.error
        self.digest.update(piece)
        self.length += written
        return written

    def flush(self) -> None:
        """Nothing is held back."""


class MediaStore:
    """Sealed audio in a folder, or in a bucket too. Thread-safe: every call opens its own files.

    `instance` is the gateway whose folder it is.
    """

    def __init__(self, folder: Path, bucket: Bucket | None = None, instance: str = "gateway") -> None:
        self.folder = folder
        self.bucket = bucket
        self.instance = instance
        self._spool = folder / "spool"
        self._media = folder / MEDIA
        try:
            for each in (self._spool, self._media):
                each.mkdir(mode=0o700, parents=True, exist_ok=True)
        except OSError as error:
            raise explain(error, "opening the media store") from error

    def spool_path(self, artifact_id: str) -> Path:
        """Where the spool of a recording is while it is made."""
        return self._spool / f"{artifact_id}.t1s"

    def media_path(self, artifact_id: str) -> Path:
        """Where the sealed file of a recording is."""
        return self._media / media_name(artifact_id)

    def create_spool(
        self, artifact_id: str, key: bytes, sample_rate_hz: int = 8000, channels: int = 2
    ) -> Spool:
        """Begin a recording."""
        return Spool.create(self.spool_path(artifact_id), artifact_id, key, sample_rate_hz, channels)

    def resume_spool(self, artifact_id: str, key: bytes) -> Spool:
        """Take up the spool of a killed process; `NothingRecorded` when there is none."""
        path = self.spool_path(artifact_id)
        if not path.exists():
            raise NothingRecorded("no spool was left of that recording")
        return Spool.resume(path, artifact_id, key)

    def finish(self, artifact_id: str, key: bytes) -> SealedFacts:
        """Turn the closed spool into the sealed FLAC file and remove the spool.

        Safe to call again after a kill. `NothingRecorded` when not one sample was captured;
        `MediaError` when the disk is full (the spool stays, call again later).
        """
        spool, final = self.spool_path(artifact_id), self.media_path(artifact_id)
        if spool.exists():
            self._seal(spool, final, artifact_id, key)
        elif not final.exists():
            raise NothingRecorded("no audio was captured for that recording")
        facts = self._read_back(artifact_id, key)
        folders: set[Path] = set()
        self._unlink(spool, folders)
        self.sync(folders)
        return facts

    def _seal(self, spool: Path, final: Path, artifact_id: str, key: bytes) -> None:
        reader = SpoolReader(spool, artifact_id, key)
        pieces = iter(reader)
        first = next(pieces, None)
        if first is None:
            raise NothingRecorded("no audio was captured for that recording")
        temporary = final.with_suffix(".tmp")
        try:
            final.parent.mkdir(mode=0o700, exist_ok=True)
            sync_folder(self._media)
            temporary.unlink(missing_ok=True)
            writer = SealedWriter(temporary, artifact_id, key)
            try:
                _encode(writer, reader, first, pieces)
                temporary.rename(final)
                sync_folder(final.parent)
            except BaseException:
                temporary.unlink(missing_ok=True)
                raise
        except OSError as error:
            raise explain(error, "sealing a recording") from error
        if reader.torn_bytes:
            log.warning("a torn tail of a spool was dropped", extra={"torn_bytes": reader.torn_bytes})

    def _read_back(self, artifact_id: str, key: bytes) -> SealedFacts:
        digest = hashlib.sha256()
        with self.open(artifact_id, key) as reader:
            while piece := reader.read(256 * 1024):
                digest.update(piece)
            reader.seek(0)
            with soundfile.SoundFile(reader) as flac:
                peaks = peaks_of(flac.blocks(flac.samplerate, dtype="int16", always_2d=True), flac.samplerate)
                return SealedFacts(
                    media_name=media_name(artifact_id),
                    sha256=digest.hexdigest(),
                    flac_bytes=reader.length,
                    frames=flac.frames,
                    sample_rate_hz=flac.samplerate,
                    channels=flac.channels,
                    peaks=seal_bytes(key, f"peaks:{artifact_id}", peaks),
                )

    def open(self, artifact_id: str, key: bytes) -> SealedReader:
        """The FLAC of a sealed recording as a seekable file object, decrypted as it is read.

        Whoever calls has asked the policy first (`storage.readings`): a key is only given out there.
        """
        path = self.media_path(artifact_id)
        if self.bucket is None or path.exists():
            try:
                return SealedReader(path, artifact_id, key)
            except MediaError:
                if self.bucket is None or path.exists():
                    raise  # else it has just gone into the bucket
        return SealedReader(BucketFile(self.bucket, object_name(artifact_id)), artifact_id, key)

    def has_sealed(self, artifact_id: str) -> bool:
        """Whether the sealed file is here or in the bucket; `MediaError` when the bucket does not answer."""
        if self.media_path(artifact_id).exists():
            return True
        return self.bucket is not None and self.bucket.size(object_name(artifact_id)) is not None

    def sound(
        self,
        artifact_id: str,
        key: bytes,
        channel: int,
        start_s: float,
        end_s: float,
        piece_s: float = 1.0,
    ) -> Generator[bytes, None, None]:
        """One channel of a sealed recording, from `start_s` to `end_s`, as 16-bit PCM in pieces.

        `MediaError` when the file is damaged or gone.
        """
        with self.open(artifact_id, key) as reader:
            try:
                with soundfile.SoundFile(reader) as flac:
                    rate_hz = flac.samplerate
                    last = min(flac.frames, round(end_s * rate_hz))
                    at = flac.seek(min(flac.frames, round(start_s * rate_hz)))
                    while at < last:
                        frames = min(round(piece_s * rate_hz), last - at)
                        samples = flac.read(frames, dtype="int16", always_2d=True)
                        if not len(samples):
                            raise MediaError("the recording is shorter than it says")
                        at += len(samples)
                        yield samples[:, channel].astype("<i2").tobytes()
            except soundfile.SoundFileError as error:
                raise MediaError("the recording cannot be decoded") from error

    def put(self, artifact_id: str, key: bytes, write: Callable[[IO[bytes]], None]) -> SealedFile:
        """Seal what `write` writes, forwards only, as the file of an artifact; whole or not at all."""
        final = self.media_path(artifact_id)
        temporary = final.with_suffix(".tmp")
        try:
            final.parent.mkdir(mode=0o700, exist_ok=True)
            sync_folder(self._media)
            temporary.unlink(missing_ok=True)
            sealed = SealedWriter(temporary, artifact_id, key)
            told = _Forwards(sealed)
            try:
                write(cast("IO[bytes]", told))
                sealed.close()
                temporary.rename(final)
                sync_folder(final.parent)
            except BaseException:
                sealed.discard()
                temporary.unlink(missing_ok=True)
                raise
        except OSError as error:
            raise explain(error, "sealing a file") from error
        return SealedFile(media_name(artifact_id), told.digest.hexdigest(), told.length)

    def remove(
        self, artifact_id: str, unsynced: set[Path] | None = None, in_bucket: bool = True
    ) -> list[str]:
        """Remove all files of an artifact; returns what was there. Safe to repeat; raises `MediaError`.

        With `unsynced`, who removes many: their folders are put there, and a crash of the machine can bring
        the files back until `sync` was told of them. `in_bucket` false: what never left this machine.
        """
        folders: set[Path] = set()
        removed = [place for place, path in self._places(artifact_id).items() if self._unlink(path, folders)]
        if in_bucket and self.bucket is not None and self.bucket.remove(object_name(artifact_id)):
            removed.append("bucket")
        if unsynced is None:
            self.sync(folders)
        else:
            unsynced |= folders
        return removed

    def sync(self, folders: set[Path]) -> None:
        """See to it that what was removed from these folders stays removed; raises `MediaError`."""
        try:
            for folder in sorted(folders):
                if folder.exists():
                    sync_folder(folder)
        except OSError as error:
            raise explain(error, "removing a recording") from error

    def places(self, artifact_id: str, in_bucket: bool = True) -> list[str]:
        """Where there are files of an artifact; raises `MediaError` when the bucket does not answer."""
        found = [place for place, path in self._places(artifact_id).items() if path.exists()]
        if in_bucket and self.bucket is not None and self.bucket.size(object_name(artifact_id)) is not None:
            found.append("bucket")
        return found

    def _places(self, artifact_id: str) -> dict[str, Path]:
        final = self.media_path(artifact_id)
        return {
            "media": final,
            "temporary": final.with_suffix(".tmp"),
            "spool": self.spool_path(artifact_id),
        }

    def _unlink(self, path: Path, folders: set[Path]) -> bool:
        folders.add(path.parent)
        try:
            path.unlink()
        except FileNotFoundError:
            return False
        except OSError as error:
            raise explain(error, "removing a recording") from error
        return True

    def ids(self) -> Iterator[str]:
        """The artifact ids of all files in the folder, in no order, perhaps twice."""
        for pattern in ("spool/*.t1s", "media/*/*.t1", "media/*/*.tmp"):
            for path in self.folder.glob(pattern):
                yield path.stem

    def ids_in_bucket(self) -> Iterator[str]:
        """Those of the files in the bucket; none without one. `MediaError` when it does not answer."""
        for name in self.bucket.names() if self.bucket is not None else ():
            if name.startswith(f"{MEDIA}/"):
                yield Path(name).stem

    def sealed(self) -> Iterator[Path]:
        """The sealed files in the folder; with a bucket, those that are still to go there."""
        yield from self._media.glob("*/*.t1")


def media_name(artifact_id: str) -> str:
    """The name of a sealed file, relative to the media folder."""
    return f"{shard(artifact_id)}/{artifact_id}.t1"


def object_name(artifact_id: str) -> str:
    """The name of a sealed file in the bucket."""
    return f"{MEDIA}/{media_name(artifact_id)}"


def open_peaks(artifact_id: str, key: bytes, sealed: bytes) -> bytes:
    """The peaks of a recording as `peaks_of` made them."""
    return open_bytes(key, f"peaks:{artifact_id}", sealed)


def peaks_of(blocks: Iterator[npt.NDArray[np.int16]], sample_rate_hz: int) -> bytes:
    """A waveform: for every 50 ms and channel the least and greatest sample, as two int8 (>> 8)."""
    window = sample_rate_hz * PEAK_MS // 1000
    out: list[bytes] = []
    rest: npt.NDArray[np.int16] | None = None
    for block in blocks:
        joined = block if rest is None else np.concatenate([rest, block])
        whole = len(joined) - len(joined) % window
        if whole:
            out.append(_extremes(joined[:whole].reshape(-1, window, joined.shape[1])))
        rest = joined[whole:].copy()
    if rest is not None and len(rest):
        out.append(_extremes(rest[np.newaxis]))
    return b"".join(out)


def _extremes(windows: npt.NDArray[np.int16]) -> bytes:
    both = np.stack([windows.min(axis=1), windows.max(axis=1)], axis=-1)
    return (both >> 8).astype(np.int8).tobytes()


def _encode(writer: SealedWriter, reader: SpoolReader, first: bytes, rest: Iterator[bytes]) -> None:
    form = reader.format
    try:
        with soundfile.SoundFile(
            writer, "w", form.sample_rate_hz, form.channels, subtype="PCM_16", format="FLAC"
        ) as flac:
            for piece in itertools.chain((first,), rest):
                flac.write(np.frombuffer(piece, "<i2").reshape(-1, form.channels))
                if writer.error is not None:
                    break
    except soundfile.LibsndfileError as error:
        writer.discard()
        raise MediaError("the recording could not be encoded; look at the spool") from error
    except BaseException:
        writer.discard()
        raise
    writer.close()
