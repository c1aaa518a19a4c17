"""Keys: what a node holds to seal and to open, and what it needs beside for names and signatures.

Destroying an artifact's wrapped data key makes every copy of its audio unreadable, wherever it is
(crypto-erasure). Data keys are wrapped by key encryption keys (`storage.wrapping`), which can be replaced.
What names people and vouches for records cannot: pseudonyms stay the same, signatures go on fitting. So these
are keys of their own (`Purposes`), kept wrapped like data keys (`storage.custody`).
"""

from __future__ import annotations

import contextlib
import hashlib
import hmac
import os
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

from storage.key_sources import create_file, read_secret
from storage.sealed import MediaError, open_bytes, seal_bytes
from storage.wrapping import (
    ID_BYTES,
    KEY_BYTES,
    PREFIX_BYTES,
    PUBLIC_WORDS,
    KeysError,
    RecipientKey,
    SealsOnly,
    SecretKey,
    Wrapper,
    derive,
    unknown,
)

__all__ = ["KEY_BYTES", "Keys", "KeysError", "Purposes", "Ring", "SealsOnly", "is_signed", "new_data_key"]

_WORDS = b"\x03"
_SPELLED = re.compile(r"[0-9a-f]+")


@dataclass(frozen=True)
class Purposes:
    """Keys (32 bytes each) for what outlives a key encryption key. `words` may grow; the last one is used."""

    pseudonym: bytes = field(repr=False)
    edge: bytes = field(repr=False)
    signing: bytes = field(repr=False)
    words: tuple[bytes, ...] = field(repr=False)

    @classmethod
    def derived(cls, secret: bytes) -> Purposes:
        """Those that belong to a key file from its first day."""
        names = ("pseudonyms", "edge", "signing", "words")
        pseudonym, edge, signing, words = (derive(secret, f"tast1 {name}".encode()) for name in names)
        return cls(pseudonym, edge, signing, (words,))

    @classmethod
    def drawn(cls) -> Purposes:
        """Fresh ones."""
        return cls.derived(os.urandom(KEY_BYTES))


@dataclass(frozen=True)
class Ring:
    """The key encryption keys that a node has at hand: its own, those that open, whom it seals for."""

    own: Wrapper
    others: tuple[Wrapper, ...] = ()
    recipient: RecipientKey | None = None

    @property
    def target(self) -> Wrapper:
        """The one that wraps new data keys."""
        return self.recipient or self.own

    def everyone(self) -> tuple[Wrapper, ...]:
        """All of them; what opens comes before what only seals."""
        last = () if self.recipient is None else (self.recipient,)
        return (self.own, *self.others, *last)

    def find(self, wrapped: bytes) -> Wrapper | None:
        """The key that wrapped something; None when it is not at hand."""
        return next((each for each in self.everyone() if wrapped.startswith(each.prefix)), None)


class Keys:
    """What a node seals and opens with. Thread-safe; `renew` puts other keys in place of those before."""

    def __init__(
        self,
        secret: bytes | Ring,
        purposes: Purposes | None = None,
        reopen: Callable[[], Ring] | None = None,
    ) -> None:
        """Of one secret (32 bytes), or of a ring with the purposes that go with it; `KeysError`."""
        ring = secret if isinstance(secret, Ring) else Ring(SecretKey(secret))
        if purposes is None:
            assert isinstance(ring.own, SecretKey), (
                "a key that shows nobody its bytes needs purposes beside it"
            )
            purposes = Purposes.derived(ring.own.secret)
        self._reopen = reopen
        self._pseudonym_key = purposes.pseudonym
        self.edge_key = purposes.edge
        """For the SIP edge's own stateless marks (32 bytes)."""
        self._signer = Ed25519PrivateKey.from_private_bytes(purposes.signing)
        self.public_key = self._signer.public_key().public_bytes_raw().hex()
        """For checking signatures (Ed25519, 64 hex characters); not secret."""
        self.renew(ring, purposes.words)

    @classmethod
    def open(cls, path: Path) -> Keys:
        """The key in `path`, created on first use (32 random bytes, mode 0600), and nothing else.

        Raises `KeysError` for a wrong size, for a file others may read, and when it cannot be made.
        """
        if not path.exists():
            create_file(path)
        return cls(read_secret(path))

    # --- data keys ----------------------------------------------------------------------------------

    @property
    def ring(self) -> Ring:
        """The key encryption keys at hand."""
        return self._ring

    @property
    def key_id(self) -> bytes:
        """Says which key wraps, without saying anything about the key."""
        return self._ring.target.key_id

    @property
    def wrapped_prefix(self) -> bytes:
        """How every data key begins that is wrapped now."""
        return self._ring.target.prefix

    def wrap(self, label: str, data_key: bytes) -> bytes:
        """The data key, wrapped for storing; bound to whom it belongs to. `KeysError`."""
        return self._ring.target.wrap(label, data_key)

    def unwrap(self, label: str, wrapped: bytes) -> bytes:
        """The data key. `KeysError` when another key wrapped it or it belongs to another; `SealsOnly`."""
        wrapper = self._ring.find(wrapped)
        if wrapper is None:
            raise unknown(wrapped)
        return wrapper.unwrap(label, wrapped)

    def knows(self, wrapped: bytes) -> bool:
        """Whether the key that wrapped something is at hand."""
        return self._ring.find(wrapped) is not None

    @property
    def opens(self) -> bool:
        """Whether what is wrapped now can be opened here: not on a node that only seals."""
        return self._ring.find(self._ring.target.prefix) is not self._ring.recipient

    def reopen(self) -> Ring:
        """The ring as its files are now; `KeysError`."""
        return self._ring if self._reopen is None else self._reopen()

    def renew(self, ring: Ring, words: Sequence[bytes]) -> None:
        """Take these from now on."""
        self._words = {_WORDS + derive(key, b"tast1 words id")[:ID_BYTES]: key for key in words}
        self._ring = ring

    def become(self, other: Keys) -> None:
        """Be those keys from now on, for whoever holds these."""
        self.__dict__.update(other.__dict__)

    # --- words --------------------------------------------------------------------------------------

    @property
    def words_prefix(self) -> bytes:
        """How all words begin that are sealed now."""
        recipient = self._ring.recipient
        return next(reversed(self._words)) if recipient is None else recipient.words_prefix

    def seal_words(self, label: str, words: str) -> bytes:
        """Words about no artifact and no case, sealed; `label` says whose they are."""
        if self._ring.recipient is not None:
            return self._ring.recipient.seal_words(label, words.encode())
        prefix = self.words_prefix
        return prefix + seal_bytes(self._words[prefix], label, words.encode())

    def open_words(self, label: str, sealed: bytes) -> str:
        """The inverse of `seal_words`; `storage.sealed.MediaError` for another label or altered bytes."""
        prefix, body = sealed[:PREFIX_BYTES], sealed[PREFIX_BYTES:]
        if prefix in self._words:
            return open_bytes(self._words[prefix], label, body).decode()
        for each in self._ring.everyone():
            if isinstance(each, RecipientKey) and prefix == each.words_prefix:
                return each.open_words(label, sealed).decode()
        return self._open_unnamed(label, sealed)

    def _open_unnamed(self, label: str, sealed: bytes) -> str:
        """Words that were sealed before words named their key: under the first key there was."""
        first, *others = self._words.values()
        for key in others:
            with contextlib.suppress(MediaError):
                return open_bytes(key, label, sealed).decode()
        return open_bytes(first, label, sealed).decode()

    def knows_words(self, sealed: bytes) -> bool:
        """Whether the key of these words is at hand, as far as they name one."""
        prefix = sealed[:PREFIX_BYTES]
        of_ring = {each.words_prefix for each in self._ring.everyone() if isinstance(each, RecipientKey)}
        return prefix[:1] not in (_WORDS, PUBLIC_WORDS) or prefix in self._words or prefix in of_ring

    # --- names and signatures -----------------------------------------------------------------------

    def pseudonym(self, value: str) -> str:
        """A keyed hash (HMAC-SHA-256, 32 hex characters): the same value gives the same pseudonym."""
        return hmac.new(self._pseudonym_key, value.encode(), hashlib.sha256).hexdigest()[:32]

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


def _to_sign(purpose: str, message: str) -> bytes:
    return f"tast1 {purpose}\n{message}".encode()
