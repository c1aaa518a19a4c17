"""What the archive refuses to the one who works with it, in Danish. English template: Danish one."""

from __future__ import annotations

SENTENCES: dict[str, str] = {
    # --- roles and cases: storage.gate, storage.desk ---
    "{user} does not hold {role} (R-50)": "{user} har ikke rollen {role} (R-50)",
    "that is for {names}, not for {role} (R-50)": "det er forbeholdt {names}, ikke {role} (R-50)",
    "that is for nobody, not for {role} (R-50)": "det må ingen gøre, heller ikke {role} (R-50)",
    "{user} is not assigned to {case} (R-50)": "{user} er ikke sat på {case} (R-50)",
    "there is no such case (R-50)": "den sag findes ikke (R-50)",
    "what is written about it is for {names} (R-50)": "det, der er skrevet om den, er for {names} (R-50)",
    "the calls of a number are looked up by {names} only (R-50)": (
        "kun {names} må slå et nummers opkald op (R-50)"
    ),
    "{role} must name the case that it is for (R-50)": "{role} skal angive den sag, det er til (R-50)",
    "state the purpose (R-50)": "angiv formålet (R-50)",
    "RIGHTS searches for an open request: register it first, without calls (R-50)": (
        "RIGHTS søger til en åben anmodning: registrér den først, uden opkald (R-50)"
    ),
    "who works on {case} says so, or {names} (R-50)": (
        "det afgør de, der behandler {case}, eller {names} (R-50)"
    ),
    "copies are the business of {names} (R-50)": "kopier hører under {names} (R-50)",
    "nobody has told the recipient yet (R-25)": "modtageren er endnu ikke underrettet (R-25)",
    "there is no such erasure to tell anybody of (R-25)": (
        "der er ingen sådan sletning at underrette om (R-25)"
    ),
    # --- ids ---
    "an id has up to 40 letters, digits, '.', '_', '/' and '-'": (
        "et sagsnummer har højst 40 bogstaver (a-z), cifre, '.', '_', '/' og '-'"
    ),
    "{id} is the id of something else": "{id} er nummeret på noget andet",
    "there is no rights request {id}": "der er ingen anmodning {id}",
    "there is no investigation {id}": "der er ingen undersøgelse {id}",
    "there is no authority order {id}": "der er intet påbud {id}",
    "there is no sample {id}": "der er ingen stikprøve {id}",
    "there is a case {id} already": "der er allerede en sag {id}",
    "{user} does not work on {case}": "{user} behandler ikke {case}",
    # --- requests, samples, investigations, orders ---
    "there is no right {id}; there are {names}": "der er ingen rettighed {id}; der er {names}",
    "a request is registered within {number} days of its receipt": (
        "en anmodning registreres inden for {number} dage fra modtagelsen"
    ),
    "the requester is `caller`, or agent:NAME for somebody who took part in the call": (
        "anmoderen er `caller` eller agent:NAVN for en, der deltog i samtalen"
    ),
    "the notice must say why it takes longer (art. 12(3))": (
        "beskeden skal sige, hvorfor det tager længere tid (art. 12, stk. 3)"
    ),
    "keeping what was reviewed needs a written reason (R-31)": (
        "at gemme det gennemgåede kræver en skriftlig begrundelse (R-31)"
    ),
    "nothing is handed out before the identity is checked (R-30): tast1 requests identify": (
        "intet udleveres, før identiteten er kontrolleret (R-30): tast1 requests identify"
    ),
    "a sample has at least one call, from a first to a last day (R-55)": (
        "en stikprøve har mindst ét opkald, fra en første til en sidste dag (R-55)"
    ),
    "of {number} calls none may be drawn (R-55, R-57)": (
        "af {number} opkald må intet udtrækkes (R-55, R-57)"
    ),
    "no other call of the population may be drawn (R-55, R-57)": (
        "intet andet af opkaldene må udtrækkes (R-55, R-57)"
    ),
    "that call is not in {sample}": "det opkald er ikke med i {sample}",
    "a decision that it matters to the case needs a written reason (R-43)": (
        "en afgørelse om, at det har betydning for sagen, kræver en skriftlig begrundelse (R-43)"
    ),
    "it is proposed for {names} (R-44)": "det foreslås for {names} (R-44)",
    "there is no proposal {number}": "der er intet forslag {number}",
    "proposal {number} is decided already": "forslag {number} er allerede afgjort",
    "say whose order it is, and its reference": "angiv, hvis påbud det er, og dets journalnummer",
    # --- users: storage.people ---
    "a user's id has 2 to 24 of a-z, 0-9, '.', '_' and '-', and begins with a letter": (
        "et brugernavn har 2 til 24 tegn af a-z, 0-9, '.', '_' og '-' og begynder med et bogstav"
    ),
    "there is a user {user} already": "der er allerede en bruger {user}",
    "there is no user {user}": "der er ingen bruger {user}",
    "{user} is not disabled; disable first": "{user} er ikke spærret; spær først",
    "{user} is disabled": "{user} er spærret",
    "{user} does not hold {role}": "{user} har ikke rollen {role}",
    "there is no role {role}; there are {names} and PROCESSOR-NAME": (
        "der er ingen rolle {role}; der er {names} og PROCESSOR-NAVN"
    ),
    "the end of the role has passed already": "rollens slutdato er allerede passeret",
    "a processor's role needs {things} (R-52)": "en databehandlers rolle kræver {things} (R-52)",
    "the country": "landet",
    "the data processing agreement": "databehandleraftalen",
    "the instruction": "instruksen",
    "the end": "slutdatoen",
    "from outside the EU and EEA a transfer tool is needed: {names} (R-52)": (
        "uden for EU og EØS kræves et overførselsgrundlag: {names} (R-52)"
    ),
    "the sign-in through the identity provider failed; try again, or ask your administrator": (
        "log ind gennem identitetsudbyderen lykkedes ikke; prøv igen, eller spørg din administrator"
    ),
    "the identity provider knows you, but you have no access here; ask your administrator": (
        "identitetsudbyderen kender dig, men du har ikke adgang her; spørg din administrator"
    ),
    "that subject is the user {id} already": "den identitet er allerede brugeren {id}",
    "the token is not valid (any more); ask for a new one: tast1 users token": (
        "adgangsnøglen gælder ikke (længere); bed om en ny: tast1 users token"
    ),
    # --- artifacts: storage.artifacts, storage.recordings, storage.transcripts ---
    "nothing is stored in {region}, outside the EU and EEA (R-51)": (
        "intet opbevares i {region}, uden for EU og EØS (R-51)"
    ),
    "its erasure has begun, it cannot be kept any more": (
        "sletningen er begyndt, og det kan ikke gemmes mere"
    ),
    "there is no such artifact, or it was erased long ago": (
        "det indhold findes ikke eller blev slettet for længe siden"
    ),
    "it is erased": "det er slettet",
    "it was erased while it was made": "det blev slettet, mens det blev lavet",
    "it cannot be redacted: {error} (R-50)": "det kan ikke maskeres: {error} (R-50)",
    "it has no data key": "det har ingen nøgle",
    "it holds no words": "det indeholder ingen ord",
    "it holds no consent record": "det indeholder intet samtykkebevis",
    "nothing permits keeping it": "der er intet grundlag for at opbevare det",
    "there is no such consent record of that call: nothing may be recorded (R-01)": (
        "opkaldet har ikke det samtykkebevis: intet må optages (R-01)"
    ),
    "that consent was withdrawn or invalidated: nothing may be recorded (R-20)": (
        "det samtykke er tilbagekaldt eller ugyldigt: intet må optages (R-20)"
    ),
    "there is no investigation {id}: nothing may be recorded (R-41)": (
        "der er ingen undersøgelse {id}: intet må optages (R-41)"
    ),
    "it is no recording of a call": "det er ikke en optagelse af et opkald",
    "another recording of that call has taken its place (R-23)": (
        "en anden optagelse af opkaldet er trådt i stedet (R-23)"
    ),
    "the call has a transcript that is none of this recording's": (
        "opkaldet har en transskription, der ikke hører til denne optagelse"
    ),
    # --- the monthly report: storage.report ---
    "{id}: past its date, waiting for the sweep": "{id}: fristen er passeret; venter på sletning",
    "{id}: stored in {region} (R-51)": "{id}: opbevares i {region} (R-51)",
    "{id}: has no data key": "{id}: har ingen nøgle",
    "{id}: its file is not there": "{id}: filen er der ikke",
    "{id}: never rested on consent": "{id}: har aldrig hvilet på samtykke",
}
