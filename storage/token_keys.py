"""A key encryption key in a PKCS#11 token (an HSM, SoftHSM): it wraps and opens in there and never leaves it.

The token wraps each data key rather than one key that would then lie in memory: whoever reads the memory of
the gateway, or steals its disk and its database, has the data keys of what is in use just then, and none
without the token. It costs one operation of the token for each recording that begins and for each that is
opened, and none while sound is written or read.

Mechanism: CKM_AES_GCM (PKCS#11 v2.40, section 2.11) with a nonce of ours and 128 bits of tag, so that what is
wrapped has the form of `storage.wrapping`, bound to its label. The key's id is a hash of what it makes of
nothing under a nonce of its own, so that a copy of the key in another token has the same.
"""

from __future__ import annotations

import contextlib
import hashlib
import os
import threading
from typing import TYPE_CHECKING, Any

from storage.sealed import NONCE_BYTES
from storage.wrapping import ID_BYTES, SECRET, KeysError, altered, bound, split

if TYPE_CHECKING:
    from storage.key_sources import KeyToken

_FIXED_NONCE = bytes(NONCE_BYTES)  # for the id alone; a drawn one is this with a chance of 2^-96


class TokenKey:
    """See `storage.wrapping.Wrapper`."""

    kind = "pkcs11"

    def __init__(self, source: KeyToken) -> None:
        """`KeysError` when library, token or key is not there, or the PIN is wrong."""
        self._source = source
        self._lock = threading.Lock()  # a session takes one operation at a time (PKCS#11 v2.40, 2.6)
        self._key: Any = None
        shown = self._encrypt(_FIXED_NONCE, b"", b"tast1 key id")
        self.key_id = hashlib.sha256(b"tast1 key id" + shown).digest()[:ID_BYTES]
        self.prefix = SECRET + self.key_id

    def wrap(self, label: str, data_key: bytes) -> bytes:
        """See `Wrapper`."""
        nonce = os.urandom(NONCE_BYTES)
        return self.prefix + nonce + self._encrypt(nonce, data_key, bound(label))

    def unwrap(self, label: str, wrapped: bytes) -> bytes:
        """See `Wrapper`."""
        import pkcs11

        nonce, sealed = split(self.prefix, wrapped)
        try:
            return self._do("decrypt", nonce, sealed, bound(label))
        except (pkcs11.EncryptedDataInvalid, pkcs11.EncryptedDataLenRange) as error:
            raise altered() from error
        except KeysError as error:
            # Some tokens name a wrong tag no better than any other failure.
            self._encrypt(_FIXED_NONCE, b"", b"tast1 key id")
            raise altered() from error

    def _encrypt(self, nonce: bytes, plain: bytes, aad: bytes) -> bytes:
        return self._do("encrypt", nonce, plain, aad)

    def _do(self, what: str, nonce: bytes, data: bytes, aad: bytes) -> bytes:
        """One operation; a session that the token has ended meanwhile is opened again, once."""
        import pkcs11
        from pkcs11 import GCMParams, Mechanism

        with self._lock:
            for attempt in (1, 2):
                try:
                    if self._key is None:
                        self._key = _open(self._source)
                    done = getattr(self._key, what)(
                        data, mechanism=Mechanism.AES_GCM, mechanism_param=GCMParams(nonce, aad, 128)
                    )
                    return bytes(done)
                except (pkcs11.EncryptedDataInvalid, pkcs11.EncryptedDataLenRange):
                    raise
                except pkcs11.PKCS11Error as error:
                    self._let_go()
                    if attempt == 2:
                        raise _failed(error) from error
        raise AssertionError("unreachable")

    def _let_go(self) -> None:
        import pkcs11

        key, self._key = self._key, None
        if key is not None:
            with contextlib.suppress(pkcs11.PKCS11Error):
                key.session.close()


def _open(source: KeyToken) -> Any:
    """A session's handle of the key."""
    import pkcs11
    from pkcs11 import KeyType, ObjectClass

    try:
        library = pkcs11.lib(str(source.module))
    except (RuntimeError, pkcs11.PKCS11Error) as error:
        raise KeysError(
            f"the PKCS#11 library {source.module} cannot be loaded; put its path in storage.key.pkcs11.module"
        ) from error
    try:
        token = library.get_token(token_label=source.token)
        try:
            session = token.open(user_pin=source.pin())
        except pkcs11.UserAlreadyLoggedIn:  # by another session of this process, and so all are (2.40, 5.6)
            session = token.open()
        return session.get_key(object_class=ObjectClass.SECRET_KEY, key_type=KeyType.AES, label=source.label)
    except pkcs11.NoSuchToken as error:
        raise KeysError("no PKCS#11 token has the label of storage.key.pkcs11.token") from error
    except (pkcs11.NoSuchKey, pkcs11.MultipleObjectsReturned) as error:
        raise KeysError(
            "the PKCS#11 token has no AES key, or several, with the label of storage.key.pkcs11.key"
        ) from error
    except (pkcs11.PinIncorrect, pkcs11.PinInvalid, pkcs11.PinLenRange, pkcs11.PinLocked) as error:
        raise KeysError(
            f"the PKCS#11 token refused the PIN of storage.key.pkcs11.pin ({type(error).__name__}); "
            "correct it before the token locks itself"
        ) from error


def _failed(error: Exception) -> KeysError:
    return KeysError(
        f"the PKCS#11 token failed ({type(error).__name__}); see that it is reachable and allows AES-GCM"
    )
