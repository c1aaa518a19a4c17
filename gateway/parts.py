"""What the settings make of each part of the gateway: plain values in, the part's own settings out."""

from __future__ import annotations

import logging
import os
from collections.abc import Callable
from datetime import datetime
from pathlib import Path

from gateway.archive import Archive
from gateway.calls.backlog import Backlog
from gateway.calls.counts import Counts
from gateway.calls.surroundings import PromptSource, Surroundings
from gateway.calls.timeline import Entry
from gateway.calls.transcribing import Transcribing
from gateway.calls.trunks import Trunk
from gateway.config import Settings, host_port, to_dataclass
from gateway.config.secret_files import NoSecret, secret
from gateway.config.trunks import TrunkSection
from gateway.edge.numbers import NumberPlan
from gateway.edge.settings import (
    Credentials,
    EdgeSettings,
    LimitSettings,
    RegisterSettings,
    TrunkSettings,
)
from gateway.edge.trunks import Trunks
from gateway.membership import Membership
from gateway.web.oidc.provider import OidcSettings
from gateway.web.oidc.sign_in import ProviderSignIn
from gateway.web.webhooks import Receiver, Webhooks
from gateway.worker.settings import WorkerSettings
from gateway.workshop.workshop import Workshop
from ivr_prompts.catalogue import KEY_TEST, Catalogue, Prompt
from storage import uploads
from storage.webhooks import Hook
from transcription.models.catalogue import folder_of
from transcription.process import OwnTranscriber
from transcription.protocol import StreamConfig
from transcription.servers import Server, Servers

log = logging.getLogger(__name__)


def own_transcriber(settings: Settings) -> OwnTranscriber | None:
    """The transcriber that the gateway runs itself, not started yet; None when it runs none."""
    wanted = settings.transcription
    if wanted.model is None:
        return None
    host, port = host_port(wanted.listen)
    return OwnTranscriber(folder_of(wanted.model), host, port, wanted.threads or os.cpu_count() or 1)


def servers(settings: Settings, own: OwnTranscriber | None) -> list[Server]:
    """The transcribers there are: the one that the gateway runs, then those that the settings name."""
    named = [Server(url) for url in settings.transcription.servers]
    return named if own is None else [own.server, *named]


def transcribing(settings: Settings, servers: Servers) -> Transcribing | None:
    """How calls that begin now are transcribed; None when they are not."""
    if not servers.servers:
        return None
    wanted = settings.transcription
    model = folder_of(wanted.model).name if wanted.model is not None else "vosk-server"
    config = StreamConfig(phrases=wanted.phrases)
    return Transcribing(servers, config, wanted.language, model, wanted.max_lag_s)


def workshop(settings: Settings, archive: Archive, catalogue: Catalogue) -> Workshop:
    """Where prompts are made, for these settings."""
    return Workshop(
        archive.database,
        settings.storage.folder,
        archive.keys,
        catalogue,
        settings.flows,
        settings.company.name,
    )


def surroundings(
    settings: Settings,
    archive: Archive,
    prompts: PromptSource,
    counts: Counts,
    how: Transcribing | None,
    on_entry: Callable[[str, Entry], None] | None,
    backlog: Backlog | None = None,
) -> Surroundings:
    """What calls share that begin now; each keeps it to its end."""
    return Surroundings(
        records=archive.records(transcribes=how is not None),
        prompts=prompts,
        memory_folder=settings.storage.memory_folder,
        counts=counts,
        sync_s=settings.storage.sync_ms / 1000,
        policy_version=settings.company.policy_version,
        delete_partial=settings.policy.withdrawal.midcall_delete_partial,
        on_entry=on_entry,
        transcribing=how,
        trunk_of=trunk_of(settings),
        backlog=backlog,
    )


def provider_sign_in(settings: Settings) -> ProviderSignIn | None:
    """Signing in through the identity provider of the settings; None when there is none."""
    oidc = settings.web.oidc
    if oidc is None:
        return None
    told = oidc.model_dump(exclude={"client_secret"})
    client_secret = secret(oidc.client_secret) if oidc.client_secret else ""
    return ProviderSignIn(OidcSettings(client_secret=client_secret, organisation=settings.controller, **told))


def webhooks(
    settings: Callable[[], Settings],
    archive: Archive,
    counts: Counts,
    now: Callable[[], datetime],
    membership: Membership,
) -> Webhooks:
    """Who is told of events, by the gateway that keeps house. The policy is asked for anew at each use."""
    told, days = receivers(settings()), settings().web.webhook_days
    return Webhooks(
        archive.database, told, days, lambda: settings().policy, counts, now, lambda: membership.keeps_house
    )


def fetch_prompt(archive: Archive) -> Callable[[str], bytes | None]:
    """Where the prompt book gets the sound of prompts that another gateway made."""
    return lambda sha256: uploads.fetch_prompt(archive.store, sha256)


def receivers(settings: Settings) -> list[Receiver]:
    """The webhooks of the settings, their secrets read."""
    hooks = settings.web.webhooks
    return [Receiver(Hook(each.url, frozenset(each.events)), secret(each.secret)) for each in hooks]


def edge_settings(settings: Settings, key: bytes) -> EdgeSettings:
    """The front door's settings out of `sip`; without a `key` also without passwords, for who only looks."""
    sip = settings.sip
    return EdgeSettings(
        udp=sip.udp,
        tcp=sip.tcp,
        tls=sip.tls,
        tls_certificate=_text(sip.tls_certificate),
        tls_key=_text(sip.tls_key),
        tls_ca=_text(sip.tls_ca),
        tls_client_ca=_text(sip.tls_client_ca),
        allow_unknown=sip.allow_unknown,
        answer_unknown=sip.answer_unknown,
        public_host=sip.public_host,
        worker_side=sip.worker_side,
        trunks=tuple(_trunk(trunk, with_secrets=bool(key)) for trunk in sip.trunks),
        limits=to_dataclass(LimitSettings, sip.limits),
        retry_after_s=sip.retry_after_s,
        dscp=sip.dscp_sip,
        key=key,
    )


def trunk_of(settings: Settings) -> Callable[[str], Trunk]:
    """Which trunk has a name or a source address, and whether keys are heard in its sound."""
    networks = Trunks(edge_settings(settings, b""))
    named = {trunk.name: Trunk(trunk.name, trunk.inband) for trunk in settings.sip.trunks}

    def look(source: str) -> Trunk:
        if source in named:
            return named[source]
        try:
            return named.get(networks.name(source) or "", Trunk())
        except ValueError:  # no address: a name that the last proxy did not resolve
            return Trunk()

    return look


def _trunk(trunk: TrunkSection, with_secrets: bool) -> TrunkSettings:
    return TrunkSettings(
        name=trunk.name,
        networks=trunk.networks,
        srtp=trunk.srtp,
        servers=trunk.servers,
        outbound_proxy=trunk.outbound_proxy,
        register=_account(trunk, with_secrets),
        health_s=trunk.health_s,
        answer_s=trunk.answer_s,
        digest=_credentials(trunk, with_secrets),
        certificates=trunk.certificates,
        trusted=trunk.trusted,
        country=trunk.country,
        prefixes=tuple(trunk.prefixes.items()),
        nat=trunk.nat,
    )


def _account(trunk: TrunkSection, with_secrets: bool) -> RegisterSettings | None:
    account = trunk.account
    if account is None:
        return None
    return RegisterSettings(
        user=account.user,
        password=_password(account.password, trunk.name) if with_secrets else "",
        auth_user=account.auth_user or "",
        domain=account.domain or "",
        expires_s=account.expires_s,
    )


def _credentials(trunk: TrunkSection, with_secrets: bool) -> Credentials | None:
    digest = trunk.digest
    if digest is None:
        return None
    return Credentials(digest.user, _password(digest.password, trunk.name) if with_secrets else "")


def _password(written: str, trunk: str) -> str:
    """A trunk's password; "", which proves nothing, when its file went away since it was checked."""
    try:
        return secret(written)
    except NoSecret:
        log.error("the password of a trunk cannot be read; its file must be there", extra={"trunk": trunk})
        return ""


def numbers_of(settings: Settings) -> dict[str, str]:
    """The flows' numbers as they are written in the settings, by their E.164 form on each trunk."""
    plans = [
        NumberPlan(trunk.country, tuple(trunk.prefixes.items()))
        for trunk in settings.sip.trunks
        if trunk.country
    ]
    named = (number for flow in settings.flows for number in flow.numbers)
    found = {plan.e164(number): number for number in named for plan in plans}
    return {full: number for full, number in found.items() if full}


def key_tests(settings: Settings, catalogue: Catalogue) -> tuple[Prompt, Callable[[str], Trunk]]:
    """What a test call for keys hears, of the set or of the one that comes with Tast1; and `trunk_of`."""
    name = settings.prompts.default
    prompt = catalogue[name].get(KEY_TEST)
    if prompt is None:
        shipped = Catalogue.load()
        prompt = shipped[name if name in shipped else "da"][KEY_TEST]
    return prompt, trunk_of(settings)


def worker_settings(settings: Settings, problem: Prompt | None = None) -> WorkerSettings:
    """What every worker is told."""
    sip = settings.sip
    host, port = host_port(sip.udp or sip.tcp or sip.tls or "127.0.0.1:5060")
    return WorkerSettings(
        edge_port=host_port(sip.worker_side)[1],
        public_host=sip.public_host or host,
        public_port=port,
        rtp_address=sip.rtp_address,
        rtp_public_address=sip.rtp_public_address or "",
        rtp_port_min=sip.rtp_port_min,
        rtp_port_max=sip.rtp_port_max,
        rtp_dscp=sip.dscp_rtp,
        rtp_timeout_s=sip.rtp_timeout_s,
        symmetric_rtp=sip.symmetric_rtp,
        agent_srtp=sip.agent_srtp,
        session_expires_s=sip.session_expires_s,
        session_min_s=sip.session_min_s,
        problem_wav=str(problem.path) if problem is not None else "",
        rejoin_path=str(settings.storage.folder / "workers.sock"),
    )


def _text(path: Path | None) -> str | None:
    return None if path is None else str(path)
