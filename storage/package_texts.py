"""The letter that goes with a package: article 15(1)(a) to (h) and 15(2), in Danish and English."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from storage.artifacts import Tags
from storage.policy.clocks import local_date
from storage.tables import Case

_LETTER = {
    "da": """{controller}
{day}

Svar på din anmodning om indsigt, nr. {request}

Du har bedt om indsigt i optagelser af dine telefonsamtaler (databeskyttelsesforordningens artikel 15). Denne
pakke er en kopi af det, vi opbevarer om de samtaler, din anmodning gælder.

a) Formål. Hver optagelse og transskription opbevares kun til de formål, der står ud for den nedenfor.
b) Kategorier af oplysninger. Lyd af samtalen, i nogle tilfælde en transskription, tidspunkter, og hvad der
   blev afspillet, hørt og tastet, da du blev spurgt om optagelse.
c) Modtagere. Se recipients.json. Kun de personer, hvis opgave kræver det, har adgang; hvert opslag logges.
d) Opbevaring. Den sidste dag står ud for hver optagelse; derefter slettes den automatisk.
e) Rettigheder. Du kan bede om berigtigelse, sletning eller begrænsning, gøre indsigelse og trække dit
   samtykke tilbage. Det sidste virker fremad og sletter det, der kun opbevares på dit samtykke.
f) Klage. Du kan klage til Datatilsynet, www.datatilsynet.dk.
g) Kilde. Oplysningerne stammer fra samtalen selv.
h) Automatiske afgørelser. Der træffes ingen afgørelser alene på grundlag af optagelsen.
Tredjelande (artikel 15, stk. 2). Alt opbevares i {region}. Ses noget fra et land uden for EU og EØS, sker
det på instruks, i begrænset tid og med et overførselsgrundlag, og det står i lookups.csv.

Det, pakken indeholder:
{contents}

Hvornår der er slået op, og til hvilket formål, står i lookups.csv. SHA256SUMS viser, at intet er ændret.
""",
    "en": """{controller}
{day}

Answer to your request for access, no. {request}

You asked for access to recordings of your telephone calls (article 15 of the General Data Protection
Regulation). This package is a copy of what we keep about the calls that your request is about.

a) Purposes. Each recording and transcript is kept for the purposes named beside it below, and no others.
b) Categories of data. The sound of the call, in some cases a transcript, points in time, and what was
   played, heard and pressed when you were asked whether it may be recorded.
c) Recipients. See recipients.json. Only those whose task requires it have access; every look is logged.
d) Storage. The last day stands beside each recording; after it the recording is erased automatically.
e) Rights. You can ask for rectification, erasure or restriction, object, and withdraw your consent. The
   last has effect for the future and erases what is kept on your consent alone.
f) Complaint. You can complain to the Danish Data Protection Agency, www.datatilsynet.dk.
g) Source. The data come from the call itself.
h) Automated decisions. No decision is based on the recording alone.
Third countries (article 15(2)). Everything is stored in {region}. When something is viewed from a country
outside the EU and EEA, that is on instruction, for a limited time and with a transfer tool, and it stands
in lookups.csv.

What the package holds:
{contents}

When it was looked at, and for what purpose, stands in lookups.csv. SHA256SUMS shows that nothing was changed.
""",
}
_KINDS = {
    "da": {"AUD": "optagelse", "TRS": "transskription", "INVR": "skadeinspektørs optagelse"},
    "en": {"AUD": "recording", "TRS": "transcript", "INVR": "investigator's recording"},
}
_OPEN = {"da": "indtil videre", "en": "no date yet"}
_UNTIL = {"da": "til og med", "en": "through"}


PURPOSES = {
    "da": {
        "training": "uddannelse",
        "analysis": "analyse",
        "documentation": "dokumentation",
        "rights_request": "behandling af anmodningen",
        "rights_documentation": "dokumentation af en anmodning",
        "complaint": "klage",
        "complaint_archive": "arkiv efter en klage",
        "investigation": "undersøgelse af en forsikringssag",
        "authority_order": "påbud fra en myndighed",
        "compliance": "compliance",
    },
    "en": {
        "rights_request": "handling the request",
        "rights_documentation": "documentation of a request",
        "complaint_archive": "archive after a complaint",
        "investigation": "investigation of an insurance case",
        "authority_order": "order of an authority",
    },
}


def letter(lang: str, tags: Tags, row: Case, at: datetime, kept: Sequence[dict[str, Any]]) -> str:
    """The letter in a language ("da" or "en"); `kept` are the artifacts with their grounds."""
    return _LETTER[lang].format(
        controller=tags.controller,
        day=local_date(at).isoformat(),
        request=row.id,
        region=tags.region,
        contents="\n".join(_line(lang, each) for each in kept),
    )


def _line(lang: str, kept: dict[str, Any]) -> str:
    grounds = "; ".join(_ground(lang, ground) for ground in kept["grounds"])
    return f"- {_KINDS[lang].get(kept['what'], kept['what'])}, {kept['recorded_at']}: {grounds}"


def _ground(lang: str, ground: dict[str, Any]) -> str:
    purposes = ", ".join(PURPOSES[lang].get(each, each) for each in ground["purposes"]) or "-"
    basis = ", ".join(ground["lawful_basis"])
    last = f"{_UNTIL[lang]} {ground['until']}" if ground["until"] else _OPEN[lang]
    return f"{purposes} (art. {basis}; {ground['rule']}), {last}"
