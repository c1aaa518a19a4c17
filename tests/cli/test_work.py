"""The commands people work with: who may give them, what they do and refuse, and what is left written."""

from __future__ import annotations

import csv
import hashlib
import json
import zipfile
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
import yaml

from storage import artifacts, audit_log, books, cases
from storage.artifacts import Making
from storage.policy import events as e
from storage.policy.clocks import add_years, local_date
from tests.cli.shop import Shop
from tests.storage.world import World, record_call

WORDS = {"text": "grævlingen gik over vejen"}


@pytest.fixture
def shop(tmp_path: Path) -> Iterator[Shop]:
    made = Shop(tmp_path)
    archive = made.archive()
    making = {
        f"{made.call}/transcript": Making(
            keys=archive.keys, words=json.dumps(WORDS, ensure_ascii=False).encode()
        )
    }
    event = e.Transcribed(made.call)
    archive.database.write_sync(
        lambda s: books.happen(s, event, made.now, archive.settings.policy, making=making)
    )
    archive.close()
    yield made


def grounds(shop: Shop, artifact: str) -> dict[str, Any]:
    explained: Any = shop.json("policy", "explain", artifact)
    return {ground["ground"]: ground for ground in explained["grounds"]}


def transcript(shop: Shop) -> str:
    rows: Any = shop.json("recordings", "list", "--all")
    return next(row["artifact"] for row in rows if row["kind"] == "TRS")


def exists(shop: Shop, artifact: str) -> bool:
    archive = shop.archive()
    row = archive.database.read_sync(lambda s: artifacts.get(s, artifact))
    archive.close()
    return row is not None and row.state != "erased"


def logged(shop: Shop, subject: str) -> list[str]:
    archive = shop.archive()
    found = archive.database.read_sync(lambda s: [entry.action for entry in audit_log.entries(s, subject)])
    archive.close()
    return found


# --- people ---------------------------------------------------------------------------------------


def test_a_token_is_shown_once_and_stops_working_with_its_user(shop: Shop) -> None:
    shop.hire("qa", "QA")
    may = ("recordings", "may", shop.fresh, "--purpose", "training")
    assert "G-CONSENT is open to QA" in shop.tast1(*may, by="qa")
    old = shop.tokens["qa"]
    shop.tokens["qa"] = shop.tast1("users", "token", "qa").split()[-1]
    shop.tast1(*may, by="qa")
    shop.tokens["old"] = old
    assert "token is not valid" in shop.tast1(*may, by="old", status=3)
    shop.tast1("users", "disable", "qa")
    assert "token is not valid" in shop.tast1(*may, by="qa", status=3)
    data = b"".join(path.read_bytes() for path in (shop.folder / "data").glob("tast1.sqlite*"))
    assert old.encode() not in data and shop.tokens["qa"].encode() not in data


def test_the_rules_answer_and_refuse_in_danish(shop: Shop) -> None:
    shop.hire("qa", "QA")
    danish = ("--lang", "da")
    may = ("recordings", "may", shop.fresh, "--purpose")
    assert "G-CONSENT giver QA adgang" in shop.tast1(*may, "training", *danish, by="qa")
    assert "har det formål (R-03" in shop.tast1(*may, "complaint", *danish, by="qa", status=3)
    refused = shop.tast1("calls", "special", shop.call, "--as", "LEGAL", *danish, by="qa", status=3)
    assert "Ikke tilladt: qa har ikke rollen LEGAL (R-50)" in " ".join(refused.split())
    unknown = shop.tast1("users", "grant", "qa", "KING", *danish, status=3)
    assert "Afvist af reglerne: der er ingen rolle KING" in " ".join(unknown.split())
    told: Any = shop.json(*may, "complaint", *danish, by="qa", status=3)
    assert "has that purpose" in told["why"], "JSON is for programs, and stays English"


def test_a_role_ends_when_it_is_taken_and_on_its_day(shop: Shop) -> None:
    shop.hire("qa", "QA")
    yesterday = (local_date(shop.now) - timedelta(days=1)).isoformat()
    assert "passed already" in shop.tast1("users", "grant", "qa", "QA", "--until", yesterday, status=3)
    shop.tast1("users", "revoke", "qa", "QA")
    assert "--as" in shop.tast1("recordings", "may", shop.fresh, by="qa", status=1)
    assert "does not hold QA" in shop.tast1("recordings", "may", shop.fresh, "--as", "QA", by="qa", status=3)


def test_the_access_list_says_who_was_given_what_by_whom_and_is_attested(shop: Shop) -> None:
    shop.hire("qa", "QA", "ANALYST")
    rows: Any = shop.json("users", "list")
    assert {(row["user"], row["role"]) for row in rows} == {("qa", "QA"), ("qa", "ANALYST")}
    assert all(row["granted_by"].startswith("os:") for row in rows)
    assert any(task["kind"] == "attestation" for task in shop.json("tasks"))  # type: ignore[union-attr]
    shop.tast1("users", "attest")
    assert not any(task["kind"] == "attestation" for task in shop.json("tasks"))  # type: ignore[union-attr]
    shop.tast1("users", "trained", "qa", "2026-01-15")
    assert "2026-01-15" in shop.tast1("users", "list")


def test_only_the_administrator_and_the_dpo_manage_users(shop: Shop) -> None:
    shop.hire("qa", "QA")
    assert "managed by" in shop.tast1("users", "add", "x1", "--name", "X", by="qa", status=3)
    shop.hire("dpo", "DPO")
    shop.tast1("users", "add", "x1", "--name", "X", by="dpo")


@pytest.mark.parametrize(
    ("options", "missing"),
    [
        (["--country", "DK"], "agreement"),
        (["--country", "US", "--dpa", "D1", "--ticket", "T1", "--until", "2099-01-01"], "transfer tool"),
        (
            ["--country", "US", "--dpa", "D1", "--ticket", "T1", "--until", "2099-01-01", "--tool", "SCC"],
            "transfer tool",
        ),
    ],
)
def test_a_processor_gets_a_role_on_full_terms_only(shop: Shop, options: list[str], missing: str) -> None:
    shop.hire("pia")
    assert missing in shop.tast1("users", "grant", "pia", "PROCESSOR-host", *options, status=3)


def test_a_processor_looks_and_takes_no_copy(shop: Shop, tmp_path: Path) -> None:
    shop.hire("pia")
    terms = ("--country", "US", "--dpa", "D1", "--ticket", "T1", "--until", "2099-01-01", "--tool", "SCC+TIA")
    shop.tast1("users", "grant", "pia", "PROCESSOR-host", *terms)
    read = ("recordings", "read", transcript(shop), "--purpose", "training")
    assert "grævlingen" in shop.tast1(*read, by="pia")
    out = tmp_path / "copy"
    copy = ("recordings", "export", shop.fresh, "-o", str(out), "--purpose", "training")
    assert "R-52" in shop.tast1(*copy, by="pia", status=3)
    archive = shop.archive()
    (told,) = [
        x for x in archive.database.read_sync(lambda s: list(audit_log.entries(s))) if x.action == "read"
    ]
    archive.close()
    assert json.loads(told.actor) == {
        "id": "pia",
        "role": "PROCESSOR-host",
        "org": "LB Forsikring",
        "channel": "cli",
        "country": "US",
    }


def test_the_calls_of_a_number_are_found_for_a_case_and_the_number_is_logged_nowhere(shop: Shop) -> None:
    shop.hire("rita", "RIGHTS")
    shop.hire("qa", "QA")
    number = "87654321\n"
    ask = ("calls", "of", "--purpose", "rights_request")
    assert "must name the case" in shop.tast1(*ask, by="rita", status=3, input=number)
    assert "looked up by" in shop.tast1(*ask, "--case", "R-1", by="qa", status=3, input=number)
    assert "register it first" in shop.tast1(*ask, "--case", "R-1", by="rita", status=3, input=number)
    request = shop.json("requests", "receive", "access", by="rita")["id"]  # type: ignore[index]
    rows: Any = shop.json(*ask, "--case", request, by="rita", input=number)
    assert {row["call"] for row in rows} == {shop.call, shop.old_call}
    shop.tast1("requests", "scope", request, shop.call, by="rita")
    assert "G-RIGHTS-OPEN" in grounds(shop, shop.fresh)
    assert "these calls already" in shop.tast1("requests", "scope", request, shop.call, by="rita", status=3)
    archive = shop.archive()
    entries = archive.database.read_sync(lambda s: list(audit_log.entries(s, "archive")))
    archive.close()
    told = [entry.action for entry in entries if entry.action != "list"]
    assert told == ["deny", "deny", "deny", "search"]
    assert "87654321" not in str(entries)


# --- rights requests ------------------------------------------------------------------------------


def test_an_access_request_from_receipt_to_package(shop: Shop, tmp_path: Path) -> None:
    shop.hire("rita", "RIGHTS")
    shop.hire("qa", "QA")
    listened = tmp_path / "listened.flac"
    shop.tast1("recordings", "export", shop.fresh, "-o", str(listened), "--purpose", "training", by="qa")
    made: Any = shop.json(
        "requests", "receive", "access", shop.call[:10], "--note", "Jens wants his call", by="rita"
    )
    request = made["id"]
    assert made["held"] and set(grounds(shop, shop.fresh)) == {"G-CONSENT", "G-RIGHTS-OPEN"}
    assert request in shop.tast1("requests", "list")
    assert "Jens wants his call" in shop.tast1("requests", "show", request, by="rita")
    assert "for RIGHTS, DPO" in shop.tast1("requests", "show", request, by="qa", status=3)

    assert "identity" in shop.tast1("requests", "answer", request, by="rita", status=3)
    shop.tast1("requests", "identify", request, "confirmed", "--how", "MitID", by="rita")
    answered: Any = shop.json("requests", "answer", request, "--reply", "sent by e-Boks", by="rita")
    assert answered["package"]["manifest"] and answered["refused"] == []
    assert set(grounds(shop, shop.fresh)) == {"G-CONSENT"}

    out = tmp_path / "package.zip"
    refused = ("requests", "package", request, "-o", str(out), "--as", "QA")
    assert "No active ground is open to QA" in shop.tast1(*refused, by="qa", status=3) and not out.exists()
    shop.tast1("requests", "package", request, "-o", str(out), by="rita")
    with zipfile.ZipFile(out) as zipped:
        files = {name: zipped.read(name) for name in zipped.namelist()}
    sums = dict(line.split("  ")[::-1] for line in files["SHA256SUMS"].decode().splitlines())
    assert set(sums) == set(files) - {"SHA256SUMS"}
    assert all(hashlib.sha256(files[name]).hexdigest() == digest for name, digest in sums.items())
    (sound,) = [content for name, content in files.items() if name.endswith(".flac")]
    assert sound == listened.read_bytes()
    assert WORDS["text"].encode() in next(c for n, c in files.items() if "transcript" in n)
    assert "artikel 15" in files["letter.txt"].decode() and request in files["letter.txt"].decode()
    lookups = list(csv.DictReader(files["lookups.csv"].decode().splitlines()))
    assert (lookups[0]["action"], lookups[0]["purpose"]) == ("export", "training")
    assert b"qa" not in files["lookups.csv"] and b"rita" not in files["lookups.csv"]
    assert any(name.endswith("consent.json") for name in files)


def test_keeping_what_was_reviewed_needs_a_reason_and_ends_within_a_year(shop: Shop) -> None:
    shop.hire("rita", "RIGHTS")
    request = shop.json("requests", "receive", "rectification", shop.call, by="rita")["id"]  # type: ignore[index]
    assert "R-31" in shop.tast1("requests", "answer", request, "--keep", by="rita", status=3)
    shop.tast1("requests", "answer", request, "--keep", "--reason", "disputed", by="rita")
    held = grounds(shop, shop.fresh)["G-RIGHTS-DOC"]
    assert held["until"] == add_years(local_date(shop.now), 1).isoformat()
    assert held["decided_by"] == "rita"
    shop.tast1("requests", "release", request, by="rita")
    assert "G-RIGHTS-DOC" not in grounds(shop, shop.fresh)
    assert "nothing is kept" in shop.tast1("requests", "release", request, by="rita", status=3)


def test_an_erasure_request_erases_at_once_and_stays_documented(shop: Shop) -> None:
    shop.hire("rita", "RIGHTS")
    words = transcript(shop)
    request = shop.json("requests", "receive", "erasure", shop.call, by="rita")["id"]  # type: ignore[index]
    assert not exists(shop, shop.fresh) and not exists(shop, words)
    shop.tast1("requests", "answer", request, "--reply", "erased", by="rita")
    rows: Any = shop.json("recordings", "list", "--all")
    (documentation,) = [row for row in rows if row["kind"] == "RD"]
    assert documentation["until"] == add_years(local_date(shop.now), 3).isoformat()
    assert "G-REQUEST-DOC" in documentation["grounds"]
    shop.tast1("sweep")
    assert shop.json("erase", "verify") == {"findings": []}


def test_a_letter_that_lay_is_due_from_the_day_it_came(shop: Shop) -> None:
    shop.hire("rita", "RIGHTS")
    came = local_date(shop.now) - timedelta(days=10)
    ask = ("requests", "receive", "access", "--received")
    made: Any = shop.json(*ask, came.isoformat(), by="rita")
    assert made["due"] < (came + timedelta(days=32)).isoformat()
    assert "within" in shop.tast1(*ask, "2020-01-01", by="rita", status=3)


def test_the_notice_of_a_longer_answer_says_why_and_comes_once(shop: Shop) -> None:
    shop.hire("rita", "RIGHTS")
    request = shop.json("requests", "receive", "access", shop.call, by="rita")["id"]  # type: ignore[index]
    shop.tast1("requests", "extend", request, "--reason", "many calls", by="rita")
    assert "only once" in shop.tast1("requests", "extend", request, "--reason", "more", by="rita", status=3)


def test_a_withdrawal_is_for_everybody_and_documented_when_asked(shop: Shop) -> None:
    shop.hire("agent", "AGENT")
    shown = shop.tast1("withdraw", shop.call[:8], "--channel", "phone", "--document", by="agent")
    assert "Documented as R-" in shown
    assert not exists(shop, shop.fresh)
    assert "nothing is kept on consent" in shop.tast1("withdraw", shop.call, "--channel", "mail", status=3)
    assert "withdraw" in "".join(logged(shop, shown.split("Documented as ")[1].split(".")[0]))


def test_an_invalid_consent_needs_a_reason_and_erases(shop: Shop) -> None:
    shop.hire("agent", "AGENT")
    assert "R-04" in shop.tast1("calls", "invalid", shop.call, "--reason", " ", by="agent", status=3)
    shop.tast1("calls", "invalid", shop.call, "--reason", "a child of nine", by="agent")
    assert not exists(shop, shop.fresh)


# --- complaints -----------------------------------------------------------------------------------


def test_a_complaint_from_receipt_to_its_date(shop: Shop) -> None:
    shop.hire("kim", "COMPLAINT")
    shop.hire("kai", "COMPLAINT")
    shop.hire("lene", "LEGAL")
    shown = shop.tast1("complaints", "receive", shop.call, "--note", "we promised otherwise", by="kim")
    complaint = shown.split("Complaint ")[1].split()[0]
    assert set(grounds(shop, shop.fresh)) == {"G-CONSENT", "G-COMPLAINT-FREEZE"}
    keep = ("complaints", "decide", complaint, "--keep")
    assert "not assigned" in shop.tast1(*keep, "--reason", "x", by="kai", status=3)
    assert "R-37" in shop.tast1(*keep, by="kim", status=3)
    shop.tast1(*keep, "--reason", "what was agreed", "--necessity", "no note", "--part", "audio", by="kim")
    assert "G-COMPLAINT" in grounds(shop, shop.fresh)
    assert "G-COMPLAINT" not in grounds(shop, transcript(shop))
    assert any(t["kind"] == "limitation" for t in shop.json("tasks"))  # type: ignore[union-attr]

    read = ("recordings", "may", shop.fresh, "--purpose", "complaint", "--case", complaint)
    shop.tast1(*read, by="kim")
    assert "not assigned" in shop.tast1(*read, by="kai", status=3)

    shop.tast1("complaints", "close", complaint, by="kim")
    assert grounds(shop, shop.fresh)["G-COMPLAINT"]["until"] is None
    on = local_date(shop.now) - timedelta(days=30)
    assert "LEGAL" in shop.tast1("complaints", "confirm", complaint, by="kim", status=3)
    shop.tast1("complaints", "facts", complaint, "--knowledge-on", on.isoformat(), by="kim")
    shop.tast1("complaints", "confirm", complaint, by="lene")
    assert grounds(shop, shop.fresh)["G-COMPLAINT"]["until"] == add_years(on, 3).isoformat()
    assert "what was agreed" in shop.tast1("complaints", "show", complaint, by="kim")
    archive = shop.archive()
    log = archive.database.read_sync(lambda s: [str(vars(x)) for x in audit_log.entries(s)])
    archive.close()
    assert not [line for line in log if "what was agreed" in line or "promised" in line]


def test_a_complaint_nobody_needs_anything_for_releases_what_was_frozen(shop: Shop) -> None:
    shop.hire("kim", "COMPLAINT")
    shop.tast1("complaints", "receive", shop.call, "--id", "K-1", by="kim")
    shop.tast1("complaints", "extend", "K-1", "--reason", "witness away", by="kim")
    shop.tast1("complaints", "decide", "K-1", "--no-keep", "--reason", "a note is enough", by="kim")
    assert set(grounds(shop, shop.fresh)) == {"G-CONSENT"}


def test_without_the_tests_on_file_nothing_is_reused_but_everything_is_preserved(shop: Shop) -> None:
    values = yaml.safe_load(shop.config.read_text())
    values["compliance"]["reuse"]["complaint"]["lia"] = None
    values["compliance"]["reuse"]["investigation"]["allowed"] = False
    shop.config.write_text(yaml.safe_dump(values))
    shop.hire("kim", "COMPLAINT")
    shop.tast1("complaints", "receive", shop.call, "--id", "K-1", by="kim")
    assert "G-COMPLAINT-FREEZE" in grounds(shop, shop.fresh)
    keep = ("complaints", "decide", "K-1", "--keep", "--reason", "x")
    assert "compliance.reuse.complaint.lia" in shop.tast1(*keep, by="kim", status=3).replace("\n", "")
    forward = ("cases", "forward", "S-1", shop.call, "--reason", "x")
    assert "switched off" in shop.tast1(*forward, by="kim", status=3)


# --- investigators --------------------------------------------------------------------------------


def forwarded(shop: Shop) -> None:
    shop.hire("cille", "CASEDOC")
    shop.hire("ida", "INSPECTOR")
    shop.tast1("cases", "forward", "S-1", shop.call, "--reason", "two versions of the same fall", by="cille")


def test_a_forwarded_call_is_for_the_assigned_investigator_and_goes_at_once_when_there_is_nothing_in_it(
    shop: Shop,
) -> None:
    forwarded(shop)
    assert "G-INV-TRIAGE" in grounds(shop, shop.fresh)
    may = ("recordings", "may", shop.fresh, "--purpose", "investigation", "--case", "S-1")
    assert "not assigned" in shop.tast1(*may, by="ida", status=3)
    shop.tast1("cases", "take", "S-1", by="ida")
    shop.tast1(*may, by="ida")
    shop.tast1("cases", "decide", "S-1", "--nothing", by="ida")
    assert not exists(shop, shop.fresh)
    assert "nothing of the case remains" in shop.tast1(
        "cases", "decide", "S-1", "--nothing", by="ida", status=3
    )


def test_an_extension_takes_two_people_a_reason_and_an_allowed_date(shop: Shop) -> None:
    forwarded(shop)
    shop.hire("lene", "LEGAL", "INSPECTOR")
    shop.tast1("cases", "take", "S-1", by="ida")
    assert "R-43" in shop.tast1("cases", "decide", "S-1", "--relevant", by="ida", status=3)
    shop.tast1("cases", "decide", "S-1", "--relevant", "--reason", "contradicts the claim", by="ida")
    today = local_date(shop.now)
    assert grounds(shop, shop.fresh)["G-INV"]["until"] == add_years(today, 1).isoformat()
    later = (add_years(today, 2)).isoformat()
    propose = ("cases", "propose", "S-1", "--until", later)
    assert "R-44" in shop.tast1(*propose, "--reason", " ", by="ida", status=3)
    shown = shop.tast1(*propose, "--reason", "trial in spring", "--part", "audio", by="ida")
    number = shown.split("Proposal ")[1].split()[0]
    assert any(t["kind"] == "proposal" for t in shop.json("tasks"))  # type: ignore[union-attr]
    assert "not for INSPECTOR" in shop.tast1(
        "cases", "approve", number, "--as", "INSPECTOR", by="lene", status=3
    )
    shop.tast1("cases", "approve", number, "--as", "LEGAL", by="lene")
    extended = grounds(shop, shop.fresh)["G-INV-EXT"]
    assert (extended["until"], extended["decided_by"]) == (later, "ida, lene")
    assert "G-INV-EXT" not in grounds(shop, transcript(shop))
    assert "decided already" in shop.tast1("cases", "approve", number, "--as", "LEGAL", by="lene", status=3)

    shop.tast1("cases", "assign", "S-1", "lene", by="ida")
    own = shop.tast1(
        "cases", "propose", "S-1", "--until", later, "--reason", "x", "--as", "INSPECTOR", by="lene"
    )
    mine = own.split("Proposal ")[1].split()[0]
    assert "somebody else" in shop.tast1("cases", "approve", mine, "--as", "LEGAL", by="lene", status=3)
    shop.tast1("cases", "reject", mine, "--reason", "no", "--as", "LEGAL", by="lene")
    far = shop.tast1("cases", "propose", "S-1", "--until", "2099-01-01", "--reason", "x", by="ida")
    beyond = far.split("Proposal ")[1].split()[0]
    assert "R-45" in shop.tast1("cases", "approve", beyond, "--as", "LEGAL", by="lene", status=3)


# --- samples, orders, recipients ------------------------------------------------------------------


def test_a_sample_is_drawn_again_by_its_seed_and_leaves_health_data_out(shop: Shop) -> None:
    shop.hire("cora", "COMPLIANCE")
    today = local_date(shop.now).isoformat()
    draw = ("samples", "draw", "--objective", "R-71", "--from", today, "--to", today, "--seed", "7")
    first: Any = shop.json(*draw, by="cora")
    second: Any = shop.json(*draw, by="cora")
    assert first["calls"] == second["calls"] == [shop.call] and first["population"] == 1
    until = grounds(shop, shop.fresh)["G-CONSENT"]["until"]
    may = ("recordings", "may", shop.fresh, "--purpose", "compliance")
    shop.tast1(*may, by="cora")
    shop.tast1("samples", "finding", first["sample"], shop.call, "--text", "prompt complete", by="cora")
    assert "prompt complete" in shop.tast1("samples", "show", first["sample"], by="cora")
    shop.tast1("calls", "special", shop.call, by="cora")
    shop.tast1(*may, by="cora", status=3)
    assert "none may be drawn" in shop.tast1(*draw, by="cora", status=3)
    assert grounds(shop, shop.fresh)["G-CONSENT"]["until"] == until
    assert "COMPLIANCE" in shop.tast1(*draw, status=3), "the machine's own account draws nothing"


def test_a_drawn_call_with_health_data_is_replaced_by_the_next(shop: Shop) -> None:
    shop.hire("cora", "COMPLIANCE")
    archive = shop.archive()
    world = World(shop.folder, archive.database, archive.keys, archive.store, archive.settings.policy)
    more = [record_call(world, shop.now - timedelta(minutes=50), 0.1)[0] for _ in range(2)]
    archive.close()
    today = local_date(shop.now).isoformat()
    draw = ("samples", "draw", "--objective", "R-71", "--from", today, "--to", today, "--size", "1")
    drawing: Any = shop.json(*draw, by="cora")
    (drawn,) = drawing["calls"]
    replace = ("samples", "replace", drawing["sample"], drawn)
    refusal = shop.tast1(*replace, by="cora", status=3)
    assert "nothing needs to be replaced" in " ".join(refusal.split())
    shop.tast1("calls", "special", drawn, by="cora")
    shown = shop.tast1(*replace, by="cora").split()[-1]
    assert shown in {shop.call, *more} - {drawn}
    assert shown in shop.tast1("samples", "show", drawing["sample"], by="cora")


def test_an_order_keeps_a_call_whatever_else_ends_and_opens_it_to_the_legal_role_only(shop: Shop) -> None:
    shop.hire("lene", "LEGAL")
    shop.tast1("orders", "receive", shop.call, "--reason", "City court 7-123", "--id", "M-1", by="lene")
    shop.tast1("withdraw", shop.call, "--channel", "letter")
    assert set(grounds(shop, shop.fresh)) == {"G-AUTHORITY"}
    shop.hire("qa", "QA")
    shop.tast1("recordings", "may", shop.fresh, "--purpose", "training", by="qa", status=3)
    shop.tast1("orders", "lift", "M-1", by="lene")
    assert not exists(shop, shop.fresh)
    assert "no orders" in shop.tast1("orders", "list")


def test_who_was_given_a_copy_is_told_of_an_erasure_and_confirms(shop: Shop) -> None:
    shop.hire("lene", "LEGAL")
    shop.tast1("recordings", "disclose", shop.fresh, "--to", "Ankenævnet", by="lene")
    shop.tast1("withdraw", shop.call, "--channel", "letter")
    (row,) = shop.json("recipients", "list")  # type: ignore[misc]
    assert (row["recipient"], row["erased_by"]) == ("Ankenævnet", "R-20")
    number = str(row["id"])
    assert "told" in shop.tast1("recipients", "confirmed", number, by="lene", status=3)
    shop.tast1("recipients", "told", number, by="lene")
    shop.tast1("recipients", "confirmed", number, by="lene")
    assert shop.json("recipients", "list") == []


# --- report, preview, restate ---------------------------------------------------------------------


def test_the_report_counts_what_is_kept_went_and_is_late(shop: Shop) -> None:
    shop.hire("kim", "COMPLAINT")
    shop.tast1("complaints", "receive", shop.call, "--id", "K-1", by="kim")
    month = local_date(shop.now).strftime("%Y-%m")
    before: Any = shop.json("report", "--month", month)
    assert before["overdue"] == 1, "the old recording is past its date and no sweep ran"
    shop.tast1("sweep")
    made: Any = shop.json("report", "--month", month)
    assert (made["overdue"], made["begun_not_complete"]) == (0, 0)
    assert {"kind": "AUD", "rule": "R-10", "count": 1, "retried": 0} in made["erased"]
    kept = {(row["kind"], row["ground"]): row["count"] for row in made["kept"]}
    assert kept["AUD", "G-CONSENT"] == 1 and kept["TRS", "G-COMPLAINT-FREEZE"] == 1
    assert made["events"]["complaint_received"] == 1
    assert made["audit"]["intact"] and made["verified"]["erased_but_there"] == []
    assert made["verified"]["erased_drawn"] == 1 and made["verified"]["kept_with_faults"] == []
    assert "G-COMPLAINT-FREEZE" in shop.tast1("report", "--month", month)
    assert "klage modtaget" in shop.tast1("report", "--month", month, "--lang", "da")
    assert "YYYY-MM" in shop.tast1("report", "--month", "May", status=1)


def changed(shop: Shop, **policy: Any) -> Path:
    values = yaml.safe_load(shop.config.read_text())
    values["policy"] = policy
    new = shop.folder / "new.yaml"
    new.write_text(yaml.safe_dump(values))
    return new


def test_a_preview_says_what_other_settings_would_do_and_does_nothing(shop: Shop, tmp_path: Path) -> None:
    shop.tast1("sweep")
    out = tmp_path / "moves.csv"
    new = str(changed(shop, retention={"callcenter_days": 7}, consent_evidence={"grace_days": 60}))
    before = grounds(shop, shop.fresh)
    found: Any = json.loads(_preview(shop, new, out))
    assert found["earlier"] == {"AUD": 1, "TRS": 1}
    assert found["longer"] == {"CE": 2}, "seven days and sixty are more than thirty and thirty"
    assert grounds(shop, shop.fresh) == before
    assert len(list(csv.DictReader(out.read_text().splitlines()))) >= 3


def _preview(shop: Shop, new: str, out: Path) -> str:
    from tests.cli.shop import app, run

    result = run.invoke(
        app,
        ["policy", "preview", "--config", new, "--archive", str(shop.config), "-o", str(out), "--json"],
        env={"TAST1_LANG": "en", "TAST1_CONFIG": None},
    )
    assert result.exit_code == 0, result.output
    return result.stdout


def test_restating_is_for_the_dpo_shortens_and_lengthens_only_with_a_reason(shop: Shop) -> None:
    shop.tast1("sweep")
    shop.hire("dpo", "DPO")
    shop.hire("qa", "QA")
    values = yaml.safe_load(shop.config.read_text())
    values["policy"] = {"retention": {"callcenter_days": 7}}
    shop.config.write_text(yaml.safe_dump(values))
    first = grounds(shop, shop.fresh)["G-CONSENT"]["until"]
    shop.tast1("policy", "restate", "--yes", by="qa", status=3)
    shop.tast1("policy", "restate", "--yes", by="dpo")
    shorter = grounds(shop, shop.fresh)["G-CONSENT"]["until"]
    assert shorter < first
    values["policy"] = {"retention": {"callcenter_days": 30}}
    shop.config.write_text(yaml.safe_dump(values))
    shop.tast1("policy", "restate", "--yes", by="dpo")
    assert grounds(shop, shop.fresh)["G-CONSENT"]["until"] == shorter, "nothing is kept longer by itself"
    assert "reason" in shop.tast1("policy", "restate", "--yes", "--later", by="dpo", status=3)
    shop.tast1("policy", "restate", "--yes", "--later", "--reason", "set to 7 by mistake", by="dpo")
    assert grounds(shop, shop.fresh)["G-CONSENT"]["until"] == first
    archive = shop.archive()
    words = archive.database.read_sync(
        lambda s: [cases, *[str(vars(x)) for x in audit_log.entries(s, "policy")]]
    )
    archive.close()
    assert not [line for line in words[1:] if "by mistake" in str(line)]
