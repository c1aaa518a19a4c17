"""The database itself refuses sound and words nobody consented to; and the consent record is whole."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest
from sqlalchemy import update

from storage import artifacts, calls, consents, recordings
from storage.artifacts import NotReadable
from storage.database import Refused
from storage.keys import Keys
from storage.model import CONSENT_PURPOSES, ArtifactKind
from storage.policy.book import Refused as NotPermitted
from storage.sweep import erase_now
from storage.tables import Artifact, Case, Consent
from tests.storage.world import ARRIVED, NUMBER, World, begin, consent_record, open_call, record_call

LATER = ARRIVED + timedelta(seconds=30)
CONTENT = ("AUD", "TRS", "DER")


def store_decision(world: World, call_id: str, decision: str, offer: int = 1) -> str:
    record = consent_record(call_id, decision, offer=offer)
    return world.db.write_sync(lambda s: consents.record(s, record, LATER).id)


def insert(world: World, call_id: str, kind: str, **more: object) -> None:
    row = dict(
        id="a" * 32,
        kind=kind,
        part="audio",
        call_id=call_id,
        state="capturing",
        created_at=LATER,
        anchor=LATER,
        intervals=[],
        controller="c",
        processor="p",
        region="EU",
    )
    world.db.write_sync(lambda s: s.add(Artifact(**{**row, **more})))


@pytest.mark.parametrize("kind", CONTENT)
@pytest.mark.parametrize("decision", ["none", "other_key", "early_key", "late_key"])
def test_no_sound_or_words_after_anything_but_an_accepted_question(
    world: World, kind: str, decision: str
) -> None:
    call_id = open_call(world)
    consent_id = store_decision(world, call_id, decision)
    for claimed in (decision, "accepted", None):
        with pytest.raises(Refused):
            insert(world, call_id, kind, consent_id=consent_id, consent_decision=claimed)


@pytest.mark.parametrize("kind", [*CONTENT, "INVR"])
def test_no_sound_or_words_without_any_record(world: World, kind: str) -> None:
    call_id = open_call(world)
    with pytest.raises(Refused):
        insert(world, call_id, kind)
    with pytest.raises(Refused):
        insert(world, call_id, kind, consent_id="f" * 32, consent_decision="accepted")
    with pytest.raises(Refused):
        insert(world, call_id, kind, case_id="no such case", case_kind="investigation")


@pytest.mark.parametrize("kind", CONTENT)
def test_an_accepted_question_permits_them(world: World, kind: str) -> None:
    call_id = open_call(world)
    insert(
        world,
        call_id,
        kind,
        consent_id=store_decision(world, call_id, "accepted"),
        consent_decision="accepted",
    )


def test_a_stored_case_permits_an_investigators_recording_but_not_a_call_centre_one(world: World) -> None:
    call_id = open_call(world)
    consent_id = store_decision(world, call_id, "accepted")
    world.db.write_sync(
        lambda s: s.add(Case(id="case-1", kind="investigation", opened_at=LATER, opened_by="x"))
    )
    with pytest.raises(Refused):
        insert(world, call_id, "AUD", case_id="case-1", case_kind="investigation")
    world.db.write_sync(lambda s: s.add(Case(id="k-1", kind="complaint", opened_at=LATER, opened_by="x")))
    for claimed in ("complaint", "investigation", None):
        with pytest.raises(Refused):
            insert(world, call_id, "INVR", case_id="k-1", case_kind=claimed)
    with pytest.raises(Refused):
        insert(world, call_id, "INVR", consent_id=consent_id, consent_decision="accepted")
    insert(world, call_id, "INVR", case_id="case-1", case_kind="investigation")


def test_a_decision_cannot_be_changed_under_a_recording(world: World) -> None:
    record_call(world)
    with pytest.raises(Refused):
        world.db.write_sync(lambda s: s.execute(update(Consent).values(decision="none")))


def test_an_erased_recording_cannot_come_back_without_consent(world: World) -> None:
    call_id, recording = record_call(world)
    world.db.write_sync(lambda s: consents.withdraw(s, call_id, LATER, "web", "caller", world.settings))
    erase_now(world.db, world.store, [recording], LATER)
    with pytest.raises(Refused):
        world.db.write_sync(
            lambda s: s.execute(update(Artifact).where(Artifact.id == recording).values(state="sealed"))
        )


def test_recording_cannot_have_begun_before_the_decision(world: World) -> None:
    call_id = open_call(world)
    consent_id = store_decision(world, call_id, "accepted")
    early = ARRIVED + timedelta(seconds=21)
    with pytest.raises(Refused, match="recording_after_decision"):
        world.db.write_sync(
            lambda s: recordings.begin(s, world.keys, call_id, consent_id, early, world.settings)
        )


def test_the_record_holds_what_was_played_heard_and_pressed(world: World) -> None:
    call_id, _ = begin(world)
    world.db.write_sync(lambda s: calls.note_agent(s, world.keys, call_id, LATER, "sip:agent@example"))
    (row,) = world.db.read_sync(lambda s: consents.of_call(s, call_id))
    assert row.decision == "accepted" and row.offer == 1
    assert row.started_local == "2025-01-15T12:00:02.000+01:00"
    assert (row.played_ms, row.total_ms, row.marker) == (18000, 20000, "purposes_end")
    assert row.keys == [
        {
            "digit": "1",
            "at": "2025-01-15T11:00:20+00:00",
            "method": "rfc4733",
            "heard_ms": 18000,
            "isolated": True,
            "verdict": "accepted",
        }
    ]
    assert row.recording_started_at == LATER >= row.decided_at
    assert row.caller_pseudonym == calls.caller_pseudonym(world.keys, NUMBER) and NUMBER not in str(vars(row))
    assert row.agent_pseudonym and "agent" not in row.agent_pseudonym
    assert row.record_hash == consents.record_hash(row)


def test_a_changed_record_no_longer_fits_its_hash(world: World) -> None:
    call_id, _ = begin(world)
    world.db.write_sync(lambda s: s.execute(update(Consent).values(played_ms=20000)))
    (row,) = world.db.read_sync(lambda s: consents.of_call(s, call_id))
    assert row.record_hash != consents.record_hash(row)


def test_the_same_question_is_answered_once(world: World) -> None:
    call_id = open_call(world)
    store_decision(world, call_id, "none")
    with pytest.raises(Refused):
        store_decision(world, call_id, "accepted")
    store_decision(world, call_id, "accepted", offer=2)
    decided = world.db.read_sync(lambda s: [row.decision for row in consents.of_call(s, call_id)])
    assert decided == ["none", "accepted"]
    kinds = world.db.read_sync(lambda s: {a.kind: g[0].rule for a, g in artifacts.listing(s, call_id)})
    assert kinds == {"NL": "R-12", "CE": "R-13"}


def test_a_late_key_is_noted_and_stays_a_no(world: World) -> None:
    call_id = open_call(world)
    consent_id = store_decision(world, call_id, "none")
    key = consents.KeyEvent("1", LATER, "info", None, True, "late")
    late = replace(consent_record(call_id, "late_key"), keys=(key,))
    world.db.write_sync(lambda s: consents.note_late_key(s, late, LATER))
    (row,) = world.db.read_sync(lambda s: consents.of_call(s, call_id))
    assert (row.id, row.decision, row.keys[0]["verdict"]) == (consent_id, "late_key", "late")
    assert row.record_hash == consents.record_hash(row)
    ((log, _),) = world.db.read_sync(lambda s: artifacts.listing(s, call_id))
    assert (log.kind, log.consent_id, log.sha256) == ("NL", consent_id, row.record_hash)
    with pytest.raises(ValueError, match="changes no consent"):
        yes = consent_record(call_id, "accepted")
        world.db.write_sync(lambda s: consents.note_late_key(s, yes, LATER))


def test_a_yes_is_never_rewritten_by_a_late_key(world: World) -> None:
    call_id, _ = begin(world)
    with pytest.raises(ValueError, match="changes no consent"):
        world.db.write_sync(lambda s: consents.note_late_key(s, consent_record(call_id, "late_key"), LATER))


def test_nothing_is_recorded_on_a_withdrawn_an_invalid_or_another_calls_consent(world: World) -> None:
    def start(call_id: str, consent_id: str) -> None:
        world.db.write_sync(
            lambda s: recordings.begin(s, world.keys, call_id, consent_id, LATER, world.settings)
        )

    other, mine, invalid = open_call(world), open_call(world), open_call(world)
    consent_id = store_decision(world, mine, "accepted")
    with pytest.raises(NotPermitted, match="R-01"):
        start(other, consent_id)
    world.db.write_sync(lambda s: consents.withdraw(s, mine, LATER, "agent", "agent", world.settings))
    with pytest.raises(NotPermitted, match="R-20"):
        start(mine, consent_id)
    invalid_id = store_decision(world, invalid, "accepted")
    world.db.write_sync(lambda s: consents.invalidate(s, invalid, LATER, "wrong prompt", world.settings))
    with pytest.raises(NotPermitted, match="R-20"):
        start(invalid, invalid_id)


def test_an_invalid_consent_closes_what_rests_on_it(world: World) -> None:
    call_id, recording = record_call(world)
    gone = world.db.write_sync(
        lambda s: consents.invalidate(s, call_id, LATER, "wrong prompt", world.settings)
    )
    assert gone == [recording]
    with pytest.raises(NotReadable, match="R-04"):
        world.db.read_sync(lambda s: artifacts.kept(s, recording, LATER))


def test_withdrawing_twice_keeps_the_first_instant(world: World) -> None:
    call_id, recording = record_call(world)
    world.db.write_sync(lambda s: consents.withdraw(s, call_id, LATER, "agent", "agent", world.settings))
    again = world.db.write_sync(
        lambda s: consents.withdraw(s, call_id, LATER + timedelta(days=1), "web", "caller", world.settings)
    )
    assert again == []
    (row,) = world.db.read_sync(lambda s: consents.of_call(s, call_id))
    assert (row.withdrawn_at, row.withdrawn_channel) == (LATER, "agent")
    (ground,) = world.db.read_sync(lambda s: artifacts.grounds_of(s, recording))
    assert ground.ended_at == LATER


def test_accepted_but_never_recorded_evidence_goes_a_month_after_the_call(world: World) -> None:
    call_id = open_call(world)
    store_decision(world, call_id, "accepted")
    world.db.write_sync(lambda s: calls.close_call(s, call_id, LATER, "no_agent"))
    ((evidence, grounds),) = world.db.read_sync(lambda s: artifacts.listing(s, call_id))
    assert evidence.kind == ArtifactKind.CONSENT_EVIDENCE.value
    assert grounds[0].until is not None and grounds[0].until.isoformat() == "2025-02-14"


def test_a_consent_given_anew_keeps_its_evidence_open_when_an_earlier_recording_goes(world: World) -> None:
    call_id, new = begin(world)
    gone = world.db.write_sync(
        lambda s: consents.withdraw(s, call_id, LATER, "agent", "agent", world.settings)
    )
    store_decision(world, call_id, "accepted", offer=2)
    assert erase_now(world.db, world.store, gone, LATER).erased[0].artifact_id == new.artifact_id

    def untils() -> list[str]:
        kind = ArtifactKind.CONSENT_EVIDENCE
        found = world.db.read_sync(lambda s: artifacts.listing(s, call_id, kind))
        return [str(grounds[0].until) for _, grounds in found]

    assert untils() == ["2025-02-14", "2025-02-14"]
    again = world.db.read_sync(lambda s: consents.of_call(s, call_id)[-1].id)
    world.db.write_sync(lambda s: recordings.begin(s, world.keys, call_id, again, LATER, world.settings))
    assert untils() == ["2025-03-16", "2025-03-16"]


def test_the_spellings_of_a_danish_number_have_one_pseudonym(world: World) -> None:
    spellings = ("+4587654321", "87654321", "004587654321", "4587654321", "+45 87 65 43 21")
    assert len({calls.caller_pseudonym(world.keys, each) for each in spellings}) == 1
    call_id = open_call(world, number="87654321")
    found = world.db.read_sync(lambda s: calls.of_caller(s, world.keys, "+45 87 65 43 21"))
    assert [call.id for call in found] == [call_id]
    assert calls.normalise("Anonymous") == "anonymous" and calls.normalise("12345") == "12345"


# --- the signature --------------------------------------------------------------------------------


def signed(world: World, decision: str = "accepted") -> str:
    call_id = open_call(world)
    record = consent_record(call_id, decision)
    return world.db.write_sync(lambda s: consents.record(s, record, LATER, keys=world.keys).id)


def genuine(world: World, consent_id: str, public_key: str | None = None) -> bool:
    row = world.db.read_sync(lambda s: s.get(Consent, consent_id))
    return consents.is_genuine(row, public_key or world.keys.public_key)


def test_a_signed_record_is_genuine_for_its_own_key_only(world: World) -> None:
    consent_id = signed(world)
    assert genuine(world, consent_id)
    assert not genuine(world, consent_id, Keys(b"x" * 32).public_key)


def test_a_late_key_is_signed_anew(world: World) -> None:
    consent_id = signed(world, "none")
    call_id = world.db.read_sync(lambda s: s.get(Consent, consent_id).call_id)
    late = consent_record(call_id, "late_key")
    world.db.write_sync(lambda s: consents.note_late_key(s, late, LATER, world.keys))
    assert genuine(world, consent_id)


@pytest.mark.parametrize(
    "change",
    [
        {"played_ms": 19000},
        {"prompt_version": "2"},
        {"prompt_audio_sha256": "c" * 64},
        {"decision_rule": "2"},
        {"keys": []},
        {"signature": None},
    ],
    ids=str,
)
def test_a_changed_record_is_not_genuine_even_with_its_hash_made_to_fit(world: World, change: dict) -> None:
    consent_id = signed(world)

    def forge(session) -> None:
        row = session.get(Consent, consent_id)
        for name, value in change.items():
            setattr(row, name, value)
        row.record_hash = consents.record_hash(row)

    world.db.write_sync(forge)
    assert not genuine(world, consent_id)


def test_a_record_from_before_signing_is_not_taken_for_genuine(world: World) -> None:
    assert not genuine(world, store_decision(world, open_call(world), "accepted"))


def split_record(call_id: str, *accepted: str, offer: int = 1) -> consents.ConsentRecord:
    """A round with a question for each purpose, of which these were accepted."""
    whole = consent_record(call_id, "accepted" if accepted else "none", offer=offer)
    questions = tuple(
        consents.QuestionRecord(
            purpose=purpose,
            decision="accepted" if purpose in accepted else "none",
            decided_at=whole.decided_at,
            started_at=whole.started_at,
            prompt_id=f"consent-{purpose}",
            prompt_version="1",
            prompt_text_sha256="c" * 64,
            prompt_audio_sha256="d" * 64,
            keys=whole.keys if purpose in accepted else (),
        )
        for purpose in CONSENT_PURPOSES
    )
    return replace(whole, questions=questions)


@pytest.mark.parametrize("anchor", ["recording_started_at", "ended_at"])
def test_a_recording_is_for_the_purposes_that_were_accepted_and_for_those_who_work_on_them(
    world: World, anchor: str
) -> None:
    retention = replace(world.settings.retention, anchor=anchor)
    settings = replace(world.settings, retention=retention)
    call_id = open_call(world)
    record = split_record(call_id, "analysis", "documentation")
    row = world.db.write_sync(lambda s: consents.record(s, record, LATER, settings, world.keys))
    assert row.purposes == ["analysis", "documentation"]
    assert [each["decision"] for each in row.questions] == ["none", "accepted", "accepted"]
    new = world.db.write_sync(lambda s: recordings.begin(s, world.keys, call_id, row.id, LATER, settings))
    (ground,) = world.db.read_sync(lambda s: artifacts.grounds_of(s, new.artifact_id))
    assert ground.purposes == ("analysis", "documentation") and ground.roles == ("ANALYST", "CASEDOC")


def test_what_was_accepted_by_itself_is_signed(world: World) -> None:
    call_id = open_call(world)
    record = split_record(call_id, "analysis")
    row = world.db.write_sync(lambda s: consents.record(s, record, LATER, keys=world.keys))
    assert consents.is_genuine(row, world.keys.public_key)
    row.purposes = ["analysis", "training"]
    assert not consents.is_genuine(row, world.keys.public_key)
    row.purposes = ["analysis"]
    row.questions = [{**each, "decision": "accepted"} for each in row.questions]
    assert not consents.is_genuine(row, world.keys.public_key)


def test_a_round_that_was_broken_off_accepted_nothing(world: World) -> None:
    call_id = open_call(world)
    broken = replace(split_record(call_id, "training"), decision="none")
    row = world.db.write_sync(lambda s: consents.record(s, broken, LATER, keys=world.keys))
    assert row.purposes == [] and row.questions[0]["decision"] == "accepted"
    late = replace(broken, decision="late_key")
    world.db.write_sync(lambda s: consents.note_late_key(s, late, LATER, world.keys))
    (row,) = world.db.read_sync(lambda s: consents.of_call(s, call_id))
    assert row.purposes == [] and consents.is_genuine(row, world.keys.public_key)


def test_a_new_consent_after_a_withdrawal_covers_only_what_it_was_given_for(world: World) -> None:
    call_id, _ = begin(world)
    world.db.write_sync(lambda s: consents.withdraw(s, call_id, LATER, "agent", "caller", world.settings))
    again = split_record(call_id, "training", offer=2)
    after = LATER + timedelta(minutes=1)
    again = replace(again, decided_at=after)

    def once_more(session):  # type: ignore[no-untyped-def]
        row = consents.record(session, again, after)
        return recordings.begin(session, world.keys, call_id, row.id, after, world.settings)

    new = world.db.write_sync(once_more)
    (ground,) = world.db.read_sync(lambda s: artifacts.grounds_of(s, new.artifact_id))
    assert ground.purposes == ("training",)
