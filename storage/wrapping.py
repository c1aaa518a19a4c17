"""Key encryption keys: each wraps data keys, and opens what it wrapped.

    secret       32 bytes in memory, from a file or a command: AES-256-GCM
    token        a key that stays in a PKCS#11 token: AES-256-GCM in there (`storage.token_keys`)
    recipient    a public key (X25519): seals and cannot open, HPKE (RFC 9180) in base mode
    private      the private key to it: seals and opens

What is wrapped begins with a byte for how, and eight bytes that name the key and say nothing about it:

    1  id (8)  nonce (12)  ciphertext  tag (16)     secret, token
    2  id (8)  encapsulated key (32)  ciphertext  tag (16)     recipient, private
    4  the same as 2: words, not a data key
"""

from __future__ import annotations

import hashlib
import os
from typing import Protocol

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey, X25519PublicKey
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hpke import AEAD, KDF, KEM, Suite
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from storage.sealed import NONCE_BYTES, TAG_BYTES, MediaError

KEY_BYTES = 32
ID_BYTES = 8
PREFIX_BYTES = 1 + ID_BYTES
SECRET, PUBLIC, PUBLIC_WORDS = b"\x01", b"\x02", b"\x04"
WRAPPED_BYTES = PREFIX_BYTES + NONCE_BYTES + KEY_BYTES + TAG_BYTES
"""Length of a data key that a secret or a token wrapped."""
SEALED_BYTES = PREFIX_BYTES + 32 + KEY_BYTES + TAG_BYTES
"""Length of a data key that was wrapped to a public key."""

_SUITE = Suite(KEM.X25519, KDF.HKDF_SHA256, AEAD.AES_256_GCM)


class KeysError(MediaError):
    """A key, or what it wrapped, is not usable. The message says what to do."""


class SealsOnly(KeysError):
    """This node has the public key only: it seals, and another one opens."""

    def __init__(self) -> None:
        why = "this node can only seal: open it on a node that has the private key (storage.key.private_key)"
        super().__init__(why)


class Wrapper(Protocol):
    """One key encryption key. Thread-safe."""

    key_id: bytes
    """Names the key (8 bytes), wherever it is."""
    kind: str
    """Where it is kept: file, command, pkcs11, public, private."""
    prefix: bytes
    """How everything begins that it wrapped."""

    def wrap(self, label: str, data_key: bytes) -> bytes:
        """The data key, for storing; it opens for that label only. `KeysError`: the key is out of reach."""

    def unwrap(self, label: str, wrapped: bytes) -> bytes:
        """The data key. `KeysError` for what was altered or has another label; `SealsOnly`."""


class SecretKey:
    """A key encryption key in memory; `secret` is also what other keys may be derived from."""

    def __init__(self, secret: bytes, kind: str = "file") -> None:
        if len(secret) != KEY_BYTES:
            raise KeysError(f"a key encryption key has {KEY_BYTES} bytes, this one has {len(secret)}")
        self.secret = secret
        self.kind = kind
        self.key_id = derive(secret, b"tast1 key id")[:ID_BYTES]
        self.prefix = SECRET + self.key_id
        self._gcm = AESGCM(derive(secret, b"tast1 key encryption"))

    def wrap(self, label: str, data_key: bytes) -> bytes:
        """See `Wrapper`."""
        nonce = os.urandom(NONCE_BYTES)
        return self.prefix + nonce + self._gcm.encrypt(nonce, data_key, bound(label))

    def unwrap(self, label: str, wrapped: bytes) -> bytes:
        """See `Wrapper`."""
        nonce, sealed = split(self.prefix, wrapped)
        try:
            return self._gcm.decrypt(nonce, sealed, bound(label))
        except (InvalidTag, ValueError) as error:
            raise altered() from error


class RecipientKey:
    """A public key: whoever has it can seal for the one with the private key, and not open it again."""

    kind = "public"

    def __init__(self, public: X25519PublicKey) -> None:
        self._public = public
        named = hashlib.sha256(b"tast1 recipient" + public.public_bytes_raw())
        self.key_id = named.digest()[:ID_BYTES]
        self.prefix = PUBLIC + self.key_id
        self.words_prefix = PUBLIC_WORDS + self.key_id

    @classmethod
    def from_pem(cls, pem: bytes) -> RecipientKey:
        """Of a SubjectPublicKeyInfo (RFC 8410), as `openssl pkey -pubout` writes it; `KeysError`."""
        try:
            public = serialization.load_pem_public_key(pem)
        except (ValueError, TypeError):
            public = None
        if not isinstance(public, X25519PublicKey):
            raise KeysError(
                "that is no public key of the kind X25519 in PEM; make a pair with `tast1 keys pair`"
            )
        return cls(public)

    def wrap(self, label: str, data_key: bytes) -> bytes:
        """See `Wrapper`."""
        return self.prefix + _SUITE.encrypt(data_key, self._public, info=bound(label))

    def unwrap(self, label: str, wrapped: bytes) -> bytes:
        """See `Wrapper`; raises `SealsOnly`."""
        raise SealsOnly

    def seal_words(self, label: str, words: bytes) -> bytes:
        """Words rather than a key, sealed for the one with the private key."""
        return self.words_prefix + _SUITE.encrypt(words, self._public, info=bound(label))

    def open_words(self, label: str, sealed: bytes) -> bytes:
        """The inverse of `seal_words`; raises `SealsOnly` here."""
        raise SealsOnly


class PrivateKey(RecipientKey):
    """The private key to what was sealed."""

    kind = "private"

    def __init__(self, private: X25519PrivateKey) -> None:
        super().__init__(private.public_key())
        self._private = private

    @classmethod
    def from_pem(cls, pem: bytes) -> PrivateKey:
        """Of a PKCS #8 file without a password (RFC 8410), as `openssl genpkey` writes it; `KeysError`."""
        try:
            private = serialization.load_pem_private_key(pem, password=None)
        except (ValueError, TypeError):
            private = None
        if not isinstance(private, X25519PrivateKey):
            raise KeysError(
                "that is no private key of the kind X25519 in PEM without a password; "
                "make a pair with `tast1 keys pair`"
            )
        return cls(private)

    def public(self) -> RecipientKey:
        """The public key to it."""
        return RecipientKey(self._private.public_key())

    def unwrap(self, label: str, wrapped: bytes) -> bytes:
        """See `Wrapper`."""
        return self._open(label, wrapped[PREFIX_BYTES:])

    def open_words(self, label: str, sealed: bytes) -> bytes:
        """The inverse of `seal_words`; `KeysError` for another label or altered bytes."""
        return self._open(label, sealed[PREFIX_BYTES:])

    def _open(self, label: str, sealed: bytes) -> bytes:
        try:
            return _SUITE.decrypt(sealed, self._private, info=bound(label))
        except (InvalidTag, ValueError) as error:
            raise altered() from error


def new_pair() -> tuple[bytes, bytes]:
    """A fresh private key (PKCS #8) and its public key (SubjectPublicKeyInfo), both PEM (RFC 8410)."""
    private = X25519PrivateKey.generate()
    encoding, plain = serialization.Encoding.PEM, serialization.NoEncryption()
    return (
        private.private_bytes(encoding, serialization.PrivateFormat.PKCS8, plain),
        private.public_key().public_bytes(encoding, serialization.PublicFormat.SubjectPublicKeyInfo),
    )


def derive(secret: bytes, purpose: bytes) -> bytes:
    """A key of 32 bytes for one purpose (HKDF-SHA-256, RFC 5869)."""
    return HKDF(algorithm=hashes.SHA256(), length=KEY_BYTES, salt=None, info=purpose).derive(secret)


def bound(label: str) -> bytes:
    """What is authenticated with a wrapped key: whose it is."""
    return b"tast1 data key " + label.encode()


def split(prefix: bytes, wrapped: bytes) -> tuple[bytes, bytes]:
    """Nonce, and ciphertext with tag; `KeysError` when another key wrapped it."""
    if not wrapped.startswith(prefix):
        raise unknown(wrapped)
    return wrapped[PREFIX_BYTES : PREFIX_BYTES + NONCE_BYTES], wrapped[PREFIX_BYTES + NONCE_BYTES :]


def altered() -> KeysError:
    """The error for what does not open with the key it names."""
    return KeysError("the wrapped data key was altered or belongs to another artifact")


def unknown(wrapped: bytes) -> KeysError:
    """The error for what another key wrapped."""
    return KeysError(
        f"another key wrapped this data key ({named(wrapped)}); restore the key file it was made with, "
        "or name that key in storage.key"
    )


def named(wrapped: bytes) -> str:
    """The id of the key that wrapped something, 16 hex characters."""
    return wrapped[1:PREFIX_BYTES].hex()
