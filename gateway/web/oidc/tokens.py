"""Tokens of an identity provider: signature and claims (OpenID Connect Core §3.1.3.7, RFC 9068 §4, RFC 8725).

Promises:
1. Only `ALGORITHMS`, each with a key of its kind: no `none`, no HMAC with a public key for its secret.
2. Nothing of a token is believed before its signature is verified.
3. A refusal says why by a code, and nothing of what the token holds.

Pure but for the library; `now` is seconds since 1970.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
import json
import warnings
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from joserfc import jwk, jws
from joserfc.errors import JoseError, SecurityWarning

ALGORITHMS: dict[str, tuple[str, str]] = {  # name: kind of key, curve
    "RS256": ("RSA", ""),
    "ES256": ("EC", "P-256"),
    "EdDSA": ("OKP", "Ed25519"),
}
SKEW_S = 60
"""How far the provider's clock may be from ours."""
OLDEST_S = 600
"""How long before now an id_token may have been issued: it comes at once, or not at all."""
RSA_BITS = 2048
TOKEN_BYTES = 32 * 1024
_HASH = {"RS256": hashlib.sha256, "ES256": hashlib.sha256, "EdDSA": hashlib.sha512}
_ACCESS = ("at+jwt", "application/at+jwt")

# The name EdDSA is being replaced by one for each curve (RFC 9864); providers have not followed yet.
warnings.filterwarnings("ignore", category=SecurityWarning, module=r"joserfc\..*")


class TokenRefused(Exception):
    """A token that is not believed. `why`: a code."""

    def __init__(self, why: str) -> None:
        super().__init__(why)
        self.why = why


class UnknownKey(TokenRefused):
    """The token names a key that is not known: it may be new."""

    def __init__(self) -> None:
        super().__init__("key")


@dataclass(frozen=True)
class Verified:
    """A token whose signature is right: what it says is the provider's word."""

    header: Mapping[str, Any]
    claims: Mapping[str, Any]


def public_keys(published: Any) -> list[jwk.Key]:
    """The keys of a JWK set that may verify signatures; what is of another kind is left out."""
    rows = published.get("keys") if isinstance(published, dict) else None
    found = []
    for row in rows if isinstance(rows, list) else ():
        if not isinstance(row, dict) or row.get("use", "sig") != "sig":
            continue
        if (row.get("kty"), row.get("crv", "")) not in ALGORITHMS.values():
            continue
        try:
            key = jwk.JWKRegistry.import_key(row)
            strong = row["kty"] != "RSA" or key.raw_value.key_size >= RSA_BITS  # type: ignore[union-attr]
        except (JoseError, ValueError, TypeError, KeyError, AttributeError):
            continue
        if strong:
            found.append(key)
    return found


def verified(token: str, keys: Sequence[jwk.Key]) -> Verified:
    """The token, its signature verified by one of the keys. `UnknownKey`, `TokenRefused`."""
    header = _header(token)
    algorithm = header.get("alg")
    if not isinstance(algorithm, str) or algorithm not in ALGORITHMS or "crit" in header or "b64" in header:
        raise TokenRefused("algorithm")
    key = _key(keys, algorithm, header.get("kid"))
    registry = jws.JWSRegistry(algorithms=[algorithm], strict_check_header=False)
    registry.max_header_length = registry.max_payload_length = TOKEN_BYTES
    try:
        read = jws.deserialize_compact(token, key, registry=registry)
        claims = json.loads(read.payload or b"")
    except (JoseError, ValueError, TypeError, RecursionError):
        raise TokenRefused("signature") from None
    if not isinstance(claims, dict):
        raise TokenRefused("malformed")
    return Verified(read.headers(), claims)


def check_id_token(
    token: Verified, *, issuer: str, client_id: str, nonce: str, access_token: str, now: float
) -> None:
    """That it is this client's, of this sign-in, and of now. `TokenRefused` says why not."""
    claims = token.claims
    audience = _common(claims, issuer, now)
    if client_id not in audience:
        raise TokenRefused("audience")
    azp = claims.get("azp")
    if (azp is not None or len(audience) > 1) and azp != client_id:
        raise TokenRefused("audience")
    if _instant(claims, "iat") < now - OLDEST_S:
        raise TokenRefused("expired")
    if not _same(claims.get("nonce"), nonce):
        raise TokenRefused("nonce")
    if "at_hash" in claims and not _same(claims["at_hash"], _half_hash(token, access_token)):
        raise TokenRefused("at_hash")


def check_access_token(token: Verified, *, issuer: str, audience: str, client_id: str, now: float) -> None:
    """That it is an access token for this API. `TokenRefused` says why not.

    An id_token names the client as its audience, always. So where that is the API's audience too, a token
    must say that it is an access token (`typ`, RFC 9068 §2.1); with an audience of its own it need not.
    """
    kind = str(token.header.get("typ", "")).lower()
    if kind not in _ACCESS and (audience == client_id or kind not in ("", "jwt")):
        raise TokenRefused("kind")
    if audience not in _common(token.claims, issuer, now):
        raise TokenRefused("audience")


def claim(claims: Mapping[str, Any], name: str) -> Any:
    """A claim by its name, or by the way inside (`realm_access.roles`); None when it is not there."""
    if name in claims:
        return claims[name]
    found: Any = claims
    for part in name.split("."):
        if not isinstance(found, Mapping) or part not in found:
            return None
        found = found[part]
    return found


def values(found: Any) -> frozenset[str]:
    """What a claim lists: texts of a list, or one text (parts of it, where blanks are between them)."""
    if isinstance(found, str):
        return frozenset((found, *found.split()))
    return (
        frozenset(each for each in found if isinstance(each, str)) if isinstance(found, list) else frozenset()
    )


def _common(claims: Mapping[str, Any], issuer: str, now: float) -> list[str]:
    """What holds for every token: issuer, subject, times. Its audience."""
    if not _same(claims.get("iss"), issuer):
        raise TokenRefused("issuer")
    subject = claims.get("sub")
    if not isinstance(subject, str) or not 0 < len(subject) <= 255:
        raise TokenRefused("subject")
    if _instant(claims, "exp") <= now - SKEW_S:
        raise TokenRefused("expired")
    if _instant(claims, "iat") > now + SKEW_S or ("nbf" in claims and _instant(claims, "nbf") > now + SKEW_S):
        raise TokenRefused("not_yet")
    audience = claims.get("aud")
    return [audience] if isinstance(audience, str) else list(_texts(audience))


def _texts(found: Any) -> Iterable[str]:
    return (each for each in found if isinstance(each, str)) if isinstance(found, list) else ()


def _instant(claims: Mapping[str, Any], name: str) -> float:
    found = claims.get(name)
    if isinstance(found, bool) or not isinstance(found, (int, float)):
        raise TokenRefused("malformed")
    return found


def _same(found: Any, expected: str) -> bool:
    return isinstance(found, str) and hmac.compare_digest(found.encode(), expected.encode())


def _half_hash(token: Verified, access_token: str) -> str:
    """`at_hash` (OpenID Connect Core §3.1.3.6): the left half of the hash that the signature uses."""
    digest = _HASH[str(token.header["alg"])](access_token.encode()).digest()
    return base64.urlsafe_b64encode(digest[: len(digest) // 2]).rstrip(b"=").decode()


def _header(token: str) -> Mapping[str, Any]:
    """The header of a compact JWS, not verified: it only says which key to try."""
    parts = token.split(".")
    if len(parts) != 3 or len(token) > TOKEN_BYTES or not token.isascii():
        raise TokenRefused("malformed")
    try:
        header = json.loads(base64.urlsafe_b64decode(parts[0] + "=" * (-len(parts[0]) % 4)))
    except (ValueError, binascii.Error, RecursionError):
        raise TokenRefused("malformed") from None
    if not isinstance(header, dict):
        raise TokenRefused("malformed")
    return header


def _key(keys: Sequence[jwk.Key], algorithm: str, kid: Any) -> jwk.Key:
    """The one key that the token means. Without a `kid`: the only one of its kind."""
    kind, curve = ALGORITHMS[algorithm]
    fitting = [
        key
        for key in keys
        if key.key_type == kind
        and (not curve or key.get("crv") == curve)
        and key.get("alg") in (None, algorithm)
        and (kid is None or key.get("kid") == kid)
    ]
    if len(fitting) != 1:
        raise UnknownKey
    return fitting[0]
