"""The messages of RFC 4475 from `rfc4475.txt`, as bytes by name; `read` reads any file of that form."""

from __future__ import annotations

import re
from pathlib import Path

_TITLE = re.compile(r"^=== ([0-9.]+) ([\w-]+)\n", re.MULTILINE)
_HEX = re.compile(rb"<hex>([0-9A-Fa-f]*)</hex>")


def read(path: Path) -> tuple[dict[str, bytes], dict[str, str]]:
    """Message and section number by name, of a file that has a title line before each message."""
    _, *parts = _TITLE.split(path.read_text("ascii"))
    messages: dict[str, bytes] = {}
    sections: dict[str, str] = {}
    for section, name, text in zip(parts[0::3], parts[1::3], parts[2::3], strict=True):
        wire = text.replace("\n", "\r\n").encode("ascii")
        messages[name] = _HEX.sub(lambda found: bytes.fromhex(found[1].decode()), wire)
        sections[name] = section
    return messages, sections


MESSAGES, SECTIONS = read(Path(__file__).with_suffix(".txt"))
"""Message and section number by the RFC's name for it."""
