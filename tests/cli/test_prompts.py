"""`tast1 prompts`, as an operator and the data protection officer give it."""

from __future__ import annotations

import json
import shutil
import wave
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from storage import audit_log
from tests.cli.shop import Shop
from tests.ivr_prompts.studio_files import shipped, spoken, write

pytestmark = pytest.mark.skipif(shutil.which("espeak-ng") is None, reason="voicing needs espeak-ng")

WELCOME = "Goddag, og velkommen til LB Forsikring."
GOODBYE = shipped("goodbye").text


@pytest.fixture
def shop(tmp_path: Path) -> Iterator[Shop]:
    made = Shop(tmp_path)
    made.hire("dpo", "DPO")
    yield made


def listed(shop: Shop, prompt: str) -> dict[str, dict[str, Any]]:
    found: Any = shop.json("prompts", "list", "--set", "da", "--prompt", prompt)
    return {each["prompt"]: each for each in found["versions"]}


def flat(told: str) -> str:
    return " ".join(told.split())


def test_a_text_becomes_what_callers_hear_and_goes_again(shop: Shop) -> None:
    told = shop.tast1("prompts", "render", "da/greeting", "--text", WELCOME)
    assert "Nothing is wrong with da/greeting/2" in told and "waits for approval" in told
    assert "four eyes" in shop.tast1("prompts", "approve", "da/greeting/2", status=3)
    assert "not approved" in shop.tast1("prompts", "activate", "da/greeting/2", status=3)
    assert "is approved" in shop.tast1("prompts", "approve", "da/greeting/2", by="dpo")
    told = shop.tast1("prompts", "activate", "da/greeting/2")
    assert "da/greeting/2 is played in the whole set" in told and "No gateway runs here" in told
    row = listed(shop, "greeting")["da/greeting/2"]
    assert (row["state"], row["text"], row["approved_by"]) == ("approved", WELCOME, "dpo")
    assert row["source"] == {"kind": "voiced"} and row["made_by"].startswith("os:")
    assert (shop.folder / "data" / "prompts" / f"{row['audio_sha256']}.wav").is_file()
    table = shop.tast1("prompts", "list", "--prompt", "greeting")
    assert "da/greeting/2" in table and "the whole set" in table and "en/greeting/1" in table
    assert "new calls hear da/greeting/1" in flat(shop.tast1("prompts", "rollback", "da/greeting"))
    assert "could be taken back" in shop.tast1("prompts", "rollback", "da/greeting", status=3)
    archive = shop.archive()
    entries = archive.database.read_sync(lambda s: list(audit_log.entries(s, row["id"])))
    archive.close()
    assert [(entry.action, json.loads(entry.actor)["id"]) for entry in entries] == [
        ("prompt.make", row["made_by"]),
        ("refuse", row["made_by"]),
        ("refuse", row["made_by"]),
        ("prompt.approve", "dpo"),
        ("prompt.activate", row["made_by"]),
        ("prompt.rollback", row["made_by"]),
    ]
    shop.tast1("sweep")
    assert shop.json("erase", "verify") == {"findings": []}


def test_a_consent_question_is_voiced_with_the_policys_markers(shop: Shop) -> None:
    words = shop.folder / "words.txt"
    words.write_text(shipped("consent").text.replace("service, ", "service,\n"), encoding="utf-8")
    told = shop.tast1("prompts", "render", "da/consent", "--text-file", str(words))
    assert "Nothing is wrong with da/consent/2" in told
    row = listed(shop, "consent")["da/consent/2"]
    assert row["text"] == shipped("consent").text
    assert list(row["markers_ms"]) == ["purposes_end", "key_instruction", "prompt_end"]
    changed = "Vi optager til uddannelse, analyse og dokumentation. Tast 1 for ja. Vent ellers."
    told = shop.tast1("prompts", "render", "da/consent", "--text", changed)
    assert "markers_missing" in told and "policy_wording" in told and "cannot be approved" in told
    markers = (
        "-m",
        "purposes_end=dokumentation.",
        "-m",
        "key_instruction=for ja.",
        "-m",
        "prompt_end=ellers.",
    )
    told = shop.tast1("prompts", "render", "da/consent", "--text", changed, *markers)
    assert "markers_missing" not in told and "waits for approval" in told
    assert "warnings: policy_wording" in flat(
        shop.tast1("prompts", "approve", "da/consent/4", by="dpo", status=3)
    )
    accept = ("--accept-warnings", "--reason", "the policy changes on the same day")
    shop.tast1("prompts", "approve", "da/consent/4", *accept, by="dpo")


def test_a_recording_is_checked_before_it_is_imported(shop: Shop) -> None:
    good = str(write(shop.folder / "good.flac", spoken(), subtype="PCM_16"))
    bad = str(write(shop.folder / "bad.wav", spoken() * 0.3))
    checked = ("prompts", "check", "da/goodbye", "--text", GOODBYE, "--file")
    assert "Nothing is wrong" in shop.tast1(*checked, good)
    told = flat(shop.tast1(*checked, bad, "--lang", "da"))
    assert "advarsel" in told and "Skru op" in told and "mindst -28,0" in told
    found: Any = shop.json(*checked, bad)
    assert [each["name"] for each in found["findings"]] == ["too_quiet"]
    assert "Turn it up" in found["findings"][0]["text"]
    assert shop.json(*checked, bad, "--level") == {"prompt": bad, "findings": []}
    assert list(listed(shop, "goodbye")) == ["da/goodbye/1"], "nothing was stored"
    told = shop.tast1("prompts", "import", "da/goodbye", good, "--text", GOODBYE)
    assert "da/goodbye/2 is made" in told
    assert listed(shop, "goodbye")["da/goodbye/2"]["source"]["format"] == "FLAC PCM_16"
    assert "Nothing is wrong" in shop.tast1("prompts", "check", "da/goodbye/2")


def test_an_error_has_exit_status_1_and_says_what_to_do_in_danish(shop: Shop) -> None:
    clipped = str(write(shop.folder / "clipped.wav", (spoken() * 12).clip(-1, 1)))
    checked = ("prompts", "check", "da/goodbye", "--file", clipped, "--text", GOODBYE, "--lang", "da")
    told = flat(shop.tast1(*checked, status=1))
    assert "clipped" in told and "fejl" in told and "optag igen" in told


def test_what_is_no_recording_is_told_in_a_line_and_loses_nothing(shop: Shop) -> None:
    text = shop.folder / "text.wav"
    text.write_text("no sound")
    told = shop.tast1("prompts", "import", "da/goodbye", str(text), "--text", GOODBYE, status=1)
    assert "cannot be read as sound" in told and "Traceback" not in told
    assert list(listed(shop, "goodbye")) == ["da/goodbye/1"]
    assert not (shop.folder / "data" / "prompts").exists()


@pytest.mark.parametrize(
    ("arguments", "status", "says"),
    [
        (("render", "da/goodbye", "--text", "a", "--text-file", "b"), 2, "not both"),
        (("render", "da/goodbye", "--text-file", "nowhere.txt"), 2, "UTF-8"),
        (("render", "da/goodbye"), 3, "no words"),
        (("render", "da/song", "--text", "a"), 3, "no prompt song"),
        (("render", "da/consent", "--text", "Tast 1.", "-m", "here=Tast 1."), 3, "no marker here"),
        (("render", "da/consent", "--text", "Tast 1.", "-m", "purposes_end=formål"), 1, "does not say"),
        (("render", "da/consent", "--text", "Tast 1.", "-m", "purposes_end"), 2, "NAME=PLACE"),
        (("import", "da/consent", "a.wav", "--text", "a", "-m", "purposes_end=soon"), 2, "milliseconds"),
        (("activate", "da/goodbye/1", "--at", "soon"), 2, "YYYY-MM-DD HH:MM"),
        (("activate", "da/goodbye/1", "--at", "2099-03-29 02:30"), 2, "skipped"),
        (("activate", "da/goodbye/1", "--at", "2001-01-01 00:00"), 3, "a time that is over"),
        (("activate", "da/goodbye/1", "--flow", "nightly"), 3, "no flow nightly"),
        (("rollback", "da/goodbye", "--scheduled"), 3, "nothing is to begin"),
        (("check", "da/goodbye/7"), 3, "no version"),
    ],
)
def test_bad_input_is_told_with_what_to_do(
    shop: Shop, arguments: tuple[str, ...], status: int, says: str
) -> None:
    assert says in flat(shop.tast1("prompts", *arguments, status=status))


def test_an_activation_can_be_planned_and_taken_back(shop: Shop) -> None:
    shop.tast1("prompts", "render", "da/goodbye", "--text", "Tak, og farvel.")
    shop.tast1("prompts", "approve", "da/goodbye/2", by="dpo")
    told = flat(
        shop.tast1("prompts", "activate", "da/goodbye/2", "--at", "2098-07-01 08:00", "--number", "70101010")
    )
    assert "from 2098-07-01 08:00:00 on" in told and "the number 70101010" in told
    found: Any = shop.json("prompts", "list")
    (planned,) = found["activations"]
    assert planned["begins_at"] == "2098-07-01T06:00:00+00:00"
    place = ("--number", "70101010", "--scheduled")
    assert "will not begin" in flat(shop.tast1("prompts", "rollback", "da/goodbye", *place))
    assert shop.json("prompts", "list")["activations"] == []  # type: ignore[index]


def test_a_prompt_is_written_as_it_is_heard(shop: Shop) -> None:
    out = shop.folder / "heard.wav"
    assert "as it sounds in a telephone" in flat(
        shop.tast1("prompts", "play", "da/consent", "--out", str(out))
    )
    with wave.open(str(out)) as file:
        assert (file.getframerate(), file.getnchannels(), file.getsampwidth()) == (8000, 1, 2)
        assert file.getnframes() // 8 == shipped("consent").duration_ms
    assert "exists" in shop.tast1("prompts", "play", "da/consent", "--out", str(out), status=1)


def test_without_a_player_it_says_what_else_there_is(shop: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", "/nowhere")
    assert "--call" in shop.tast1("prompts", "play", "da/goodbye", status=1)


def test_a_quality_reader_makes_nothing(shop: Shop) -> None:
    shop.hire("qa", "QA")
    told = shop.tast1("prompts", "render", "da/goodbye", "--text", "Farvel.", by="qa", status=3)
    assert "for SYSADMIN, DPO, LEGAL" in flat(told)
