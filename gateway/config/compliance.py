"""What the company has on file before recordings are used for more than their callers consented to (A-11)."""

from __future__ import annotations

from gateway.config.kinds import Section, setting

_ID = r"^[A-Za-z0-9][A-Za-z0-9._/-]{0,63}$"
_ID_FORM = "up to 64 letters, digits, '.', '_', '/' and '-', such as LIA-2026-1"


class ReuseSection(Section):
    """One use beside the consented ones, and the tests that permit it."""

    allowed: bool = setting(True, "Whether recordings may be used so at all; false is the kill switch.")
    lia: str | None = setting(
        None,
        "Id of the balancing test (GDPR art. 6(1)(f)); null: not made, so not used.",
        pattern=_ID,
        form=_ID_FORM,
    )
    compatibility_test: str | None = setting(
        None,
        "Id of the compatibility test (art. 6(4)); null: not made, so not used.",
        pattern=_ID,
        form=_ID_FORM,
    )


class ReusesSection(Section):
    """The uses that the policy names beside the consented ones."""

    complaint: ReuseSection = setting(ReuseSection(), "Keeping a call for a complaint (R-37).")
    investigation: ReuseSection = setting(ReuseSection(), "Forwarding a call to investigators (R-40).")
    sampling: ReuseSection = setting(ReuseSection(), "Drawing calls for compliance (R-55).")


class ComplianceSection(Section):
    """What must be on file first."""

    reuse: ReusesSection = setting(ReusesSection(), "Uses beside the consented ones.")
