"""Sign-ins that have begun: authorization code with PKCE (RFC 6749 §4.1, RFC 7636, OpenID Connect Core §3.1).

Promises:
1. What comes back is taken once, within `LASTS`, and only from the browser that began.
2. State, nonce and code verifier are 256 random bits each; the verifier and the nonce never leave memory.
"""

from __future__ import annotations

import base64
import hashlib
import secrets
from collections import OrderedDict
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from gateway.web.oidc.tokens import TokenRefused

LASTS = timedelta(minutes=10)
MOST = 10_000
"""Sign-ins at once; the oldest makes room."""


@dataclass(frozen=True)
class Begun:
    """A sign-in that waits for the provider. `browser`: what the flow's cookie holds."""

    state: str
    nonce: str
    verifier: str = field(repr=False)
    browser: str = field(repr=False)
    next: str
    began_at: datetime

    @property
    def challenge(self) -> str:
        """The code challenge, by S256 (RFC 7636 §4.2)."""
        digest = hashlib.sha256(self.verifier.encode()).digest()
        return base64.urlsafe_b64encode(digest).rstrip(b"=").decode()


@dataclass
class Flows:
    """The sign-ins of one gateway; one that starts anew has forgotten them, and they begin again."""

    _by_state: OrderedDict[str, Begun] = field(default_factory=OrderedDict)

    def begin(self, browser: str, next_path: str, at: datetime) -> Begun:
        """A new sign-in. A browser that began one keeps its cookie: two tabs do not disturb each other."""
        self._forget(at)
        known = browser if self.waits(browser) else secrets.token_urlsafe(32)
        state, nonce, verifier = (secrets.token_urlsafe(32) for _ in range(3))
        begun = Begun(state, nonce, verifier, known, next_path, at)
        self._by_state[begun.state] = begun
        return begun

    def take(self, state: str, browser: str, at: datetime) -> Begun:
        """The sign-in that a browser comes back from; never twice. `TokenRefused`: "state"."""
        begun = self._by_state.get(state)
        if (
            begun is None
            or not browser
            or not secrets.compare_digest(begun.browser.encode(), browser.encode())
        ):
            raise TokenRefused("state")
        del self._by_state[state]
        if at - begun.began_at > LASTS:
            raise TokenRefused("state")
        return begun

    def waits(self, browser: str) -> bool:
        """Whether a browser has begun a sign-in that waits."""
        return bool(browser) and any(begun.browser == browser for begun in self._by_state.values())

    def _forget(self, at: datetime) -> None:
        while self._by_state:
            oldest = next(iter(self._by_state.values()))
            if len(self._by_state) < MOST and at - oldest.began_at <= LASTS:
                break
            del self._by_state[oldest.state]
