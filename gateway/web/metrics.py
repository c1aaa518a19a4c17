"""Prometheus metrics, read from the gateway's plain counters at every scrape."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping

from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from gateway.calls.counts import Counts

Labelled = Mapping[str, int]


class GatewayCollector(Collector):
    """Turns counters into metric families. Labels are reasons and kinds, never people."""

    def __init__(
        self,
        counts: Counts,
        edge: Callable[[], Labelled],
        workers: Callable[[], Labelled],
        calls_up: Callable[[], int],
    ) -> None:
        self._counts = counts
        self._edge = edge
        self._workers = workers
        self._calls_up = calls_up

    def collect(self) -> Iterator[Metric]:
        """All families, afresh."""
        counts = self._counts
        up = GaugeMetricFamily("tast1_calls_up", "Calls in progress.")
        up.add_metric([], self._calls_up())
        yield up
        workers = GaugeMetricFamily("tast1_workers", "Worker processes by state.", labels=["state"])
        for state, number in self._workers().items():
            workers.add_metric([state], number)
        yield workers
        yield _counter("tast1_calls", "Calls that ended, by how.", "reason", counts.calls)
        yield _counter("tast1_decisions", "Answers to the consent question.", "decision", counts.decisions)
        yield _counter("tast1_recordings", "Recordings that ended, by how.", "ending", counts.recordings)
        yield _counter("tast1_edge_messages", "SIP messages at the edge.", "verdict", self._edge())
        yield _counter(
            "tast1_storage_failures", "Records that could not be written.", "what", counts.storage_failures
        )
        yield _counter("tast1_erased", "Artifacts erased, by kind.", "kind", counts.swept)
        for name, text, value in (
            (
                "tast1_preconsent_audio_bytes",
                "Caller audio found where no consent was stored. Must be 0.",
                counts.preconsent_audio_bytes,
            ),
            ("tast1_captured_audio_bytes", "PCM captured.", counts.captured_audio_bytes),
        ):
            family = CounterMetricFamily(name, text)
            family.add_metric([], value)
            yield family


def _counter(name: str, text: str, label: str, values: Labelled) -> CounterMetricFamily:
    family = CounterMetricFamily(name, text, labels=[label])
    for key, number in values.items():
        family.add_metric([key], number)
    return family


def page(collectors: Iterable[Collector]) -> bytes:
    """The metrics page in Prometheus' text format."""
    registry = CollectorRegistry(auto_describe=False)
    for collector in collectors:
        registry.register(collector)
    return generate_latest(registry)
