"""Settings read again: what is put in force, what waits, what is refused, and what the audit log says.

The gateway is built and not started; its archive is real. `tests/sip/test_reload.py` has live calls.
"""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from datetime import datetime, timedelta, timezone
from pathlib import Path
from typing import Any

import pytest
import yaml
from typer.testing import CliRunner

from gateway.app import Gateway
from gateway.cli.config import config_app
from gateway.config import Settings
from gateway.reloading import BY_SIGNAL, asker
from ivr_prompts.catalogue import text_sha256
from storage import audit_log, people
from storage.audit_chain import Entry
from storage.gate import NotAllowed
from storage.people import Role, SignInFailed
from tests.sip.gateway import write_prompts
from tests.test_serve import settings as settings_file

NOW = datetime.now(timezone.utc)
SYSADMIN = {"id": "os:0", "role": "SYSADMIN", "channel": "cli"}


class Rig:
    """A gateway and its settings file."""

    def __init__(self, folder: Path) -> None:
        write_prompts(folder / "prompts")
        self.file = settings_file(
            folder, prompts={"folder": str(folder / "prompts")}, compliance={"reuse": {}}
        )
        self.gateway = Gateway(Settings.load(self.file, {}))

    def change(self, **sections: Any) -> None:
        """Write other values into sections of the file."""
        values = yaml.safe_load(self.file.read_text())
        for name, section in sections.items():
            values[name] = {**values.get(name, {}), **section}
        self.file.write_text(yaml.safe_dump(values))

    def entries(self, action: str = "settings.") -> list[Entry]:
        found = self.gateway.archive.database.read_sync(lambda s: list(audit_log.entries(s)))
        return [entry for entry in found if entry.action.startswith(action)]

    def last(self) -> tuple[str, dict[str, Any], dict[str, Any]]:
        entry = self.entries()[-1]
        return entry.action, _read(entry.actor), _read(entry.detail)


def _read(told: Any) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(told) if isinstance(told, str) else told
    return found


@pytest.fixture
async def rig(tmp_path: Path) -> AsyncIterator[Rig]:
    made = Rig(tmp_path)
    yield made
    await made.gateway.stop()


async def test_what_can_be_is_in_force_and_what_only_a_start_can_change_waits(rig: Rig) -> None:
    rig.change(
        ivr={"timeout_s": 7},
        policy={"retention": {"callcenter_days": 9}},
        storage={"sweep_s": 7, "sync_ms": 99},
    )
    rig.change(sip={"workers": 2, "retry_after_s": 9}, company={"policy_version": "2"})
    done = await rig.gateway.reload(SYSADMIN)
    assert done.taken
    assert [change.key for change in done.waiting] == ["sip.workers"]
    settings = rig.gateway.settings
    assert (settings.ivr.timeout_s, settings.policy.retention.callcenter_days) == (7, 9)
    assert (settings.sip.workers, settings.sip.retry_after_s, settings.storage.sweep_s) == (1, 9, 7)
    assert rig.gateway.archive.desk.settings.retention.callcenter_days == 9
    again = await rig.gateway.reload(SYSADMIN)
    assert [change.key for change in again.changes] == ["sip.workers"], "it waits still, and is told again"


async def test_the_audit_log_says_who_and_what(rig: Rig) -> None:
    rig.change(ivr={"timeout_s": 7})
    await rig.gateway.reload(SYSADMIN)
    action, actor, detail = rig.last()
    assert (action, actor) == ("settings.reload", SYSADMIN)
    (change,) = detail["changes"]
    assert (change["key"], change["before"], change["after"]) == ("ivr.timeout_s", "5.0", "7.0")
    await rig.gateway.reload(BY_SIGNAL)
    action, actor, detail = rig.last()
    assert (action, actor["role"], actor["channel"], detail) == (
        "settings.reload",
        "system",
        "signal",
        {"changes": []},
    )


async def test_a_mistake_changes_nothing_and_the_log_repeats_nothing_of_it(rig: Rig) -> None:
    before = rig.gateway.settings
    rig.change(ivr={"timeout_s": 99}, flows={"customer": {"numbers": ["87654321", "87654321"]}})
    done = await rig.gateway.reload(SYSADMIN)
    assert not done.taken and rig.gateway.settings is before
    assert [one.key for one in done.mistakes] == ["flows.customer.numbers", "ivr.timeout_s"]
    assert all(one.where.startswith("config.yaml:") for one in done.mistakes)
    action, actor, detail = rig.last()
    assert (action, actor) == ("settings.refuse", SYSADMIN)
    assert [one["key"] for one in detail["mistakes"]] == ["flows.customer.numbers", "ivr.timeout_s"]
    assert "99" not in json.dumps(detail) and "87654321" not in json.dumps(detail)


@pytest.mark.parametrize("text", ["ivr: {timeout_s: hemmelig: x", "\x00", None])
async def test_a_file_that_cannot_be_read_changes_nothing(rig: Rig, text: str | None) -> None:
    before = rig.gateway.settings
    if text is None:
        rig.file.unlink()
    else:
        rig.file.write_text(text)
    assert not (await rig.gateway.reload(BY_SIGNAL)).taken
    assert rig.gateway.settings is before
    action, _, detail = rig.last()
    assert action == "settings.refuse" and "hemmelig" not in json.dumps(detail)


async def test_a_dry_run_tells_and_changes_and_logs_nothing(rig: Rig, tmp_path: Path) -> None:
    before = rig.gateway.settings
    draft = tmp_path / "draft.yaml"
    values = yaml.safe_load(rig.file.read_text())
    draft.write_text(yaml.safe_dump({**values, "ivr": {"timeout_s": 8}}))
    told = await rig.gateway.reload(SYSADMIN, dry_run=True, file=draft)
    assert told.dry_run and [change.key for change in told.changes] == ["ivr.timeout_s"]
    assert rig.gateway.settings is before and rig.entries() == []


async def test_a_setting_that_does_not_go_with_one_that_waits_is_refused(rig: Rig) -> None:
    """The agents move to the address that the gateway leaves: until the next start it would call itself."""
    old = rig.gateway.settings.sip.udp
    rig.change(sip={"udp": "127.0.0.1:45991"}, flows={"customer": {"connect": f"sip:agent@{old}"}})
    done = await rig.gateway.reload(SYSADMIN)
    assert not done.taken
    (mistake,) = done.mistakes
    assert mistake.key == "flows.customer.connect" and "wait for the next start" in mistake.why
    assert rig.gateway.settings.sip.udp == old


async def test_a_prompt_that_was_voiced_anew_is_a_change_though_no_setting_is(
    rig: Rig, tmp_path: Path
) -> None:
    file = tmp_path / "prompts" / "da" / "catalogue.yaml"
    catalogue = yaml.safe_load(file.read_text())
    catalogue["prompts"]["goodbye"]["version"] = "2"
    file.write_text(yaml.safe_dump(catalogue))
    done = await rig.gateway.reload(SYSADMIN)
    (change,) = done.changes
    assert change.key == "prompts.da.goodbye"
    assert (change.before or "").split()[1] == "1" and (change.after or "").split()[1] == "2"
    assert rig.gateway.catalogue["da"]["goodbye"].version == "2"


async def test_transcribers_come_and_go_and_the_known_ones_stay_who_they_are(rig: Rig) -> None:
    gateway = rig.gateway
    assert gateway.transcribing is None
    rig.change(transcription={"servers": ["ws://127.0.0.1:2701"], "phrases": ["ja"], "max_lag_s": 4})
    await gateway.reload(SYSADMIN)
    assert gateway.transcribing is not None
    (first,) = gateway.transcribing.servers.servers
    first.streams = 3
    rig.change(transcription={"servers": ["ws://127.0.0.1:2702", "ws://127.0.0.1:2701"]})
    await gateway.reload(SYSADMIN)
    assert gateway.transcribing.servers.servers[1] is first
    assert (gateway.transcribing.config.phrases, gateway.transcribing.max_lag_s) == (("ja",), 4)
    rig.change(transcription={"servers": []})
    await gateway.reload(SYSADMIN)
    assert gateway.transcribing is None


async def test_settings_without_a_file_cannot_be_read_again(rig: Rig) -> None:
    rig.gateway.settings = Settings(rig.gateway.settings.file)
    done = await rig.gateway.reload(SYSADMIN)
    assert not done.taken and "come from no file" in done.mistakes[0].why


# --- who may --------------------------------------------------------------------------------------


async def test_the_account_of_the_machine_and_administrators_may(rig: Rig) -> None:
    archive = rig.gateway.archive
    assert (await asker(archive, {"uid": 1000}, NOW))["id"] == "os:1000"
    token = archive.database.write_sync(lambda s: _hired(s, "adam", "SYSADMIN"))
    assert (await asker(archive, {"uid": 1000, "token": token}, NOW))["id"] == "adam"


async def test_nobody_else_may_and_the_log_says_who_tried(rig: Rig) -> None:
    archive = rig.gateway.archive
    token = archive.database.write_sync(lambda s: _hired(s, "kaj", "QA"))
    for told in ({"token": token}, {"token": token, "role": "SYSADMIN"}):
        with pytest.raises(NotAllowed, match="R-50"):
            await asker(archive, told, NOW)
    with pytest.raises(SignInFailed):
        await asker(archive, {"token": "t1_wrong", "uid": 1000}, NOW)
    denied = rig.entries("deny")
    assert [_read(entry.actor)["id"] for entry in denied] == ["kaj", "kaj", "os:1000"]
    assert [entry.subject for entry in denied] == ["settings", "settings", "users"]
    assert rig.gateway.settings.ivr.timeout_s == 5


def _hired(session: Any, user: str, role: str) -> str:
    people.add(session, user, "Somebody", "", NOW, SYSADMIN)
    people.grant(session, user, Role(role), NOW, SYSADMIN)
    return people.new_token(session, user, NOW - timedelta(minutes=1), SYSADMIN)


QUESTION = "Vi optager til uddannelse, analyse og dokumentation. Tast 1 for at acceptere."


def say(folder: Path, text: str) -> None:
    """The question of the set says something else."""
    file = folder / "prompts" / "da" / "catalogue.yaml"
    catalogue = yaml.safe_load(file.read_text())
    catalogue["prompts"]["consent"].update(text=text, text_sha256=text_sha256(text))
    file.write_text(yaml.safe_dump(catalogue))


async def test_a_key_that_the_question_does_not_name_is_told_with_the_prompt(
    rig: Rig, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    say(tmp_path, QUESTION)
    assert (await rig.gateway.reload(SYSADMIN)).unfit == ()
    rig.change(ivr={"accept_key": "2"})
    result = CliRunner(env={"TAST1_LANG": "en"}).invoke(config_app, ["check", str(rig.file)])
    assert (
        result.exit_code == 0
        and "da/consent/1 tells callers of the flow customer to press 1" in result.stdout
    )
    would = await rig.gateway.reload(SYSADMIN, dry_run=True)
    assert [(each.prompt, each.flow, each.accepts, each.says) for each in would.unfit] == [
        ("da/consent/1", "customer", "2", "1")
    ]
    assert "another key" not in caplog.text and rig.gateway.settings.ivr.accept_key == "1"
    done = await rig.gateway.reload(SYSADMIN)
    assert done.taken and done.unfit == would.unfit, (
        "it is told, and not refused: one of the two changes first"
    )
    assert "another key" in caplog.text
    assert rig.last()[2]["unfit"][0]["prompt"] == "da/consent/1"
    say(tmp_path, QUESTION.replace("1", "2"))
    assert (await rig.gateway.reload(SYSADMIN)).unfit == ()
