"""The metrics page: names by the conventions, every one with a help text and in the operators' page."""

from __future__ import annotations

import re
from datetime import datetime, timezone
from pathlib import Path

import pytest
from aiohttp import web
from aiohttp.test_utils import TestClient, TestServer
from prometheus_client.openmetrics.parser import text_string_to_metric_families
from prometheus_client.parser import text_string_to_metric_families as prometheus_families

from gateway.calls.counts import Counts, Histogram
from gateway.web.metrics import BucketFacts, GatewayCollector, GatewayFacts, TranscriptionFacts, page
from gateway.web.server import Readiness, health_app
from storage.outcomes import Outcome
from storage.readings import ArchiveReading, VolumeReading

ROOT = Path(__file__).resolve().parents[2]
OPERATORS = (ROOT / "docs/operators.md").read_text(encoding="utf-8")
NOW = datetime(2026, 3, 2, 9, 0, tzinfo=timezone.utc)
UNITS = ("_seconds", "_bytes", "_info")


def collector() -> GatewayCollector:
    """A gateway about which there is something to tell of everything."""
    counts = Counts()
    counts.outcomes["recorded"] += 2
    counts.durations["ring"].observe(4.0)
    for happened in (
        counts.calls,
        counts.decisions,
        counts.swept,
        counts.transcripts,
        counts.prompt_fallbacks,
        counts.webhooks,
    ):
        happened["some"] += 1
    counts.key_methods["loopback", "rfc4733"] += 1
    facts = GatewayFacts(
        version="1.2.3",
        edge=lambda: {"accepted": 3, "refused:no_worker": 1},
        calls_refused=lambda: {"no_worker": 1},
        workers=lambda: {"free": 1, "busy": 2},
        calls_up=lambda: 2,
        swept_at=lambda: NOW,
        archive=lambda: ArchiveReading({("AUD", "sealed"): 7}, 0, 0),
        volumes=lambda: [VolumeReading("data", 5, 10)],
        spool_bytes=lambda: 320,
        certificates=lambda: {"sip.tls_certificate": NOW},
        trunks=lambda: [
            {
                "trunk": "provider",
                "up": True,
                "servers": [{"server": "sip:a", "state": "up"}, {"server": "sip:b", "state": "down"}],
            },
            {"trunk": "new", "up": None, "servers": [{"server": "sip:c", "state": "unknown"}]},
        ],
        bucket=lambda: BucketFacts(sent=3, failures=1, waiting=2, up=True),
        transcription=TranscriptionFacts(
            endings=lambda: {"done": 1}, jobs=lambda: {"waiting": 0}, servers=lambda: {"up": 1}
        ),
    )
    return GatewayCollector(counts, facts)


FAMILIES = list(collector().collect())


@pytest.mark.parametrize("family", FAMILIES, ids=lambda family: family.name)
def test_a_metric_is_named_by_the_conventions_and_says_what_it_is(family: object) -> None:
    name, kind = family.name, family.type  # type: ignore[attr-defined]
    assert re.fullmatch(r"tast1_[a-z]+(_[a-z0-9]+)*", name)
    assert re.fullmatch(r"[A-Z1].{8,}\.", family.documentation)  # type: ignore[attr-defined]
    assert family.samples, "it is told"  # type: ignore[attr-defined]
    assert not re.search(
        r"_(ms|milliseconds|minutes|hours|kb|mb|kib|mib|percent|count|sum|bucket)(_|$)", name
    )
    if kind == "histogram":
        assert name.endswith("_duration_seconds")
    for unit in ("second", "byte"):
        if re.search(rf"_{unit}s?(_|$)", name):
            assert name.endswith((f"_{unit}s", f"_{unit}s_total"))
    if "timestamp" in name:
        assert name.endswith("_timestamp_seconds") and kind == "gauge"
    for sample in family.samples:  # type: ignore[attr-defined]
        assert all(re.fullmatch(r"[a-z]+", label) for label in sample.labels)
        if kind == "counter":
            assert sample.name == f"{name}_total"


def test_every_metric_is_in_the_operators_page_with_its_labels_and_the_page_names_no_other() -> None:
    rows = dict(re.findall(r"^\| `(tast1_[a-z0-9_]+)` \| (.*) \|$", OPERATORS, re.MULTILINE))
    told = {family.name + ("_total" if family.type == "counter" else ""): family for family in FAMILIES}
    assert rows.keys() == told.keys()
    for name, family in told.items():
        labels = {label for sample in family.samples for label in sample.labels} - {"le"}
        assert all(f"`{label}`" in rows[name] for label in labels), name
        assert ("Histogram" in rows[name]) == (family.type == "histogram"), name


def test_every_outcome_is_told_before_it_happens_and_is_in_the_page() -> None:
    family = next(each for each in FAMILIES if each.name == "tast1_call_outcomes")
    told = {sample.labels["outcome"]: sample for sample in family.samples}
    assert told.keys() == {one.value for one in Outcome}
    assert told["recorded"].value == 2
    assert {sample.labels["level"] for sample in family.samples} == {"none", "note", "fault", "alarm"}
    rows = re.findall(r"^\| ([a-z ]+) \| `([a-z_]+)` \| ([a-z–]+) \| .* \|$", OPERATORS, re.MULTILINE)
    assert {(result.replace(" ", "_"), name, level.replace("–", "none")) for result, name, level in rows} == {
        (one.result.value, one.value, one.level.value) for one in Outcome
    }


def test_a_trunk_of_which_nothing_is_known_yet_is_not_told() -> None:
    told = {
        (sample.name, *sample.labels.values()): sample.value
        for family in FAMILIES
        if family.name.startswith("tast1_trunk")
        for sample in family.samples
    }
    assert told == {
        ("tast1_trunk_up", "provider"): 1,
        ("tast1_trunk_server_up", "provider", "1"): 1,
        ("tast1_trunk_server_up", "provider", "2"): 0,
    }


def test_a_histogram_counts_what_took_no_longer_than_each_bound() -> None:
    histogram = Histogram((1.0, 5.0))
    for seconds in (0.5, 1.0, 3.0, 9.0, -0.1):
        histogram.observe(seconds)
    assert list(histogram.below()) == [(1.0, 3), (5.0, 4), (float("inf"), 5)]
    assert (histogram.count, histogram.sum_s) == (5, 13.5)


@pytest.mark.parametrize("accept", ["", "application/openmetrics-text; version=1.0.0"])
def test_the_page_is_what_its_reader_accepts(accept: str) -> None:
    body, content_type = page([collector()], accept)
    assert ("openmetrics" in content_type) == bool(accept)
    parse = text_string_to_metric_families if accept else prometheus_families
    families = {family.name: family for family in parse(body.decode())}
    ring = families["tast1_agent_ring_duration_seconds"]
    assert [s.value for s in ring.samples if s.labels.get("le") in ("2.5", "5.0", "+Inf")] == [0.0, 1.0, 1.0]
    assert "process_resident_memory_bytes" in families


async def test_only_the_metrics_listener_has_metrics() -> None:
    async def statuses(app: web.Application) -> list[int]:
        async with TestClient(TestServer(app)) as client:
            paths = ("/livez", "/readyz", "/metrics")
            return [(await client.get(path)).status for path in paths]

    def ready() -> Readiness:
        return Readiness(False, {"draining": True})

    assert await statuses(health_app(ready, collector())) == [200, 503, 200]
    assert await statuses(health_app(ready)) == [200, 503, 404]
