"""Registration with a provider (RFC 3261 §10): when to ask which server, and what an answer means. Pure.

    due ──► ask(now) ──► REGISTER ──► heard(answer, now) | unanswered(now) ──► due

1. Servers are asked in the order of the settings; one that does not answer, or answers 408 or 5xx, is left
   alone for a while, and the next one is asked at once.
2. A binding is refreshed after three quarters of its time, so that there is time left to go elsewhere.
3. A refusal (wrong password, 4xx, 6xx) would be the same elsewhere: it is tried again later, and ever less
   often, so that no account is locked.
4. When a server of higher priority is well again, the registration returns to it.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from enum import Enum

from gateway.edge.digest import Challenge, challenge_of, respond
from gateway.edge.settings import RegisterSettings

REFRESH = 0.75  # of the time that was granted
RETRY_S, RETRY_MOST_S = 10.0, 300.0  # a server that failed is left alone so long, doubled each time
REFUSED_S, REFUSED_MOST_S = 120.0, 3600.0
_CHALLENGES = 3  # in a row; then something is wrong that no answer will mend


class State(Enum):
    """What is known of a registration."""

    TRYING = "trying"
    REGISTERED = "registered"
    REFUSED = "refused"
    UNREACHABLE = "unreachable"  # no server answers
    ENDED = "ended"


@dataclass(frozen=True)
class Ask:
    """A REGISTER to send: to which server, for how long (0: end the binding), with which credentials.

    `credentials`: name and value of the header field; None before the first challenge.
    """

    server: int
    cseq: int
    expires_s: int
    credentials: tuple[bytes, bytes] | None


@dataclass(frozen=True)
class Answer:
    """What a final response to REGISTER says. `expires_s`: granted for our Contact; None: not said."""

    status: int
    challenges: tuple[bytes, ...] = ()
    expires_s: int | None = None
    min_expires_s: int = 0
    retry_after_s: float = 0.0
    bound: bool = True
    """Whether our Contact is among those that the response lists, if it lists any."""


class Registration:
    """One account at the servers of one trunk. `cnonce` draws a client nonce; `began` is the time now."""

    def __init__(
        self,
        account: RegisterSettings,
        domain: str,
        servers: int,
        began: float,
        cnonce: Callable[[], str],
    ) -> None:
        self.state = State.TRYING
        self.due: float = began
        """When to ask next, on the clock of `began`."""
        self.server = 0
        """Number of the server that has the binding, or was asked last."""
        self.status = 0
        """SIP status of the last final answer; 0: none came."""
        self.until: float | None = None
        """Until when the binding holds."""
        self._account = account
        self._uri = f"sip:{domain}"
        self._cnonce = cnonce
        self._wanted = account.expires_s
        self._cseq = 0
        self._asked = 0
        self._challenge: Challenge | None = None
        self._proxy = False
        self._uses = 0
        self._challenged = 0
        self._failures = [0] * servers
        self._shunned_until = [began] * servers
        self._refusals = 0
        self._ending = False
        self._pending: Ask | None = None  # what was asked last and has no final answer yet

    def registered(self, now: float) -> bool:
        """Whether the provider can reach us."""
        return self.until is not None and now < self.until and not self._ending

    @property
    def over(self) -> bool:
        """Whether it was given up, and nothing is left to be asked."""
        return self.state is State.ENDED

    def ask(self, now: float, well: Sequence[bool | None]) -> Ask:
        """What to send now. `well`: what is known of each server's health."""
        if not self._challenged and not self._ending:
            self._asked = self._best(now, well)
        self._cseq += 1
        credentials = None
        if self._challenge is not None:
            self._uses += 1
            name = b"Proxy-Authorization" if self._proxy else b"Authorization"
            account = self._account
            user = account.auth_user or account.user
            credentials = (
                name,
                respond(
                    self._challenge,
                    user,
                    account.password,
                    "REGISTER",
                    self._uri,
                    self._uses,
                    self._cnonce(),
                ),
            )
        self._pending = Ask(self._asked, self._cseq, 0 if self._ending else self._wanted, credentials)
        return self._pending

    def heard(self, answer: Answer, now: float) -> None:
        """A final answer came to what was asked last."""
        if self._ended_meanwhile(now):
            return
        self.status = answer.status
        if answer.status in (401, 407):
            self._hear_challenge(answer, now)
            return
        self._challenged = 0
        if self._ending:
            self._end()
        elif 200 <= answer.status < 300 and answer.bound:
            self._bound(answer, now)
        elif answer.status == 423 and answer.min_expires_s > self._wanted:
            self._wanted = answer.min_expires_s
            self.due = now
        elif answer.status == 408 or 500 <= answer.status < 600:
            self._next(now, answer.retry_after_s)
        else:
            self._refused(now)

    def unanswered(self, now: float) -> None:
        """No answer came in time, or the server could not be connected to."""
        if self._ended_meanwhile(now):
            return
        self.status = 0
        self._challenged = 0
        if self._ending:
            self._end()
        else:
            self._next(now, 0.0)

    def look(self, now: float, well: Sequence[bool | None]) -> None:
        """Servers became well or unwell: ask sooner if another one is the better by now."""
        if self.state is State.REFUSED or self._ending or self._challenged:
            return
        best = self._best(now, well)
        gone = well[self.server] is False
        if (self.registered(now) and best != self.server and (gone or well[best])) or (
            not self.registered(now) and well[best]
        ):
            self.due = min(self.due, now)

    def end(self, now: float) -> bool:
        """Give the binding up; whether there is one to be given up, by one more `ask`."""
        held = self.registered(now) or self._pending is not None
        self._ending = True
        self._asked, self._challenged = self.server, 0
        if held:
            self.due = now
        else:
            self._end()
        return held

    def _ended_meanwhile(self, now: float) -> bool:
        """Whether what was asked last was to bind us, and we do not want to be any more: then ask again."""
        asked, self._pending = self._pending, None
        if self._ending and asked is not None and asked.expires_s:
            self.due = now
            return True
        return False

    # --- what answers mean ------------------------------------------------------------------------

    def _hear_challenge(self, answer: Answer, now: float) -> None:
        found = challenge_of(answer.challenges)
        repeated = self._challenged > 0 and (found is None or not found.stale)
        self._challenged += 1
        if found is None or repeated or self._challenged > _CHALLENGES or not self._account.password:
            self._challenge, self._challenged = None, 0
            if self._ending:
                self._end()
            else:
                self._refused(now)
            return
        self._challenge, self._uses = found, 0
        self._proxy = answer.status == 407
        self.due = now

    def _bound(self, answer: Answer, now: float) -> None:
        granted = self._wanted if answer.expires_s is None else answer.expires_s
        if granted <= 0:
            self._refused(now)
            return
        self.state, self.server = State.REGISTERED, self._asked
        self._failures[self._asked] = self._refusals = 0
        self._shunned_until[self._asked] = now
        self.until = now + granted
        self.due = now + max(1.0, granted * REFRESH)

    def _next(self, now: float, retry_after_s: float) -> None:
        at = self._asked
        self._challenge = None  # nonces are a server's own
        wait = min(RETRY_MOST_S, RETRY_S * 2 ** min(self._failures[at], 8))
        self._failures[at] += 1
        self._shunned_until[at] = now + max(wait, min(retry_after_s, REFUSED_MOST_S))
        self.due = max(now, min(self._shunned_until))
        if not self.registered(now) and self.due > now:
            self.state = State.UNREACHABLE
            self.until = None

    def _refused(self, now: float) -> None:
        self.state, self.until = State.REFUSED, None
        self._challenge = None
        self.due = now + min(REFUSED_MOST_S, REFUSED_S * 2 ** min(self._refusals, 8))
        self._refusals += 1

    def _end(self) -> None:
        self.state, self.until, self.due = State.ENDED, None, float("inf")

    def _best(self, now: float, well: Sequence[bool | None]) -> int:
        """The first server that is not known to be unwell; of none but such, the one that failed first."""
        order = range(len(self._shunned_until))
        fit = [at for at in order if self._shunned_until[at] <= now and well[at] is not False]
        if fit:
            return fit[0]
        return min(order, key=lambda at: (max(self._shunned_until[at], now), at))
