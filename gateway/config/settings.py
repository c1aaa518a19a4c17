"""The settings a gateway runs with: config.yaml and environment, checked as a whole, paths absolute.

    settings = Settings.load(Path("config.yaml"), os.environ)

Relative paths are meant from the folder of the file, wherever the command is run. `ConfigError`
lists every mistake that was found; nothing is opened, made or started here.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from gateway.callflow.settings import FlowSettings, IvrSettings, Target, TransferTarget
from gateway.config import call_rules, checks
from gateway.config.kinds import Section, to_dataclass
from gateway.config.mistakes import ConfigError, Mistake, from_validation, key_of, masked, mistake_at
from gateway.config.secret_files import is_file, placed, secret, secrets
from gateway.config.sections import (
    CompanySection,
    ConfigFile,
    ControlSection,
    LogsSection,
    PromptsSection,
    SipSection,
    StorageSection,
    TracesSection,
    TranscriptionSection,
    WebSection,
)
from gateway.config.source import Source, Unreadable, read, with_environment
from storage.policy.reuse import ReuseSettings
from storage.policy.settings import PolicySettings
from transcription.models.catalogue import BUILT_IN


@dataclass(frozen=True)
class Origin:
    """Where settings come from, to read them again."""

    path: Path
    environment: Mapping[str, str]


@dataclass(frozen=True)
class Settings:
    """Checked settings. What is null in the file and has a place of its own by default is filled in."""

    file: ConfigFile
    source: Source | None = field(default=None, compare=False, repr=False)  # as it was written
    origin: Origin | None = field(default=None, compare=False, repr=False)

    @classmethod
    def load(cls, path: Path, environment: Mapping[str, str] | None = None) -> Settings:
        """The settings in the file and the environment, files and folders checked too."""
        try:
            text = path.read_text(encoding="utf-8")
        except FileNotFoundError:
            raise ConfigError(
                [Mistake(str(path), "", None, "there is no such file (give its path)")]
            ) from None
        except (OSError, UnicodeDecodeError):
            raise ConfigError(
                [Mistake(str(path), "", None, "cannot be read (it must be a UTF-8 text file)")]
            ) from None
        environment = environment or {}
        found = cls.parse(text, path.name, path.absolute().parent, environment, look=True)
        return dataclasses.replace(found, origin=Origin(path.absolute(), environment))

    def again(self, other: Path | None = None) -> Settings:
        """What the file says now, or another file in its place, under the same environment."""
        if self.origin is None:
            raise ConfigError([Mistake("", "", None, "these settings come from no file (start with one)")])
        return Settings.load(other or self.origin.path, self.origin.environment)

    @classmethod
    def parse(
        cls, text: str, name: str, base: Path, environment: Mapping[str, str], look: bool = False
    ) -> Settings:
        """The settings in a text; relative paths are meant from `base`; `look` checks the disk too."""
        try:
            source = with_environment(read(text, name), environment)
        except Unreadable as error:
            mistakes = [
                Mistake(f"{name}:{line}", key, None, why, bare) for line, key, why, bare in error.problems
            ]
            raise ConfigError(mistakes) from None
        mistakes = [
            mistake_at(source, key, f"stands twice, first in line {first} (take one out)")
            for key, first, _ in source.duplicates
        ]
        try:
            file = _placed(ConfigFile.model_validate(source.values), base)
        except ValidationError as error:
            mistakes += from_validation(error, source, ConfigFile)
            file = _placed(_without_mistakes(source, error), base)
        faults = [*checks.rules(file), *(checks.places(file) if look else ())]
        mistakes += _new(mistakes, [mistake_at(source, key, why) for key, why in faults])
        if mistakes:
            raise ConfigError(sorted(mistakes, key=_in_file_order))
        return cls(file, source)

    @property
    def company(self) -> CompanySection:
        """Who answers the telephone."""
        return self.file.company

    @property
    def sip(self) -> SipSection:
        """The SIP front door and its workers."""
        return self.file.sip

    @property
    def prompts(self) -> PromptsSection:
        """What callers hear."""
        return self.file.prompts

    @property
    def storage(self) -> StorageSection:
        """Where recordings and records are kept."""
        return self.file.storage

    @property
    def web(self) -> WebSection:
        """The HTTP API, health and metrics."""
        return self.file.web

    @property
    def transcription(self) -> TranscriptionSection:
        """Who writes down what is said."""
        return self.file.transcription

    @property
    def control(self) -> ControlSection:
        """How commands reach a running gateway."""
        return self.file.control

    @property
    def logs(self) -> LogsSection:
        """What is logged, and how."""
        return self.file.logs

    @property
    def traces(self) -> TracesSection:
        """Where the course of each call is told."""
        return self.file.traces

    @property
    def ivr(self) -> IvrSettings:
        """The consent question, as every flow has it that says nothing else."""
        return IvrSettings(**self.file.ivr.model_dump())

    @property
    def flows(self) -> tuple[FlowSettings, ...]:
        """The flows, in the order of the file."""
        return tuple(
            FlowSettings(
                name=name,
                numbers=flow.numbers,
                prompts=flow.prompts or self.prompts.default,
                connect=flow.connect,
                ring_s=flow.ring_s,
                more=tuple(Target(agent.uri, agent.ring_s) for agent in flow.also),
                parallel=flow.ringing == "parallel",
                fallback=Target(flow.fallback) if flow.fallback else None,
                transfers=tuple(TransferTarget(target.to, target.company) for target in flow.transfer),
                announced=flow.announced,
                ivr=IvrSettings(**call_rules.effective_ivr(self.file, flow)),  # type: ignore[arg-type]
            )
            for name, flow in self.file.flows.items()
        )

    @property
    def policy(self) -> PolicySettings:
        """How long what is kept, and why."""
        return self.file.policy.to_policy()

    @property
    def reuse(self) -> ReuseSettings:
        """Which uses of recordings beside the consented ones are permitted, and by what."""
        reuse: ReuseSettings = to_dataclass(ReuseSettings, self.file.compliance.reuse)
        return reuse

    @property
    def controller(self) -> str:
        """The data controller, as records name it."""
        return self.storage.controller or self.company.name

    @property
    def database_url(self) -> str:
        """SQLAlchemy URL of the database; may hold a password. `NoSecret` when its file is gone."""
        if self.storage.database:
            return secret(self.storage.database)
        return self._own_database

    @property
    def _own_database(self) -> str:
        return f"sqlite:///{self.storage.folder / 'tast1.sqlite'}"

    @property
    def key_file(self) -> Path:
        """The file of the key encryption key."""
        return self.storage.key_file or self.storage.folder / "keys" / "kek"

    @property
    def control_socket(self) -> Path:
        """Path of the control socket."""
        return self.control.socket or self.storage.folder / "control.sock"

    def advice(self) -> list[str]:
        """What is in order and should be known all the same, by name; the texts are the command line's."""
        found = ["layered_notice"]  # the prompt leaves much to the website, as the policy does
        reuse = self.file.compliance.reuse
        uses = (reuse.complaint, reuse.investigation, reuse.sampling)
        if any(use.allowed and not (use.lia and use.compatibility_test) for use in uses):
            found.append("reuse_not_on_file")
        if not self.policy.sampling.exclude_special_category:
            found.append("special_category_sampled")
        if not self.policy.withdrawal.delete_existing:
            found.append("withdrawal_keeps")
        if self.policy.investigation.covert:
            found.append("covert")
        if not self.policy.investigation.extension.per_artifact:
            found.append("per_artifact")
        wanted = [self.sip.agent_srtp, *(trunk.srtp for trunk in self.sip.trunks)]
        if not self.sip.tls and any(srtp != "off" for srtp in wanted):
            found.append("srtp_without_tls")
        if self.sip.agent_srtp == "required" and not all(_by_tls(flow.connect) for flow in self.flows):
            found.append("agent_keys_in_clear")
        if any(flow.ivr.verbal_consent for flow in self.flows):
            found.append("verbal_consent")
        if any(not checks.is_private(url) for url in self.transcription.servers):
            found.append("transcriber_in_clear")
        if self.traces.endpoint and not checks.is_private(self.traces.endpoint):
            found.append("traces_in_clear")
        if self.transcription.model in BUILT_IN:
            found.append("demo_model")
        if self.file.logs.personal:
            found.append("personal_logs")
        return found

    def shown(self) -> dict[str, Any]:
        """Every effective setting, nested as in the file, secrets masked."""
        values = self.file.model_dump(mode="json")
        database = self.storage.database or self._own_database
        elsewhere = self.storage.key.command or self.storage.key.pkcs11
        key_file = None if elsewhere else str(self.key_file)
        values["storage"].update(controller=self.controller, database=database, key_file=key_file)
        values["control"].update(socket=str(self.control_socket))
        for name, flow in self.file.flows.items():
            values["flows"][name].update(
                prompts=flow.prompts or self.prompts.default, ivr=call_rules.effective_ivr(self.file, flow)
            )
        shown: dict[str, Any] = masked((), values)
        return shown


def control_socket_of(path: Path, environment: Mapping[str, str]) -> Path:
    """Where the gateway with this settings file answers commands, whatever else is wrong in it."""
    try:
        values = with_environment(read(path.read_text(encoding="utf-8"), path.name), environment).values
    except (OSError, UnicodeDecodeError, Unreadable):
        values = {}

    def written(section: str, key: str) -> str | None:
        found = values.get(section)
        value = found.get(key) if isinstance(found, dict) else None
        return value if isinstance(value, str) and "\0" not in value else None

    base = path.absolute().parent
    folder = written("storage", "folder") or str(StorageSection.model_fields["folder"].default)
    return base / (written("control", "socket") or Path(folder) / "control.sock")


def _by_tls(uri: str | None) -> bool:
    """Whether a SIP URI is reached by TLS; a flow without an agent has no keys to show."""
    return uri is None or ";transport=tls" in uri.lower()


def _placed(file: ConfigFile, base: Path) -> ConfigFile:
    """The same with every relative path made absolute from `base`."""
    sections: dict[str, Any] = {}
    for name in ("sip", "prompts", "storage", "web", "control"):
        sections[name] = _from(base, getattr(file, name))
    model = file.transcription.model
    if model is not None and "/" in model:
        sections["transcription"] = file.transcription.model_copy(update={"model": str(base / model)})
    return file.model_copy(update=sections)


def _from(base: Path, value: Any) -> Any:
    """The same with relative paths made absolute, in sections within sections too."""
    if isinstance(value, Path):
        return base / value
    if isinstance(value, Section):
        moved = {key: _from(base, inner) for key, inner in value}
        of_ours = {key[0]: text for key, text in secrets(value) if len(key) == 1 and is_file(text)}
        moved.update({str(key): placed(text, base) for key, text in of_ours.items()})
        return value.model_copy(update={key: new for key, new in moved.items() if new != getattr(value, key)})
    if isinstance(value, tuple):
        return tuple(_from(base, inner) for inner in value)
    return value


def _without_mistakes(source: Source, error: ValidationError) -> ConfigFile:
    """The file with defaults where it is wrong, so that what does not fit together is found as well."""
    values: Any = source.values
    for one in error.errors(include_url=False):
        key = key_of(one)
        values = _without(values, key[: 3 if key[0] == "flows" else 2])
    try:
        return ConfigFile.model_validate(values)
    except ValidationError:
        return ConfigFile()


def _without(values: Any, key: tuple[Any, ...]) -> Any:
    if not isinstance(values, dict) or key[0] not in values:
        return values
    rest = {name: inner for name, inner in values.items() if name != key[0]}
    if len(key) > 1 and isinstance(values[key[0]], dict):
        return {**values, key[0]: _without(values[key[0]], key[1:])}
    return rest


def _new(known: list[Mistake], found: list[Mistake]) -> list[Mistake]:
    """Those not about a setting that is known to be wrong already."""
    keys = {mistake.key for mistake in known}
    return [mistake for mistake in found if mistake.key not in keys]


def _in_file_order(mistake: Mistake) -> tuple[bool, int, str]:
    name, _, line = mistake.where.rpartition(":")
    return (not name, int(line) if name and line.isdigit() else 0, mistake.key)
