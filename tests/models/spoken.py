"""espeak-ng for the tests: skipped where it is not installed, and in CI failed."""

from __future__ import annotations

import os

import pytest

from transcription.models.espeak import Espeak, EspeakError


def demand_espeak() -> Espeak:
    """The library, or the end of the test."""
    try:
        return Espeak()
    except EspeakError as error:
        (pytest.fail if os.environ.get("CI") == "true" else pytest.skip)(
            f"{error} (make packages installs it)"
        )
        raise
