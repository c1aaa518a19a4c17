"""The clock of these tests."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime

import pytest
import time_machine

from storage.policy.clocks import COPENHAGEN


@pytest.fixture(autouse=True)
def noon() -> Iterator[None]:
    """It is noon in Copenhagen, and the clock goes on: an hour ago was today, whenever the tests run."""
    with time_machine.travel(datetime.now(COPENHAGEN).replace(hour=12, minute=0), tick=True):
        yield
