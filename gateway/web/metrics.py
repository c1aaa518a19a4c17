"""Prometheus metrics, read from the gateway's plain counters at every scrape.

Names and units are those of OpenMetrics: base units (seconds, bytes), `_total` for counters, a timestamp in
seconds since 1970. Labels are reasons, kinds and states, never people.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from prometheus_client import CollectorRegistry, ProcessCollector
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, HistogramMetricFamily, Metric
from prometheus_client.exposition import choose_encoder
from prometheus_client.registry import Collector

from gateway.calls.counts import Counts
from storage.outcomes import Outcome
from storage.readings import ArchiveReading, VolumeReading

Labelled = Mapping[str, int]

ENDINGS = ("hangup", "withdrawn", "capture_failed", "worker_died")
"""Endings of recordings that are told from the start, so that the first one is seen to happen."""
WRITES = (
    "open",
    "consent",
    "recording",
    "seal",
    "withdrawal",
    "close",
    "transcript",
    "outcome",
    "sweep",
    "lost",
)
"""Records that may fail, told from the start."""
_DURATIONS = {
    "answer": "From the INVITE to the 200 that answers it.",
    "prompt_to_key": "From the first sound of the consent question to the key that was accepted.",
    "consent_to_capture": "From when a call may be recorded (record stored, agent there) to when it is.",
    "ring": "From dialling the agent to the answer.",
    "call": "From the answer to the end of the call.",
    "sweep": "How long a sweep took.",
}
_NAMES = {"ring": "agent_ring"}


def _none() -> Labelled:
    return {}


@dataclass(frozen=True)
class TranscriptionFacts:
    """What transcription tells of itself at a scrape; a gateway that does not transcribe tells nothing."""

    endings: Callable[[], Labelled] = _none
    jobs: Callable[[], Labelled] = _none
    servers: Callable[[], Labelled] = _none
    streams: Callable[[], int] = int
    lag_s: Callable[[], float] = float


@dataclass(frozen=True)
class BucketFacts:
    """What is told of the bucket, where there is one."""

    sent: int
    failures: int
    waiting: int
    up: bool


@dataclass(frozen=True)
class GatewayFacts:
    """What the gateway tells of itself at a scrape, beside its counters."""

    version: str = ""
    edge: Callable[[], Labelled] = _none  # `verdict` or `verdict:reason`
    calls_refused: Callable[[], Labelled] = _none  # by reason
    workers: Callable[[], Labelled] = _none  # by state
    workers_died: Callable[[], int] = int
    calls_up: Callable[[], int] = int
    records_waiting: Callable[[], int] = int
    draining: Callable[[], bool] = bool
    swept_at: Callable[[], datetime | None] = lambda: None
    archive: Callable[[], ArchiveReading | None] = lambda: None
    volumes: Callable[[], Iterable[VolumeReading]] = tuple
    spool_bytes: Callable[[], int] = int
    certificates: Callable[[], Mapping[str, datetime]] = dict  # setting, end of validity
    trunks: Callable[[], Sequence[Mapping[str, Any]]] = tuple  # as `gateway.edge.keeper.Keeper.states` has it
    transcription: TranscriptionFacts = TranscriptionFacts()
    bucket: Callable[[], BucketFacts | None] = lambda: None
    keeps_house: Callable[[], bool] = lambda: True


class GatewayCollector(Collector):
    """Turns counters and facts into metric families."""

    def __init__(self, counts: Counts, facts: GatewayFacts) -> None:
        self._counts = counts
        self._facts = facts

    def collect(self) -> Iterator[Metric]:
        """All families, afresh."""
        yield from self._calls()
        yield from self._edge()
        yield from self._durations()
        yield from self._archive()
        yield from self._bucket()
        yield from self._transcription()

    def _calls(self) -> Iterator[Metric]:
        counts, facts = self._counts, self._facts
        yield _gauge("build_info", "The version that runs.", {facts.version: 1}, "version")
        yield _single("calls_up", "Calls in progress.", facts.calls_up())
        yield _single("draining", "1 while no new calls are taken.", int(facts.draining()))
        yield _single("keeps_house", "1 at the gateway that sweeps for all.", int(facts.keeps_house()))
        yield _gauge("workers", "Worker processes by state.", facts.workers(), "state")
        yield _total("workers_died", "Workers that died.", facts.workers_died())
        yield _counter("calls", "Calls that ended, by how.", counts.calls, "reason")
        outcomes = CounterMetricFamily(
            "tast1_call_outcomes", "Calls by what they came to.", labels=["result", "level", "outcome"]
        )
        for one in Outcome:
            labels = [one.result.value, one.level.value, one.value]
            outcomes.add_metric(labels, counts.outcomes.get(one.value, 0))
        yield outcomes
        yield _counter("decisions", "Answers to the consent question.", counts.decisions, "decision")
        methods = CounterMetricFamily(
            "tast1_key_methods", "Consent questions, by how their keys came.", labels=["trunk", "method"]
        )
        for (trunk, method), number in list(counts.key_methods.items()):
            methods.add_metric([trunk, method], number)
        yield methods
        recordings = {**dict.fromkeys(ENDINGS, 0), **counts.recordings}
        yield _counter("recordings", "Recordings that ended, by how.", recordings, "ending")
        failures = {**dict.fromkeys(WRITES, 0), **counts.storage_failures}
        yield _counter("storage_failures", "Records that could not be written.", failures, "what")
        waiting = "Records that wait until storage can take them."
        yield _single("records_waiting", waiting, facts.records_waiting())
        fallbacks = "Shipped prompts played in place of damaged ones."
        yield _counter("prompt_fallbacks", fallbacks, counts.prompt_fallbacks, "prompt")
        preconsent = "Caller audio found where no consent was stored. Must be 0."
        yield _total("preconsent_audio_bytes", preconsent, counts.preconsent_audio_bytes)
        yield _total("captured_audio_bytes", "PCM captured.", counts.captured_audio_bytes)

    def _edge(self) -> Iterator[Metric]:
        facts = self._facts
        refused = {"no_worker": 0, **facts.calls_refused()}
        yield _counter("calls_refused", "Calls refused at the front door, by why.", refused, "reason")
        messages = CounterMetricFamily(
            "tast1_edge_messages", "SIP messages at the front door.", labels=["verdict", "reason"]
        )
        for key, number in list(facts.edge().items()):
            verdict, _, reason = key.partition(":")
            messages.add_metric([verdict, reason], number)
        yield messages
        yield from self._trunks()
        certificates = {name: until.timestamp() for name, until in facts.certificates().items()}
        name, text = "certificate_not_after_timestamp_seconds", "When a certificate ends."
        yield _gauge(name, text, certificates, "setting")

    def _trunks(self) -> Iterator[Metric]:
        """What is not known yet is not told: it would be an alarm or a promise."""
        states = self._facts.trunks()
        known = {trunk["trunk"]: int(trunk["up"]) for trunk in states if trunk["up"] is not None}
        yield _gauge(
            "trunk_up", "Whether a trunk is registered where it must be, and answers.", known, "trunk"
        )
        servers = GaugeMetricFamily(
            "tast1_trunk_server_up",
            "Whether a server of a trunk answers OPTIONS.",
            labels=["trunk", "server"],
        )
        for trunk in states:
            for number, server in enumerate(trunk["servers"], 1):
                if server["state"] != "unknown":
                    servers.add_metric([trunk["trunk"], str(number)], int(server["state"] == "up"))
        yield servers

    def _durations(self) -> Iterator[Metric]:
        for key, text in _DURATIONS.items():
            taken = self._counts.durations[key]
            buckets = [("+Inf" if bound == float("inf") else str(bound), n) for bound, n in taken.below()]
            name = f"tast1_{_NAMES.get(key, key)}_duration_seconds"
            yield HistogramMetricFamily(name, text, buckets=buckets, sum_value=taken.sum_s)

    def _archive(self) -> Iterator[Metric]:
        counts, facts = self._counts, self._facts
        yield _counter("erased", "Artifacts erased, by kind.", counts.swept, "kind")
        yield _counter(
            "webhook_events", "Events for webhooks, by what came of them.", counts.webhooks, "outcome"
        )
        swept_at = facts.swept_at()
        if swept_at is not None:
            name = "sweep_last_success_timestamp_seconds"
            yield _single(name, "When the last sweep that came to its end did so.", swept_at.timestamp())
        archive = facts.archive()
        if archive is not None:
            artifacts = GaugeMetricFamily(
                "tast1_artifacts", "Artifacts by kind and state.", labels=["kind", "state"]
            )
            for (kind, state), number in sorted(archive.artifacts.items()):
                artifacts.add_metric([kind, state], number)
            yield artifacts
            overdue = "Artifacts that should have been erased by now. Must be 0."
            yield _single("overdue_artifacts", overdue, archive.overdue)
            yield _single("erasures_begun", "Erasures begun and not complete.", archive.begun)
        yield _single("spool_bytes", "Recordings not sealed yet, on disk and in memory.", facts.spool_bytes())
        volumes = list(facts.volumes())
        free = {volume.name: volume.free_bytes for volume in volumes}
        size = {volume.name: volume.size_bytes for volume in volumes}
        yield _gauge("volume_free_bytes", "Bytes free where Tast1 writes.", free, "volume")
        yield _gauge("volume_size_bytes", "Bytes there are where Tast1 writes.", size, "volume")

    def _bucket(self) -> Iterator[Metric]:
        bucket = self._facts.bucket()
        if bucket is None:
            return
        yield _single("media_store_up", "1 while the bucket takes files.", int(bucket.up))
        yield _single("media_files_waiting", "Sealed files that are not in the bucket yet.", bucket.waiting)
        yield _total("media_files_sent", "Files that went into the bucket.", bucket.sent)
        yield _total(
            "media_upload_failures", "Rounds in which the bucket did not take a file.", bucket.failures
        )

    def _transcription(self) -> Iterator[Metric]:
        facts = self._facts.transcription
        yield _counter("transcripts", "Transcripts, by how whole.", self._counts.transcripts, "ending")
        yield _counter("transcript_jobs_run", "Catch-up jobs that ran.", facts.endings(), "ending")
        yield _gauge("transcript_jobs", "Catch-up jobs there are.", facts.jobs(), "state")
        yield _gauge("transcribers", "Transcribers by state.", facts.servers(), "state")
        yield _single("transcriber_streams", "Streams open to transcribers.", facts.streams())
        lag = "How far the slowest transcription of a live call is behind what was said."
        yield _single("transcription_lag_seconds", lag, facts.lag_s())


def _single(name: str, text: str, value: float) -> GaugeMetricFamily:
    return GaugeMetricFamily(f"tast1_{name}", text, value=value)


def _total(name: str, text: str, value: float) -> CounterMetricFamily:
    return CounterMetricFamily(f"tast1_{name}", text, value=value)


def _gauge(name: str, text: str, values: Mapping[str, float], label: str) -> GaugeMetricFamily:
    family = GaugeMetricFamily(f"tast1_{name}", text, labels=[label])
    for key, number in list(values.items()):
        family.add_metric([key], number)
    return family


def _counter(name: str, text: str, values: Labelled, label: str) -> CounterMetricFamily:
    family = CounterMetricFamily(f"tast1_{name}", text, labels=[label])
    for key, number in list(values.items()):
        family.add_metric([key], number)
    return family


def page(collectors: Iterable[Collector], accept: str = "") -> tuple[bytes, str]:
    """The metrics page and its content type: OpenMetrics or Prometheus' text, as the reader accepts."""
    registry = CollectorRegistry(auto_describe=False)
    for collector in collectors:
        registry.register(collector)
    ProcessCollector(registry=registry)  # memory, processor time and files of the gateway process
    encode, content_type = choose_encoder(accept)
    return encode(registry), content_type
