"""Where key encryption keys come from: a file, a command, a PKCS#11 token, files of a key pair.

A key file lies alone or beside those it replaced:

    kek                     the one that is in use
    kek.0123456789abcdef    one before it, named by its id: opens what it wrapped
    kek.next                one that is about to be put in use (`storage.rotation`)

Nothing that a command prints, no PIN and no key is ever logged or part of an error.
"""

from __future__ import annotations

import base64
import binascii
import contextlib
import os
import re
import selectors
import signal
import stat
import subprocess
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

from storage.sealed import sync_folder
from storage.wrapping import KEY_BYTES, KeysError, PrivateKey, RecipientKey, SecretKey, Wrapper

NEXT = ".next"
_FORMER = re.compile(r"[0-9a-f]{16}")
_MOST_OUTPUT = 4096  # bytes of a command
_MOST_PEM = 65536


@dataclass(frozen=True)
class KeyFile:
    """32 bytes in a file that only its owner may read."""

    path: Path


@dataclass(frozen=True)
class KeyCommand:
    """A program that prints the key: 32 bytes, or in hex or Base64; of a secret manager, say."""

    argv: tuple[str, ...]
    timeout_s: float = 10.0


@dataclass(frozen=True)
class KeyToken:
    """An AES key in a PKCS#11 token, by the token's and the key's label."""

    module: Path
    token: str
    label: str
    pin: Callable[[], str] = field(repr=False)


@dataclass(frozen=True)
class KeyPair:
    """The private key of a pair, in a PEM file."""

    path: Path


Source = KeyFile | KeyCommand | KeyToken | KeyPair


@dataclass(frozen=True)
class KeySources:
    """All that a node is given: its own key, others that open, and whom it seals for.

    `own` guards what the node itself needs (pseudonyms, signatures) and, without a key pair, wraps data keys.
    With the public key of one data keys are sealed for it; a node that has the `private` key opens them too.
    """

    own: Source
    others: tuple[Source, ...] = ()
    public: Path | None = None
    private: Path | None = None


def open_source(source: Source) -> list[Wrapper]:
    """The key of a source, and with a file those before it; `KeysError` says what to do."""
    if isinstance(source, KeyFile):
        return [*(SecretKey(read_secret(path)) for path in (source.path, *former_files(source.path)))]
    if isinstance(source, KeyCommand):
        return [SecretKey(_printed(source), "command")]
    if isinstance(source, KeyToken):
        from storage.token_keys import TokenKey  # the library is needed by those alone who have a token

        return [TokenKey(source)]
    return [PrivateKey.from_pem(_pem(source.path, private=True))]


def open_pair(sources: KeySources) -> tuple[RecipientKey | None, PrivateKey | None]:
    """Whom the node seals for, and its private key if it has that; `KeysError` says what to do."""
    private = None if sources.private is None else PrivateKey.from_pem(_pem(sources.private, private=True))
    public = None if sources.public is None else RecipientKey.from_pem(_pem(sources.public, private=False))
    if private is not None and public is not None and private.key_id != public.key_id:
        raise KeysError(
            "storage.key.public_key is not the public key of storage.key.private_key; "
            "name those of one pair, and the one before under storage.key.others"
        )
    return public or (None if private is None else private.public()), private


# --- files ----------------------------------------------------------------------------------------


def former_files(path: Path) -> list[Path]:
    """The files of the keys that the one in `path` replaced."""
    beside = path.parent.glob(f"{path.name}.*") if path.parent.is_dir() else ()
    return sorted(each for each in beside if _FORMER.fullmatch(each.name.removeprefix(f"{path.name}.")))


def former_file(path: Path, key_id: str) -> Path:
    """Where the file of a key is once another has taken its place."""
    return path.with_name(f"{path.name}.{key_id}")


@contextlib.contextmanager
def _usable(path: Path) -> Iterator[None]:
    """What the system refuses to do with a file, as a `KeysError`."""
    try:
        yield
    except OSError as error:
        raise KeysError(
            f"the key file {path} cannot be used ({os.strerror(error.errno or 0)}); "
            "give the service user access to it"
        ) from error


def _require_private(path: Path, mode: int) -> None:
    if mode & 0o077:
        raise KeysError(
            f"others may read the key file (mode {stat.S_IMODE(mode):04o}); run: chmod 600 {path}"
        )


def read_secret(path: Path) -> bytes:
    """The 32 bytes of a key file; `KeysError` for a wrong size and for a file that others may read."""
    with _usable(path):
        try:
            mode = path.stat().st_mode
        except FileNotFoundError as error:
            raise KeysError(
                f"the key file {path} is missing; restore its backup "
                "(without it nothing recorded can be read)"
            ) from error
        if not stat.S_ISREG(mode):
            raise KeysError("the key file is not a regular file; name another one in `storage.key_file`")
        _require_private(path, mode)
        secret = path.read_bytes()
    if len(secret) != KEY_BYTES:
        raise KeysError(
            f"the key file {path} has {len(secret)} bytes instead of {KEY_BYTES}; restore its backup "
            "(without it nothing recorded can be read; remove it only if there are no recordings)"
        )
    return secret


def create_file(path: Path, content: bytes | None = None) -> None:
    """A file of its owner's with a fresh key (or `content`): whole or not at all, and never over another.

    Should another process have made it meanwhile, that one stays. Raises `KeysError`.
    """
    with _usable(path):
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        temporary = path.with_name(f".{path.name}.{os.getpid()}")
        fd = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, 0o600)
        try:
            os.write(fd, os.urandom(KEY_BYTES) if content is None else content)
            os.fsync(fd)
        finally:
            os.close(fd)
        try:
            with contextlib.suppress(FileExistsError):
                path.hardlink_to(temporary)
        finally:
            temporary.unlink()
        sync_folder(path.parent)


def replace_file(path: Path) -> None:
    """Put a fresh key in the place of the one in `path`, which stays beside it under its id.

    Killed at any line and called again it completes what was begun: at every moment `path` holds one of the
    two, and from the moment it holds the new one the old one is beside it. Raises `KeysError`.
    """
    before, fresh = SecretKey(read_secret(path)), path.with_name(path.name + NEXT)
    create_file(fresh)
    read_secret(fresh)
    with _usable(path):
        with contextlib.suppress(FileExistsError):
            former_file(path, before.key_id.hex()).hardlink_to(path)
        sync_folder(path.parent)
        fresh.rename(path)
        sync_folder(path.parent)


def _pem(path: Path, private: bool) -> bytes:
    with _usable(path):
        if private:
            _require_private(path, path.stat().st_mode)
        with path.open("rb") as file:
            return file.read(_MOST_PEM)


# --- commands -------------------------------------------------------------------------------------


def _printed(source: KeyCommand) -> bytes:
    """What a command prints, as a key; what it says on standard error is not looked at."""
    try:
        process = subprocess.Popen(
            source.argv,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            start_new_session=True,  # what it starts ends with it
        )
    except OSError as error:
        raise KeysError(
            f"the command of storage.key.command cannot be run ({os.strerror(error.errno or 0)})"
        ) from error
    with process:
        printed = _read(process, time.monotonic() + source.timeout_s)
        status = None
        if printed is not None and len(printed) <= _MOST_OUTPUT:
            with contextlib.suppress(subprocess.TimeoutExpired):
                status = process.wait(source.timeout_s)
        if status is None:  # it is there still, so its number is nobody else's
            with contextlib.suppress(ProcessLookupError, PermissionError):
                os.killpg(process.pid, signal.SIGKILL)
            printed = printed and printed[_MOST_OUTPUT:]  # too much is no key, all else took too long
    if not printed and status is None:
        raise KeysError(
            f"the command of storage.key.command took longer than {source.timeout_s:g} s; "
            "run it by hand as the service user"
        )
    if status:
        raise KeysError(
            f"the command of storage.key.command ended with status {status}; "
            "run it by hand as the service user"
        )
    return _secret(printed or b"")


def _read(process: subprocess.Popen[bytes], until: float) -> bytes | None:
    """Standard output to its end, or one byte more than may be; None when that took too long."""
    assert process.stdout is not None
    found = b""
    with selectors.DefaultSelector() as selector:
        selector.register(process.stdout, selectors.EVENT_READ)
        while len(found) <= _MOST_OUTPUT:
            left = until - time.monotonic()
            if left <= 0 or not selector.select(left):
                return None
            piece = os.read(process.stdout.fileno(), _MOST_OUTPUT)
            if not piece:
                break
            found += piece
    return found


def _secret(printed: bytes) -> bytes:
    """32 bytes as they are, or written in hex or Base64 with white space around it."""
    if len(printed) == KEY_BYTES:
        return printed
    text = printed.strip()
    with contextlib.suppress(ValueError):
        if len(text) == 2 * KEY_BYTES:
            return bytes.fromhex(text.decode("ascii"))
    with contextlib.suppress(ValueError, binascii.Error):
        decoded = base64.b64decode(text, validate=True)
        if len(decoded) == KEY_BYTES:
            return decoded
    raise KeysError(
        f"the command of storage.key.command did not print a key: {KEY_BYTES} bytes, "
        "or those in hex or Base64"
    )
