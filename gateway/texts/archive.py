"""What is said of the archive: tables, recordings, erasure, the audit log, settings."""

from __future__ import annotations

TEXTS: dict[str, tuple[str, str]] = {  # key: Danish, English
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
    "title.calls": ("Opkald", "Calls"),
    "title.recordings": ("Optagelser", "Recordings"),
    "title.artifacts": ("Opbevaret indhold", "Artifacts"),
    "title.certificates": ("Slettebeviser", "Deletion certificates"),
    "title.remains": ("Skulle være slettet", "Should be gone"),
    "title.sweep": ("Sletning", "Sweep"),
    "calls.none": ("Der er ingen opkald.", "There are no calls."),
    "calls.unknown": (
        "Opkaldet findes ikke, eller er afsluttet (se `tast1 calls`).",
        "There is no such call, or it has ended (see `tast1 calls`).",
    ),
    "calls.transfer_not_allowed": (
        "Dertil må opkaldet ikke viderestilles: skriv et mål, der står i flows.*.transfer i indstillingerne.",
        "The call may not be transferred there: name a target of flows.*.transfer in the settings.",
    ),
    "calls.transfer_not_now": (
        "Ingen medarbejder taler med kunden lige nu: prøv igen, når samtalen er i gang.",
        "No agent is speaking with the caller just now: try again when they talk.",
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
    "recordings.not_written": (
        "{path} kan ikke skrives: {why} (vælg et andet sted med --out).",
        "{path} cannot be written: {why} (choose another place with --out).",
    ),
    "recordings.gone": ("Optagelsen er slettet {at}.", "The recording was deleted {at}."),
    "recordings.expired": (
        "Optagelsen kan ikke læses: der er ingen grund til at opbevare den længere.",
        "The recording cannot be read: no ground to keep it is left.",
    ),
    "recordings.exported": ("Skrevet til {path} ({duration}).", "Written to {path} ({duration})."),
    "recordings.not_transcribed": (
        "Optagelsen har ingen transskription, så ingen ved, hvilke numre der siges i den: transskribér den"
        " først (afsnittet `transcription` i indstillingerne), eller hent den hel.",
        "The recording has no transcript, so nobody knows which numbers are said in it: have it transcribed"
        " first (section `transcription` of the settings), or export it whole.",
    ),
    "recordings.silenced": ("{seconds} s er gjort tavse.", "{seconds} s were silenced."),
    "transcripts.none": ("Der er ingen transskriptioner.", "There are no transcripts."),
    "transcripts.unknown": (
        "Der er ingen transskription (se `tast1 transcripts list`).",
        "There is no transcript (see `tast1 transcripts list`).",
    ),
    "transcripts.several": (
        "Opkaldet har flere transskriptioner (vælg en fra `tast1 transcripts list`).",
        "The call has several transcripts (choose one of `tast1 transcripts list`).",
    ),
    "transcripts.other": (
        "Ordene er ikke en transskription herfra (læs dem med `tast1 recordings read`).",
        "The words are no transcript of this gateway (read them with `tast1 recordings read`).",
    ),
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
    "remains.words": ("ord, der skulle være slettet", "words that should be gone"),
    "remains.unknown": ("fremmed fil i datamappen", "foreign file in the data folder"),
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
    "audit.dropped": (
        "Heraf {count} glemt til tiden (R-62).",
        "Of these {count} were forgotten on time (R-62).",
    ),
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
    "audit.fault.undeclared": (
        "Posten er fjernet, og ingen senere post siger det.",
        "The entry was removed, and no later entry says so.",
    ),
    "audit.fault.forked": (
        "Posten er en anden end i den ældre eksport: loggen er skrevet om siden.",
        "The entry is another than in the older export: the log was rewritten since.",
    ),
    "audit.fault.cut_short": ("Posten er afbrudt midt i.", "The entry is cut short."),
    "audit.fault.rewritten": (
        "Loggen slutter anderledes end den eksporterede: den er skrevet om.",
        "The log ends otherwise than the exported one: it was rewritten.",
    ),
    "column.model": ("Model", "Model"),
    "column.vocabulary": ("Ord", "Words"),
    "column.rate": ("Hz", "Hz"),
    "column.megabytes": ("MB", "MB"),
    "column.word_errors": ("Ordfejl", "Word errors"),
    "title.models": ("Talemodeller", "Speech models"),
    "model.demo_only": (
        "da-demo er til demonstration og test: den forstår kun syntetisk tale. Se --card.",
        "da-demo is for demonstration and tests: it understands synthetic speech only. See --card.",
    ),
    "model.facts": (
        "{words} ord, {rate} Hz, kan begrænses til udtryk under brug: {phrases}",
        "{words} words, {rate} Hz, can be restricted to phrases in use: {phrases}",
    ),
    "model.said": ("Sagt:  {words}", "Said:  {words}"),
    "model.heard": ("Hørt:  {words}", "Heard: {words}"),
    "model.hears_nothing": (
        "Den svarer, men hørte intet af den danske prøvesætning: er det en dansk model?",
        "It answers but heard nothing of the Danish test sentence: is it a Danish model?",
    ),
    "config.ok": ("{file} er i orden ({flows} flow).", "{file} is in order ({flows} flows)."),
    "advice.layered_notice": (
        "Meddelelsen i telefonen nævner ikke transskription, følsomme oplysninger, videresendelse eller "
        "tilbagekaldelse; det står på hjemmesiden. DPO bør have vurderet det (A-13).",
        "The prompt does not speak of transcription, sensitive data, forwarding or withdrawal; the website "
        "does. The DPO should have considered it (A-13).",
    ),
    "advice.reuse_not_on_file": (
        "Uden interesseafvejning og forenelighedstest (compliance.reuse) bevares optagelser for klager, men "
        "bruges ikke til klager, undersøgelser og stikprøver (A-11).",
        "Without balancing and compatibility tests (compliance.reuse) recordings are preserved for "
        "complaints, but not used for complaints, investigations and samples (A-11).",
    ),
    "advice.special_category_sampled": (
        "Stikprøver omfatter opkald med følsomme oplysninger; politikken nævner intet grundlag i "
        "artikel 9 (A-10).",
        "Samples include calls with sensitive data; the policy names no condition of article 9 (A-10).",
    ),
    "advice.withdrawal_keeps": (
        "Tilbagekaldt samtykke sletter ikke det optagede: juridisk svagt (A-12).",
        "A withdrawn consent does not erase what was recorded: legally weak (A-12).",
    ),
    "advice.covert": (
        "Optagelse i hemmelighed findes ikke: policy.investigation.covert har ingen virkning (A-21).",
        "There is no recording in secret: policy.investigation.covert has no effect (A-21).",
    ),
    "advice.per_artifact": (
        "Optagelse og transskription forlænges altid hver for sig: extension.per_artifact har ingen virkning "
        "(R-44).",
        "Recording and transcript are always extended separately: extension.per_artifact has no effect "
        "(R-44).",
    ),
    "advice.verbal_consent": (
        "Mundtligt samtykke kan ikke registreres: ivr.verbal_consent har ingen virkning (A-15).",
        "A spoken consent cannot be taken down: ivr.verbal_consent has no effect (A-15).",
    ),
    "advice.transcriber_in_clear": (
        "transcription.servers: lyden af opkald går ukrypteret over netværket til en transskriber (ws://);"
        " brug wss://, eller en tunnel.",
        "transcription.servers: the sound of calls goes unencrypted over the network to a transcriber"
        " (ws://); use wss://, or a tunnel.",
    ),
    "advice.srtp_without_tls": (
        "sip.tls: SRTP er valgt, og nøglerne står ukrypteret i SIP uden TLS; sæt sip.tls.",
        "sip.tls: SRTP is chosen, and its keys stand unencrypted in SIP without TLS; set sip.tls.",
    ),
    "advice.agent_keys_in_clear": (
        "sip.agent_srtp: nøglerne til medarbejderne går ukrypteret; skriv ;transport=tls i flows.*.connect.",
        "sip.agent_srtp: the keys to the agents go unencrypted; write ;transport=tls in flows.*.connect.",
    ),
    "advice.traces_in_clear": (
        "traces.endpoint: forløbet af opkald går ukrypteret over netværket (http://); brug https://, eller en"
        " tunnel.",
        "traces.endpoint: the course of calls goes unencrypted over the network (http://); use https://, or a"
        " tunnel.",
    ),
    "advice.demo_model": (
        "transcription.model: demonstrationsmodellen kender nogle få hundrede ord; brug den ikke til rigtige"
        " opkald (docs/transcription.md).",
        "transcription.model: the demonstration model knows a few hundred words; do not use it for real"
        " calls (docs/transcription.md).",
    ),
    "advice.personal_logs": (
        "Numre og fejltekster står i loggen (logs.personal): kun mens en fejl jages.",
        "Numbers and error texts are in the log (logs.personal): only while a fault is hunted.",
    ),
    "serve.ready": ("Klar. Ring til {uri}", "Ready. Dial {uri}"),
    "serve.draining": ("{count} opkald er i gang; venter på dem.", "{count} calls are up; waiting for them."),
    "serve.not_running": (
        "Tast1 kører ikke (start den med `tast1 serve`).",
        "Tast1 is not running (start it with `tast1 serve`).",
    ),
}
