"""What is said of calls and what they came to: `tast1 reconcile`."""

from __future__ import annotations

TEXTS: dict[str, tuple[str, str]] = {  # key: Danish, English
    "column.outcome": ("Udfald", "Outcome"),
    "column.line": ("Linje", "Line"),
    "column.calling": ("A-nummer", "Calling"),
    "column.called": ("B-nummer", "Called"),
    "column.trunk_duration": ("Hos operatøren", "By the trunk"),
    "result.recorded": ("optaget som ventet", "recorded as expected"),
    "result.not_recorded": ("ikke optaget, som ventet", "not recorded, as expected"),
    "result.deviation": ("afvigelse", "deviation"),
    "result.refused": ("afvist ved indgangen", "refused at the front door"),
    "outcome.recorded": ("optaget", "recorded"),
    "outcome.recorded_for_case": ("optaget til en sag", "recorded for a case"),
    "outcome.declined": ("intet ja", "no yes"),
    "outcome.withdrawn": ("samtykke trukket tilbage", "consent withdrawn"),
    "outcome.nobody_to_record": ("ja, men ingen samtale", "a yes, and no conversation"),
    "outcome.no_case": ("ingen sag angivet", "no case named"),
    "outcome.abandoned": ("lagt på før spørgsmålet", "hung up before the question"),
    "outcome.not_asked": ("spørgsmålet blev ikke hørt", "the question was not heard"),
    "outcome.consent_not_stored": ("samtykke ikke registreret", "consent not stored"),
    "outcome.decision_not_stored": ("svar ikke registreret", "answer not stored"),
    "outcome.consent_without_recording": ("samtykke uden optagelse", "consent, and no recording"),
    "outcome.capture_failed": ("optagelsen brød sammen", "recording failed"),
    "outcome.recording_short": ("optagelsen er for kort", "recording too short"),
    "outcome.not_sealed": ("optagelsen er ikke forseglet", "recording not sealed"),
    "outcome.worker_died": ("opkaldets proces døde", "the call's process died"),
    "outcome.gateway_died": ("gatewayen døde", "the gateway died"),
    "outcome.call_not_stored": ("opkaldet er ikke registreret", "call not stored"),
    "outcome.recording_without_consent": (
        "OPTAGELSE UDEN REGISTRERET SAMTYKKE",
        "RECORDING WITHOUT STORED CONSENT",
    ),
    "reconcile.day": ("Opkald {day}", "Calls of {day}"),
    "reconcile.deviations": ("Afvigelser {day}", "Deviations of {day}"),
    "reconcile.refused": ("afvist: {reason}", "refused: {reason}"),
    "reconcile.up": ("{count} opkald er i gang.", "{count} calls are up."),
    "reconcile.faults": (
        "{count} opkald afviger ved en fejl: se docs/operators.md, Reconciliation.",
        "{count} calls deviate by a fault: see docs/operators.md, Reconciliation.",
    ),
    "reconcile.no_faults": ("Ingen fejl i {count} opkald.", "No faults in {count} calls."),
    "reconcile.numbers_of_file": (
        "--show-numbers hører til en fil fra operatøren: angiv filen.",
        "--show-numbers goes with a trunk's file: name the file.",
    ),
    "reconcile.no_zone": (
        "--tz: der er ingen tidszone {name} (skriv f.eks. Europe/Copenhagen eller UTC).",
        "--tz: there is no time zone {name} (write one such as Europe/Copenhagen or UTC).",
    ),
    "reconcile.reading": ("Filen læses …", "Reading the file …"),
    "reconcile.comparing": ("Opkald sammenlignes", "Comparing calls"),
    "reconcile.missing": ("Hos operatøren, men ikke her", "The trunk has them, and we have not"),
    "reconcile.surplus": ("Her, men ikke hos operatøren", "We have them, and the trunk has not"),
    "reconcile.differing": ("Længden er forskellig", "Lengths differ"),
    "reconcile.unanswered": (
        "{count} opkald hos operatøren blev aldrig besvaret og er ikke her.",
        "{count} calls of the trunk were never answered, and are not here.",
    ),
    "reconcile.matched": (
        "{count} opkald er de samme, {by_id} af dem efter Call-ID.",
        "{count} calls are the same, {by_id} of them by Call-ID.",
    ),
    "reconcile.same": ("Ingen forskelle.", "No differences."),
    "reconcile.differs": ("Der er forskelle.", "There are differences."),
    "trunk_file.not_there": (
        "{path} kan ikke læses: {why} (angiv operatørens CSV-fil).",
        "{path} cannot be read: {why} (name the trunk's CSV file).",
    ),
    "trunk_file.empty": (
        "{path} er tom (angiv operatørens CSV-fil, med en linje med kolonnernes navne).",
        "{path} is empty (name the trunk's CSV file, with a line that names its columns).",
    ),
    "trunk_file.no_table": (
        "Linje {line} kan ikke læses som CSV (se efter anførselstegn og linjeskift, eller gem filen igen).",
        "Line {line} cannot be read as CSV (look at quotes and line ends, or save the file again).",
    ),
    "trunk_file.no_column": (
        "Der er ingen kolonne {column}; der er {columns}.",
        "There is no column {column}; there are {columns}.",
    ),
    "trunk_file.unknown_start": (
        "Ingen kolonne ligner et starttidspunkt; der er {columns} (angiv den med --start).",
        "No column looks like a start time; there are {columns} (name it with --start).",
    ),
    "trunk_file.unknown_duration": (
        "Ingen kolonne ligner en varighed; der er {columns} (angiv den med --duration).",
        "No column looks like a duration; there are {columns} (name it with --duration).",
    ),
    "trunk_file.short_line": (
        "Linje {line} har færre kolonner end den første linje (ret linjen, eller tag den ud).",
        "Line {line} has fewer columns than the first line (mend the line, or take it out).",
    ),
    "trunk_file.no_time": (
        "Linje {line}: starten er ikke et tidspunkt (skriv f.eks. 2026-03-29 14:05:00, eller angiv kolonnen"
        " med --start).",
        "Line {line}: its start is no time (write one such as 2026-03-29 14:05:00, or name the column with"
        " --start).",
    ),
    "trunk_file.no_duration": (
        "Linje {line}: varigheden er ikke sekunder, MM:SS eller HH:MM:SS (angiv kolonnen med --duration).",
        "Line {line}: its duration is not seconds, MM:SS or HH:MM:SS (name the column with --duration).",
    ),
}
