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


@dataclass(frozen=True)
class FlowSettings:
    """One flow: what callers of certain numbers meet. Without `connect` it is message mode."""

    name: str = "customer"
    numbers: tuple[str, ...] = ()  # dialled user parts; empty: every number no other flow names
    prompts: str = "da"  # which prompt set is played
    connect: str | None = None  # SIP URI of the agent; None: the caller speaks to the recorder alone
    announced: bool = False  # an investigator's flow: records without a key, needs a case id
    ivr: IvrSettings = IvrSettings()
