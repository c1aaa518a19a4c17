"""Kamailio, two gateways, PostgreSQL, S3, two transcribers: one gateway is killed, the other drained."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

import pytest

from tests import postgres
from tests.sip.cluster import CALLS, running

pytestmark = [
    *(pytest.mark.sip, pytest.mark.kill, pytest.mark.slow, pytest.mark.alone),
    pytest.mark.timeout(1200),
]


async def test_a_kill_costs_the_killed_ones_recordings_their_end_and_a_drain_nothing(tmp_path: Path) -> None:
    postgres.or_skip()
    if not shutil.which("kamailio", path=f"{os.environ['PATH']}:/usr/sbin"):
        if os.environ.get("CI"):
            pytest.fail("Kamailio is not installed (apt-get install kamailio)")
        pytest.skip("Kamailio is not installed (apt-get install kamailio)")
    async with running(tmp_path) as cluster:
        outcome = await cluster.run()
    print(outcome.told())
    assert outcome.calls == CALLS // 10 * 10
    assert outcome.hung_up == outcome.calls, "every call was hung up properly"
    assert outcome.consents == outcome.calls, "no consent record is lost"
    assert outcome.died and outcome.cut == outcome.died, "only the killed one's recordings ended early"
    assert len(outcome.whole) == outcome.calls - len(outcome.died)
    assert outcome.drained_status == 0
    assert outcome.open_calls == outcome.on_disk == outcome.remains == 0
    assert outcome.wrong_sound == [] and outcome.audit_intact
    assert set(outcome.by_gateway) == {"gateway-1", "gateway-2"} and min(outcome.by_gateway.values()) >= 10
