"""The spool: sealed PCM appended while a call is recorded, so that a kill costs a moment, not a call.

Promises:
1. Every record is sealed before it is written; there is no plaintext on disk.
2. A record that was written whole survives a kill of the process; one covered by `sync()` survives a
   power cut. A torn tail is dropped when reading, never an error.
3. A failed append leaves the file as it was before, so later appends can succeed.

Layout: a 32-byte header, then records of `length (4) + nonce (12) + ciphertext + tag (16)`.
"""

from __future__ import annotations

import contextlib
import os
import struct
import uuid
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from storage.sealed import NONCE_BYTES, TAG_BYTES, MediaError, explain, sync_folder, write_all

SAMPLE_BYTES = 2

_MAGIC = b"T1SPOOL1"
_VERSION = 1
_HEADER = struct.Struct(">8sBBxxI16s")
_LENGTH = struct.Struct(">I")
_MOST_PLAIN = 64 * 1024  # bytes of PCM in one record
_MOST_CHANNELS = 2


@dataclass(frozen=True)
class SpoolFormat:
    """What the samples are: 16-bit little-endian, channels interleaved."""

    sample_rate_hz: int = 8000
    channels: int = 2

    @property
    def frame_bytes(self) -> int:
        """Bytes of one sample of every channel."""
        return self.channels * SAMPLE_BYTES


class Spool:
    """A recording that is being made. One writer; `close()` when no more comes."""

    def __init__(self, fd: int, header: bytes, key: bytes, index: int, end: int, frames: int) -> None:
        self._fd = fd
        self._header = header
        self._gcm = AESGCM(key)
        self._index = index
        self._end = end
        self.format = _format_of(header)
        self.frames = frames
        """How many frames (one sample of every channel) are in the spool."""

    @classmethod
    def create(
        cls, path: Path, artifact_id: str, key: bytes, sample_rate_hz: int = 8000, channels: int = 2
    ) -> Spool:
        """A new, empty spool (mode 0600); `MediaError` when there is one already or no space."""
        header = _HEADER.pack(_MAGIC, _VERSION, channels, sample_rate_hz, uuid.UUID(artifact_id).bytes)
        try:
            fd = os.open(path, os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
            try:
                write_all(fd, header)
                sync_folder(path.parent)
            except OSError:
                os.close(fd)
                path.unlink()
                raise
        except OSError as error:
            raise explain(error, "starting a recording") from error
        return cls(fd, header, key, index=0, end=len(header), frames=0)

    @classmethod
    def resume(cls, path: Path, artifact_id: str, key: bytes) -> Spool:
        """The spool a killed process left, its torn tail cut off, ready for more."""
        reader = SpoolReader(path, artifact_id, key)
        frames = sum(len(piece) for piece in reader) // reader.format.frame_bytes
        try:
            fd = os.open(path, os.O_RDWR | os.O_CLOEXEC)
            if os.fstat(fd).st_size < _HEADER.size:
                os.pwrite(fd, reader.header, 0)
            os.ftruncate(fd, reader.end)
        except OSError as error:
            raise explain(error, "taking up a recording again") from error
        return cls(fd, reader.header, key, reader.records, reader.end, frames)

    def append(self, pcm: bytes) -> None:
        """Seal and append interleaved int16 samples; `MediaError` when they cannot be written.

        Not durable against a power cut before `sync()`. Give at most half a second at a time.
        """
        if len(pcm) % self.format.frame_bytes:
            raise ValueError("a piece of audio must hold whole frames")
        step = _MOST_PLAIN - _MOST_PLAIN % self.format.frame_bytes
        for start in range(0, len(pcm), step):
            self._put(pcm[start : start + step])

    def _put(self, plain: bytes) -> None:
        nonce = os.urandom(NONCE_BYTES)
        body = nonce + self._gcm.encrypt(nonce, plain, _bound(self._header, self._index))
        record = _LENGTH.pack(len(body)) + body
        try:
            os.lseek(self._fd, self._end, os.SEEK_SET)
            write_all(self._fd, record)
        except OSError as error:
            with contextlib.suppress(OSError):
                os.ftruncate(self._fd, self._end)
            raise explain(error, "recording") from error
        self._index += 1
        self._end += len(record)
        self.frames += len(plain) // self.format.frame_bytes

    def sync(self) -> None:
        """Make everything appended so far survive a power cut."""
        try:
            os.fdatasync(self._fd)
        except OSError as error:
            raise explain(error, "recording") from error

    def close(self) -> None:
        """Make everything durable and let go of the file."""
        if self._fd >= 0:
            fd, self._fd = self._fd, -1
            try:
                os.fdatasync(fd)
            except OSError as error:
                raise explain(error, "recording") from error
            finally:
                os.close(fd)

    def __enter__(self) -> Spool:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


class SpoolReader:
    """Iterates over the pieces of PCM in a spool, up to the first record that is torn.

    After the iteration `end` is the byte after the last whole record, `records` their number and
    `torn_bytes` what was left over.
    """

    def __init__(self, path: Path, artifact_id: str, key: bytes) -> None:
        self._path = path
        self._gcm = AESGCM(key)
        self.records = 0
        self.end = _HEADER.size
        self.torn_bytes = 0
        try:
            with path.open("rb") as file:
                self.header = file.read(_HEADER.size)
        except OSError as error:
            raise explain(error, "reading a spool") from error
        if len(self.header) < _HEADER.size:
            # Killed between creating the file and writing its header: nothing was recorded.
            self.header = _HEADER.pack(_MAGIC, _VERSION, 2, 8000, uuid.UUID(artifact_id).bytes)
        magic, version, channels, rate_hz, owner = _HEADER.unpack(self.header)
        if magic != _MAGIC or version != _VERSION or owner != uuid.UUID(artifact_id).bytes:
            raise MediaError("this is not the spool of that recording; put back the right file")
        if not 1 <= channels <= _MOST_CHANNELS or not rate_hz:
            raise MediaError("the header of the spool was altered; put back the right file")
        self.format = _format_of(self.header)

    def __iter__(self) -> Iterator[bytes]:
        self.records, self.end = 0, _HEADER.size
        try:
            with self._path.open("rb") as file:
                size = os.fstat(file.fileno()).st_size
                file.seek(_HEADER.size)
                while (plain := self._next(file.read)) is not None:
                    yield plain
        except OSError as error:
            raise explain(error, "reading a spool") from error
        self.torn_bytes = max(0, size - self.end)
        if self.records == 0 and self.torn_bytes > _MOST_PLAIN + 64:
            # A first record that does not open, with more behind it, is not a torn tail.
            raise MediaError("the spool does not open with this key; use the key file it was written with")

    def _next(self, read: Callable[[int], bytes]) -> bytes | None:
        prefix = read(_LENGTH.size)
        if len(prefix) < _LENGTH.size:
            return None
        (length,) = _LENGTH.unpack(prefix)
        if not NONCE_BYTES + TAG_BYTES < length <= _MOST_PLAIN + NONCE_BYTES + TAG_BYTES:
            return None
        body = read(length)
        if len(body) < length:
            return None
        try:
            bound = _bound(self.header, self.records)
            plain = self._gcm.decrypt(body[:NONCE_BYTES], body[NONCE_BYTES:], bound)
        except InvalidTag:
            return None
        self.records += 1
        self.end += _LENGTH.size + length
        return plain


def _format_of(header: bytes) -> SpoolFormat:
    _, _, channels, sample_rate_hz, _ = _HEADER.unpack(header)
    return SpoolFormat(sample_rate_hz, channels)


def _bound(header: bytes, index: int) -> bytes:
    return header + struct.pack(">Q", index)
