"""How `tast1 prompts` shows versions, places and findings."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from gateway.cli.context import console, local, print_json, seconds, table
from gateway.texts import text

if TYPE_CHECKING:
    from gateway.workshop.workshop import Item
    from ivr_prompts.findings import Finding
    from storage.prompts import Place
    from storage.tables import PromptActivation

SHOWN_TEXT = 60  # characters of a text in a table


def show_items(items: Sequence[Item], lang: str) -> None:
    """A table of versions."""
    table(
        text("title.prompts", lang),
        ("prompt", "state", "text", "duration", "loudness", "findings", "made_by", "made_at", "approved_by"),
        [
            (
                item.name,
                text(f"state.{state_of(item)}", lang),
                _short(item.prompt.text),
                seconds(item.prompt.duration_ms),
                number(item.row.loudness_lufs, lang) if item.row else "",
                "/".join(map(str, _counted(item))) if item.row else "",
                item.row.made_by if item.row else "",
                local(item.row.made_at) if item.row else "",
                item.row.approved_by if item.row else "",
            )
            for item in items
        ],
        lang,
    )


def show_activations(placed: Sequence[PromptActivation], names: Mapping[str, str], lang: str) -> None:
    """A table of what is played where, from when."""
    table(
        text("title.activations", lang),
        ("prompt", "played", "from", "made_by"),
        [(_name(each, names), place_of(each, lang), local(each.begins_at), each.made_by) for each in placed],
        lang,
    )


def show_findings(name: str, findings: Sequence[Finding], as_json: bool, lang: str) -> None:
    """A table of findings, each with what to do; or that there are none."""
    if as_json:
        rows = [{**each.as_json(), "text": sentence(each, lang)} for each in findings]
        print_json({"prompt": name, "findings": rows})
    elif not findings:
        console.print(text("prompts.no_findings", lang, prompt=name), style="green", markup=False)
    else:
        table(
            text("title.findings", lang, prompt=name),
            ("severity", "finding", "what_to_do"),
            [(text(f"severity.{each.severity}", lang), each.name, sentence(each, lang)) for each in findings],
            lang,
        )


def sentence(finding: Finding, lang: str) -> str:
    """What is wrong, and what to do."""
    values = {name: number(value, lang) for name, value in finding.values.items()}
    return text(f"finding.{finding.name}", lang, **values)


def number(value: float | str | None, lang: str) -> str:
    """A value as it is written in a language: -20,3 in Danish."""
    if value is None:
        return ""
    return str(value).replace(".", ",") if isinstance(value, float) and lang == "da" else str(value)


def place_of(place: PromptActivation | Place, lang: str) -> str:
    """Where a version is played."""
    if place.scope == "set":
        return text("scope.set", lang)
    return text(f"scope.{place.scope}", lang, target=place.target)


def state_of(item: Item) -> str:
    """shipped, draft (waits for approval), faulty (never can be approved), approved."""
    if item.row is None:
        return "shipped"
    if item.row.approved_at is not None:
        return "approved"
    return "faulty" if _counted(item)[0] else "draft"


def items_as_json(items: Sequence[Item]) -> list[dict[str, Any]]:
    """Versions, for programs."""
    return [
        {
            "prompt": item.name,
            "id": item.row.id if item.row else None,
            "state": state_of(item),
            "text": item.prompt.text,
            "text_sha256": item.prompt.text_sha256,
            "audio_sha256": item.prompt.sha256,
            "duration_ms": item.prompt.duration_ms,
            "markers_ms": dict(item.prompt.markers_ms),
            "loudness_lufs": item.row.loudness_lufs if item.row else None,
            "peak_dbtp": item.row.peak_dbtp if item.row else None,
            "source": item.row.source if item.row else {"kind": "shipped"},
            "findings": item.row.findings if item.row else [],
            "made_at": item.row.made_at if item.row else None,
            "made_by": item.row.made_by if item.row else None,
            "approved_at": item.row.approved_at if item.row else None,
            "approved_by": item.row.approved_by if item.row else None,
            "accepted_warnings": item.row.accepted_warnings if item.row else [],
        }
        for item in items
    ]


def activations_as_json(placed: Sequence[PromptActivation], names: Mapping[str, str]) -> list[dict[str, Any]]:
    """Where versions are played, for programs."""
    return [
        {
            "activation": each.id,
            "prompt": _name(each, names),
            "scope": each.scope,
            "target": each.target,
            "begins_at": each.begins_at,
            "made_at": each.made_at,
            "made_by": each.made_by,
        }
        for each in placed
    ]


def _name(placed: PromptActivation, names: Mapping[str, str]) -> str:
    return names.get(placed.version_id or "", f"{placed.prompt_set}/{placed.role}/shipped")


def _counted(item: Item) -> tuple[int, int]:
    """Errors and warnings when it was made."""
    found = [each["severity"] for each in (item.row.findings if item.row else ())]
    return found.count("error"), found.count("warning")


def _short(words: str) -> str:
    return words if len(words) <= SHOWN_TEXT else f"{words[: SHOWN_TEXT - 1].rstrip()}…"
