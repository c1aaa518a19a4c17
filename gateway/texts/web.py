"""What the HTTP API and the console say."""

from __future__ import annotations

TEXTS: dict[str, tuple[str, str]] = {  # key: Danish, English
    "problem.malformed": ("Forespørgslen kan ikke læses", "The request cannot be read"),
    "problem.malformed.detail": (
        "Send JSON som i /api/v1/openapi.json.",
        "Send JSON as in /api/v1/openapi.json.",
    ),
    "problem.sign-in-failed": ("Ikke logget ind", "Not signed in"),
    "problem.sign-in-failed.detail": (
        "Log ind, eller send et gyldigt token (tast1 users token).",
        "Sign in, or send a valid token (tast1 users token).",
    ),
    "problem.not-allowed": ("Adgang nægtet", "Access denied"),
    "problem.not-allowed.detail": (
        "Din rolle giver ikke adgang til det. Spørg din administrator, hvis du mener, den skal.",
        "Your role does not allow that. Ask your administrator if you think it should.",
    ),
    "problem.not-found": ("Findes ikke", "Not found"),
    "problem.not-found.detail": (
        "Der er intet med den adresse. Det kan være slettet.",
        "There is nothing at that address. It may have been erased.",
    ),
    "problem.method-not-allowed": ("Metoden bruges ikke her", "Method not allowed"),
    "problem.method-not-allowed.detail": (
        "Se hvilke metoder der er, i /api/v1/openapi.json.",
        "See which methods there are in /api/v1/openapi.json.",
    ),
    "problem.refused": ("Afvist af reglerne", "Refused by the rules"),
    "problem.refused.detail": ("Politikken tillader det ikke.", "The policy does not allow it."),
    "problem.conflict": ("Kan ikke ske nu", "Not possible now"),
    "problem.conflict.detail": (
        "Noget har ændret sig i mellemtiden. Hent igen, og prøv så.",
        "Something has changed meanwhile. Load it again, then try.",
    ),
    "problem.too-large": ("For stort", "Too large"),
    "problem.too-large.detail": ("Send højst 1 MB.", "Send 1 MB at most."),
    "problem.range-not-satisfiable": ("Uden for filen", "Outside of the file"),
    "problem.range-not-satisfiable.detail": ("Filen er kortere.", "The file is shorter."),
    "problem.invalid": ("Noget er ikke udfyldt rigtigt", "Something is not filled in right"),
    "problem.invalid.detail": ("Se felterne, og ret dem.", "Look at the fields and correct them."),
    "problem.too-many-requests": ("For mange forespørgsler", "Too many requests"),
    "problem.too-many-requests.detail": ("Vent lidt, og prøv igen.", "Wait a little, then try again."),
    "problem.failed": ("Der skete en fejl hos os", "Something failed on our side"),
    "problem.failed.detail": (
        "Prøv igen. Sker det igen, så se i gatewayens log.",
        "Try again. If it happens again, look in the gateway's log.",
    ),
    "problem.unavailable": ("Ikke til rådighed lige nu", "Not available just now"),
    "problem.unavailable.detail": (
        "Arkivet svarer ikke. Prøv igen om lidt.",
        "The archive does not answer. Try again in a moment.",
    ),
    "desk.no_such_call": (
        "der er ikke ét opkald, hvis id begynder sådan",
        "no call's id begins so, or several do",
    ),
    "oidc.signed_in": ("Logget ind", "Signed in"),
    "oidc.signed_in.detail": ("Du bliver sendt videre.", "You are being taken on."),
    "oidc.go_on": ("Videre", "Go on"),
    "oidc.again": ("Prøv igen", "Try again"),
    "oidc.unavailable": (
        "Identitetsudbyderen svarer ikke. Prøv igen om lidt.",
        "The identity provider does not answer. Try again in a moment.",
    ),
    "webhooks.none": ("Ingen webhooks er sat op (web.webhooks).", "No webhooks are set up (web.webhooks)."),
    "webhooks.no_such": (
        "Ingen webhook har en adresse, der begynder sådan. Se tast1 webhooks list.",
        "No webhook has an address that begins so. See tast1 webhooks list.",
    ),
    "webhooks.taken": ("{url}: modtaget ({outcome})", "{url}: taken ({outcome})"),
    "webhooks.not_taken": (
        "{url}: ikke modtaget ({outcome}); se i modtagerens log",
        "{url}: not taken ({outcome}); look in the receiver's log",
    ),
    "title.webhooks": ("Webhooks", "Webhooks"),
    "column.url": ("Adresse", "Address"),
    "column.events": ("Hændelser", "Events"),
    "column.waiting": ("Venter", "Waiting"),
    "column.since": ("Siden", "Since"),
    "column.last_outcome": ("Sidste svar", "Last answer"),
    "action.deviation": ("afvigelse", "deviation"),
    "action.request.due": ("svarfrist nær", "reply due"),
    "action.sign_in": ("logget ind", "signed in"),
    "action.user.link": ("bruger knyttet til identitetsudbyder", "user linked to the identity provider"),
    "action.user.name": ("navn opdateret", "name updated"),
    "action.live.stop": ("optagelse stoppet", "recording stopped"),
    "action.live.pause": ("optagelse sat på pause", "recording paused"),
    "action.live.resume": ("optagelse genoptaget", "recording resumed"),
    "action.live.offer": ("optagelse tilbudt", "recording offered"),
    "action.live.transfer": ("viderestilling bedt om", "transfer asked for"),
    "action.live.complete": ("viderestilling gennemført", "transfer completed"),
    "action.live.back": ("kunden taget tilbage", "caller taken back"),
    "action.live.transferred": ("opkald viderestillet", "call transferred"),
    "action.live.record": ("optaget til en sag", "recorded for a case"),
}

SENTENCES: dict[str, str] = {  # what the API says no with, English to Danish
    "nobody is signed in": "ingen er logget ind",
    "the settings of the call's flow allow no transfer there": (
        "indstillingerne for opkaldets flow tillader ikke viderestilling dertil"
    ),
    "nobody of the company is speaking with the caller just now": (
        "ingen fra selskabet taler med den, der ringer, lige nu"
    ),
    "sign in with: Authorization: Bearer TOKEN": "log ind med: Authorization: Bearer TOKEN",
    "the header {name} must hold the session's token (GET /session)": (
        "headeren {name} skal indeholde sessionens token (GET /session)"
    ),
    "there is no package: the request is not answered, or its days are over": (
        "der er ingen pakke: anmodningen er ikke besvaret, eller pakkens dage er gået"
    ),
    "nothing of that call is being recorded": "der optages intet af det opkald",
    "that is no call of an announced flow": "det er ikke et opkald i et flow med varslet optagelse",
    "the call is over": "opkaldet er slut",
    "sign in from this gateway's own pages": "log ind fra gatewayens egne sider",
    "it is no transcript": "det er ingen udskrift",
    "the body must be application/json": "indholdet skal være application/json",
    "the body is not JSON": "indholdet er ikke JSON",
    "the body must be multipart/form-data": "indholdet skal være multipart/form-data",
    "the body is no multipart/form-data": "indholdet er ikke multipart/form-data",
    "each part must be a field of its own, with a name": "hver del skal være et felt for sig, med et navn",
    "this {name} was used for another request; take a new one": (
        "denne {name} er brugt til en anden forespørgsel; tag en ny"
    ),
    "the first request with this key failed; send it again": (
        "den første forespørgsel med denne nøgle mislykkedes; send den igen"
    ),
}
