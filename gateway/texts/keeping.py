"""Why something is kept, is gone or never was, in Danish; what may be read. English template: Danish one."""

from __future__ import annotations

_LIMITS = {"through {date}": "til og med {date}", "with no date yet": "indtil videre"}
_CLOSED = {"": "", ", and nobody may read it": ", og ingen må læse det"}
_KEPT = {  # one reason: why, for which case, how long, by which rule
    f"{{clause}}{case}, {limit} ({{rule}}, {{ground}}){closed}": (
        f"{{clause}}{case}, {_LIMITS[limit]} ({{rule}}, {{ground}}){_CLOSED[closed]}"
    )
    for case in ("", " ({case})")
    for limit in _LIMITS
    for closed in _CLOSED
}

SENTENCES: dict[str, str] = {
    # --- the whole sentence: storage.policy.grounds, storage.policy.answers, tast1 policy explain ---
    "It is kept because {clauses}.": "Det opbevares, fordi {clauses}.",
    **_KEPT,
    "It does not exist: nothing permits keeping it (R-01).": (
        "Det findes ikke: der er intet grundlag for at opbevare det (R-01)."
    ),
    "It is gone since {date}: {clause}.": "Det har været væk siden {date}: {clause}.",
    "It is gone: {clause} ({rule}).": "Det er væk: {clause} ({rule}).",
    "It is gone: {clause} ({rule}); it was kept through {date}.": (
        "Det er væk: {clause} ({rule}); det blev opbevaret til og med {date}."
    ),
    "It was erased: {clause}. Certificate {id} (R-60).": "Det er slettet: {clause}. Slettebevis {id} (R-60).",
    "{ground} held through {date} ({rule})": "{ground} gjaldt til og med {date} ({rule})",
    "nothing permitted keeping it (R-01)": "intet gav grundlag for at opbevare det (R-01)",
    "{ground} was ended ({rule})": "{ground} blev afsluttet ({rule})",
    "There never was {id}: {clause}.": "{id} har aldrig eksisteret: {clause}.",
    # --- why it is kept: `means` of the table of grounds, after "fordi" ---
    "the caller consented to its recording": "kunden har givet samtykke til optagelsen",
    "a rights request about it is not answered yet": (
        "en anmodning, det er omfattet af, endnu ikke er besvaret"
    ),
    "it documents how a rights request was handled": "det dokumenterer, hvordan en anmodning blev behandlet",
    "a complaint about its content waits for a decision": "en klage over indholdet venter på en afgørelse",
    "it was decided that a complaint or dispute needs it": (
        "det er besluttet, at det skal bruges i en klage eller tvist"
    ),
    "investigators are assessing whether it matters to a case": (
        "skadeinspektørerne vurderer, om det har betydning for en sag"
    ),
    "investigators found that it matters to a case": (
        "skadeinspektørerne har vurderet, at det har betydning for en sag"
    ),
    "keeping it longer for a case was approved with a reason": (
        "længere opbevaring til en sag er godkendt med en begrundelse"
    ),
    "its use is restricted at the request of the data subject, so it is only stored": (
        "den registrerede har bedt om begrænsning, så det kun opbevares"
    ),
    "a court or an authority ordered it kept": "en domstol eller en myndighed har påbudt, at det bevares",
    "it proves the consent for something that is kept, or was until a short while ago": (
        "det beviser samtykket til noget, der opbevares eller blev opbevaret indtil for kort tid siden"
    ),
    "it proves that the call was not recorded": "det viser, at opkaldet ikke blev optaget",
    "it documents a rights request": "det dokumenterer en anmodning",
    "it is the package for the person who asked": "det er pakken til den, der bad om indsigt",
    "it holds the findings of a compliance sample": "det indeholder, hvad en stikprøve viste",
    # --- why it is gone: `ended` of the table of grounds ---
    "the days that consent covers are over": "de dage, samtykket dækker, er gået",
    "the rights request is answered": "anmodningen er besvaret",
    "the time for documenting a rights request is over": (
        "fristen for at gemme det som dokumentation af en anmodning er udløbet"
    ),
    "nobody decided in time that the complaint needs it": (
        "det blev ikke besluttet i tide, at klagen har brug for det"
    ),
    "the complaint is finally closed and time-barred": "klagen er endeligt afsluttet, og kravet er forældet",
    "nobody found in time that it matters to the case": (
        "det blev ikke vurderet i tide, at det har betydning for sagen"
    ),
    "the time for keeping it for the case is over": "fristen for at gemme det til sagen er udløbet",
    "the approved extension is over": "den godkendte forlængelse er udløbet",
    "the restriction is answered": "anmodningen om begrænsning er besvaret",
    "the order is lifted": "påbuddet er hævet",
    "what the consent covered is gone and the grace is over": (
        "det, samtykket dækkede, er væk, og den ekstra frist er udløbet"
    ),
    "its days are over": "de dage, det opbevares i, er gået",
    "the years after the request was closed are over": "årene efter anmodningens afslutning er gået",
    "the days for fetching the package are over": "de dage, pakken kan hentes i, er gået",
    "its time is over": "opbevaringstiden er udløbet",
    # --- what ended it before its time ---
    "its last date, {date}, is over ({rule})": "den sidste dato, {date}, er passeret ({rule})",
    "the caller withdrew the consent ({rule})": "kunden har tilbagekaldt samtykket ({rule})",
    "its erasure was asked for (R-23)": "der blev anmodet om sletning (R-23)",
    "the consent was not valid (R-04)": "samtykket var ikke gyldigt (R-04)",
    "the consent was withdrawn, which ends documentation that is optional (R-20, R-31)": (
        "samtykket blev tilbagekaldt, og det ophæver dokumentation, der er frivillig (R-20, R-31)"
    ),
    "the rights request was answered (R-30)": "anmodningen blev besvaret (R-30)",
    "it was released early (R-31)": "det blev frigivet før tid (R-31)",
    "an objection to it was granted (R-24)": "en indsigelse blev imødekommet (R-24)",
    "the freeze was extended (R-36)": "fastfrysningen blev forlænget (R-36)",
    "it was decided that the complaint does not need it (R-36)": (
        "det blev besluttet, at klagen ikke har brug for det (R-36)"
    ),
    "the complaint was closed without a decision to keep it (R-36)": (
        "klagen blev afsluttet, uden at det var besluttet at gemme det (R-36)"
    ),
    "a new decision replaced it (R-37)": "en ny afgørelse trådte i stedet (R-37)",
    "nothing in it gave rise to further investigation, so it goes at once (R-42)": (
        "intet i det gav anledning til yderligere undersøgelser, så det slettes straks (R-42)"
    ),
    "the triage is over: relevant (R-43)": "vurderingen er afsluttet: har betydning for sagen (R-43)",
    "a further extension replaced it (R-44)": "en ny forlængelse trådte i stedet (R-44)",
    "the order of the authority was lifted (§4)": "myndighedens påbud blev hævet (§4)",
    "the settings were changed and applied to what was kept": (
        "indstillingerne blev ændret og anvendt på det, der var opbevaret"
    ),
    "nothing was captured": "der blev ikke optaget noget",
    "it may not be kept": "det må ikke opbevares",
    "it was restored from backup (R-61)": "det kom tilbage fra en sikkerhedskopi (R-61)",
    # --- why it never was ---
    "nobody made that request (R-34)": "ingen har fremsat den anmodning (R-34)",
    "no access request was answered with something to hand out (R-33)": (
        "ingen anmodning om indsigt er besvaret med noget at udlevere (R-33)"
    ),
    "no such sample was drawn (R-55)": "den stikprøve er ikke udtrukket (R-55)",
    "there was no call {id} (R-01)": "der har ikke været noget opkald {id} (R-01)",
    "nothing of the kind was made from the call (R-11)": (
        "intet af den art er blevet lavet ud fra opkaldet (R-11)"
    ),
    "the caller accepted the recording, and its proof is the consent record (R-12, R-13)": (
        "kunden sagde ja til optagelsen, og det fremgår af samtykkebeviset (R-12, R-13)"
    ),
    "a log of an unrecorded call is made when the caller was asked and did not say yes (R-12)": (
        "en log over et opkald uden optagelse føres, når kunden blev spurgt og ikke sagde ja (R-12)"
    ),
    "only incoming calls are recorded (R-02)": "kun indgående opkald optages (R-02)",
    "the caller did not accept the recording in time (R-01, R-71)": (
        "kunden sagde ikke ja til optagelsen i tide (R-01, R-71)"
    ),
    "nobody has consented to a recording (R-01)": "ingen har givet samtykke til en optagelse (R-01)",
    "nothing was transcribed (R-01)": "intet blev transskriberet (R-01)",
    "nothing was recorded after the consent (R-01)": "intet blev optaget efter samtykket (R-01)",
    # --- may it be read: storage.policy.access, storage.gate ---
    "It does not exist (R-50).": "Det findes ikke (R-50).",
    "{id} does not exist (R-50).": "{id} findes ikke (R-50).",
    "It is only stored: nobody may read it now (R-20, R-24, art. 18).": (
        "Det opbevares kun: ingen må læse det nu (R-20, R-24, art. 18)."
    ),
    "{ground} is open to {role} ({rule}, R-50).": "{ground} giver {role} adgang ({rule}, R-50).",
    "Unredacted words are for {roles}, not for {role} (R-50).": (
        "Uredigerede ord er for {roles}, ikke for {role} (R-50)."
    ),
    "{role} reads unredacted words for {purposes} only (R-50).": (
        "{role} læser kun uredigerede ord til {purposes} (R-50)."
    ),
    "No active ground is open to {role} (R-50).": (
        "Ingen gældende opbevaringsgrund giver {role} adgang (R-50)."
    ),
    "No active ground open to {role} has that purpose (R-03, R-50).": (
        "Ingen gældende opbevaringsgrund, der giver {role} adgang, har det formål (R-03, R-50)."
    ),
    "No active ground has that purpose (R-03, R-50).": (
        "Ingen gældende opbevaringsgrund har det formål (R-03, R-50)."
    ),
    "{role} must name the case that it is kept for (R-50).": (
        "{role} skal angive den sag, det opbevares til (R-50)."
    ),
    "{role} must state the purpose (R-50).": "{role} skal angive formålet (R-50).",
    "{user} does not hold {role} (R-50).": "{user} har ikke rollen {role} (R-50).",
    "{user} is not assigned to {case} (R-50).": "{user} er ikke sat på {case} (R-50).",
    "A compliance sample holds it and it is kept on consent (R-55).": (
        "Det er udtrukket til en stikprøve og opbevares på samtykke (R-55)."
    ),
    "A compliance sample is read for compliance and nothing else (R-55).": (
        "En stikprøve må kun læses til compliance og ikke til andet (R-55)."
    ),
    "Unredacted words are for {names}, not for {role} (R-50).": (
        "Usløret tekst er forbeholdt {names}, ikke {role} (R-50)."
    ),
    "{role} reads unredacted words for {names} only (R-50).": (
        "{role} læser kun usløret tekst til {names} (R-50)."
    ),
    "{role} may read unredacted words (R-50).": "{role} må læse usløret tekst (R-50).",
    "The DPO gave a reason (R-50).": "Databeskyttelsesrådgiveren har angivet en grund (R-50).",
    "The DPO reads content only with a reason (R-50).": (
        "Databeskyttelsesrådgiveren læser kun indhold med en grund (R-50)."
    ),
    "A processor reads it on instruction, for a limited time (R-52).": (
        "En databehandler læser det på instruks, i en begrænset periode (R-52)."
    ),
    "A processor says from which country it reads (R-52).": (
        "En databehandler skal oplyse, fra hvilket land der læses (R-52)."
    ),
    "A processor needs a data processing agreement and an instruction (R-52).": (
        "En databehandler skal have en databehandleraftale og en instruks (R-52)."
    ),
    "A processor reads until a set instant, and it must not have passed (R-52).": (
        "En databehandler læser kun til et fastsat tidspunkt, og det må ikke være passeret (R-52)."
    ),
    "From outside the EU and EEA a transfer tool is needed: adequacy or SCC+TIA (R-52).": (
        "Uden for EU og EØS kræves et overførselsgrundlag: adequacy eller SCC+TIA (R-52)."
    ),
    "A processor looks at it where it is and takes no copy (R-52).": (
        "En databehandler ser det, hvor det ligger, og tager ingen kopi (R-52)."
    ),
}
