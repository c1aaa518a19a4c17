"""Keys: one key encryption key in a file, one wrapped data key for every artifact.

Destroying an artifact's wrapped data key makes every copy of its audio unreadable, wherever it is
(crypto-erasure). Other keys the gateway needs are derived, so there is one file to guard and to back up
apart from the data.
"""

from __future__ import annotations

import contextlib
import hashlib
import hmac
import os
import re
import stat
from pathlib import Path

from cryptography.exceptions import InvalidSignature, InvalidTag
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from storage.sealed import open_bytes, seal_bytes, sync_folder

KEY_BYTES = 32
_NONCE_BYTES = 12
_SPELLED = re.compile(r"[0-9a-f]+")
_ID_BYTES = 8
_VERSION = b"\x01"
_TAG_BYTES = 16
WRAPPED_BYTES = 1 + _ID_BYTES + _NONCE_BYTES + KEY_BYTES + _TAG_BYTES
"""Length of a wrapped data key."""


class KeysError(Exception):
    """The key file or a wrapped key is not usable. The message says what to do."""


class Keys:
    """The key encryption key in memory, and what is derived from it."""

    def __init__(self, secret: bytes) -> None:
        if len(secret) != KEY_BYTES:
            raise KeysError(f"a key encryption key has {KEY_BYTES} bytes, this one has {len(secret)}")
        self._kek = AESGCM(_derive(secret, b"tast1 key encryption"))
        self._pseudonym_key = _derive(secret, b"tast1 pseudonyms")
        self._words_key = _derive(secret, b"tast1 words")
        self.key_id = _derive(secret, b"tast1 key id")[:_ID_BYTES]
        """Says which key wrapped something, without saying anything about the key."""
        self.edge_key = _derive(secret, b"tast1 edge")
        """For the SIP edge's own stateless marks (32 bytes)."""
        self._signer = Ed25519PrivateKey.from_private_bytes(_derive(secret, b"tast1 signing"))
        self.public_key = self._signer.public_key().public_bytes_raw().hex()
        """For checking signatures (Ed25519, 64 hex characters); not secret."""

    @classmethod
    def open(cls, path: Path) -> Keys:
        """The key in `path`, created on first use (32 random bytes, mode 0600).

        Raises `KeysError` for a wrong size, for a file others may read, and when it cannot be made.
        """
        try:
            if not path.exists():
                _create(path)
            mode = path.stat().st_mode
            if not stat.S_ISREG(mode):
                raise KeysError("the key file is not a regular file; name another one in `storage.key_file`")
            if mode & 0o077:
                raise KeysError(
                    f"others may read the key file (mode {stat.S_IMODE(mode):04o}); run: chmod 600 {path}"
                )
            secret = path.read_bytes()
        except OSError as error:
            raise KeysError(
                f"the key file {path} cannot be used ({os.strerror(error.errno or 0)}); "
                "give the service user access to it"
            ) from error
        if len(secret) != KEY_BYTES:
            raise KeysError(
                f"the key file {path} has {len(secret)} bytes instead of {KEY_BYTES}; restore its backup "
                "(without it nothing recorded can be read; remove it only if there are no recordings)"
            )
        return cls(secret)

    @property
    def wrapped_prefix(self) -> bytes:
        """How every data key begins that this key wrapped."""
        return _VERSION + self.key_id

    def wrap(self, artifact_id: str, data_key: bytes) -> bytes:
        """The data key, sealed for storing; bound to its artifact."""
        nonce = os.urandom(_NONCE_BYTES)
        sealed = self._kek.encrypt(nonce, data_key, _bound(artifact_id))
        return self.wrapped_prefix + nonce + sealed

    def unwrap(self, artifact_id: str, wrapped: bytes) -> bytes:
        """The data key; `KeysError` when another key wrapped it or it belongs to another artifact."""
        start = 1 + _ID_BYTES
        if wrapped[:1] != _VERSION or wrapped[1:start] != self.key_id:
            raise KeysError("another key file wrapped this data key; restore the one it was made with")
        nonce, sealed = wrapped[start : start + _NONCE_BYTES], wrapped[start + _NONCE_BYTES :]
        try:
            return self._kek.decrypt(nonce, sealed, _bound(artifact_id))
        except InvalidTag as error:
            raise KeysError("the wrapped data key was altered or belongs to another artifact") from error

    def pseudonym(self, value: str) -> str:
        """A keyed hash (HMAC-SHA-256, 32 hex characters): the same value gives the same pseudonym."""
        return hmac.new(self._pseudonym_key, value.encode(), hashlib.sha256).hexdigest()[:32]

    def seal_words(self, label: str, words: str) -> bytes:
        """Words about no artifact and no case, sealed; `label` says whose they are."""
        return seal_bytes(self._words_key, label, words.encode())

    def open_words(self, label: str, sealed: bytes) -> str:
        """The inverse of `seal_words`; `storage.sealed.MediaError` for another label or altered bytes."""
        return open_bytes(self._words_key, label, sealed).decode()

    def sign(self, purpose: str, message: str) -> str:
        """An Ed25519 signature (RFC 8032; 128 hex characters) that fits that purpose and message only."""
        return self._signer.sign(_to_sign(purpose, message)).hex()


def is_signed(public_key: str, purpose: str, message: str, signature: str) -> bool:
    """Whether the owner of `public_key` signed that message for that purpose."""
    if not (_SPELLED.fullmatch(public_key) and _SPELLED.fullmatch(signature)):
        return False  # one spelling, so that no byte of it can be changed unnoticed
    try:
        signer = Ed25519PublicKey.from_public_bytes(bytes.fromhex(public_key))
        signer.verify(bytes.fromhex(signature), _to_sign(purpose, message))
    except (ValueError, InvalidSignature):
        return False
    return True


def new_data_key() -> bytes:
    """A fresh key for one artifact."""
    return os.urandom(KEY_BYTES)


def _create(path: Path) -> None:
    """Write whole or not at all, and never over a key that another process made meanwhile."""
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    temporary = path.with_name(f".{path.name}.{os.getpid()}")
    fd = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
    try:
        os.write(fd, os.urandom(KEY_BYTES))
        os.fsync(fd)
    finally:
        os.close(fd)
    try:
        with contextlib.suppress(FileExistsError):
            path.hardlink_to(temporary)
    finally:
        temporary.unlink()
    sync_folder(path.parent)


def _derive(secret: bytes, purpose: bytes) -> bytes:
    return HKDF(algorithm=hashes.SHA256(), length=KEY_BYTES, salt=None, info=purpose).derive(secret)


def _to_sign(purpose: str, message: str) -> bytes:
    return f"tast1 {purpose}\n{message}".encode()


def _bound(artifact_id: str) -> bytes:
    return b"tast1 data key " + artifact_id.encode()
