"""The models that come with Tast1, by name. Imports nothing heavy: settings are checked with it."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

BUILT_IN = ("da-demo",)
"""Names that a setting may use in place of a folder. Each is a folder beside this file."""

HERE = Path(__file__).resolve().parent


def folder_of(model: str) -> Path:
    """The folder of a model: one of ours by name, else the path itself."""
    return HERE / model if model in BUILT_IN else Path(model)


def why_no_model(folder: Path) -> str:
    """Why a folder cannot be a Vosk model, and what to do; "": the files that each has are there."""
    if not folder.is_dir():
        return "there is no such folder (give the path of an unpacked Vosk model)"
    flat = not (folder / "conf" / "model.conf").is_file()  # the layout of older models
    acoustic = any((folder / name).is_file() for name in ("am/final.mdl", "final.mdl"))
    if not acoustic or (words_file(folder) is None and not flat):
        return "no Vosk model is in that folder (am/final.mdl, conf/model.conf, graph/)"
    return ""


def words_file(folder: Path) -> Path | None:
    """The list of a model's words, one a line, if it has one."""
    return next((file for file in (folder / "graph/words.txt", folder / "words.txt") if file.is_file()), None)


def card(name: str) -> str:
    """What a built-in model is for, how well it does, and what it must not be used for (Markdown)."""
    return (HERE / name / "CARD.md").read_text(encoding="utf-8")


def figures(name: str) -> dict[str, Any]:
    """What evaluation measured of a built-in model (`transcription.models.evaluation`)."""
    found: dict[str, Any] = json.loads((HERE / name / "figures.json").read_text(encoding="utf-8"))
    return found
