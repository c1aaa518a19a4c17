"""Sealed files: numbered AES-256-GCM chunks that can be read at any place and not be cut short.

Promises:
1. Every chunk is bound to its file's header, its number and to being the last one or not, so
   swapping, dropping, truncating or mixing chunks of two files is found (`MediaError`).
2. No plaintext reaches the disk: a chunk is sealed before it is written.

Layout: a 32-byte header (magic, version, chunk size, artifact id), then chunks of
`nonce (12) + ciphertext + tag (16)`. Every chunk but the last holds `CHUNK_BYTES` of plaintext.
"""

from __future__ import annotations

import errno
import io
import os
import struct
import uuid
from pathlib import Path
from typing import Any, Protocol

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

CHUNK_BYTES = 64 * 1024
NONCE_BYTES = 12
TAG_BYTES = 16

_MAGIC = b"T1SEALED"
_VERSION = 1
_HEADER = struct.Struct(">8sBxxxI16s")


class MediaError(Exception):
    """Audio could not be written or read. The message says what to do."""


def explain(error: OSError, doing: str) -> MediaError:
    """An OS error as a `MediaError` an operator can act on; carries no path."""
    if error.errno in (errno.ENOSPC, errno.EDQUOT, errno.EFBIG):
        return MediaError(f"{doing}: no space left for audio; free space on the data volume")
    if error.errno in (errno.EACCES, errno.EPERM, errno.EROFS):
        return MediaError(f"{doing}: the data folder cannot be written; give the service user access to it")
    if error.errno == errno.ENOENT:
        return MediaError(f"{doing}: the file is not there")
    return MediaError(f"{doing}: {os.strerror(error.errno or 0)}")


def sync_folder(folder: Path) -> None:
    """Make creations, renames and removals in `folder` survive a power cut."""
    fd = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(fd)
    finally:
        os.close(fd)


def write_all(fd: int, piece: bytes) -> None:
    """`os.write` until everything is written."""
    view = memoryview(piece)
    while view:
        view = view[os.write(fd, view) :]


class SealedWriter:
    """A write-only file object that seals what is written; `close()` makes it complete and durable.

    Only the first chunk may be written again (a FLAC encoder completes its header last): it is kept
    in memory until `close()`. After a failure everything is taken and dropped; the failure is in `error`
    and raised by `close()`, because the encoder calls `write` from C, where an exception would be lost.
    """

    def __init__(self, path: Path, artifact_id: str, key: bytes) -> None:
        self.error: MediaError | None = None
        self._gcm = AESGCM(key)
        self._header = _HEADER.pack(_MAGIC, _VERSION, CHUNK_BYTES, uuid.UUID(artifact_id).bytes)
        self._first = bytearray()
        self._chunk = bytearray()  # the chunk that is being filled
        self._index = 0
        self._position = 0
        self._length = 0
        try:
            self._fd = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
            try:
                write_all(self._fd, self._header)
            except OSError:
                os.close(self._fd)
                raise
        except OSError as error:
            raise explain(error, "sealing a recording") from error

    def write(self, piece: Any) -> int:
        """Append, or overwrite within the first chunk."""
        data = bytes(piece)
        if self.error is None:
            try:
                self._take(data)
            except OSError as error:
                self.error = explain(error, "sealing a recording")
            except MediaError as error:
                self.error = error
        return len(data)

    def _take(self, data: bytes) -> None:
        if self._position < self._length:
            end = self._position + len(data)
            if end > min(self._length, CHUNK_BYTES):
                raise MediaError("sealing a recording: the encoder wrote back beyond the first chunk")
            target = self._chunk if self._index == 0 else self._first
            target[self._position : end] = data
            self._position = end
            return
        self._position += len(data)
        self._length += len(data)
        while data:
            if len(self._chunk) == CHUNK_BYTES:
                self._put_chunk(last=False)
            room = CHUNK_BYTES - len(self._chunk)
            self._chunk += data[:room]
            data = data[room:]

    def _put_chunk(self, last: bool) -> None:
        if self._index == 0 and not last:
            self._first = self._chunk
        else:
            self._write_at(self._index, bytes(self._chunk), last)
        self._chunk = bytearray()
        self._index += 1

    def _write_at(self, index: int, plain: bytes, last: bool) -> None:
        nonce = os.urandom(NONCE_BYTES)
        sealed = nonce + self._gcm.encrypt(nonce, plain, _bound(self._header, index, last))
        os.lseek(self._fd, _offset(index), os.SEEK_SET)
        write_all(self._fd, sealed)

    def seek(self, offset: int, whence: int = os.SEEK_SET) -> int:
        """Move the place of the next write."""
        base = {os.SEEK_SET: 0, os.SEEK_CUR: self._position, os.SEEK_END: self._length}[whence]
        self._position = base + offset
        return self._position

    def tell(self) -> int:
        """The place of the next write."""
        return self._position

    def read(self, size: int = -1) -> bytes:
        """Part of the file protocol the encoder asks for; it reads nothing back."""
        return b""

    def discard(self) -> None:
        """Let go of the unfinished file; of one that is closed, nothing."""
        if self._fd >= 0:
            os.close(self._fd)
            self._fd = -1

    def close(self) -> None:
        """Seal what is left, fsync, close. Raises the first failure."""
        try:
            if self.error is None:
                self._put_chunk(last=True)
                if self._index > 1:
                    self._write_at(0, bytes(self._first), last=False)
                os.fsync(self._fd)
        except OSError as error:
            self.error = explain(error, "sealing a recording")
        finally:
            self.discard()
        if self.error is not None:
            raise self.error


class Source(Protocol):
    """Sealed bytes that can be read at any place; each method but `close` may raise `MediaError`."""

    size: int

    def read_at(self, offset: int, length: int) -> bytes:
        """So many bytes from there, fewer at the end."""

    def close(self) -> None:
        """Let go of it."""


class LocalFile:
    """A file of this machine as a `Source`."""

    def __init__(self, path: Path) -> None:
        try:
            self._fd = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
            self.size = os.fstat(self._fd).st_size
        except OSError as error:
            raise explain(error, "reading a recording") from error

    def read_at(self, offset: int, length: int) -> bytes:
        """See `Source`."""
        try:
            return os.pread(self._fd, length, offset)
        except OSError as error:
            raise explain(error, "reading a recording") from error

    def close(self) -> None:
        """See `Source`."""
        os.close(self._fd)


class SealedReader(io.RawIOBase):
    """A readable, seekable file object over a sealed file; decrypts only the chunks that are asked for.

    Opening checks header, key and the last chunk, so a wrong key or a file cut short fails at once.
    """

    def __init__(self, source: Path | Source, artifact_id: str, key: bytes) -> None:
        super().__init__()
        self._gcm = AESGCM(key)
        self._position = 0
        self._cached: tuple[int, bytes] = (-1, b"")
        self._source: Source = LocalFile(source) if isinstance(source, Path) else source
        try:
            self._header = self._source.read_at(0, _HEADER.size)
            self._check_header(artifact_id)
            body = self._source.size - _HEADER.size
            whole = CHUNK_BYTES + NONCE_BYTES + TAG_BYTES
            self._chunks = max(1, -(-body // whole))
            self.length = (self._chunks - 1) * CHUNK_BYTES + len(self._chunk(self._chunks - 1))
        except BaseException:
            self._source.close()
            raise

    def _check_header(self, artifact_id: str) -> None:
        if len(self._header) < _HEADER.size or not self._header.startswith(_MAGIC):
            raise MediaError("this is not a sealed recording, or it is cut short; restore it from a backup")
        _, version, chunk_bytes, owner = _HEADER.unpack(self._header)
        if version != _VERSION or chunk_bytes != CHUNK_BYTES:
            raise MediaError(f"sealed format version {version} is not known; use the program that wrote it")
        if owner != uuid.UUID(artifact_id).bytes:
            raise MediaError("the sealed file belongs to another artifact; restore the right one")

    def _chunk(self, index: int) -> bytes:
        if self._cached[0] == index:
            return self._cached[1]
        sealed = self._source.read_at(_offset(index), CHUNK_BYTES + NONCE_BYTES + TAG_BYTES)
        nonce, body = sealed[:NONCE_BYTES], sealed[NONCE_BYTES:]
        if len(body) < TAG_BYTES:
            raise MediaError("the sealed file is cut short; restore it from a backup")
        try:
            plain = self._gcm.decrypt(nonce, body, _bound(self._header, index, index == self._chunks - 1))
        except InvalidTag as error:
            raise MediaError("the key is wrong, or the sealed file was cut short or altered") from error
        self._cached = (index, plain)
        return plain

    def readable(self) -> bool:
        """Always."""
        return True

    def seekable(self) -> bool:
        """Always."""
        return True

    def tell(self) -> int:
        """The place of the next read, in plaintext bytes."""
        return self._position

    def seek(self, offset: int, whence: int = os.SEEK_SET) -> int:
        """Move the place of the next read."""
        base = {os.SEEK_SET: 0, os.SEEK_CUR: self._position, os.SEEK_END: self.length}[whence]
        self._position = max(0, base + offset)
        return self._position

    def readinto(self, buffer: Any) -> int:
        """Fill `buffer`; 0 at the end."""
        view = memoryview(buffer).cast("B")
        done = 0
        while done < len(view) and self._position < self.length:
            index, start = divmod(self._position, CHUNK_BYTES)
            piece = self._chunk(index)[start : start + len(view) - done]
            view[done : done + len(piece)] = piece
            done += len(piece)
            self._position += len(piece)
        return done

    def close(self) -> None:
        """Let go of the file and of the decrypted chunk."""
        if not self.closed:
            self._cached = (-1, b"")
            self._source.close()
        super().close()


def seal_bytes(key: bytes, label: str, plain: bytes) -> bytes:
    """A small blob sealed under a data key; `label` says what it is and must be given to open it."""
    nonce = os.urandom(NONCE_BYTES)
    return nonce + AESGCM(key).encrypt(nonce, plain, label.encode())


def open_bytes(key: bytes, label: str, sealed: bytes) -> bytes:
    """The inverse of `seal_bytes`; `MediaError` for a wrong key, label or altered blob."""
    try:
        return AESGCM(key).decrypt(sealed[:NONCE_BYTES], sealed[NONCE_BYTES:], label.encode())
    except (InvalidTag, ValueError) as error:
        raise MediaError("the key is wrong, or the sealed bytes were altered") from error


def _offset(index: int) -> int:
    return _HEADER.size + index * (CHUNK_BYTES + NONCE_BYTES + TAG_BYTES)


def _bound(header: bytes, index: int, last: bool) -> bytes:
    return header + struct.pack(">QB", index, last)
