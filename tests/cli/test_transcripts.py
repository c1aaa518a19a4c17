"""Transcripts for people: shown and exported redacted, whole for few, and sound silenced to match."""

from __future__ import annotations

import io
import json
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import soundfile

from storage import audit_log, transcripts
from tests.cli.shop import Shop
from transcription.exports import from_json, to_json
from transcription.redaction import MARGIN_S
from transcription.segments import Gap, Leg, Speaker, Transcript, Word

CPR = "070761-4285"
RATE_HZ = 8000


def said(speaker: Speaker, start_s: float, *words: str) -> tuple[Word, ...]:
    return tuple(
        Word(word, round(start_s + 0.1 * n, 2), round(start_s + 0.1 * n + 0.1, 2), 0.9, speaker)
        for n, word in enumerate(words)
    )


SAID = Transcript(
    (
        *said(Speaker.AGENT, 0.1, "hvad", "er", "dit", "cpr-nummer"),
        *said(Speaker.CUSTOMER, 0.7, "ja", "det", "er", CPR),
        *said(Speaker.AGENT, 1.2, "tak"),
    ),
    (Gap(Leg.AGENT, 1.6, 1.8, "lost"),),
    duration_s=2.0,
)


@pytest.fixture
def shop(tmp_path: Path) -> Iterator[Shop]:
    made = Shop(tmp_path)
    made.hire("qa", "QA")
    made.hire("dpo", "DPO")
    yield made


def transcribe(shop: Shop, transcript: Transcript = SAID) -> str:
    archive = shop.archive()
    made = archive.database.write_sync(
        lambda s: transcripts.store(
            s, archive.keys, shop.fresh, to_json(transcript).encode(), shop.now, archive.settings.policy
        )
    )
    archive.close()
    return made


def logged(shop: Shop, subject: str) -> list[tuple[str, Any]]:
    """What was done with something, and whether it was redacted then."""
    archive = shop.archive()
    found = archive.database.read_sync(
        lambda s: [(x.action, json.loads(x.detail).get("redacted")) for x in audit_log.entries(s, subject)]
    )
    archive.close()
    return found


def test_a_call_is_read_turn_by_turn_without_its_numbers(shop: Shop) -> None:
    made = transcribe(shop)
    show = ("transcripts", "show", shop.call, "--purpose", "training")
    danish = shop.tast1(*show, "--lang", "da", by="qa")
    assert danish.splitlines() == [
        "[00:00:00] Medarbejder: hvad er dit cpr-nummer",
        "[00:00:00] Kunde: ja det er [CPR]",
        "[00:00:01] Medarbejder: tak",
        "[00:00:01–00:00:01] Medarbejder: (ikke udskrevet: lost)",
    ]
    assert "Caller: ja det er [CPR]" in shop.tast1("transcripts", "show", made[:8], *show[3:], by="qa")
    assert logged(shop, made)[-2:] == [("read", True), ("read", True)]


def test_the_list_names_transcripts_and_says_nothing_of_their_words(shop: Shop) -> None:
    assert "no transcripts" in shop.tast1("transcripts", "list")
    made = transcribe(shop)
    rows: Any = shop.json("transcripts", "list")
    assert [row["artifact"] for row in rows] == [made]
    assert made[:12] in shop.tast1("transcripts", "list")


@pytest.mark.parametrize(("form", "start"), [("vtt", "WEBVTT"), ("json", "{"), ("text", "[00:00:00] Agent")])
def test_a_copy_holds_the_placeholder_and_no_digit_of_the_number(shop: Shop, form: str, start: str) -> None:
    made, out = transcribe(shop), shop.folder / "copy"
    export = ("transcripts", "export", made, "--format", form, "--out", str(out))
    shop.tast1(*export, "--purpose", "training", by="qa")
    written = out.read_text(encoding="utf-8")
    assert written.startswith(start)
    assert "[CPR]" in written and CPR not in written and "4285" not in written
    assert out.stat().st_mode & 0o777 == 0o600
    assert logged(shop, made)[-1] == ("export", True)
    assert "exists already" in shop.tast1(*export, "--purpose", "training", by="qa", status=1)


def test_a_copy_that_cannot_be_written_is_no_reading(shop: Shop) -> None:
    made, out = transcribe(shop), str(shop.folder / "nowhere" / "copy")
    export = ("transcripts", "export", made, "--format", "text", "--out", out, "--purpose", "training")
    told = "".join(shop.tast1(*export, "--lang", "da", by="qa", status=1).split())
    assert f"{out}kanikkeskrives" in told
    assert "export" not in [action for action, _ in logged(shop, made)]


def test_whole_words_are_for_few_and_the_log_says_so(shop: Shop) -> None:
    made, out = transcribe(shop), shop.folder / "whole.json"
    whole = ("--unredacted", "--purpose", "training")
    refusal = shop.tast1("transcripts", "show", made, *whole, by="qa", status=3)
    assert "for RIGHTS, COMPLAINT, INSPECTOR, LEGAL, DPO, not for QA (R-50)" in " ".join(refusal.split())
    assert CPR not in refusal
    export = ("transcripts", "export", made, "--format", "json", "--out", str(out))
    shop.tast1(*export, *whole, by="qa", status=3)
    assert not out.exists()
    assert CPR not in shop.tast1("recordings", "read", made, "--purpose", "training", by="qa")
    shop.tast1("recordings", "read", made, *whole, by="qa", status=3)
    assert [action for action, _ in logged(shop, made)][-4:] == ["deny", "deny", "read", "deny"]
    reason = ("--reason", "a doubt about redaction")
    assert CPR not in shop.tast1("transcripts", "show", made, *reason, by="dpo")
    assert CPR in shop.tast1("transcripts", "show", made, "--unredacted", *reason, by="dpo")
    shop.tast1(*export, "--unredacted", *reason, by="dpo")
    assert from_json(out.read_text(encoding="utf-8")) == SAID
    assert logged(shop, made)[-3:] == [("read", True), ("read", False), ("export", False)]


def test_a_case_role_has_whole_words_for_its_own_purpose(shop: Shop) -> None:
    made = transcribe(shop)
    shop.hire("rita", "RIGHTS")
    case = shop.tast1("requests", "receive", "access", shop.call, by="rita").split()[1]
    show = ("transcripts", "show", made, "--case", case, "--purpose", "rights_request")
    assert CPR not in shop.tast1(*show, by="rita")
    assert CPR in shop.tast1(*show, "--unredacted", by="rita")


@pytest.mark.parametrize("own", [True, False])
def test_a_package_is_whole_for_the_caller_and_redacted_for_an_agent(shop: Shop, own: bool) -> None:
    transcribe(shop)
    shop.hire("rita", "RIGHTS")
    who = [] if own else ["--requester", "agent:anna"]
    request: Any = shop.json("requests", "receive", "access", shop.call, *who, by="rita")
    shop.tast1("requests", "identify", request["id"], "confirmed", "--how", "MitID", by="rita")
    shop.tast1("requests", "answer", request["id"], "--reply", "sent", by="rita")
    out = shop.folder / "package.zip"
    shop.tast1("requests", "package", request["id"], "-o", str(out), by="rita")
    with zipfile.ZipFile(out) as zipped:
        files = {name.rpartition("/")[2].partition("-")[0]: zipped.read(name) for name in zipped.namelist()}
    words = files["transcript"].decode()
    sound, _ = soundfile.read(io.BytesIO(files["recording"]), dtype="int16")
    quiet = not sound[round(1.0 * RATE_HZ) : round(1.1 * RATE_HZ), 0].any()
    assert (CPR in words, "[CPR]" in words, quiet) == (own, not own, not own)
    left_out = json.loads(files["redactions.json"])
    assert [each["rule"] for each in left_out] == ([] if own else ["art. 15(4)"] * 2)


def test_what_there_is_no_transcript_of_is_said_in_one_line(shop: Shop) -> None:
    for what in (shop.call, shop.fresh, "zzz"):
        shop.tast1("transcripts", "show", what, "--purpose", "training", by="qa", status=1)
    message = shop.tast1("transcripts", "show", "zzz", "--purpose", "training", by="qa", status=1)
    assert "transcripts list" in message


def test_an_exported_recording_is_silent_where_the_transcript_has_a_number_or_a_gap(shop: Shop) -> None:
    transcribe(shop)
    whole, silenced = shop.folder / "whole.flac", shop.folder / "silenced.flac"
    export = ("recordings", "export", shop.fresh, "--purpose", "training", "--out")
    shop.tast1(*export, str(whole), by="qa")
    told = shop.tast1(*export, str(silenced), "--redacted", by="qa")
    before, rate_hz = soundfile.read(whole, dtype="int16")
    after, again_hz = soundfile.read(silenced, dtype="int16")
    assert rate_hz == again_hz == RATE_HZ and before.shape == after.shape
    quiet = np.zeros(before.shape, bool)
    word = next(word for word in SAID.words if word.text == CPR)
    quiet[round((word.start_s - MARGIN_S) * RATE_HZ) : round((word.end_s + MARGIN_S) * RATE_HZ), 0] = True
    quiet[round(1.6 * RATE_HZ) : round(1.8 * RATE_HZ), 1] = True
    assert not after[quiet].any() and before[quiet].any()
    assert (after[~quiet] == before[~quiet]).all()
    assert f"{0.1 + 2 * MARGIN_S + 0.2:.1f} s were silenced" in told
    assert silenced.stat().st_mode & 0o777 == 0o600
    assert logged(shop, shop.fresh)[-2:] == [("export", None), ("export", True)]


def test_without_a_transcript_nothing_is_exported_redacted(shop: Shop) -> None:
    out = shop.folder / "none.flac"
    export = ("recordings", "export", shop.fresh, "--purpose", "training", "--redacted", "--out", str(out))
    assert "have it transcribed first" in shop.tast1(*export, by="qa", status=3)
    assert not out.exists()
    shop.hire("anna", "ANALYST")
    assert "R-03" in shop.tast1(*export[:3], "--purpose", "billing", *export[5:], by="anna", status=3)
