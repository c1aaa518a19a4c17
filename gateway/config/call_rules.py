"""What the consent question and the prompts of a call must fit.

As in `checks`, each check yields `(key, why)`; `ivr` looks at the settings alone, `prompts` also at the disk.
"""

from __future__ import annotations

from collections.abc import Iterator

from gateway.callflow.questions import ROUNDS
from gateway.config.sections import ConfigFile, FlowSection
from gateway.config.source import Fault, Key
from ivr_prompts.catalogue import BUILT_IN, Catalogue, CatalogueError


def effective_ivr(file: ConfigFile, flow: FlowSection) -> dict[str, object]:
    """The `ivr` settings of a flow: its own, else the common ones."""
    own = {name: getattr(flow.ivr, name) for name in flow.ivr.model_fields_set}
    return {**{name: getattr(file.ivr, name) for name in type(file.ivr).model_fields}, **own}


def ivr(file: ConfigFile) -> Iterator[Fault]:
    """The keys of `ivr` and of each flow; a flow is blamed only for what it sets itself."""
    prefixes: list[tuple[Key, dict[str, object], set[str]]] = [
        (("ivr",), {name: getattr(file.ivr, name) for name in type(file.ivr).model_fields}, {"*"})
    ]
    prefixes += [
        (("flows", name, "ivr"), effective_ivr(file, flow), flow.ivr.model_fields_set)
        for name, flow in file.flows.items()
    ]
    for prefix, ivr, own in prefixes:
        accept, withdraw = str(ivr["accept_key"]), str(ivr["withdraw_keys"])
        if accept in withdraw and own & {"*", "accept_key", "withdraw_keys"}:
            name = "withdraw_keys" if own & {"*", "withdraw_keys"} else "accept_key"
            yield (
                (*prefix, name),
                "accept_key is one of withdraw_keys: pressing it twice withdraws (choose another)",
            )
        if ivr["repeat"] and accept == "*" and own & {"*", "accept_key", "repeat"}:
            yield (
                (*prefix, "repeat" if "repeat" in own else "accept_key"),
                "* repeats the prompt (choose another key)",
            )
        split, late = ivr["granularity"] == "split", ivr["late_key"] == "accept"
        if split and late and own & {"*", "granularity", "late_key"}:
            yield (
                (*prefix, "late_key" if own & {"*", "late_key"} else "granularity"),
                "a key that comes late does not say which of the questions it answers (write reject)",
            )


def prompts(file: ConfigFile) -> Iterator[Fault]:
    """Prompt sets that are missing or damaged, and a greeting that does not name the company."""
    try:
        catalogue = Catalogue.load(file.prompts.folder)
    except CatalogueError as error:
        for fault in error.faults:
            yield ("prompts", "folder"), fault
        return
    known = f"(choose one of {', '.join(catalogue.languages)}, or add it to the folder)"
    used: dict[str, Key] = {}
    if file.prompts.default not in catalogue:
        yield ("prompts", "default"), f"there is no such prompt set {known}"
    for name, flow in file.flows.items():
        if flow.prompts is not None and flow.prompts not in catalogue:
            yield ("flows", name, "prompts"), f"there is no such prompt set {known}"
        used[flow.prompts or file.prompts.default] = ("flows", name, "prompts")
        yield from _questions(file, catalogue, name, flow)
    for language in used:
        if language in catalogue and file.company.name not in catalogue[language]["greeting"].text:
            folder = file.prompts.folder or BUILT_IN
            yield (
                ("company", "name"),
                f"the greeting of prompt set {language} does not name it, and the caller must hear who asks"
                f" (voice one that does: see {folder / language / 'catalogue.yaml'})",
            )


def _questions(file: ConfigFile, catalogue: Catalogue, name: str, flow: FlowSection) -> Iterator[Fault]:
    """The set of a flow has every question that the flow puts."""
    language = flow.prompts or file.prompts.default
    if flow.announced or language not in catalogue:
        return
    asks = ROUNDS[str(effective_ivr(file, flow)["granularity"])]
    if missing := [each for each in asks if each not in catalogue[language]]:
        yield (
            ("flows", name, "ivr", "granularity"),
            f"the prompt set {language} has no {', '.join(missing)} (voice them, or write bundled)",
        )
