"""The commands over a real archive: what they print, what they refuse, what they log."""

from __future__ import annotations

import errno
import json
import os
import re
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
import soundfile
import typer
from sqlalchemy import select, update

from gateway.cli import app
from gateway.cli.desk import new_file
from gateway.cli.phone import is_playable
from gateway.texts import word
from storage import audit_log, certificates, consents
from storage.ledger import ErasureLedger, Line
from storage.tables import Artifact, AuditEntry, Consent
from tests.cli.shop import Shop, run
from tests.storage.world import World, consent_record, open_call


@pytest.fixture
def shop(tmp_path: Path) -> Iterator[Shop]:
    yield Shop(tmp_path)


def unbroken(told: str) -> str:
    """What was printed, wherever its lines were broken: without blanks."""
    return "".join(told.split())


def test_calls_are_listed_without_numbers(shop: Shop) -> None:
    shown = shop.tast1("calls")
    assert shop.call[:8] in shown.replace("\n", "")
    assert "87654321" not in shown
    rows = shop.json("calls")
    assert isinstance(rows, list)
    assert [row["decision"] for row in rows] == ["accepted", "accepted"]


def test_recordings_show_basis_and_expiry(shop: Shop) -> None:
    rows = shop.json("recordings", "list")
    assert isinstance(rows, list)
    fresh = next(row for row in rows if row["artifact"] == shop.fresh)
    assert fresh["lawful_basis"] == ["6(1)(a)", "9(2)(a)"]
    assert fresh["grounds"] == ["G-CONSENT"]
    assert re.fullmatch(r"\d{4}-\d\d-\d\d", fresh["until"])
    assert fresh["duration_ms"] == 2000
    assert "6(1)(a)" in shop.tast1("recordings", "show", shop.fresh[:8])


def test_refusals_to_read_are_danish(shop: Shop) -> None:
    qa = shop.hire("qa", "QA")
    shop.tast1("sweep")
    wrong = ("recordings", "export", shop.fresh, "--out", str(shop.folder / "copy"), "--purpose", "nothing")
    refused = shop.tast1(*wrong, "--lang", "da", by=qa, status=3)
    assert "(R-03, R-50)" in refused and refused.count("R-03") == 1 and "ground" not in refused
    gone = ("recordings", "may", shop.old, "--purpose", "training", "--lang", "da")
    assert "det er slettet (R-60)" in shop.tast1(*gone, by=qa, status=3)


def test_a_withdrawal_comes_by_a_known_channel_or_nothing_happens(shop: Shop) -> None:
    told = shop.tast1("withdraw", shop.call, "--channel", "fax", by=shop.hire("agent", "AGENT"), status=2)
    assert all(channel in told for channel in ("agent", "letter", "mail", "web", "phone"))
    rows = shop.json("recordings", "list")
    assert isinstance(rows, list)
    assert next(row for row in rows if row["artifact"] == shop.fresh)["state"] == "sealed"


def test_live_calls_are_told_in_local_time(shop: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    up = {"call": "c1", "arrived_at": "2026-07-01T10:00:00.123456+00:00", "flow": "customer"}
    up = {**up, "phase": "talking", "recording": True}
    monkeypatch.setattr("gateway.cli.calls.ask_gateway", lambda *_: {"up": [up]})
    assert "2026-07-01 12:00:00 " in shop.tast1("calls", "live")


def test_nothing_is_exported_where_nothing_can_be_written(shop: Shop, tmp_path: Path) -> None:
    qa, out = shop.hire("qa", "QA"), str(tmp_path / "nowhere" / "copy.flac")
    export = ("recordings", "export", shop.fresh, "--out", out, "--purpose", "training")
    for redacted in ((), ("--redacted",)):
        told = unbroken(shop.tast1(*export, *redacted, by=qa, status=1))
        assert f"{out}cannotbewritten:Nosuchfileordirectory" in told and "--out" in told
    archive = shop.archive()
    entries = archive.database.read_sync(lambda s: list(audit_log.entries(s, shop.fresh)))
    archive.close()
    assert "export" not in [e.action for e in entries]


def test_a_copy_that_breaks_off_is_told_in_a_line_and_leaves_nothing(
    capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    out = tmp_path / "copy"
    with pytest.raises(typer.Exit), new_file(out, "en") as file:
        file.write(b"half")
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
    assert not out.exists()
    assert "Nospaceleftondevice" in unbroken(capsys.readouterr().err)


@pytest.mark.parametrize("listen", ["127.0.0.1:99999", "127.0.0.1:", "2700", "nowhere:2700"])
def test_a_transcriber_is_told_at_once_where_nobody_can_listen(listen: str) -> None:
    result = run.invoke(app, ["transcriber", "--listen", listen, "--lang", "en"])
    assert result.exit_code == 2
    assert f"{listen}: nobody can listen there" in result.output


def test_what_the_phone_cannot_play_is_told_before_it_calls(tmp_path: Path) -> None:
    stereo, empty, noise = tmp_path / "stereo.wav", tmp_path / "empty.wav", tmp_path / "noise.wav"
    soundfile.write(stereo, [[0.0, 0.0]] * 8000, 8000, "PCM_16")
    soundfile.write(empty, [], 8000, "PCM_16")
    noise.write_bytes(b"no sound at all")
    for file in (stereo, empty, noise, tmp_path / "nowhere.wav"):
        result = run.invoke(app, ["call", "sip:a@127.0.0.1:9", "--play", str(file), "--lang", "da"])
        assert result.exit_code == 2
        assert f"--play:{file}eringenWAV-fil" in unbroken(result.output)
    soundfile.write(mono := tmp_path / "mono.wav", [0.0] * 8000, 8000, "PCM_16")
    assert is_playable(mono)


def test_how_a_call_ended_is_told_in_words() -> None:
    assert (word("status", 0, "da"), word("status", 486, "da")) == ("uden SIP-svar", "SIP 486")
    assert (word("by_us", True, "da"), word("by_us", False, "da")) == (
        "lagt på af os",
        "lagt på af den anden side",
    )


def test_an_export_is_a_flac_file_and_leaves_an_audit_entry(shop: Shop, tmp_path: Path) -> None:
    out, qa = tmp_path / "copy.flac", shop.hire("qa", "QA")
    shop.tast1("recordings", "export", shop.fresh, "--out", str(out), "--purpose", "training", by=qa)
    sound, rate = soundfile.read(out)
    assert (sound.shape, rate) == ((16000, 2), 8000)
    assert out.stat().st_mode & 0o077 == 0
    archive = shop.archive()
    entries = archive.database.read_sync(lambda s: list(audit_log.entries(s, shop.fresh)))
    archive.close()
    assert [e.action for e in entries][-1] == "export"
    assert "training" in entries[-1].detail
    shop.tast1(
        "recordings", "export", shop.fresh, "--out", str(out), "--purpose", "training", status=1, by=qa
    )


def test_a_purpose_that_nobody_consented_to_is_refused(shop: Shop, tmp_path: Path) -> None:
    out = tmp_path / "copy.flac"
    ask = ("recordings", "export", shop.fresh, "-o", str(out), "--purpose")
    assert "R-03" in shop.tast1(*ask, "marketing", status=3, by=shop.hire("qa", "QA"))
    assert "SYSADMIN" in shop.tast1(*ask, "training", status=3), "the machine's own account reads nothing"
    assert not out.exists()


def test_what_is_past_its_date_is_refused_before_any_sweep_and_the_refusal_is_logged(
    shop: Shop, tmp_path: Path
) -> None:
    out = tmp_path / "copy.flac"
    ask = ("recordings", "export", shop.old, "-o", str(out), "--purpose", "training")
    shown = shop.tast1(*ask, status=3, by=shop.hire("qa", "QA"))
    assert "R-10" in shown
    assert not out.exists()
    archive = shop.archive()
    entries = archive.database.read_sync(lambda s: list(audit_log.entries(s, shop.old)))
    archive.close()
    assert entries[-1].action == "deny"


def test_a_dry_run_erases_nothing_and_a_sweep_does(shop: Shop) -> None:
    plan = shop.json("sweep", "--dry-run")
    assert isinstance(plan, dict)
    assert shop.old in {each["artifact_id"] for each in plan["erased"]}
    done = shop.json("sweep")
    assert isinstance(done, dict)
    assert {e["artifact_id"] for e in done["erased"]} >= {shop.old}
    shown = shop.json("recordings", "show", shop.old)
    assert isinstance(shown, dict)
    assert shown["state"] == "erased"
    assert shown["certificate"]["lapsed"][0]["rule"] == "R-10"
    assert shop.json("sweep") == {"dry_run": False, "erased": [], "failed": []}


def test_an_altered_audit_log_is_noticed(shop: Shop) -> None:
    assert "unbroken" in shop.tast1("audit", "verify")
    archive = shop.archive()

    def alter(session) -> None:  # type: ignore[no-untyped-def]
        session.get(AuditEntry, 3).detail = '{"nothing":"happened"}'

    archive.database.write_sync(alter)
    archive.close()
    assert "3" in shop.tast1("audit", "verify", status=1)


def test_an_exported_audit_log_is_checked_without_archive_and_settings(shop: Shop, tmp_path: Path) -> None:
    out = tmp_path / "audit.jsonl"
    shop.tast1("audit", "export", "--out", str(out))
    shop.tast1("audit", "export", "--out", str(out), status=1)
    key = shop.tast1("audit", "key").strip()

    def verify(*more: str) -> tuple[int, str]:
        result = run.invoke(app, ["audit", "verify", str(out), *more], env={"TAST1_LANG": "en"})
        return result.exit_code, result.output

    shop.config.unlink()
    assert verify("--public-key", key)[0] == 0
    assert verify("--public-key", "0" * 64)[0] == 1
    assert "--public-key" in verify()[1]
    lines = out.read_text().splitlines(keepends=True)
    out.write_text("".join([*lines[:3], *lines[4:]]))
    status, shown = verify()
    assert status == 1 and "entry 3" in shown and "missing" in shown
    out.unlink()
    assert verify()[0] == 1


def test_a_restored_backup_gives_nothing_back_to_any_command(shop: Shop, tmp_path: Path) -> None:
    data, backup = tmp_path / "data", tmp_path / "backup"
    shutil.copytree(data, backup)
    shop.tast1("sweep")

    def restore() -> None:
        for name in ("tast1.sqlite", "tast1.sqlite-wal", "tast1.sqlite-shm"):
            (data / name).unlink(missing_ok=True)
            if (backup / name).exists():
                shutil.copy(backup / name, data)
        shutil.copytree(backup / "media", data / "media", dirs_exist_ok=True)

    restore()
    shown = shop.json("recordings", "show", shop.old)
    assert isinstance(shown, dict)
    assert shown["state"] == "erased" and shown["certificate"]["lapsed"][-1]["rule"] == "R-61"
    restore()
    again = shop.json("erase", "replay")
    assert isinstance(again, dict)
    assert shop.old in {each["artifact_id"] for each in again["erased"]}
    assert "0 deleted again" in shop.tast1("erase", "replay")


def test_the_gateways_start_replays_the_whole_ledger_not_its_end_only(shop: Shop) -> None:
    shop.tast1("sweep")
    archive = shop.archive()
    names = [certificates.pseudonym(each) for each in (shop.fresh, shop.old)]  # the newest is certified
    ErasureLedger(archive.store.folder).append(Line(name, "AUD", shop.now) for name in names)
    archive.close()
    archive = shop.archive()
    archive.recover(shop.now)
    found = archive.database.read_sync(lambda s: s.get(Artifact, shop.fresh))
    archive.close()
    assert found is not None and found.state == "erased"


def test_the_search_for_what_must_be_gone_fails_until_it_is(shop: Shop) -> None:
    assert shop.old[:12] in shop.tast1("erase", "verify", status=1).replace("\n", "")
    shop.tast1("sweep")
    assert "must be gone is gone" in shop.tast1("erase", "verify")
    (shop.folder / "data" / "spool" / f"{shop.old}.t1s").touch()
    result = run.invoke(app, ["erase", "verify", "--json", "--config", str(shop.config)])
    assert result.exit_code == 1
    assert json.loads(result.output)["findings"] == [{"what": "file", "where": f"spool/{shop.old}.t1s"}]


def test_consent_evidence_is_shown_with_whether_its_signature_is_genuine(shop: Shop) -> None:
    archive = shop.archive()
    world = World(shop.folder, archive.database, archive.keys, archive.store, archive.settings.policy)
    call = open_call(world, shop.now)
    archive.database.write_sync(
        lambda s: consents.record(s, consent_record(call, at=shop.now), shop.now, keys=archive.keys)
    )

    def evidence(call_id: str) -> str:
        query = select(Artifact.id).where(Artifact.call_id == call_id, Artifact.kind == "CE")
        return archive.database.read_sync(lambda s: s.scalars(query).one())

    signed, unsigned = evidence(call), evidence(shop.call)
    assert "signature is genuine" in shop.tast1("recordings", "show", signed)
    assert "No genuine signature" in shop.tast1("recordings", "show", unsigned)  # stored without keys
    archive.database.write_sync(
        lambda s: s.execute(update(Consent).where(Consent.call_id == call).values(played_ms=1))
    )
    archive.close()
    assert "No genuine signature" in shop.tast1("recordings", "show", signed)
    assert "signature" not in shop.tast1("recordings", "show", shop.fresh)


@pytest.mark.parametrize("command", ["stop", "pause", "resume", "offer"])
def test_a_command_to_a_gateway_that_does_not_run_says_how_to_start_it(shop: Shop, command: str) -> None:
    assert "tast1 serve" in shop.tast1("calls", command, "abc", status=1)


def test_an_unknown_recording_says_where_to_look(shop: Shop) -> None:
    assert "recordings list" in shop.tast1("recordings", "show", "nothing", status=1).replace("\n", " ")


def test_mistakes_in_the_settings_stop_every_command(shop: Shop) -> None:
    shop.config.write_text("sip: {udp: nowhere}\nivr: {timeout_s: 99}\n")
    shown = shop.tast1("calls", status=2)
    assert "sip.udp" in shown
    assert "ivr.timeout_s" in shown


def test_danish_is_the_default(shop: Shop) -> None:
    result = run.invoke(app, ["recordings", "list", "--config", str(shop.config)], env={"TAST1_LANG": None})
    assert "Retsgrundlag" in result.output
