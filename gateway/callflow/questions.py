"""Which questions a caller is asked: one for all purposes together, or one for each of them (A-14). Pure."""

from __future__ import annotations

from storage.model import CONSENT_PURPOSES

TOGETHER = "consent"
"""The prompt of the one question for all purposes."""

PURPOSE_OF = {f"consent_{purpose}": purpose for purpose in CONSENT_PURPOSES}
"""By prompt, the purpose that it alone asks for."""

ROUNDS = {"bundled": (TOGETHER,), "split": tuple(PURPOSE_OF)}
"""By `ivr.granularity`, the prompts of the questions in the order in which they are put."""


def is_question(prompt: str) -> bool:
    """Whether a prompt asks for consent."""
    return prompt == TOGETHER or prompt in PURPOSE_OF
