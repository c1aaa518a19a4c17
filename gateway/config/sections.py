"""Every setting of config.yaml but the retention policy: name, kind, default, meaning.

The descriptions are published in the JSON Schema (`tast1 config schema`). Some fields carry a
`because`, which a mistake prints with the limits. A field, or the section it stands in, says when a change
takes effect in a gateway that runs; where nothing is said, at the next start (`gateway.config.effects`).
"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal

from pydantic import Field

from gateway.config.compliance import ComplianceSection
from gateway.config.custody import KeySection
from gateway.config.effects import CALLS, NOW, SCHEMA_KEY
from gateway.config.kinds import (
    EU_EEA,
    Address,
    BaseUrl,
    CollectorUrl,
    Country,
    DatabaseUrl,
    FilePath,
    Listener,
    Media,
    Names,
    Origin,
    Port,
    Seconds,
    Section,
    SipUri,
    Srtp,
    TransferPattern,
    WebSocketUrl,
    Whole,
    setting,
)
from gateway.config.outside import BucketSection, OidcSection, WebhookSection
from gateway.config.policy import PolicySection
from gateway.config.trunks import TrunkSection


class CompanySection(Section):
    """Who answers the telephone."""

    name: str = setting(
        "LB Forsikring", "The company, as the greeting names it; it is the data controller.", min_length=1
    )
    policy_version: str = setting(
        "1",
        "Version of the published recording policy; every consent record names it.",
        pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$",
        form="up to 64 letters, digits, '.', '_' and '-', such as 2026-1",
    )


class LimitsSection(Section):
    """What the SIP front door refuses, before anything else looks at a message."""

    message_bytes: Whole = setting(16384, "Longest SIP message in bytes.", ge=1500, le=65535)
    headers: Whole = setting(100, "Most header fields of a message.", ge=20, le=500)
    line_bytes: Whole = setting(2048, "Longest line of a message in bytes.", ge=256, le=8192)
    sdp_lines: Whole = setting(200, "Most lines of a session description.", ge=20, le=1000)
    crypto_lines: Whole = setting(
        8,
        "Most a=crypto lines of a session description.",
        "more than 64 overflow the SIP stack of a worker",
        ge=0,
        le=32,
    )
    invites_per_s: Seconds = setting(10.0, "New calls a second from one source address.", gt=0, le=1000)
    invite_burst: Whole = setting(30, "New calls at once from one source address.", ge=1, le=10000)
    messages_per_s: Seconds = setting(
        1000.0, "Messages of any kind a second from one source address; more are dropped.", gt=0, le=100000
    )
    message_burst: Whole = setting(
        2000, "Messages of any kind at once from one source address.", ge=1, le=100000
    )
    connections: Whole = setting(512, "TCP and TLS connections open at once.", ge=1, le=65535)
    connections_per_source: Whole = setting(
        64, "TCP and TLS connections open at once from one source address.", ge=1, le=65535
    )
    unknown_connections: Whole = setting(
        32, "TCP and TLS connections open at once from networks of no trunk, in all.", ge=0, le=65535
    )
    message_s: Seconds = setting(
        10.0, "Seconds in which a message that has begun on a connection must be complete.", gt=0, le=300
    )
    idle_s: Seconds = setting(3600.0, "Seconds after which a silent connection is closed.", ge=10, le=86400)
    unsent_bytes: Whole = setting(
        262144, "Bytes that may wait for a peer that does not read, before it is cut off.", ge=16384
    )


class SipSection(Section):
    """The SIP front door and the workers behind it."""

    udp: Listener | None = setting("127.0.0.1:5060", "ADDRESS:PORT for SIP over UDP; null: none.")
    tcp: Listener | None = setting("127.0.0.1:5060", "ADDRESS:PORT for SIP over TCP; null: none.")
    tls: Listener | None = setting(None, "ADDRESS:PORT for SIP over TLS; null: none.")
    tls_certificate: FilePath | None = setting(
        None, "PEM file with the certificate chain; needed for tls.", effect=NOW
    )
    tls_key: FilePath | None = setting(
        None, "PEM file with the certificate's private key; needed for tls.", effect=NOW
    )
    tls_ca: FilePath | None = setting(
        None,
        "PEM file with the authorities that vouch for TLS peers we call; null: the system's.",
        effect=NOW,
    )
    tls_client_ca: FilePath | None = setting(
        None,
        "PEM file with the authorities that vouch for trunks' client certificates; null: nobody is asked.",
    )
    public_host: str | None = setting(
        None,
        "Host name or address that others reach us by; null: the address listened on.",
        pattern=r"^[A-Za-z0-9.:-]+$",
        form="a host name or an address, such as gw.example.dk",
    )
    worker_side: Listener = setting(
        "127.0.0.1:5059",
        "Loopback ADDRESS:PORT between front door and workers; keep it, and calls outlive a restart.",
    )
    rtp_address: Address = setting(
        "127.0.0.1", "Address for the sound of calls; offered to trunk and agents."
    )
    rtp_public_address: Address | None = setting(
        None, "Address told to others for sound, where NAT changes rtp_address; null: rtp_address."
    )
    rtp_port_min: Port = setting(20000, "First UDP port for sound.", ge=1024)
    rtp_port_max: Port = setting(29999, "Last UDP port for sound.")
    symmetric_rtp: bool = setting(
        True,
        "Whether sound may come from another address than SDP says, the first found for a leg (NAT).",
    )
    rtp_timeout_s: Seconds = setting(
        60.0, "Seconds without sound from the caller, hold apart, that end a call; 0: never.", ge=0, le=3600
    )
    agent_srtp: Srtp = setting(
        "off",
        "Encrypted sound (SRTP, keys in SDP) with agents.",
        "optional: where they take it; required: no call to an agent without it",
    )
    dscp_sip: Whole = setting(
        40, "DSCP of SIP packets.", "RFC 4594 has 40, CS5, for signalling; 0: unmarked", ge=0, le=63
    )
    dscp_rtp: Whole = setting(
        46, "DSCP of sound packets.", "RFC 4594 has 46, EF, for telephony; 0: unmarked", ge=0, le=63
    )
    trunks: tuple[TrunkSection, ...] = setting(
        (TrunkSection(name="loopback", networks=("127.0.0.0/8", "::1/128")),),
        "Who may send calls.",
        effect=NOW,
    )
    allow_unknown: bool = setting(False, "Whether networks of no trunk may send calls too.", effect=NOW)
    answer_unknown: bool = setting(
        False, "Whether a refused network is told so (403); otherwise it hears nothing.", effect=NOW
    )
    workers: Whole = setting(
        10, "Calls that can be up at once: one process each, forked before.", ge=1, le=1000
    )
    limits: LimitsSection = setting(LimitsSection(), "What is refused at the front door.", effect=NOW)
    retry_after_s: Whole = setting(
        5, "Retry-After of a 503 when every worker is busy, in seconds.", ge=1, le=600, effect=NOW
    )
    session_expires_s: Whole = setting(
        1800, "Session timer (RFC 4028): a dialog not refreshed for so many seconds ends.", ge=90, le=86400
    )
    session_min_s: Whole = setting(
        90,
        "Shortest session timer accepted (Min-SE), in seconds.",
        "RFC 4028 §4 sets 90 s as the least",
        ge=90,
        le=86400,
    )


class IvrSection(Section):
    """The consent question. Defaults are the policy's."""

    accept_key: str = setting(
        "1",
        "The key that accepts; the prompt names it.",
        pattern=r"^[0-9*#]$",
        form="one of 0 to 9, * and #, in quotes",
    )
    min_marker: Literal["purposes_end", "key_instruction", "prompt_end"] = setting(
        "purposes_end", "From where in the prompt a key counts."
    )
    timeout_s: Seconds = setting(
        5.0,
        "Seconds after the end of the prompt in which a key counts.",
        "shorter leaves no time to decide, longer makes saying nothing a wait",
        ge=3,
        le=10,
    )
    repeat: Whole = setting(0, "How often `*` may have the prompt played again.", ge=0, le=1)
    isolation_ms: Whole = setting(
        1500,
        "No other digit so many milliseconds before and after the key.",
        "the jitter buffer must drain between key and recording",
        ge=300,
        le=5000,
    )
    other_key: Literal["ignore"] = setting("ignore", "What any other key does.")
    late_key: Literal["reject", "accept"] = setting("reject", "What the accepting key does after its time.")
    verbal_consent: bool = setting(False, "Whether an agent may take down a spoken yes.")
    withdraw_keys: str = setting(
        "",
        "Keys that stop the recording, such as *9; announce them when on. Empty: off.",
        pattern=r"^[0-9*#]{0,4}$",
        form="up to four of 0 to 9, * and #, in quotes, such as '*9'",
    )
    ring_timeout_s: Seconds = setting(
        45.0, "Seconds an agent is rung before the caller hears that nobody is there.", ge=5, le=300
    )
    max_call_s: Seconds = setting(14400.0, "Seconds after which a call is ended.", ge=60, le=86400)
    thank_you: bool = setting(True, "Whether a short tone confirms the key.")
    whisper: bool = setting(
        False, "Whether agents are told, before they hear the caller, whether the call is recorded."
    )
    granularity: Literal["bundled", "split"] = setting(
        "bundled",
        "One question for all purposes, as the policy has it, or one for each purpose.",
        "split needs prompts of its own (consent_training, ...); only what was accepted is a purpose then",
    )


class AgentSection(Section):
    """One more agent, or queue of agents, of a flow."""

    uri: SipUri = setting(..., "SIP URI of the agent.")
    ring_s: Seconds | None = setting(
        None, "Seconds the agent is rung; null: ivr.ring_timeout_s.", ge=5, le=300
    )


class TransferSection(Section):
    """Whom agents may hand a call over to."""

    to: TransferPattern = setting(..., "SIP URI; in its user part `*` stands for any letters and digits.")
    company: bool = setting(False, "Whether this is the company itself: otherwise recording ends for good.")


class FlowSection(Section):
    """What the callers of certain numbers meet."""

    numbers: Names = setting((), "Dialled numbers, in quotes. Empty: every number that no other flow names.")
    prompts: str | None = setting(None, "The prompt set; null: prompts.default.")
    connect: SipUri | None = setting(
        None, "SIP URI of the agents. null: message mode, the caller speaks to the recorder alone."
    )
    ring_s: Seconds | None = setting(
        None, "Seconds that `connect` is rung; null: ivr.ring_timeout_s.", ge=5, le=300
    )
    also: tuple[AgentSection, ...] = setting((), "Further agents: rung after `connect`, or at the same time.")
    ringing: Literal["sequential", "parallel"] = setting(
        "sequential",
        "Whether agents are rung one after the other or all at once; the first to answer has the caller.",
        "at most 3 ring at once",
    )
    fallback: SipUri | None = setting(
        None, "SIP URI that is rung when no agent answers, after a word to the caller; null: none."
    )
    transfer: tuple[TransferSection, ...] = setting(
        (), "Whom agents may hand a call over to, by REFER or by command. Empty: nobody."
    )
    announced: bool = setting(
        False, "An investigator's flow: records without a key, announced, for a case id."
    )
    ivr: IvrSection = setting(IvrSection(), "Settings of `ivr` that differ in this flow.")


class PromptsSection(Section):
    """What callers hear."""

    folder: FilePath | None = setting(None, "Folder of the prompt sets; null: the sets that come with Tast1.")
    default: str = setting("da", "The prompt set of flows that name none.")


class StorageSection(Section):
    """Where recordings and records are kept, and under whose law."""

    folder: FilePath = setting(Path("data"), "Folder of database, keys and sealed recordings.")
    database: DatabaseUrl | None = setting(
        None,
        "SQLAlchemy URL, or file:PATH of a file that holds it; null: SQLite in the folder.",
        secret=True,
    )
    key_file: FilePath | None = setting(
        None, "The key encryption key, made on the first run; null: in the folder."
    )
    key: KeySection = setting(KeySection(), "Another place for that key, and who may open.")
    media: Media = setting(
        "folder", "Where sealed recordings are kept: folder, or s3://BUCKET/PREFIX (see bucket)."
    )
    bucket: BucketSection = setting(BucketSection(), "The bucket that media names.")
    instance: str = setting(
        "gateway",
        "Name of this gateway; each of several on one database has its own, and keeps it.",
        pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]{0,62}$",
        form="up to 63 letters, digits, '.', '_' and '-', such as gateway-1",
    )
    memory_folder: FilePath = setting(Path("/dev/shm/tast1"), "In-memory folder for sound not yet sealed.")  # noqa: S108
    sync_ms: Whole = setting(
        500,
        "Milliseconds between writes of a growing recording to disk.",
        "a crash may lose at most one second",
        ge=50,
        le=1000,
        effect=CALLS,
    )
    sweep_s: Whole = setting(
        60, "Seconds between sweeps, which erase what is due.", ge=1, le=3600, effect=NOW
    )
    region: Country = setting("DK", "Country in which everything is stored.", effect=CALLS)
    allowed_regions: Annotated[tuple[Country, ...], Field(min_length=1)] = setting(
        EU_EEA, "Countries in which content may be stored.", effect=NOW
    )
    controller: str | None = setting(
        None, "The data controller, as records name it; null: company.name.", min_length=1, effect=CALLS
    )
    processor: str | None = setting(
        None, "The data processor that runs Tast1; null: the controller itself.", effect=CALLS
    )


class TranscriptionSection(Section):
    """Who writes down what is said: transcribers on the premises that speak the vosk-server protocol."""

    model: str | None = setting(
        None,
        "Folder of a Vosk model, or the name of one that comes with Tast1 (da-demo), for a transcriber that"
        " the gateway runs itself; null: none.",
    )
    listen: Listener = setting("127.0.0.1:2700", "ADDRESS:PORT of that transcriber.")
    threads: Whole | None = setting(
        None, "Streams it decodes at the same time; null: as many as there are processors.", ge=1, le=256
    )
    servers: tuple[WebSocketUrl, ...] = setting(
        (), "Other transcribers, ws:// or wss://; each stream goes to the one with the fewest.", effect=NOW
    )
    language: str = setting(
        "da",
        "Language of what is said (BCP 47).",
        pattern=r"^[A-Za-z]{2,3}(-[A-Za-z0-9]{2,8})*$",
        form="a language tag, such as da or en-GB",
        effect=CALLS,
    )
    phrases: Names = setting(
        (),
        "Words and phrases to listen for, and nothing else, where the model allows it. Empty: all it knows.",
        effect=CALLS,
    )
    max_lag_s: Seconds = setting(
        20.0,
        "Seconds that sound may wait for a transcriber before it is left for later.",
        ge=2,
        le=300,
        effect=CALLS,
    )


class WebSection(Section):
    """The console, the HTTP API, health and metrics."""

    listen: Listener | None = setting(
        "127.0.0.1:8080", "ADDRESS:PORT for /console, the API, /livez and /readyz; null: none."
    )
    metrics: Listener | None = setting(
        "127.0.0.1:9464", "ADDRESS:PORT for /metrics, /livez and /readyz, without TLS; null: none."
    )
    tls_certificate: FilePath | None = setting(
        None, "PEM file with the certificate chain, to serve HTTPS; null: HTTP, for this machine or a proxy."
    )
    tls_key: FilePath | None = setting(None, "PEM file with the certificate's private key.")
    public_url: BaseUrl | None = setting(
        None,
        "How browsers reach this gateway through a proxy with HTTPS, such as https://tast1.example.dk:"
        " cookies then go over HTTPS alone; null: no such proxy.",
    )
    oidc: OidcSection | None = setting(
        None, "An OpenID Connect provider through which people sign in; null: with tokens alone."
    )
    webhooks: tuple[WebhookSection, ...] = setting((), "Who is told of events.")
    webhook_days: Whole = setting(
        3, "Days after which an event that could not be told is given up.", ge=1, le=30
    )
    frame_ancestors: tuple[Origin, ...] = setting(
        (), "Sites that may show an agent's panel in a frame, such as https://crm.example.dk; empty: none."
    )

    @property
    def behind_https(self) -> bool:
        """Whether browsers reach this gateway by HTTPS, whatever it serves itself."""
        return self.public_url is not None and self.public_url.startswith("https:")


class TracesSection(Section):
    """Where the course of each call is told, for the time it took."""

    endpoint: CollectorUrl | None = setting(
        None,
        "OpenTelemetry collector on the premises (OTLP over HTTP, such as http://HOST:4318); null: none.",
    )


class ControlSection(Section):
    """How the commands reach a running gateway."""

    socket: FilePath | None = setting(None, "Path of the control socket; null: in the storage folder.")


class LogsSection(Section):
    """What is logged, and how."""

    level: Literal["DEBUG", "INFO", "WARNING", "ERROR"] = setting("INFO", "The least severe that is logged.")
    format: Literal["text", "json"] = setting("text", "A line for people, or one JSON object a line.")
    personal: bool = setting(
        False, "Whether numbers and exception texts are logged; only while hunting a fault."
    )


def _default_flows() -> dict[str, FlowSection]:
    return {"customer": FlowSection(connect="sip:agent@127.0.0.1:5070")}


class ConfigFile(Section):
    """The whole of config.yaml."""

    company: CompanySection = setting(CompanySection(), "Who answers the telephone.", effect=CALLS)
    sip: SipSection = setting(SipSection(), "The SIP front door and its workers.")
    flows: dict[Annotated[str, Field(pattern=r"^[a-z][a-z0-9_-]*$")], FlowSection] = Field(
        default_factory=_default_flows,
        description="What callers meet, by the number they dialled.",
        json_schema_extra={SCHEMA_KEY: CALLS},
        min_length=1,
    )
    ivr: IvrSection = setting(IvrSection(), "The consent question.", effect=CALLS)
    policy: PolicySection = setting(PolicySection(), "How long what is kept, and why.", effect=NOW)
    compliance: ComplianceSection = setting(ComplianceSection(), "What must be on file first.", effect=NOW)
    prompts: PromptsSection = setting(PromptsSection(), "What callers hear.", effect=CALLS)
    storage: StorageSection = setting(StorageSection(), "Where recordings and records are kept.")
    transcription: TranscriptionSection = setting(TranscriptionSection(), "Who writes down what is said.")
    web: WebSection = setting(WebSection(), "The HTTP API, health and metrics.")
    control: ControlSection = setting(ControlSection(), "How commands reach a running gateway.")
    logs: LogsSection = setting(LogsSection(), "What is logged.", effect=NOW)
    traces: TracesSection = setting(TracesSection(), "Where the course of each call is told.")
