"""What an operator may tune in the call flow (policy-rules §11, `ivr`). Pure."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class IvrSettings:
    """The consent question. Defaults are the policy's (§9.1 of the rules)."""

    accept_key: str = "1"
    min_marker: str = "purposes_end"  # or "key_instruction", "prompt_end": where keys begin to count
    timeout_s: float = 5.0  # the key window after the end of the prompt, 3 to 10 s
    repeat: int = 0  # how often `*` may have the prompt played again
    isolation_ms: int = 1500  # no other digit this long before and after the key
    other_key: str = "ignore"
    late_key: str = "reject"  # or "accept": a key after the window
    verbal_consent: bool = False
    withdraw_keys: str = ""  # such as "*9"; empty: off (must be announced when on)
    ring_timeout_s: float = 45.0  # how long an agent is rung before "no agent"
    max_call_s: float = 4 * 3600.0  # a call is ended after this long
    thank_you: bool = True  # a short tone after the key
    whisper: bool = False  # tell the agent, before the caller is heard, whether the call is recorded
    granularity: str = "bundled"  # or "split": each purpose is asked for by itself


@dataclass(frozen=True)
class Target:
    """Whom a call may be connected with."""

    uri: str
    ring_s: float | None = None  # how long it is rung; None: `ring_timeout_s`


@dataclass(frozen=True)
class Round:
    """Targets that are rung at once."""

    targets: tuple[Target, ...]
    is_fallback: bool = False


@dataclass(frozen=True)
class TransferTarget:
    """Whom a call may be handed over to. `pattern`: a SIP URI with `*` for letters and digits."""

    pattern: str
    company: bool = False  # whether the company still takes part in the call then


@dataclass(frozen=True)
class FlowSettings:
    """One flow: what callers of certain numbers meet. Without `connect` it is message mode."""

    name: str = "customer"
    numbers: tuple[str, ...] = ()  # dialled user parts; empty: every number no other flow names
    prompts: str = "da"  # which prompt set is played
    connect: str | None = None  # SIP URI of the agent; None: the caller speaks to the recorder alone
    more: tuple[Target, ...] = ()  # further agents, after `connect` or beside it
    ring_s: float | None = None  # of `connect`
    parallel: bool = False  # whether all agents are rung at once
    fallback: Target | None = None  # rung when none of them answers
    transfers: tuple[TransferTarget, ...] = ()  # empty: no agent may hand a call over
    announced: bool = False  # an investigator's flow: records without a key, needs a case id
    ivr: IvrSettings = IvrSettings()

    @property
    def rounds(self) -> tuple[Round, ...]:
        """Whom to ring, one round after the other; none in message mode."""
        if self.connect is None:
            return ()
        agents = (Target(self.connect, self.ring_s), *self.more)
        rounds = (Round(agents),) if self.parallel else tuple(Round((agent,)) for agent in agents)
        return (*rounds, Round((self.fallback,), is_fallback=True)) if self.fallback else rounds
