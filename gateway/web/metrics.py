"""Prometheus metrics, read from the gateway's plain counters at every scrape."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass

from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from gateway.calls.counts import Counts

Labelled = Mapping[str, int]


def _none() -> Labelled:
    return {}


@dataclass(frozen=True)
class TranscriptionFacts:
    """What transcription tells of itself at a scrape; a gateway that does not transcribe tells nothing."""

    endings: Callable[[], Labelled] = _none
    jobs: Callable[[], Labelled] = _none
    servers: Callable[[], Labelled] = _none
    streams: Callable[[], int] = int


class GatewayCollector(Collector):
    """Turns counters into metric families. Labels are reasons and kinds, never people."""

    def __init__(
        self,
        counts: Counts,
        edge: Callable[[], Labelled],
        workers: Callable[[], Labelled],
        calls_up: Callable[[], int],
        transcription: TranscriptionFacts | None = None,
    ) -> None:
        self._counts = counts
        self._edge = edge
        self._workers = workers
        self._calls_up = calls_up
        self._transcription = transcription or TranscriptionFacts()

    def collect(self) -> Iterator[Metric]:
        """All families, afresh."""
        counts = self._counts
        up = GaugeMetricFamily("tast1_calls_up", "Calls in progress.")
        up.add_metric([], self._calls_up())
        yield up
        yield _gauge("tast1_workers", "Worker processes by state.", "state", self._workers())
        yield _counter("tast1_calls", "Calls that ended, by how.", "reason", counts.calls)
        yield _counter("tast1_decisions", "Answers to the consent question.", "decision", counts.decisions)
        methods = CounterMetricFamily(
            "tast1_key_methods", "Consent questions, by how their keys came.", labels=["trunk", "method"]
        )
        for labels, number in list(counts.key_methods.items()):
            methods.add_metric(labels, number)
        yield methods
        yield _counter("tast1_recordings", "Recordings that ended, by how.", "ending", counts.recordings)
        yield _counter("tast1_edge_messages", "SIP messages at the edge.", "verdict", self._edge())
        yield _counter(
            "tast1_storage_failures", "Records that could not be written.", "what", counts.storage_failures
        )
        yield _counter(
            "tast1_prompt_fallbacks",
            "Shipped prompts in place of damaged ones.",
            "prompt",
            counts.prompt_fallbacks,
        )
        yield _counter("tast1_erased", "Artifacts erased, by kind.", "kind", counts.swept)
        yield _counter("tast1_transcripts", "Transcripts, by how whole.", "ending", counts.transcripts)
        yield _counter("tast1_webhook_events", "Events for webhooks.", "outcome", counts.webhooks)
        facts = self._transcription
        yield _counter("tast1_transcript_jobs_run", "Catch-up jobs that ran.", "ending", facts.endings())
        yield _gauge("tast1_transcript_jobs", "Catch-up jobs there are.", "state", facts.jobs())
        yield _gauge("tast1_transcribers", "Transcribers by state.", "state", facts.servers())
        streams = GaugeMetricFamily("tast1_transcriber_streams", "Streams open to transcribers.")
        streams.add_metric([], facts.streams())
        yield streams
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


def _gauge(name: str, text: str, label: str, values: Labelled) -> GaugeMetricFamily:
    family = GaugeMetricFamily(name, text, labels=[label])
    for key, number in values.items():
        family.add_metric([key], number)
    return family


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
