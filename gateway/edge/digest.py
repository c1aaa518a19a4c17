"""Digest authentication (RFC 7616, for SIP RFC 3261 §22 and RFC 8760), both ways. Pure: time is an argument.

    answered = respond(challenge, user, password, method, uri, nc, cnonce)     # as a client
    challenger.challenges(now, host, call_id)                                  # as a server
    challenger.verdict(value, method, who, now, host, call_id)

Algorithms: SHA-256 and MD5; `qop=auth`, or none where a server offers none (RFC 2069). As a server nothing is
remembered: a nonce carries its own time, the caller's address and its Call-ID under a keyed hash, so what is
overheard is good for the same call from the same address, for `NONCE_S` seconds.

Not done: `auth-int`, `-sess` algorithms, counting of `nc` by the server.
"""

from __future__ import annotations

import hashlib
import hmac
import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from enum import Enum

NONCE_S = 30.0
ALGORITHMS = ("SHA-256", "MD5")
"""What can be done, the best first."""
_HASHES: dict[str, Callable[[bytes], hashlib._Hash]] = {
    "SHA-256": hashlib.sha256,
    "MD5": lambda data: hashlib.md5(data, usedforsecurity=False),
}
_PARAMETER = re.compile(r'\s*([A-Za-z0-9_-]+)\s*=\s*(?:"((?:[^"\\]|\\.)*)"|([^\s,"]+))\s*(?:,|$)')
_NONCE = re.compile(r"([0-9a-f]{8})([0-9a-f]{32})")
_MOST_BYTES = 2048


@dataclass(frozen=True)
class Challenge:
    """One challenge of a server. `qop`: whether it offers `auth`."""

    realm: str
    nonce: str
    algorithm: str
    qop: bool
    opaque: str | None
    stale: bool


class Verdict(Enum):
    """What an answer to a challenge is worth."""

    RIGHT = "right"
    STALE = "stale"  # right, but for a nonce whose time is over
    WRONG = "wrong"
    NONE = "none"  # there is no answer to a challenge of ours


def parameters(value: bytes) -> dict[str, str] | None:
    """The parameters of `Digest name=value, ...`, names in lower case; None when it is nothing of the kind.

    One that stands twice makes it None: two readers could take different ones.
    """
    text = value.decode("utf-8", "surrogateescape").strip()
    scheme, _, rest = text.partition(" ")
    if len(value) > _MOST_BYTES or scheme.lower() != "digest":
        return None
    found: dict[str, str] = {}
    at = 0
    while at < len(rest):
        part = _PARAMETER.match(rest, at)
        if part is None:
            return None
        name = part[1].lower()
        if name in found:
            return None
        found[name] = re.sub(r"\\(.)", r"\1", part[2]) if part[2] is not None else part[3]
        at = part.end()
    return found


def challenge_of(values: Iterable[bytes]) -> Challenge | None:
    """The first challenge that can be answered (RFC 8760 §2.4: the server put the best first); None: none."""
    for value in values:
        told = parameters(value)
        if told is None or "nonce" not in told or "realm" not in told:
            continue
        algorithm = told.get("algorithm", "MD5").upper()
        offered = [one.strip().lower() for one in told.get("qop", "").split(",") if one.strip()]
        if algorithm not in _HASHES or (offered and "auth" not in offered):
            continue
        return Challenge(
            realm=told["realm"],
            nonce=told["nonce"],
            algorithm=algorithm,
            qop="auth" in offered,
            opaque=told.get("opaque"),
            stale=told.get("stale", "").lower() == "true",
        )
    return None


def respond(
    challenge: Challenge, user: str, password: str, method: str, uri: str, nc: int, cnonce: str
) -> bytes:
    """The value of `Authorization` that answers a challenge. `nc`: how often its nonce is used, from 1."""
    one = challenge
    count = f"{nc:08x}" if one.qop else ""
    answer = _answer(
        one.algorithm, user, one.realm, password, method, uri, one.nonce, count, cnonce if one.qop else ""
    )
    parts = [
        f"username={_quoted(user)}",
        f"realm={_quoted(one.realm)}",
        f"nonce={_quoted(one.nonce)}",
        f"uri={_quoted(uri)}",
        f'response="{answer}"',
        f"algorithm={one.algorithm}",
    ]
    if one.qop:
        parts += ["qop=auth", f"nc={count}", f"cnonce={_quoted(cnonce)}"]
    if one.opaque is not None:
        parts.append(f"opaque={_quoted(one.opaque)}")
    return ("Digest " + ", ".join(parts)).encode("utf-8", "surrogateescape")


class Challenger:
    """Challenges and checks as a server, without memory. `secret` is never shown; `realm` is."""

    def __init__(self, secret: bytes, realm: str) -> None:
        self._secret = secret
        self._realm = realm

    def challenges(self, now: float, host: str, call_id: bytes, stale: bool = False) -> list[bytes]:
        """The values of `WWW-Authenticate`, one an algorithm, the best first (RFC 8760 §2.3)."""
        nonce = self._nonce(int(now), host, call_id)
        late = ", stale=true" if stale else ""
        told = f'Digest realm={_quoted(self._realm)}, nonce="{nonce}", qop="auth", algorithm='
        return [f"{told}{name}{late}".encode() for name in ALGORITHMS]

    def verdict(
        self,
        value: bytes,
        method: bytes,
        password_of: Callable[[str], str | None],
        now: float,
        host: str,
        call_id: bytes,
    ) -> tuple[Verdict, str]:
        """What one `Authorization` is worth, and for which user. `password_of`: None for nobody known."""
        told = parameters(value)
        if told is None or told.get("realm") != self._realm:
            return Verdict.NONE, ""
        algorithm, user = told.get("algorithm", "MD5").upper(), told.get("username", "")
        made = _NONCE.fullmatch(told.get("nonce", ""))
        if made is None or algorithm not in _HASHES or told.get("qop", "").lower() != "auth":
            return Verdict.WRONG, ""
        when = int(made[1], 16)
        if not hmac.compare_digest(told["nonce"], self._nonce(when, host, call_id)):
            # Another gateway's, another call's, or nobody's: whoever knows the password may try again.
            return Verdict.STALE, ""
        password = password_of(user) or ""
        expected = _answer(
            algorithm,
            user,
            self._realm,
            password,
            method.decode("ascii", "replace"),
            told.get("uri", ""),
            told["nonce"],
            told.get("nc", ""),
            told.get("cnonce", ""),
        )
        given = told.get("response", "").lower().encode("utf-8", "replace")
        if not hmac.compare_digest(expected.encode(), given) or not password:
            return Verdict.WRONG, ""
        return (Verdict.RIGHT if 0 <= now - when <= NONCE_S else Verdict.STALE), user

    def _nonce(self, when: int, host: str, call_id: bytes) -> str:
        stamp = f"{when & 0xFFFFFFFF:08x}"
        told = b"\0".join((b"nonce", stamp.encode(), host.encode(), call_id))
        return stamp + hashlib.blake2s(told, key=self._secret, digest_size=16).hexdigest()


def _answer(
    algorithm: str,
    user: str,
    realm: str,
    password: str,
    method: str,
    uri: str,
    nonce: str,
    nc: str,
    cnonce: str,
) -> str:
    """RFC 7616 §3.4.1; without `nc` and `cnonce` as RFC 2069 has it."""

    def hashed(*parts: str) -> str:
        return _HASHES[algorithm](":".join(parts).encode("utf-8", "surrogateescape")).hexdigest()

    secret, what = hashed(user, realm, password), hashed(method, uri)
    return hashed(secret, nonce, nc, cnonce, "auth", what) if cnonce or nc else hashed(secret, nonce, what)


def _quoted(text: str) -> str:
    return '"' + text.replace("\\", "\\\\").replace('"', '\\"') + '"'
