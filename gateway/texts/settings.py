"""What is said of settings and of reloading them."""

from __future__ import annotations

TEXTS: dict[str, tuple[str, str]] = {  # key: Danish, English
    "column.setting": ("Indstilling", "Setting"),
    "column.before": ("Før", "Before"),
    "column.after": ("Efter", "After"),
    "column.takes_effect": ("Gælder", "Takes effect"),
    "title.reload": ("Ændrede indstillinger", "Changed settings"),
    "effect.now": ("straks", "at once"),
    "effect.calls": ("for nye opkald", "for new calls"),
    "effect.start": ("fra næste start", "at the next start"),
    "reload.done": (
        "Genindlæst. Ændringer, der gælder nu: {count}. Opkald i gang fortsætter uændret.",
        "Reloaded. Changes in force: {count}. Calls that are up go on unchanged.",
    ),
    "reload.would": (
        "Prøve. Ændringer, der ville gælde efter `tast1 reload`: {count}. Intet er ændret.",
        "Dry run. Changes that would be in force after `tast1 reload`: {count}. Nothing was changed.",
    ),
    "reload.waiting": (
        "Gælder først fra næste start af gatewayen: {count}.",
        "At the next start of the gateway only: {count}.",
    ),
    "reload.same": (
        "Genindlæst: indstillingerne er de samme som dem, der gælder.",
        "Read: the settings are the same as those in force.",
    ),
    "unfit": (
        "{prompt} siger i flowet {flow}, at man skal trykke {says}, men det er {accepts}, der accepterer"
        " (ivr.accept_key). Ingen, der gør, som der bliver sagt, optages. Ret tasten, eller tag en besked i"
        " brug, der nævner {accepts}.",
        "{prompt} tells callers of the flow {flow} to press {says}, but it is {accepts} that accepts"
        " (ivr.accept_key). Nobody who does as told is recorded. Correct the key, or activate a prompt that"
        " names {accepts}.",
    ),
    "reload.refused": (
        "Ikke genindlæst: de hidtidige indstillinger gælder fortsat. Ret fejlene, og prøv igen.",
        "Not reloaded: the settings before stay in force. Correct the mistakes and try again.",
    ),
}
