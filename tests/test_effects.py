"""When a changed setting takes effect is said once, and schema, file, page and reload say the same."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest

from gateway.config import ConfigFile, Settings, changes, in_force
from gateway.config.effects import CALLS, EFFECTS, NOW, SCHEMA_KEY, START, leaves, schema
from gateway.config.trunks import TrunkSection

ROOT = Path(__file__).parents[1]
BY_KEY = {".".join(map(str, key)): effect for key, _, effect in leaves(ConfigFile())}

MUST_BE_LIVE = (
    *("flows.customer.connect", "flows.customer.numbers", "ivr.timeout_s", "company.name"),
    *("company.policy_version", "prompts.folder", "prompts.default", "policy.retention.callcenter_days"),
    *("compliance.reuse.sampling.allowed", "sip.trunks.loopback.networks", "sip.limits.invites_per_s"),
    *("sip.retry_after_s", "transcription.servers", "transcription.phrases", "transcription.language"),
    *("transcription.max_lag_s", "storage.sweep_s", "storage.sync_ms", "storage.controller"),
    *("storage.processor", "logs.level"),
)


def parse(text: str) -> ConfigFile:
    return Settings.parse(text, "config.yaml", Path("/srv/tast1"), {}).file


def told(before: str, after: str) -> dict[str, tuple[str | None, str | None, str]]:
    return {one.key: (one.before, one.after, one.effect) for one in changes(parse(before), parse(after))}


@pytest.mark.parametrize("key", MUST_BE_LIVE)
def test_what_is_changed_in_daily_work_needs_no_restart(key: str) -> None:
    assert BY_KEY[key] in (NOW, CALLS)


def test_what_only_a_start_can_change_is_this() -> None:
    waiting = {key for key, effect in BY_KEY.items() if effect == START}
    assert {key for key in BY_KEY if key.startswith("web.")} <= waiting, "its listener and what it serves"
    assert {key for key in waiting if not key.startswith("web.")} == {
        *(
            "sip.udp",
            "sip.tcp",
            "sip.tls",
            "sip.tls_client_ca",
            "sip.public_host",
            "sip.worker_side",
            "sip.rtp_address",
        ),
        *("sip.rtp_port_min", "sip.rtp_port_max", "sip.workers", "sip.session_expires_s"),
        *("sip.rtp_public_address", "sip.symmetric_rtp", "sip.rtp_timeout_s", "sip.agent_srtp"),
        *("sip.dscp_sip", "sip.dscp_rtp", "sip.session_min_s"),
        *("storage.folder", "storage.database", "storage.key_file"),
        *("storage.key.command", "storage.key.command_timeout_s", "storage.key.pkcs11"),
        *("storage.key.public_key", "storage.key.private_key", "storage.key.others"),
        *("storage.media", "storage.bucket.endpoint", "storage.bucket.region", "storage.bucket.versions"),
        *("storage.bucket.access_key", "storage.bucket.secret_key", "storage.instance"),
        *("storage.memory_folder", "transcription.model", "transcription.listen"),
        *("transcription.threads", "control.socket", "traces.endpoint"),
    }


def test_the_schema_says_it_of_every_setting() -> None:
    made = schema(ConfigFile)

    def of(key: str) -> Any:
        place: Any = made
        for part in key.split("."):
            reference = place.get("$ref") or (place.get("patternProperties") or {"": {}})
            if isinstance(reference, str):
                place = made["$defs"][reference.rpartition("/")[2]]
            place = place["properties"][part]
        return place.get(SCHEMA_KEY)

    for key, effect in BY_KEY.items():
        if not key.startswith(("flows.", "sip.trunks.")):
            assert of(key) == effect, key
    for section in made["$defs"].values():
        for setting in section["properties"].values():
            assert setting[SCHEMA_KEY] in EFFECTS


def test_a_change_is_told_by_its_key_before_and_after() -> None:
    assert told("ivr: {timeout_s: 6}", "ivr: {timeout_s: 7}") == {"ivr.timeout_s": ("6.0", "7.0", CALLS)}
    assert told("", "sip: {workers: 4}") == {"sip.workers": ("10", "4", START)}
    assert told("ivr: {timeout_s: 6}", "ivr: {timeout_s: 6.0}") == {}


def test_a_flow_that_comes_or_goes_is_told_setting_by_setting() -> None:
    one = "flows: {a: {connect: 'sip:a@192.0.2.1'}}"
    two = "flows: {a: {connect: 'sip:a@192.0.2.1'}, b: {numbers: ['7'], ivr: {repeat: 1}}}"
    found = told(one, two)
    assert found["flows.b.numbers"] == (None, "['7']", CALLS)
    assert found["flows.b.ivr.repeat"] == (None, "1", CALLS)
    assert "flows.b.ivr.timeout_s" not in found, "it follows `ivr`"
    assert told(two, one)["flows.b.numbers"] == ("['7']", None, CALLS)


def test_a_trunk_goes_by_its_name_wherever_it_stands() -> None:
    a, b = "{name: a, networks: [10.0.0.0/8]}", "{name: b, networks: [192.0.2.0/24]}"
    assert set(told(f"sip: {{trunks: [{a}]}}", f"sip: {{trunks: [{b}, {a}]}}")) == {
        f"sip.trunks.b.{name}"
        for name in TrunkSection.model_fields
        if name != "prefixes"  # there are none
    }


def test_a_secret_is_masked_before_and_after() -> None:
    found = told(
        "storage: {database: 'postgresql://a:hemmelig@db/x'}",
        "storage: {database: 'postgresql://a:hemmeligere@db/x'}",
    )
    assert found == {
        "storage.database": ("postgresql://a:***@db/x", "postgresql://a:***@db/x", START),
    }


def test_in_force_is_the_new_file_but_for_what_waits_for_the_next_start() -> None:
    before = parse("sip: {workers: 3, retry_after_s: 5}\nivr: {timeout_s: 6}\nstorage: {sweep_s: 9}")
    after = parse(
        "sip: {workers: 4, retry_after_s: 7}\nivr: {timeout_s: 7}\nstorage: {sweep_s: 8, folder: /x}"
    )
    found = in_force(before, after)
    assert (found.sip.workers, found.storage.folder) == (3, before.storage.folder)
    assert (found.sip.retry_after_s, found.ivr.timeout_s, found.storage.sweep_s) == (7, 7, 8)
    assert {one.effect for one in changes(found, after)} == {START}


def test_a_section_that_comes_or_goes_waits_for_the_next_start_as_a_whole() -> None:
    oidc = (
        "web: {oidc: {issuer: 'https://id.example', client_id: a, redirect_base: 'https://tast1.example',"
        " roles: {x: QA}}}"
    )
    for before, after in ((parse(""), parse(oidc)), (parse(oidc), parse(""))):
        assert in_force(before, after).web.oidc == before.web.oidc
        assert {one.effect for one in changes(before, after)} == {START}


def test_config_yaml_marks_what_waits_for_the_next_start() -> None:
    text = (ROOT / "config.yaml").read_text(encoding="utf-8")
    from gateway.config.source import read

    source, lines = read(text, "config.yaml"), text.splitlines()
    marked = {
        ".".join(map(str, key))
        for key, line in source.lines.items()
        if lines[line - 2].rstrip().endswith("[start]")
    }
    assert marked == {key for key, effect in BY_KEY.items() if effect == START}


def test_the_operators_page_lists_what_waits_for_the_next_start() -> None:
    page = (ROOT / "docs/operators.md").read_text(encoding="utf-8")
    section = page[page.index("## What a reload takes up") :]
    section = section[: section.index("\n## ", 3)]
    rows = dict(
        re.findall(r"^\| (at once|for new calls|at the next start) \| (.*) \|$", section, re.MULTILINE)
    )
    assert rows.keys() == set(EFFECTS)
    for effect, cell in rows.items():
        named = re.findall(r"`([a-z_.]+)`", cell)
        for key, known in BY_KEY.items():
            if any(key == name or key.startswith(f"{name}.") for name in named):
                assert known == effect, f"{key} takes effect {known}"
    listed = [name for cell in rows.values() for name in re.findall(r"`([a-z_.]+)`", cell)]
    missing = [k for k in BY_KEY if not any(k == name or k.startswith(f"{name}.") for name in listed)]
    assert missing == []
