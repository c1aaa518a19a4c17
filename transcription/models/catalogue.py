"""TEMPORARY: replaced on merge."""

from __future__ import annotations

from pathlib import Path

HERE = Path(__file__).resolve().parent
BUILT_IN = ("da-demo",)


def folder_of(model: str) -> Path:
    """The folder of a model: one of ours by name, else the path itself."""
    return HERE / model if model in BUILT_IN else Path(model)
