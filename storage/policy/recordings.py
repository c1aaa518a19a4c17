"""Calls, recordings, transcripts, what is derived from them, samples and restores (§3.1, §3.6)."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta

from storage.model import ArtifactKind, Ground, GroundName
from storage.policy import events as e
from storage.policy.book import Book, CallFile, Holding, Refused, SampleFile
from storage.policy.changes import Grounds
from storage.policy.clocks import days_from, local_date
from storage.policy.grounds import active, consent_ground, declined_ground, ground, only_for
from storage.policy.settings import after_period

# Grounds whose purposes include making a transcript or something derived; a mere hold does not.
WORKING = frozenset({GroundName.CONSENT, GroundName.INV_TRIAGE, GroundName.INV, GroundName.COMPLAINT})
RESERVED = (*e.PARTS, "consent", "decision")


def call_arrived(book: Book, event: e.CallArrived, at: datetime) -> list[str]:
    """A call is answered: nothing is kept of it yet (R-01)."""
    if event.call in book.calls:
        raise Refused(f"{event.call} is another call already")
    book.calls[event.call] = CallFile(event.call, at, event.direction, event.agent)
    return []


def call_ended(book: Book, event: e.CallEnded, at: datetime) -> list[str]:
    """The call is over, and with it any recording."""
    file = live_call(book, event.call)
    if file.recording:
        recording_stopped(book, e.RecordingStopped(event.call), at)
    file.ended_at = at
    return []


def consent_given(book: Book, event: e.ConsentGiven, at: datetime) -> list[str]:
    """The consent record comes into being with the valid key (R-04, R-13)."""
    file = live_call(book, event.call)
    if file.direction != "inbound":
        raise Refused("only incoming calls are recorded with consent (R-02)")
    file.consented_at, file.purposes, file.withdrawn_at = at, event.purposes, None
    name = f"{event.call}/consent"
    living = book.living(name, at)
    kind = ArtifactKind.CONSENT_EVIDENCE
    evidence = living[-1] if living else book.add(Holding(name, kind, at, event.call, "consent"))
    evidence.recorded_at = at
    return []


def declined(book: Book, event: e.Declined, at: datetime) -> list[str]:
    """The answer was no: one log for the call, counted from its date (R-12)."""
    file = live_call(book, event.call)
    name = f"{event.call}/decision"
    if file.direction != "inbound" or file.recorded_by_investigator or book.versions(name):
        return []  # one log for each call that was asked, and none for the others
    file.declined = True
    grounds = (declined_ground(file.arrived_at, book.settings),)
    book.add(Holding(name, ArtifactKind.DECISION_LOG, at, event.call, "decision", grounds))
    return []


def recording_started(book: Book, event: e.RecordingStarted, at: datetime) -> list[str]:
    """`CALL/audio` begins on the consent given before, or is refused (R-01, R-10)."""
    file = live_call(book, event.call)
    if file.consented_at is None or file.withdrawn_at is not None:
        raise Refused("nothing is recorded without consent (R-01)")
    if file.recording:
        raise Refused(f"{event.call} is being recorded already")
    if not book.living(f"{event.call}/consent", at):
        raise Refused("the evidence of the consent is gone; it must be given anew (R-04, R-13)")
    if book.settings.retention.anchor == "ended_at":
        basis = only_for(ground(GroundName.CONSENT, at), file.purposes)  # its days begin when it ends
    else:
        basis = consent_ground(at, book.settings, purposes=file.purposes)
    add_recording(book, file, ArtifactKind.AUDIO, basis, at)
    return []


def add_recording(book: Book, file: CallFile, kind: ArtifactKind, basis: Ground, at: datetime) -> None:
    """`CALL/audio` begins to exist on `basis`, and sound is written from now on."""
    file.captured.append((at, None))
    name = f"{file.call}/audio"
    on_consent = basis.ground is GroundName.CONSENT
    book.add(Holding(name, kind, at, file.call, "audio", (basis,), at, on_consent))


def recording_stopped(book: Book, event: e.RecordingStopped, at: datetime) -> list[str]:
    """The last sound; with `anchor: ended_at` the days of consent begin now (A-02)."""
    file = live_call(book, event.call)
    if not file.recording:
        return []
    file.captured[-1] = (file.captured[-1][0], at)
    retention = book.settings.retention
    until, expires_at = days_from(at, retention.callcenter_days, retention.day_count)
    for holding in book.parts((event.call,), at):
        holding.grounds = tuple(
            replace(g, until=until, expires_at=expires_at)
            if g.ground is GroundName.CONSENT and g.active(at) and g.until is None
            else g
            for g in holding.grounds
        )
    return []


def transcribed(book: Book, event: e.Transcribed, at: datetime) -> list[str]:
    """`CALL/transcript` begins, with its recording's clocks whenever it is made (R-11)."""
    name = f"{event.call}/transcript"
    recordings = book.living(f"{event.call}/audio", at)
    if not recordings:
        raise Refused("there is no recording to transcribe")
    recording = recordings[-1]
    if any(t.recorded_at == recording.recorded_at for t in book.living(name, at)):
        return []
    require_working_ground(book, recordings[-1:], at)
    grounds = inherited(book, recording, at)
    if not grounds:
        raise Refused("what keeps the recording was decided for the recording alone (R-44)")
    book.add(
        replace(
            recording,
            name=name,
            kind=ArtifactKind.TRANSCRIPT,
            made_at=at,
            part="transcript",
            grounds=grounds,
            id="",
        )
    )
    return []


def inherited(book: Book, recording: Holding, at: datetime) -> Grounds:
    """What a new transcript has of its recording's grounds: the same clocks, no separate decisions."""
    grounds = []
    for g in active(recording.grounds, at):
        if g.ground is GroundName.CONSENT:
            grounds.append(replace(g, rule="R-11"))
        elif g.ground is GroundName.COMPLAINT:
            if "transcript" in book.complaints[g.case or ""].kept_parts:
                grounds.append(g)
        elif g.ground is not GroundName.INV_EXT:  # decided for each artifact alone
            grounds.append(g)
    return tuple(grounds)


def derived(book: Book, event: e.Derived, at: datetime) -> list[str]:
    """Something is made from recording or transcript, and lives and dies with them (R-11)."""
    if event.kind in RESERVED:
        raise Refused(f"{event.kind} is no kind of a derived artifact")
    sources = tuple(book.parts((event.call,), at))
    if not sources:
        raise Refused("there is nothing to derive it from")
    require_working_ground(book, sources, at)
    name = f"{event.call}/{event.kind}"
    book.add(Holding(name, ArtifactKind.DERIVED, at, event.call, event.kind, sources=sources))
    return []


def require_working_ground(book: Book, holdings: tuple[Holding, ...], at: datetime) -> None:
    """A hold extends life, never purposes: on a hold alone nothing new is made (§1.2)."""
    for holding in holdings:
        if any(g.ground in WORKING and g.roles for g in book.effective(holding, at)):
            return
    raise Refused("it is only held; a hold gives no purpose for making anything from it (R-32)")


def special_category(book: Book, event: e.SpecialCategory, at: datetime) -> list[str]:
    """The call holds health or other data of art. 9: out of samples (R-57), basis added (R-31)."""
    file = book.calls.get(event.call)
    if file is None or (file.ended_at is not None and not book.parts((event.call,), at)):
        raise Refused(f"there is no recording of {event.call} that could hold such data (R-57)")
    book.calls[event.call].special_category = True
    return []


def sampled(book: Book, event: e.Sampled, at: datetime) -> list[str]:
    """A compliance sample is drawn; it has a record of its own and prolongs nothing (R-55, R-56)."""
    if event.sample in book.samples:
        raise Refused(f"{event.sample} is another sample already")
    calls = tuple(dict.fromkeys(event.calls))
    if not any(kept_on_consent(book, call, at) for call in calls):
        raise Refused("none of these calls is kept on consent (R-55)")
    # What is excluded is dropped, and the record says what was drawn: perhaps nothing.
    drawn = tuple(call for call in calls if may_be_sampled(book, call, at))
    book.samples[event.sample] = SampleFile(event.sample, drawn)
    until = after_period(local_date(at), book.settings.sampling.record_ttl)
    record = ground(GroundName.SAMPLE, at, until)
    book.add(Holding(f"{event.sample}/record", ArtifactKind.SAMPLE_RECORD, at, grounds=(record,)))
    return []


def sample_replaced(book: Book, event: e.SampleReplaced, at: datetime) -> list[str]:
    """A drawn call that may not be read is left out, and the next one is drawn for it (R-57)."""
    sample = book.samples.get(event.sample)
    if sample is None or event.out not in sample.calls:
        raise Refused(f"{event.out} is not in the sample {event.sample}")
    if may_be_sampled(book, event.out, at):
        raise Refused(f"{event.out} may be read; nothing needs to be replaced (R-57)")
    if event.by in sample.calls or not may_be_sampled(book, event.by, at):
        raise Refused(f"{event.by} cannot take its place (R-55, R-57)")
    sample.calls = tuple(event.by if call == event.out else call for call in sample.calls)
    return []


def may_be_sampled(book: Book, call: str, at: datetime) -> bool:
    """Whether compliance may draw the call, and read it when drawn, at `at` (R-55, R-57, R-24)."""
    file = book.calls.get(call)
    if file is None or book.open_request(call, "objection", at):
        return False
    if file.special_category and book.settings.sampling.exclude_special_category:
        return False
    return kept_on_consent(book, call, at)


def kept_on_consent(book: Book, call: str, at: datetime) -> bool:
    """Whether consent opens anything of the call to somebody."""
    return any(opened_by_consent(book, holding, at) for holding in book.parts((call,), at))


def opened_by_consent(book: Book, holding: Holding, at: datetime) -> bool:
    """Whether consent opens this artifact to somebody."""
    return any(g.ground is GroundName.CONSENT and g.roles for g in book.effective(holding, at))


def restored(book: Book, event: e.Restored, at: datetime) -> list[str]:
    """A backup comes back and the erasure ledger is replayed: what is gone stays gone (R-61)."""
    backup = book.settings.backup
    if event.from_backup_of > at:
        raise Refused("there is no backup of a time to come")
    if at - event.from_backup_of > timedelta(days=backup.max_lag_days):
        raise Refused(f"a backup older than {backup.max_lag_days} days has aged out (R-61)")
    if not backup.tombstones:
        for name in list(book.names()):
            for holding in book.versions(name):
                holding.grounds = tuple(_come_back(g, event.from_backup_of) for g in holding.grounds)
    return []  # the erasure ledger holds every end: what is gone stays gone


def _come_back(g: Ground, backup: datetime) -> Ground:
    if g.ended_at is None or g.ended_at <= backup:
        return g
    return replace(g, ended_at=None, ended_by="")


def live_call(book: Book, call: str) -> CallFile:
    """The call, if it goes on; Refused otherwise."""
    file = book.calls.get(call)
    if file is None:
        raise Refused(f"there is no call {call}")
    if file.ended_at is not None:
        raise Refused(f"the call {call} is over")
    return file
