"""Fuzzes one target in a process of its own: `python -m tests.fuzz.child TARGET [flags and folders]`.

What is fuzzed is imported here for the first time, so that it can be instrumented.
"""

from __future__ import annotations

import sys

import atheris

from tests.fuzz.kept import target


def main() -> None:
    """Fuzz until libFuzzer ends the process."""
    name, *flags = sys.argv[1:]
    with atheris.instrument_imports(include=["gateway", "storage", "transcription", "tests.fuzz.planted"]):
        module = target(name)
    atheris.Setup([sys.argv[0], *flags], module.run)
    atheris.Fuzz()


if __name__ == "__main__":
    main()
