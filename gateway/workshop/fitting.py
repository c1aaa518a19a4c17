"""Whether the consent question that callers hear names the key that accepts in its flow.

A version is activated only where it does; the key may be changed afterwards. Then nobody who does as they
are told is recorded: on the safe side, and nothing that an operator wants. So it is told when settings are
checked and read, and at the start. It is no mistake: key and question cannot change in one step, and each
would wait for the other.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import product

from gateway.callflow.questions import ROUNDS
from gateway.callflow.settings import FlowSettings
from gateway.calls.live import flow_for
from ivr_prompts.catalogue import Catalogue
from ivr_prompts.wording import keys_told
from storage import prompts
from storage.prompts import Stock


@dataclass(frozen=True)
class Unfit:
    """A consent question, played in a flow, that tells callers to press other keys than the one that accepts.

    `prompt` is named as commands name it (da/consent/2), `says` are the keys it names, with commas
    between them.
    """

    prompt: str
    flow: str
    accepts: str
    says: str


def unfit(
    catalogue: Catalogue, stock: Stock, flows: Sequence[FlowSettings], at: datetime
) -> tuple[Unfit, ...]:
    """The questions played at `at`, or later by what is activated, that do not go with their flow's key.

    A text that names no key at all, or in a language whose words for it are not known, is not judged.
    """
    return tuple(dict.fromkeys(_unfit(catalogue, stock, flows, at)))


def _unfit(
    catalogue: Catalogue, stock: Stock, flows: Sequence[FlowSettings], at: datetime
) -> Iterator[Unfit]:
    numbers = [each.target for each in stock.activations if each.scope == "number"]
    instants = [at, *(each.begins_at for each in stock.activations if each.begins_at > at)]
    for flow in flows:
        if flow.announced or flow.prompts not in catalogue:
            continue
        for number in ("", *(each for each in numbers if flow_for(tuple(flows), each) is flow)):
            for instant, question in product(instants, ROUNDS[flow.ivr.granularity]):
                if question not in catalogue[flow.prompts]:
                    continue
                name, text = _played(catalogue, stock, flow, question, number, instant)
                told = keys_told(flow.prompts, text)
                others = (*flow.ivr.withdraw_keys, *("*" * bool(flow.ivr.repeat)))
                says = [key for key in dict.fromkeys(told) if key not in others]
                if says and flow.ivr.accept_key not in told:
                    yield Unfit(name, flow.name, flow.ivr.accept_key, ", ".join(says))


def _played(
    catalogue: Catalogue, stock: Stock, flow: FlowSettings, question: str, number: str, at: datetime
) -> tuple[str, str]:
    """A question that a call hears: its name and its words."""
    found = prompts.in_force(stock.activations, flow.prompts, question, flow.name, number, at)
    if found is not None and found.version_id is not None:
        row = stock.versions[found.version_id]
        return prompts.name_of(row), row.text
    shipped = catalogue[flow.prompts][question]
    return f"{flow.prompts}/{question}/{shipped.version}", shipped.text
