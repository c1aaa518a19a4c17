"""What is said of trunks and of how keys arrive from them."""

from __future__ import annotations

TEXTS: dict[str, tuple[str, str]] = {  # key: Danish, English
    "title.trunks": (
        "Trunks; spørgsmål om optagelse efter, hvordan tasterne kom",
        "Trunks; consent questions by how their keys came",
    ),
    "title.trunk_states": ("Trunks, som Tast1 holder øje med", "Trunks that Tast1 looks after"),
    "column.trunk": ("Trunk", "Trunk"),
    "column.trunk_state": ("Tilstand", "State"),
    "column.registration": ("Registrering", "Registration"),
    "column.server": ("Server", "Server"),
    "column.server_state": ("Svarer", "Answers"),
    "trunk_state.up": ("oppe", "up"),
    "trunk_state.down": ("nede", "down"),
    "trunk_state.unknown": ("ukendt", "unknown"),
    "registration.trying": ("forsøges", "being tried"),
    "registration.registered": ("registreret", "registered"),
    "registration.refused": ("afvist", "refused"),
    "registration.unreachable": ("ingen svarer", "nobody answers"),
    "registration.ended": ("afmeldt", "given up"),
    "trunk.registered_for": ("{state}, {seconds} s endnu", "{state}, {seconds} s more"),
    "column.networks": ("Netværk", "Networks"),
    "column.inband": ("Toner i lyden", "Tones in the sound"),
    "column.by_rfc4733": ("RFC 4733", "RFC 4733"),
    "column.by_info": ("SIP INFO", "SIP INFO"),
    "column.by_inband": ("Toner", "Tones"),
    "column.by_none": ("Ingen tast", "No key"),
    "method.rfc4733": ("RFC 4733", "RFC 4733"),
    "method.info": ("SIP INFO", "SIP INFO"),
    "method.inband": ("toner i lyden", "tones in the sound"),
    "method.both": ("RFC 4733 og SIP INFO", "RFC 4733 and SIP INFO"),
    "inband.off": ("lyttes der ikke efter", "not listened for"),
    "inband.on": ("lyttes der altid efter", "always listened for"),
    "inband.auto": ("lyttes der efter, når RFC 4733 mangler", "listened for where RFC 4733 is missing"),
    "trunk.not_running": (
        "Tast1 kører ikke; tallene er fra et kørende Tast1.",
        "Tast1 is not running; the figures are those of a running one.",
    ),
    "trunk.which": (
        "Sig, hvilket opkald der er testen: --number NUMMER (det, der ringes til), --caller (der spørges om"
        " det, der ringes fra) eller --to sip:NUMMER@VÆRT (Tast1 ringer selv).",
        "Say which call is the test: --number NUMBER (the one dialled), --caller (you are asked for the one"
        " that calls) or --to sip:NUMBER@HOST (Tast1 calls by itself).",
    ),
    "trunk.no_user": (
        "--to: adressen har intet nummer (skriv sip:NUMMER@VÆRT:PORT).",
        "--to: the address has no number (write sip:NUMBER@HOST:PORT).",
    ),
    "trunk.caller": ("Nummeret, der ringes fra", "The number that calls"),
    "trunk.busy": (
        "En anden test er i gang; prøv igen, når den er slut.",
        "Another test is going on; try again when it is over.",
    ),
    "trunk.waiting": (
        "Ring op inden {seconds} s, hør sætningen, og tast 1, 2 og 3. Opkaldet optages ikke.",
        "Call within {seconds} s, hear the sentence, and press 1, 2 and 3. The call is not recorded.",
    ),
    "trunk.call": (
        "Opkald fra trunk {trunk}, {codec}; RFC 4733 {events}. Toner i lyden {inband}.",
        "Call from trunk {trunk}, {codec}; RFC 4733 {events}. Tones in the sound are {inband}.",
    ),
    "trunk.events": ("er aftalt", "was agreed on"),
    "trunk.no_events": ("er ikke aftalt", "was not agreed on"),
    "trunk.key": (
        "{at:6.2f} s  tast {digit}  {length}  {method}",
        "{at:6.2f} s  key {digit}  {length}  {method}",
    ),
    "trunk.sound": (
        "Lyd: {packets} pakker kom, {lost} gik tabt ({share:.1f} %), jitter {jitter} ms.",
        "Sound: {packets} packets came, {lost} were lost ({share:.1f} %), jitter {jitter} ms.",
    ),
    "trunk.complete": (
        "Alle tre taster kom, som {methods}.",
        "All three keys came, as {methods}.",
    ),
    "trunk.set_on": (
        "De kom kun som toner, og dem lyttes der ikke efter i den slags opkald: sæt inband: on ved trunk"
        " {trunk} i sip.trunks.",
        "They came as tones only, which are not listened for in such a call: set inband: on for trunk {trunk}"
        " in sip.trunks.",
    ),
    "trunk.incomplete": (
        "Kun dette kom: {digits} (ventet: 1 2 3).",
        "Only this came: {digits} (expected: 1 2 3).",
    ),
    "trunk.nothing": (
        "Ingen tast kom, hverken som RFC 4733, SIP INFO eller toner: bed udbyderen om RFC 4733"
        " (telephone-event).",
        "No key came, neither by RFC 4733 nor by SIP INFO nor as tones: ask the provider for RFC 4733"
        " (telephone-event).",
    ),
    "trunk.nobody": (
        "Intet opkald, der passede, kom inden for tiden.",
        "No call that fits came in time.",
    ),
}
