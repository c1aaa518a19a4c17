"""What the rules refuse, in Danish. English template of storage.policy: Danish one."""

from __future__ import annotations

SENTENCES: dict[str, str] = {
    # --- calls and recordings: storage.policy.recordings ---
    "{id} is another call already": "{id} er allerede et andet opkald",
    "there is no call {id}": "der er intet opkald {id}",
    "no call {id} is going on": "opkaldet {id} er ikke i gang",
    "the call {id} is over": "opkaldet {id} er afsluttet",
    "no call is named": "intet opkald er angivet",
    "only incoming calls are recorded with consent (R-02)": "kun indgående opkald optages på samtykke (R-02)",
    "nothing is recorded without consent (R-01)": "intet optages uden samtykke (R-01)",
    "{id} is being recorded already": "{id} optages allerede",
    "the evidence of the consent is gone; it must be given anew (R-04, R-13)": (
        "samtykkebeviset er væk; samtykket skal gives på ny (R-04, R-13)"
    ),
    "there is no recording to transcribe": "der er ingen optagelse at transskribere",
    "what keeps the recording was decided for the recording alone (R-44)": (
        "det, der holder på optagelsen, er besluttet for optagelsen alene (R-44)"
    ),
    "{kind} is no kind of a derived artifact": "{kind} er ikke en art afledt indhold",
    "there is nothing to derive it from": "der er intet at aflede det af",
    "it is only held; a hold gives no purpose for making anything from it (R-32)": (
        "det holdes kun tilbage, og det giver ikke lov til at lave noget ud fra det (R-32)"
    ),
    "there is no recording of {id} that could hold such data (R-57)": (
        "der er ingen optagelse af {id}, som kan indeholde den slags oplysninger (R-57)"
    ),
    "there is no backup of a time to come": "der findes ingen sikkerhedskopi fra fremtiden",
    "a backup older than {number} days has aged out (R-61)": (
        "en sikkerhedskopi, der er ældre end {number} dage, er kasseret (R-61)"
    ),
    # --- on the telephone: gateway.rehearsal.telephone ---
    "in this call the consent question is not asked (R-02, R-41)": (
        "i dette opkald spørges der ikke om samtykke (R-02, R-41)"
    ),
    "the consent question is asked once; later only the agent offers it again": (
        "der spørges om samtykke én gang; senere kan kun medarbejderen tilbyde optagelse igen"
    ),
    "the agent offers it again while speaking with the caller, one question at a time": (
        "medarbejderen tilbyder optagelse igen under samtalen med kunden, ét spørgsmål ad gangen"
    ),
    "the caller has consented already": "kunden har allerede givet samtykke",
    # --- samples ---
    "{id} is another sample already": "{id} er allerede en anden stikprøve",
    "none of these calls is kept on consent (R-55)": "ingen af opkaldene opbevares på samtykke (R-55)",
    "{id} is not in the sample {sample}": "{id} er ikke med i stikprøven {sample}",
    "{id} may be read; nothing needs to be replaced (R-57)": (
        "{id} må læses; intet behøver at blive udskiftet (R-57)"
    ),
    "{id} cannot take its place (R-55, R-57)": "{id} kan ikke træde i stedet (R-55, R-57)",
    # --- consent withdrawn, requests: storage.policy.requests ---
    "{id} is another request already": "{id} er allerede en anden anmodning",
    "there is no request {id}": "der er ingen anmodning {id}",
    "the request {id} is answered already": "anmodningen {id} er allerede besvaret",
    "of these calls nothing is kept on consent (R-20)": (
        "af disse opkald opbevares intet på samtykke (R-20)"
    ),
    "of these calls nothing is kept on consent (R-04)": (
        "af disse opkald opbevares intet på samtykke (R-04)"
    ),
    "{call}: nothing of it is kept on consent (R-20)": "{call}: intet af det opbevares på samtykke (R-20)",
    "a consent is declared invalid only with a written reason (R-04)": (
        "et samtykke erklæres kun ugyldigt med en skriftlig begrundelse (R-04)"
    ),
    "only the caller can withdraw the caller's consent (R-20)": (
        "kun kunden kan tilbagekalde kundens samtykke (R-20)"
    ),
    "the request is about these calls already": "anmodningen omfatter allerede disse opkald",
    "an agent's rights reach only calls they took part in, not {names} (A-16)": (
        "en medarbejders rettigheder gælder kun opkald, vedkommende deltog i, ikke {names} (A-16)"
    ),
    "the deadline was extended already, and can be only once (art. 12(3))": (
        "fristen er allerede forlænget og kan kun forlænges én gang (art. 12, stk. 3)"
    ),
    "the notice had to be sent by {date}, inside the first month (art. 12(3))": (
        "beskeden skulle være sendt senest {date}, inden for den første måned (art. 12, stk. 3)"
    ),
    "answered, but not kept: {clause}": "besvaret, men ikke gemt: {clause}",
    "nothing of it is held for this request": "intet af det holdes tilbage for denne anmodning",
    "there was nothing to investigate, and it had to go at once (R-42)": (
        "der var intet at undersøge, og det skulle slettes straks (R-42)"
    ),
    "the consent was withdrawn; it goes when the request is fulfilled (R-21, R-31)": (
        "samtykket er tilbagekaldt; det slettes, når anmodningen er opfyldt (R-21, R-31)"
    ),
    "the time for which it could be kept is over (R-31)": ("den tid, det kunne gemmes i, er udløbet (R-31)"),
    "nothing is kept as documentation of that request (R-31)": (
        "intet gemmes som dokumentation af den anmodning (R-31)"
    ),
    # --- complaints: storage.policy.claims ---
    "{id} is another complaint already": "{id} er allerede en anden klage",
    "there is no complaint {id}": "der er ingen klage {id}",
    "the complaint {id} is closed already": "klagen {id} er allerede afsluttet",
    "the complaint is closed (R-38)": "klagen er afsluttet (R-38)",
    "a freeze is extended only with a written reason (R-36)": (
        "en fastfrysning forlænges kun med en skriftlig begrundelse (R-36)"
    ),
    "nothing is frozen for that complaint (R-36)": "intet er fastfrosset til den klage (R-36)",
    "a decision about keeping needs a written reason (R-37)": (
        "en afgørelse om at gemme kræver en skriftlig begrundelse (R-37)"
    ),
    "nothing of the calls remains": "der er intet tilbage af opkaldene",
    "nothing of the calls remains (R-35)": "der er intet tilbage af opkaldene (R-35)",
    "nothing in the scope remains that may be kept (R-21, R-35)": (
        "af det, afgørelsen gælder, er der intet tilbage, der må gemmes (R-21, R-35)"
    ),
    "the proposal is open: an answer or a proceeding is pending; give a date (F-10)": (
        "forslaget er åbent: et svar eller en sag afventes; angiv en dato (F-10)"
    ),
    # --- investigations ---
    "{path}: {clause}": "{path}: {clause}",
    "a call is forwarded only with a written reason (R-40)": (
        "et opkald videresendes kun med en skriftlig begrundelse (R-40)"
    ),
    "there is no recording to forward (R-40)": "der er ingen optagelse at videresende (R-40)",
    "a deletion order stands; no new ground comes because of it (R-21)": (
        "det skal slettes; derfor kan der ikke komme en ny opbevaringsgrund til (R-21)"
    ),
    "it is with this case already": "det er allerede med i denne sag",
    "the days in which it could be assessed are over (A-08)": (
        "de dage, det kunne vurderes i, er gået (A-08)"
    ),
    "an investigator records only for a case (R-41)": "en skadeinspektør optager kun til en sag (R-41)",
    "there is a recording of {id} already; forward it instead (R-40)": (
        "der er allerede en optagelse af {id}; videresend den i stedet (R-40)"
    ),
    "nothing of the case remains, or its triage is over (R-42, R-43)": (
        "der er intet tilbage af sagen, eller vurderingen er afsluttet (R-42, R-43)"
    ),
    "keeping it longer needs a written reason (R-44)": (
        "længere opbevaring kræver en skriftlig begrundelse (R-44)"
    ),
    "{date} is later than the limitation date {date_2} (R-45)": (
        "{date} ligger efter forældelsesdatoen {date_2} (R-45)"
    ),
    "nothing of the case is kept as relevant until an earlier date (R-44)": (
        "intet i sagen gemmes som betydningsfuldt til en tidligere dato (R-44)"
    ),
    "somebody else than the proposer must approve it (R-44)": (
        "en anden end den, der foreslog det, skal godkende det (R-44)"
    ),
    "{names} approves an extension (R-44)": "en forlængelse godkendes af {names} (R-44)",
    "there is no case {id}": "der er ingen sag {id}",
    # --- orders of authorities ---
    "{id} is another order already": "{id} er allerede et andet påbud",
    "there is no order {id}": "der er intet påbud {id}",
    # --- reuse, new settings: storage.policy.reuse, storage.policy.restate ---
    "this use of recordings is switched off ({setting}, A-11)": (
        "denne brug af optagelser er slået fra ({setting}, A-11)"
    ),
    "no test is on file that permits this use: set {names} (A-11)": (
        "der er ikke registreret en test, som tillader denne brug: angiv {names} (A-11)"
    ),
    "keeping longer what was kept before needs a written reason": (
        "længere opbevaring af det, der allerede opbevares, kræver en skriftlig begrundelse"
    ),
}
