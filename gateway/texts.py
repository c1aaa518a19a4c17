"""What the commands say, in Danish and English: `text("calls.none", "da")`.

Every row is in both languages, with the same placeholders. Messages about settings and log texts
are for operators, and in English only.
"""

from __future__ import annotations

from typing import Any

LANGUAGES = ("da", "en")

TEXTS: dict[str, tuple[str, str]] = {  # key: Danish, English
    # columns of tables
    "column.call": ("Opkald", "Call"),
    "column.arrived": ("Ankommet", "Arrived"),
    "column.ended": ("Afsluttet", "Ended"),
    "column.flow": ("Flow", "Flow"),
    "column.language": ("Sprog", "Language"),
    "column.state": ("Tilstand", "State"),
    "column.decision": ("Svar", "Decision"),
    "column.recorded": ("Optaget", "Recorded"),
    "column.duration": ("Varighed", "Duration"),
    "column.agent": ("Medarbejder", "Agent"),
    "column.artifact": ("Indhold", "Artifact"),
    "column.kind": ("Art", "Kind"),
    "column.sha256": ("SHA-256", "SHA-256"),
    "column.size": ("Størrelse", "Size"),
    "column.lawful_basis": ("Retsgrundlag", "Lawful basis"),
    "column.ground": ("Opbevaringsgrund", "Ground"),
    "column.purposes": ("Formål", "Purposes"),
    "column.until": ("Til og med", "Until"),
    "column.expires_at": ("Udløber", "Expires at"),
    "column.rule": ("Regel", "Rule"),
    "column.reason": ("Begrundelse", "Reason"),
    "column.deleted_at": ("Slettet", "Deleted at"),
    "column.certificate": ("Slettebevis", "Deletion certificate"),
    "column.finding": ("Fund", "Finding"),
    "column.place": ("Sted", "Place"),
    "column.time": ("Tid", "Time"),
    "column.event": ("Hændelse", "Event"),
    "column.actor": ("Udført af", "Actor"),
    "column.action": ("Handling", "Action"),
    "column.result": ("Resultat", "Result"),
    # what a decision, a kind, a state is called
    "decision.accepted": ("samtykke", "accepted"),
    "decision.none": ("intet svar", "no answer"),
    "decision.other_key": ("anden tast", "other key"),
    "decision.early_key": ("tastet for tidligt", "key too early"),
    "decision.late_key": ("tastet for sent", "key too late"),
    "kind.AUD": ("optagelse", "recording"),
    "kind.TRS": ("transskription", "transcript"),
    "kind.INVR": ("undersøgelsesoptagelse", "investigation recording"),
    "kind.CE": ("samtykkebevis", "consent evidence"),
    "kind.NL": ("log over opkald uden optagelse", "log of an unrecorded call"),
    "kind.RD": ("dokumentation af anmodning", "request documentation"),
    "kind.DX": ("udleveret kopi", "export"),
    "kind.SR": ("stikprøvenotat", "sample record"),
    "kind.DER": ("afledt indhold", "derived content"),
    "kind.DC": ("slettebevis", "deletion certificate"),
    "state.active": ("opbevares", "kept"),
    "state.live": ("i gang", "in progress"),
    "state.ended": ("afsluttet", "ended"),
    "state.expired": ("udløbet, kan ikke læses", "expired, unreadable"),
    "state.capturing": ("optages nu", "being captured"),
    "state.sealed": ("forseglet", "sealed"),
    "state.erased": ("slettet", "erased"),
    "yes": ("ja", "yes"),
    "no": ("nej", "no"),
    "open_ended": ("indtil videre", "open-ended"),
    # the timeline of a call, and what stands behind its entries
    "event.arrived": ("opkald modtaget", "call arrived"),
    "event.answered": ("besvaret", "answered"),
    "event.greeting_started": ("velkomst begynder", "greeting begins"),
    "event.prompt_started": ("spørgsmål om optagelse begynder", "consent prompt begins"),
    "event.marker_passed": ("hørt", "marker passed"),
    "event.prompt_finished": ("spørgsmål hørt til ende", "consent prompt heard to its end"),
    "event.key": ("tast", "key"),
    "event.decision": ("svar", "decision"),
    "event.consent_stored": ("samtykke registreret", "consent record stored"),
    "event.consent_not_stored": (
        "samtykke kunne ikke registreres: optages ikke",
        "consent could not be stored: not recorded",
    ),
    "event.agent_dialled": ("medarbejder ringes op", "agent dialled"),
    "event.agent_ringing": ("det ringer hos medarbejder", "agent is rung"),
    "event.agent_answered": ("medarbejder svarede", "agent answered"),
    "event.agent_failed": ("medarbejder ikke truffet", "agent not reached"),
    "event.capture_started": ("optagelse begyndt", "capture started"),
    "event.capture_paused": ("optagelse sat på pause", "capture paused"),
    "event.capture_resumed": ("optagelse genoptaget", "capture resumed"),
    "event.capture_stopped": ("optagelse slut", "capture stopped"),
    "event.recording_sealed": ("optagelse forseglet", "recording sealed"),
    "event.held": ("på hold", "on hold"),
    "event.resumed": ("af hold igen", "off hold"),
    "event.withdrawn": ("samtykke trukket tilbage", "consent withdrawn"),
    "event.transferred": ("viderestillet ud af huset", "transferred outside"),
    "event.hung_up": ("lagt på", "hung up"),
    "event.leg_ended": ("forbindelse sluttet", "leg ended"),
    "event.closed": ("opkald afsluttet", "call closed"),
    "detail.version": ("version {value}", "version {value}"),
    "detail.status": ("SIP {value}", "SIP {value}"),
    "detail.offer": ("tilbud {value}", "offer {value}"),
    "by.us": ("af os", "by us"),
    "by.them": ("af modparten", "by the other side"),
    "key.accept": ("den, der accepterer", "the accepting one"),
    "key.other": ("en anden", "another"),
    "marker.purposes_end": ("formålene", "purposes_end"),
    "marker.key_instruction": ("tasten", "key_instruction"),
    "marker.prompt_end": ("det hele", "prompt_end"),
    "channel.agent": ("hos medarbejderen", "by the agent"),
    "channel.key": ("med en tast", "by a key"),
    "channel.web": ("på nettet", "on the web"),
    "reason.busy": ("optaget", "busy"),
    "reason.no_answer": ("svarer ikke", "no answer"),
    "reason.unreachable": ("kan ikke nås", "unreachable"),
    "reason.declined": ("afvist", "declined"),
    "reason.no_agent": ("ingen medarbejder", "no agent"),
    "reason.hangup": ("lagt på", "hang-up"),
    "reason.withdrawn": ("samtykke trukket tilbage", "consent withdrawn"),
    "reason.stopped": ("stoppet", "stopped"),
    "reason.transferred": ("viderestillet ud af huset", "transferred outside"),
    "reason.failed": ("fejl", "failure"),
    "reason.ended": ("afsluttet", "ended"),
    "reason.max_duration": ("varede for længe", "lasted too long"),
    "reason.caller_hung_up": ("kunden lagde på", "the caller hung up"),
    "reason.agent_hung_up": ("medarbejderen lagde på", "the agent hung up"),
    "leg.caller": ("kunde", "caller"),
    "leg.agent": ("medarbejder", "agent"),
    "prompt.greeting": ("velkomst", "greeting"),
    "prompt.consent": ("spørgsmål om optagelse", "consent prompt"),
    "prompt.thank_you": ("tak-tone", "thank-you tone"),
    "prompt.please_wait": ("vent venligst", "please wait"),
    "prompt.stopped": ("optagelsen er stoppet", "recording stopped"),
    "prompt.no_agent": ("ingen ledig", "nobody available"),
    "prompt.goodbye": ("farvel", "goodbye"),
    "prompt.ringback": ("ringetone", "ringback tone"),
    "prompt.problem": ("teknisk fejl", "problem"),
    "verdict.accepted": ("samtykke", "accepted"),
    "verdict.early": ("for tidligt", "early"),
    "verdict.late": ("for sent", "late"),
    "verdict.other": ("gælder ikke", "other"),
    "verdict.not_isolated": ("del af et nummer", "part of a number"),
    "verdict.duplicate": ("gentagelse", "duplicate"),
    # titles and results
    "title.calls": ("Opkald", "Calls"),
    "title.recordings": ("Optagelser", "Recordings"),
    "title.artifacts": ("Opbevaret indhold", "Artifacts"),
    "title.timeline": ("Forløb af opkald {call}", "Timeline of call {call}"),
    "title.certificates": ("Slettebeviser", "Deletion certificates"),
    "title.remains": ("Skulle være slettet", "Should be gone"),
    "title.sweep": ("Sletning", "Sweep"),
    "calls.none": ("Der er ingen opkald.", "There are no calls."),
    "calls.unknown": (
        "Opkaldet findes ikke, eller er afsluttet (se `tast1 calls`).",
        "There is no such call, or it has ended (see `tast1 calls`).",
    ),
    "calls.asked": ("Sendt til opkaldet.", "Sent to the call."),
    "recordings.none": ("Der er ingen optagelser.", "There are no recordings."),
    "recordings.unknown": (
        "Optagelsen findes ikke (se `tast1 recordings list`).",
        "There is no such recording (see `tast1 recordings list`).",
    ),
    "recordings.exists": (
        "{path} findes allerede (vælg et andet navn).",
        "{path} exists already (choose another name).",
    ),
    "recordings.gone": ("Optagelsen er slettet {at}.", "The recording was deleted {at}."),
    "recordings.expired": (
        "Optagelsen kan ikke læses: der er ingen grund til at opbevare den længere.",
        "The recording cannot be read: no ground to keep it is left.",
    ),
    "recordings.exported": ("Skrevet til {path} ({duration}).", "Written to {path} ({duration})."),
    "consent.genuine": (
        "Underskriften er ægte: intet er ændret.",
        "The signature is genuine: nothing was changed.",
    ),
    "consent.not_genuine": (
        "Ingen ægte underskrift: ændret, eller fra før der blev underskrevet.",
        "No genuine signature: changed, or from before records were signed.",
    ),
    "sweep.due": ("{count} skal slettes.", "{count} to be deleted."),
    "sweep.deleted": ("{count} slettet.", "{count} deleted."),
    "sweep.nothing": ("Intet skal slettes.", "Nothing to delete."),
    "sweep.failed": (
        "{count} kunne ikke slettes, og forsøges igen.",
        "{count} could not be deleted, and will be tried again.",
    ),
    "sweep.dry_run": ("Prøvekørsel: intet er slettet.", "Dry run: nothing was deleted."),
    "sweep.swept_at": ("Slettet som om det var {at}.", "Swept as of {at}."),
    "erase.again": (
        "{count} slettet igen efter gendannelse; {files} filer fjernet.",
        "{count} deleted again after a restore; {files} files removed.",
    ),
    "erase.clean": ("Alt, der skal være væk, er væk.", "Everything that must be gone is gone."),
    "erase.found": (
        "{count} fund (kør `tast1 erase replay` og `tast1 sweep`, og søg igen).",
        "{count} findings (run `tast1 erase replay` and `tast1 sweep`, then search again).",
    ),
    "remains.file": ("fil uden opbevaret indhold", "file of nothing that is kept"),
    "remains.memory": ("lyd i hukommelsen uden optagelse", "sound in memory of no recording"),
    "remains.key": ("nøgle til slettet indhold", "data key of something erased"),
    "remains.waveform": ("lydkurve af slettet indhold", "waveform of something erased"),
    "remains.row": ("rester i en slettet række", "remains in an erased row"),
    "remains.consent": ("samtykke uden opbevaret bevis", "consent record without kept evidence"),
    "remains.number": ("telefonnummer uden optagelse", "number without a recording"),
    "remains.overdue": ("slettefrist overskredet", "past its date"),
    "remains.restored": ("slettet, men gendannet", "erased, but restored"),
    "remains.key_trace": ("spor af destrueret nøgle i databasen", "trace of a destroyed key in the database"),
    "erase.torn": (
        "{count} linjer i sletteloggen kan ikke læses.",
        "{count} lines of the erasure ledger cannot be read.",
    ),
    "audit.ok": ("Loggen er ubrudt: {count} poster.", "The log is unbroken: {count} entries."),
    "audit.broken": ("Loggen er brudt ved post {entry}.", "The log is broken at entry {entry}."),
    "audit.exported": ("Loggen er skrevet til {path}.", "The log was written to {path}."),
    "audit.unreadable": ("{path} kan ikke læses: {why}.", "{path} cannot be read: {why}."),
    "audit.unwritable": (
        "{path} kan ikke skrives: {why} (vælg en anden mappe).",
        "{path} cannot be written: {why} (choose another folder).",
    ),
    "audit.signed_by": (
        "Underskrevet med den forventede nøgle {signer}.",
        "Signed by the expected key {signer}.",
    ),
    "audit.signed_by_whom": (
        "Underskrevet med {signer}; giv --public-key for at vide, at det er den rette.",
        "Signed by {signer}; give --public-key to know that it is the right one.",
    ),
    "audit.fault.header": (
        "Første linje hører ikke til en eksporteret log, eller den er ændret.",
        "The first line is not that of an exported log, or it was altered.",
    ),
    "audit.fault.signature": (
        "Underskriften passer ikke til første linje: den er ændret.",
        "The signature does not fit the first line: it was altered.",
    ),
    "audit.fault.key": (
        "Filen er underskrevet med en anden nøgle end den forventede.",
        "The file was signed by another key than the expected one.",
    ),
    "audit.fault.altered": (
        "Posten er ændret eller flyttet.",
        "The entry was altered or moved.",
    ),
    "audit.fault.missing": ("Posten mangler.", "The entry is missing."),
    "audit.fault.unexpected": (
        "Der er flere poster, end der blev eksporteret.",
        "There are more entries than were exported.",
    ),
    "audit.fault.cut_short": ("Posten er afbrudt midt i.", "The entry is cut short."),
    "audit.fault.rewritten": (
        "Loggen slutter anderledes end den eksporterede: den er skrevet om.",
        "The log ends otherwise than the exported one: it was rewritten.",
    ),
    "config.ok": ("{file} er i orden ({flows} flow).", "{file} is in order ({flows} flows)."),
    "serve.ready": ("Klar. Ring til {uri}", "Ready. Dial {uri}"),
    "serve.draining": ("{count} opkald er i gang; venter på dem.", "{count} calls are up; waiting for them."),
    "serve.not_running": (
        "Tast1 kører ikke (start den med `tast1 serve`).",
        "Tast1 is not running (start it with `tast1 serve`).",
    ),
    "demo.begins": (
        "To kunder ringer til {uri}: en taster 1 og taler, en er tavs. Det tager ca. {seconds} s.",
        "Two callers dial {uri}: one presses 1 and speaks, one stays silent. It takes about {seconds} s.",
    ),
    "demo.not_ours": (
        "{path} er ikke fra en demo og røres ikke; vælg en anden mappe med --folder.",
        "{path} is not a demo's and is left alone; choose another folder with --folder.",
    ),
    "demo.failed": (
        "Demoen viste ikke det, den skulle: se ovenfor.",
        "The demo did not show what it should: see above.",
    ),
    "call.running": ("Opkald i gang …", "Call in progress …"),
    "title.phone": ("Opkald set fra telefonen", "The call as the phone saw it"),
    "phone.ready": ("telefonen er klar", "phone ready"),
    "phone.dialled": ("ringer op", "dialled"),
    "phone.ringing": ("det ringer", "ringing"),
    "phone.answered": ("besvaret", "answered"),
    "phone.early_media": ("lyd før svar", "sound before the answer"),
    "phone.key": ("tast", "key"),
    "phone.hold": ("sat på hold", "put on hold"),
    "phone.resume": ("taget af hold", "taken off hold"),
    "phone.refresh": ("forbindelse fornyet", "session refreshed"),
    "phone.held": ("blev sat på hold", "was put on hold"),
    "phone.resumed": ("blev taget af hold", "was taken off hold"),
    "phone.digit": ("tast hørt", "digit heard"),
    "phone.ended": ("slut", "ended"),
    "phone.refer": ("viderestilling", "transfer"),
    "phone.bye": ("telefonen går", "phone leaves"),
    "demo.clock_forward": ("Uret stilles {days} dage frem.", "The clock goes {days} days forward."),
    "demo.caller_accepts": ("En kunde taster 1 og taler.", "A caller presses 1 and speaks."),
    "demo.caller_silent": ("En kunde siger intet og taster intet.", "A caller stays silent."),
    "demo.audio_gone": ("Lyden er væk.", "The audio is gone."),
    "demo.audio_there": ("Lyden er der endnu.", "The audio is still there."),
}


class UnknownLanguage(ValueError):
    """A language that is not one of `LANGUAGES`."""


def language(name: str) -> str:
    """The language of a name such as `da` or `en_GB.UTF-8`; `UnknownLanguage` says which there are."""
    short = name[:2].lower()
    if short not in LANGUAGES:
        raise UnknownLanguage(f"no such language (choose {' or '.join(LANGUAGES)}, or set TAST1_LANG)")
    return short


def text(key: str, lang: str, **values: Any) -> str:
    """The text of a key in a language, with its placeholders filled; `KeyError` for an unknown one."""
    return TEXTS[key][LANGUAGES.index(lang)].format(**values)


def word(field: str, value: object, lang: str) -> str:
    """What a detail of a timeline entry is called: `reason`, `busy` is "optaget" in Danish."""
    if f"{field}.{value}" in TEXTS:
        return text(f"{field}.{value}", lang)
    if f"detail.{field}" in TEXTS:
        return text(f"detail.{field}", lang, value=value)
    return str(value)
