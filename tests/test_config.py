"""The settings: config.yaml says what is in force, and every mistake is told at once, with its line."""

from __future__ import annotations

import dataclasses
import json
import re
import typing
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import given
from hypothesis import settings as trying
from hypothesis import strategies as st
from pydantic import BaseModel
from typer.testing import CliRunner

from gateway.callflow.settings import FlowSettings, IvrSettings
from gateway.cli.config import config_app
from gateway.config import ConfigError, ConfigFile, Settings, to_dataclass
from gateway.config.kinds import period_months_days
from gateway.config.sections import LimitsSection
from gateway.config.source import read
from gateway.edge.settings import LimitSettings
from storage.policy.settings import CHOICES, PolicySettings

CONFIG = Path(__file__).parents[1] / "config.yaml"

_ISSUER = "issuer: 'https://id.example'"
_OIDC = "client_id: a, redirect_base: 'https://tast1.example', roles: {a: QA}"

FIVE_MISTAKES = """\
sip:
  udp: 127.0.0.1
ivr:
  timeout_s: 20
  isolation_ms: 100
flows:
  customer:
    connect: agent@127.0.0.1
storage:
  folders: ./data
"""


def parse(text: str, **environment: str) -> Settings:
    return Settings.parse(text, "config.yaml", Path("/srv/tast1"), environment)


def mistakes(text: str, **environment: str) -> list[str]:
    with pytest.raises(ConfigError) as caught:
        parse(text, **environment)
    return [str(mistake) for mistake in caught.value.mistakes]


def mistake(text: str, **environment: str) -> str:
    (line,) = mistakes(text, **environment)
    return line


def leaves(model: BaseModel, key: tuple[Any, ...] = ()) -> Iterator[tuple[tuple[Any, ...], Any]]:
    """Every setting with its default; an overriding `ivr` of a flow counts as one."""
    for name in type(model).model_fields:
        yield from branches(getattr(model, name), (*key, name))


def branches(value: Any, key: tuple[Any, ...]) -> Iterator[tuple[tuple[Any, ...], Any]]:
    if isinstance(value, BaseModel) and key[:1] + key[2:] != ("flows", "ivr"):
        yield from leaves(value, key)
    elif isinstance(value, Mapping):
        for name, inner in value.items():
            yield from branches(inner, (*key, name))
    elif isinstance(value, tuple) and value and isinstance(value[0], BaseModel):
        for index, inner in enumerate(value):
            yield from leaves(inner, (*key, index))
    else:
        yield key, value


# --- config.yaml as it comes ----------------------------------------------------------------------


def test_the_file_as_it_comes_says_every_default_and_nothing_else() -> None:
    assert ConfigFile.model_validate(yaml.safe_load(CONFIG.read_text(encoding="utf-8"))) == ConfigFile()


@pytest.mark.parametrize(
    "key", [key for key, _ in leaves(ConfigFile())], ids=lambda key: ".".join(map(str, key))
)
def test_every_setting_stands_in_the_file_with_a_line_of_explanation(key: tuple[Any, ...]) -> None:
    text = CONFIG.read_text(encoding="utf-8")
    source, lines = read(text, "config.yaml"), text.splitlines()
    assert source.value(key)[0], "the setting is not in config.yaml"
    line = source.lines[key]
    assert "  # " in lines[line - 1] or lines[line - 2].strip().startswith("# ")


def test_the_file_as_it_comes_can_be_used_and_stays_on_this_machine() -> None:
    settings = Settings.load(CONFIG, {})
    assert (settings.sip.udp, settings.sip.tcp, settings.sip.tls) == (
        "127.0.0.1:5060",
        "127.0.0.1:5060",
        None,
    )
    assert (settings.web.listen, settings.web.metrics) == ("127.0.0.1:8080", "127.0.0.1:9464")
    assert settings.traces.endpoint is None
    assert settings.flows == (FlowSettings(name="customer", connect="sip:agent@127.0.0.1:5070"),)
    assert settings.ivr == IvrSettings()


def test_an_empty_file_is_the_defaults() -> None:
    assert (
        parse("").file
        == parse("ivr:\n").file
        == Settings.load(CONFIG, {}).file.model_copy(update={"storage": parse("").storage})
    )


def test_the_names_and_defaults_of_the_call_flow_are_the_call_flows_own() -> None:
    settings = type(ConfigFile().ivr).model_fields
    assert {field.name: field.default for field in dataclasses.fields(IvrSettings)} == {
        name: field.default for name, field in settings.items()
    }


def test_the_limits_of_the_front_door_are_the_front_doors_own() -> None:
    assert to_dataclass(LimitSettings, ConfigFile().sip.limits) == LimitSettings()
    assert {field.name for field in dataclasses.fields(LimitSettings)} == set(LimitsSection.model_fields)


def test_the_policy_of_the_file_is_the_policy_of_the_storage() -> None:
    assert ConfigFile().policy.to_policy() == PolicySettings()
    names = {key for key, _ in leaves(ConfigFile().policy)}
    assert names == {tuple(name.split(".")) for name in policy_names(PolicySettings())}
    changed = parse("policy: {retention: {callcenter_days: 14}, rights: {hold_on: [access]}}").policy
    assert changed.retention.callcenter_days == 14
    assert changed.rights.hold_on == ("access",)


@pytest.mark.parametrize("name", CHOICES)
def test_the_alternatives_of_the_policy_are_those_the_storage_knows(name: str) -> None:
    section: Any = ConfigFile().policy
    *parents, last = name.split(".")
    for parent in parents:
        section = getattr(section, parent)
    assert typing.get_args(type(section).model_fields[last].annotation) == CHOICES[name]


def policy_names(settings: Any, before: str = "") -> Iterator[str]:
    for field in dataclasses.fields(settings):
        value = getattr(settings, field.name)
        if dataclasses.is_dataclass(value):
            yield from policy_names(value, f"{before}{field.name}.")
        else:
            yield f"{before}{field.name}"


def test_the_schema_describes_every_setting() -> None:
    schema = ConfigFile.model_json_schema()
    for section in [schema, *schema["$defs"].values()]:
        for name, setting in section["properties"].items():
            section_meant = schema["$defs"].get(setting.get("$ref", "").rpartition("/")[2], {})
            assert {**section_meant, **setting}.get("description"), (
                f"{section['title']}.{name} has no description"
            )
        assert section["additionalProperties"] is False


# --- flows ----------------------------------------------------------------------------------------


def test_a_flow_has_its_own_consent_question_where_it_says_so() -> None:
    text = """
        ivr: {timeout_s: 7, repeat: 1}
        flows:
          customer: {numbers: ["70101010"], connect: "sip:queue@10.0.0.5", ivr: {timeout_s: 4}}
          message: {numbers: ["70101099", "+4570101099"], prompts: en}
    """
    customer, message = parse(text).flows
    assert customer.ivr == IvrSettings(timeout_s=4, repeat=1)
    assert (customer.prompts, customer.connect) == ("da", "sip:queue@10.0.0.5")
    assert message.ivr == IvrSettings(timeout_s=7, repeat=1)
    assert (message.prompts, message.connect) == ("en", None)
    assert message.numbers == ("70101099", "+4570101099")


# --- places ---------------------------------------------------------------------------------------


def test_relative_paths_are_meant_from_the_folder_of_the_file() -> None:
    settings = parse("storage: {folder: ./sound, key_file: /run/keys/tast1}")
    assert settings.storage.folder == Path("/srv/tast1/sound")
    assert settings.key_file == Path("/run/keys/tast1")
    assert settings.control_socket == Path("/srv/tast1/sound/control.sock")
    assert settings.database_url == "sqlite:////srv/tast1/sound/tast1.sqlite"


def test_the_environment_comes_before_the_file() -> None:
    settings = parse(
        "sip: {udp: 127.0.0.1:5060, workers: 3}",
        TAST1__SIP__UDP="0.0.0.0:5062",
        TAST1__SIP__PUBLIC_HOST="192.0.2.10",
        TAST1__SIP__TCP="null",
        TAST1__IVR__ACCEPT_KEY="5",
        TAST1__FLOWS__CUSTOMER__NUMBERS='["70101010"]',
        TAST1__LOGS__PERSONAL="true",
        TAST1_LANG="en",
        PATH="/usr/bin",
    )
    assert (settings.sip.udp, settings.sip.tcp, settings.sip.workers) == ("0.0.0.0:5062", None, 3)
    assert settings.ivr.accept_key == "5"
    assert settings.flows[0].numbers == ("70101010",)
    assert settings.logs.personal is True


def test_a_mistake_in_the_environment_names_the_variable() -> None:
    line = mistake("", TAST1__SIP__WORKERS="many")
    assert line.startswith("TAST1__SIP__WORKERS: sip.workers = many: is no whole number")
    assert "there is no such setting" in mistake("", TAST1__SIP__WROKERS="3")


def test_a_folder_without_a_model_is_a_mistake(tmp_path: Path) -> None:
    file = tmp_path / "config.yaml"
    file.write_text("transcription:\n  model: ./vosk\n")
    (tmp_path / "vosk").mkdir()
    told = run("check", str(file))
    assert told.exit_code == 2
    assert "config.yaml:2: transcription.model = ./vosk: no Vosk model is in" in told.output
    file.write_text("transcription: {model: no-such}\n")
    assert "does not come with Tast1" in run("check", str(file)).output


# --- mistakes -------------------------------------------------------------------------------------


def test_five_mistakes_are_five_lines_with_line_key_value_why_and_what_to_do() -> None:
    assert mistakes(FIVE_MISTAKES) == [
        "config.yaml:2: sip.udp = 127.0.0.1: is no address to listen on"
        " (write ADDRESS:PORT such as 127.0.0.1:5060)",
        "config.yaml:4: ivr.timeout_s = 20: is more than 10: shorter leaves no time to decide, longer makes"
        " saying nothing a wait (choose 10 or less)",
        "config.yaml:5: ivr.isolation_ms = 100: is less than 300: the jitter buffer must drain between key"
        " and recording (choose 300 or more)",
        "config.yaml:8: flows.customer.connect = agent@127.0.0.1: is no SIP URI"
        " (write sip:USER@HOST or sip:USER@HOST:PORT)",
        "config.yaml:10: storage.folders = ./data: there is no such setting (do you mean folder?)",
    ]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("ivr: {repeat: 1}\nivr: {repeat: 0}", "2: ivr = {repeat: 0}: stands twice, first in line 1"),
        ("ivr:\n  repeat: 1\n  repeat: 0", "3: ivr.repeat = 0: stands twice, first in line 2"),
        ("ivr: {accept_key: 1}", "1: ivr.accept_key = 1: is a number, and must be text (put it in quotes)"),
        ("ivr: {timeout_s: 2.9}", "1: ivr.timeout_s = 2.9: is less than 3"),
        ("ivr: {timeout_s: yes}", "1: ivr.timeout_s = true: must be a number"),
        ("ivr: {withdraw_keys: '*1'}", "1: ivr.withdraw_keys = '*1': accept_key is one of withdraw_keys"),
        ("ivr: {accept_key: '*', repeat: 1}", "1: ivr.accept_key = '*': * repeats the prompt"),
        (
            "ivr: {granularity: split, late_key: accept}",
            "1: ivr.late_key = accept: a key that comes late does not say which of the questions it answers",
        ),
        (
            "ivr: {min_marker: start}",
            "1: ivr.min_marker = start: is not possible here (choose 'purposes_end'",
        ),
        (
            "policy: {retention: {day_count: months}}",
            "1: policy.retention.day_count = months: is not possible",
        ),
        ("policy: {rights: {doc_ttl: 3 years}}", "1: policy.rights.doc_ttl = 3 years: is no ISO 8601 period"),
        ("policy: {rights: {doc_ttl: P0D}}", "1: policy.rights.doc_ttl = P0D: is no time at all"),
        (
            "policy: {sampling: {extends_retention: true}}",
            "1: policy.sampling.extends_retention = true: is not",
        ),
        ("policy: 30", "1: policy = 30: must hold settings of its own"),
        ("flows: {a: {}, b: {}}", "1: flows.b.numbers: is empty as in flow a"),
        ("flows: {}", "1: flows = {}: must name at least one"),
        ("flows: {A: {}}", "1: flows.A = {}: does not have the form it must have (write a name of small"),
        (
            "ivr: {accept_key: '12'}",
            "1: ivr.accept_key = '12': does not have the form it must have (write one of 0 to 9, * and #,",
        ),
        (
            "compliance: {reuse: {sampling: {lia: 'LIA 1'}}}",
            "1: compliance.reuse.sampling.lia = LIA 1: does not have the form it must have (write up to 64",
        ),
        ("flows: {a: {numbers: [70101010]}}", "1: flows.a.numbers[0] = 70101010: is a number"),
        ("flows: {a: {numbers: '7'}}", "1: flows.a.numbers = '7': is no list"),
        ("flows: {a: {numbers: ['7', '7']}}", "1: flows.a.numbers = ['7', '7']: names 7 twice"),
        ("flows: {a: {connect: 'https://x'}}", "1: flows.a.connect = https://x: is no SIP URI"),
        ("flows: {a: {connect: 'sip:a@b:70000'}}", "1: flows.a.connect = sip:a@b:70000: has a port"),
        ("flows: {a: {connect: 'sip:a@127.0.0.1'}}", "1: flows.a.connect = sip:a@127.0.0.1: is Tast1 itself"),
        ("sip: {udp: null, tcp: null}", "1: sip.udp = null: nothing listens for calls"),
        ("sip: {udp: '127.0.0.1:70000'}", "1: sip.udp = 127.0.0.1:70000: has no port"),
        ("sip: {rtp_port_min: 80}", "1: sip.rtp_port_min = 80: is less than 1024"),
        ("sip: {rtp_port_max: 20010}", "1: sip.rtp_port_max = 20010: 10 workers need 80 ports"),
        ("sip: {trunks: []}", "1: sip.trunks = []: nobody may send calls"),
        ("sip: {trunks: [{name: a}]}", "1: sip.trunks[0].networks: must name at least one"),
        (
            "sip: {trunks: [{name: a, networks: [10.0.0.1/8]}]}",
            "1: sip.trunks[0].networks[0] = 10.0.0.1/8: is no",
        ),
        ("sip: {session_expires_s: 100, session_min_s: 200}", "1: sip.session_min_s = 200: is more than"),
        ("sip: {worker_side: '10.0.0.1:5059'}", "1: sip.worker_side = 10.0.0.1:5059: is no loopback address"),
        (
            "sip: {worker_side: '127.0.0.1:5060'}",
            "1: sip.worker_side = 127.0.0.1:5060: sip.udp",
        ),
        (
            "web: {metrics: '127.0.0.1:8080'}",
            "1: web.metrics = 127.0.0.1:8080: web.listen listens there already",
        ),
        (
            "traces: {endpoint: 'collector:4318'}",
            "1: traces.endpoint = collector:4318: is no address of a collector",
        ),
        ("web: {listen: '127.0.0.1:5060'}", "1: web.listen = 127.0.0.1:5060: sip.tcp listens there already"),
        ("sip: {udp: '0.0.0.0:5060'}", "1: sip.public_host: is needed where SIP listens on every address"),
        ("sip: {udp: '[::]:5060', public_host: '::'}", "1: sip.public_host = '::': is needed"),
        ("sip: {rtp_address: 0.0.0.0}", "1: sip.rtp_address = 0.0.0.0: is every address"),
        (
            "sip: {rtp_address: '::1'}",
            "1: sip.rtp_address = ::1: is an IPv6 address",
        ),
        ("sip: {rtp_public_address: '2001:db8::1'}", "1: sip.rtp_public_address = 2001:db8::1: is an IPv6"),
        (
            "transcription: {model: da-demo, listen: '0.0.0.0:2700'}",
            "1: transcription.listen = 0.0.0.0:2700: is every address",
        ),
        (
            "transcription: {model: da-demo, listen: '127.0.0.1:8080'}",
            "1: transcription.listen = 127.0.0.1:8080: web.listen listens there already",
        ),
        ("timeout_s: 4", "1: timeout_s = 4: there is no such setting (do you mean ivr.timeout_s?"),
        (
            "sip: {callcenter_days: 9}",
            "1: sip.callcenter_days = 9: there is no such setting (do you mean policy.",
        ),
        ("ivr: {timout: 4}", "1: ivr.timout = 4: there is no such setting (do you mean timeout_s?)"),
        ("storage: {database: tast1}", "1: storage.database = '***': is no database URL"),
        (f"web: {{oidc: {{{_OIDC}}}}}", "1: web.oidc.issuer: is missing"),
        (
            f"web: {{oidc: {{issuer: 'http://id.example', {_OIDC}}}}}",
            "1: web.oidc.issuer = http://id.example: is no",
        ),
        (
            f"web: {{oidc: {{{_ISSUER}, {_OIDC}, scopes: [profile]}}}}",
            "1: web.oidc.scopes = [profile]: lacks openid",
        ),
        (
            f"web: {{oidc: {{{_ISSUER}, {_OIDC}, client_secret: hemmelig}}}}",
            "1: web.oidc.client_secret = '***': must not stand in the settings",
        ),
        (
            f"web: {{oidc: {{{_ISSUER}, client_id: a, redirect_base: 'https://t/x', roles: {{a: QA}}}}}}",
            "1: web.oidc.redirect_base = https://t/x: is no address of a host",
        ),
        (
            f"web: {{oidc: {{{_ISSUER}, client_id: a, redirect_base: 'https://t', roles: {{a: BOSS}}}}}}",
            "1: web.oidc.roles.a = BOSS: is no role",
        ),
        (
            "web: {webhooks: [{url: 'http://x.example', secret: 'file:x', events: [deviation]}]}",
            "1: web.webhooks[0].url",
        ),
        (
            "web: {webhooks: [{url: 'https://x', secret: 'file:x', events: [call.began]}]}",
            "1: web.webhooks[0].events[0]",
        ),
        ("storage: {region: US}", "1: storage.region = US: is not one of storage.allowed_regions"),
        ("storage: {region: NO}", "1: storage.region = false: is a yes or no to YAML"),
        (
            "storage: {allowed_regions: [DK, US]}",
            "1: storage.allowed_regions[1] = US: is outside the EU and EEA",
        ),
        (
            "storage: {sync_ms: 5000}",
            "1: storage.sync_ms = 5000: is more than 1000: a crash may lose at most",
        ),
        (
            f"storage: {{folder: /srv/{'x' * 100}}}",
            f"1: storage.folder = /srv/{'x' * 72}...: gives sockets a path",
        ),
        ("nonsense: 1", "1: nonsense = 1: there is no such setting (take it out; there are company, sip"),
        ("ivr: {repeat: 1", "1: is not YAML: "),
        ("a: b: c", "1: is not YAML: mapping values are not allowed here"),
        ("- a\n- b", "1: holds no settings"),
        ("x: \x00", "1: is not YAML: "),
        ("[" * 2000, "1: is not YAML: "),
        ('storage: {folder: "a\\0b"}', '1: storage.folder = "a\\0b": is no path'),
    ],
)
def test_a_mistake_says_where_and_why(text: str, expected: str) -> None:
    line = mistake(text)
    assert line.startswith(f"config.yaml:{expected}")
    assert line.endswith(")")


def test_two_flows_with_the_same_number_are_refused() -> None:
    text = 'flows:\n  a:\n    numbers: ["1", "2"]\n  b:\n    numbers:\n      - "3"\n      - "2"\n'
    assert mistake(text).startswith("config.yaml:7: flows.b.numbers[1] = '2': flow a has that number")


def test_a_flow_is_blamed_for_the_keys_it_sets_itself() -> None:
    text = "ivr: {withdraw_keys: '*9'}\nflows:\n  a:\n    ivr: {accept_key: '9'}\n"
    assert mistake(text).startswith("config.yaml:4: flows.a.ivr.accept_key = '9': accept_key is one of")


def test_the_public_address_is_that_of_the_provider_and_says_whether_cookies_are_secure() -> None:
    oidc = (
        "oidc: {issuer: 'https://i.example', client_id: a, redirect_base: 'https://t.example',"
        " roles: {x: QA}}"
    )
    found = Settings.parse(f"web: {{public_url: 'https://t.example/', {oidc}}}", "config.yaml", Path(), {})
    assert found.web.behind_https and found.web.public_url == "https://t.example"
    assert mistake(f"web: {{public_url: 'https://u.example', {oidc}}}").startswith(
        "config.yaml:1: web.oidc.redirect_base"
    )
    assert not Settings.parse("{}", "config.yaml", Path(), {}).web.behind_https
    assert "public_url" in mistake("web: {public_url: 'http://t.example'}")


def test_tls_needs_a_certificate_and_a_key() -> None:
    lines = mistakes("sip: {tls: '127.0.0.1:5061'}")
    assert ["sip.tls_certificate" in lines[0], "sip.tls_key" in lines[1], len(lines)] == [True, True, 2]


def test_a_password_is_not_in_the_message() -> None:
    line = mistake("storage: {databse: 'postgresql://tast1:hemmelig@db/tast1'}")
    assert "hemmelig" not in line
    assert "postgresql://tast1:***@db/tast1" in line


@pytest.mark.parametrize(
    "url",
    [
        "postgresql://tast1:hemmelig@db/tast1",
        "postgresql://tast1:hem@me/lig@db/tast1",
        "postgresql://db/tast1?user=tast1&password=hemmelig",
        "postgresql:/tast1:hemmelig@db",
    ],
)
def test_a_password_is_not_shown_however_it_is_written(url: str) -> None:
    try:
        shown = str(parse(yaml.safe_dump({"storage": {"database": url}})).shown())
    except ConfigError as error:
        shown = str(error)
    assert "***" in shown
    assert not re.search("hem|me/|lig", shown)


def test_a_secret_stands_in_a_file_of_its_own_and_is_never_shown(tmp_path: Path) -> None:
    (tmp_path / "url").write_text("postgresql://tast1:hemmelig@db/tast1\n")
    file = tmp_path / "config.yaml"
    file.write_text("storage: {database: 'file:url'}\n")
    settings = Settings.load(file, {})
    assert settings.database_url == "postgresql://tast1:hemmelig@db/tast1"
    assert settings.shown()["storage"]["database"] == f"file:{tmp_path}/url"
    assert "hemmelig" not in repr(settings)
    assert "hemmelig" not in run("show", str(file)).output


@pytest.mark.parametrize(
    ("content", "why"),
    [
        (None, "there is no file"),
        (b"", "does not hold one line"),
        (b"postgresql://a:hemmelig@b/c\nanother", "does not hold one line"),
        (b"\xff\xfehemmelig", "is no UTF-8 text"),
        (b"hemmelig", "is no database URL"),
    ],
)
def test_a_file_without_a_secret_that_can_be_used_is_told(
    tmp_path: Path, content: bytes | None, why: str
) -> None:
    if content is not None:
        (tmp_path / "url").write_bytes(content)
    (tmp_path / "config.yaml").write_text("storage: {database: 'file:url'}\n")
    with pytest.raises(ConfigError) as caught:
        Settings.load(tmp_path / "config.yaml", {})
    (told,) = map(str, caught.value.mistakes)
    assert told.startswith("config.yaml:1: storage.database = file:url: ")
    assert why in told and "hemmelig" not in told


def test_a_phrase_that_the_model_cannot_hear_is_a_mistake(tmp_path: Path) -> None:
    file = tmp_path / "config.yaml"
    file.write_text("transcription:\n  model: da-demo\n  phrases:\n    - ja\n    - ja tak xyzzy\n")
    with pytest.raises(ConfigError) as caught:
        Settings.load(file, {})
    (told,) = map(str, caught.value.mistakes)
    assert told.startswith(
        "config.yaml:5: transcription.phrases[1] = ja tak xyzzy: the model does not know word "
    )
    assert "3 of it" in told


def test_what_does_not_fit_together_is_told_beside_what_is_wrong_by_itself() -> None:
    lines = mistakes("storage:\n  region: US\n  sync_ms: many\nnonsense: 1\n")
    assert [line.split(":")[1] for line in lines] == ["2", "3", "4"]


def patterns(model: type[BaseModel] = ConfigFile) -> Iterator[tuple[str, Any]]:
    for name, field in model.model_fields.items():
        kinds = [field.annotation, *typing.get_args(field.annotation)]
        for kind in kinds:
            if isinstance(kind, type) and issubclass(kind, BaseModel):
                yield from patterns(kind)
        if any(getattr(one, "pattern", None) for one in field.metadata):
            yield f"{model.__name__}.{name}", field.json_schema_extra


@pytest.mark.parametrize(("name", "extra"), list(patterns()))
def test_whoever_writes_another_form_is_told_the_right_one_in_words(name: str, extra: Any) -> None:
    assert extra and extra["form"], name


@trying(deadline=None, max_examples=60)
@given(
    st.sampled_from([key for key, _ in leaves(ConfigFile())]),
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    | st.text()
    | st.lists(st.text() | st.integers())
    | st.dictionaries(st.text() | st.integers(), st.none()),
)
def test_whatever_stands_at_a_setting_is_taken_or_told(key: tuple[Any, ...], value: Any) -> None:
    values = ConfigFile().model_dump(mode="json")
    place: Any = values
    for part in key[:-1]:
        place = place[part]
    place[key[-1]] = value
    try:
        settings = parse(yaml.safe_dump(values, allow_unicode=True))
    except ConfigError as error:
        assert any(key[0] in mistake.key for mistake in error.mistakes)
        assert all("\n" not in str(mistake) for mistake in error.mistakes)
    else:
        assert settings.flows and settings.shown()


@trying(deadline=None, max_examples=60)
@given(st.text())
def test_any_text_is_settings_or_a_list_of_mistakes(text: str) -> None:
    try:
        parse(text)
    except ConfigError as error:
        assert error.mistakes


def test_files_that_are_not_there_are_told(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    (tmp_path / "config.yaml").write_text(
        "sip: {tls: '127.0.0.1:5061', tls_certificate: cert.pem, tls_key: file}\n"
        "storage:\n  folder: file/data\n"
        "prompts: {default: de}\n"
        "company: {name: Another company}\n"
        "flows: {a: {prompts: xx}, b: {numbers: ['1'], prompts: en}}\n"
    )
    with pytest.raises(ConfigError) as caught:
        Settings.load(tmp_path / "config.yaml", {})
    lines = [str(one) for one in caught.value.mistakes]
    expected = (
        "1: sip.tls_certificate",
        "3: storage.folder",
        "4: prompts.default",
        "5: company.name",
        "6: flows.a.prompts",
    )
    assert len(lines) == len(expected)
    for line, start in zip(lines, expected, strict=True):
        assert line.startswith(f"config.yaml:{start} = ")


def test_the_secrets_of_provider_and_webhooks_are_in_files_of_their_own(tmp_path: Path) -> None:
    file = tmp_path / "config.yaml"
    hook = "{url: 'https://x.example', secret: file:hook, events: [deviation]}"
    oidc = f"{{{_ISSUER}, {_OIDC}, client_secret: file:oidc, ca_file: ca.pem}}"
    file.write_text(f"web: {{oidc: {oidc}, webhooks: [{hook}]}}")

    def wrong() -> list[str]:
        with pytest.raises(ConfigError) as caught:
            Settings.load(file, {})
        return [f"{one.key}: {one.why}" for one in caught.value.mistakes]

    missing = wrong()
    assert {one.split(":")[0] for one in missing} == {
        *("web.oidc.client_secret", "web.oidc.ca_file", "web.webhooks[0].secret"),
    }
    for name in ("oidc", "hook", "ca.pem"):
        (tmp_path / name).write_text("too short\n")
    (short,) = wrong()
    assert (
        short.startswith("web.webhooks[0].secret: names a secret that is too short")
        and "too short\n" not in short
    )
    (tmp_path / "hook").write_text("0123456789abcdef\n")
    web = Settings.load(file, {}).web
    assert web.oidc is not None and web.oidc.client_secret == f"file:{tmp_path / 'oidc'}"
    assert web.webhooks[0].secret == f"file:{tmp_path / 'hook'}" and web.oidc.ca_file == tmp_path / "ca.pem"


def test_a_damaged_prompt_is_found_before_anything_starts(tmp_path: Path) -> None:
    (tmp_path / "prompts").mkdir()
    (tmp_path / "config.yaml").write_text("prompts: {folder: prompts}")
    with pytest.raises(ConfigError, match="no prompt set"):
        Settings.load(tmp_path / "config.yaml", {})


def test_a_missing_file_is_told_as_such(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="there is no such file"):
        Settings.load(tmp_path / "config.yaml", {})


@pytest.mark.parametrize(
    ("period", "found"), [("P1Y", (12, 0)), ("P13M", (13, 0)), ("P1Y2M10D", (14, 10)), ("P30D", (0, 30))]
)
def test_periods_are_years_months_and_days(period: str, found: tuple[int, int]) -> None:
    assert period_months_days(period) == found


# --- the commands ---------------------------------------------------------------------------------


def run(*arguments: str, **environment: str) -> Any:
    return CliRunner(env={"TAST1_LANG": "en", **environment}).invoke(config_app, list(arguments))


def test_check_prints_a_line_for_each_mistake_and_leaves_with_status_2(tmp_path: Path) -> None:
    file = tmp_path / "config.yaml"
    file.write_text(FIVE_MISTAKES)
    result = run("check", str(file))
    assert result.exit_code == 2
    assert result.stdout.splitlines() == mistakes(FIVE_MISTAKES)
    assert list(tmp_path.iterdir()) == [file], "something was made"


def test_check_says_when_all_is_well_in_the_language_asked_for() -> None:
    assert "is in order" in run("check", str(CONFIG)).stdout
    assert "er i orden" in run("check", str(CONFIG), "--lang", "da").stdout
    told = json.loads(run("check", "--config", str(CONFIG), "--json").stdout)
    assert (told["ok"], told["mistakes"]) == (True, [])
    assert "A-13" in told["advice"][0] and "A-11" in told["advice"][1] and len(told["advice"]) == 2
    assert run("check", str(CONFIG), "--lang", "tlh").exit_code == 2


def test_check_gives_the_mistakes_as_json(tmp_path: Path) -> None:
    file = tmp_path / "config.yaml"
    file.write_text("ivr:\n  timeout_s: 20\n")
    result = run("check", str(file), "--json")
    assert result.exit_code == 2
    (found,) = json.loads(result.stdout)["mistakes"]
    assert (found["where"], found["key"], found["value"]) == ("config.yaml:2", "ivr.timeout_s", "20")


def test_show_prints_what_is_in_force_without_secrets(tmp_path: Path) -> None:
    file = tmp_path / "config.yaml"
    file.write_text("storage: {database: 'postgresql://tast1:hemmelig@db/tast1'}\nivr: {timeout_s: 6}\n")
    shown = json.loads(run("show", str(file), "--json", TAST1__SIP__WORKERS="4").stdout)
    assert shown["storage"]["database"] == "postgresql://tast1:***@db/tast1"
    assert shown["sip"]["workers"] == 4
    assert shown["flows"]["customer"]["ivr"]["timeout_s"] == 6
    assert shown["control"]["socket"] == str(tmp_path / "data" / "control.sock")
    assert yaml.safe_load(run("show", str(file), TAST1__SIP__WORKERS="4").stdout) == shown


def test_schema_is_json_and_knows_the_sections() -> None:
    assert set(json.loads(run("schema").stdout)["properties"]) == set(ConfigFile.model_fields)


@pytest.mark.parametrize(
    "text",
    [
        "sip: &a\n  udp: *a\n",
        "a: &a [x, x, x, x, x, x, x, x, x, x]\n"
        + "".join(
            f"{b}: &{b} [{', '.join([f'*{a}'] * 10)}]\n" for a, b in zip("abcdef", "bcdefg", strict=True)
        ),
        "sip: " + "[" * 40 + "]" * 40 + "\n",
    ],
)
def test_values_within_themselves_or_without_end_are_told(text: str) -> None:
    assert "holds more than settings can be" in mistake(text)


@pytest.mark.parametrize("written", ["[2025-13-45]", "[&a [*a]]", "[[["])
def test_a_variable_that_is_no_yaml_is_text(written: str) -> None:
    assert parse("", TAST1__COMPANY__NAME=written).company.name == written


def test_a_mistake_is_one_line_whatever_its_key_holds() -> None:
    assert "a\\nb" in mistake("'a\\nb': 1\n".replace("'", '"'))
    assert "\n" not in mistake("", **{"TAST1__A\nB": "1"})
