"""Reuse of what was collected on consent, for another purpose (A-11, GDPR art. 6(4)). Pure.

The policy says that recordings may be used for complaints, investigations and samples. Each such use
needs a balancing test (LIA, art. 6(1)(f)) and a compatibility test (art. 6(4), databeskyttelsesloven § 5(2))
on file; without their ids, or when it is switched off, nothing is reused.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from storage.policy import events as e


@dataclass(frozen=True)
class Reuse:
    """One category: whether it is allowed, and the ids of the documents that say why it may be."""

    allowed: bool = True
    lia: str | None = None
    compatibility_test: str | None = None


@dataclass(frozen=True)
class ReuseSettings:
    """The three categories of the policy."""

    complaint: Reuse = Reuse()
    investigation: Reuse = Reuse()
    sampling: Reuse = Reuse()


def category(event: e.PolicyEvent) -> str | None:
    """Which category an event belongs to; None: it reuses nothing. Preserving is never held up."""
    match event:
        case e.ComplaintDecided(keep=True):
            return "complaint"
        case e.Forwarded():
            return "investigation"
        case e.Sampled():
            return "sampling"
    return None


def why_not(settings: ReuseSettings, name: str) -> str:
    """Why a category may not be used; "": it may."""
    reuse: Reuse = getattr(settings, name)
    key = f"compliance.reuse.{name}"
    if not reuse.allowed:
        return f"this use of recordings is switched off ({key}.allowed, A-11)"
    missing = [field for field in ("lia", "compatibility_test") if not getattr(reuse, field)]
    if missing:
        keys = " and ".join(f"{key}.{field}" for field in missing)
        return f"no test is on file that permits this use: set {keys} (A-11)"
    return ""


def told(settings: ReuseSettings, name: str) -> dict[str, Any]:
    """The tests that permit a category, for the audit log."""
    reuse: Reuse = getattr(settings, name)
    return {"lia": reuse.lia, "compatibility_test": reuse.compatibility_test}
