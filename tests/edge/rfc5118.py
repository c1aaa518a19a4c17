"""The messages of RFC 5118 (IPv6) from `rfc5118.txt`, as bytes by name."""

from __future__ import annotations

from pathlib import Path

from tests.edge.rfc4475 import read

MESSAGES, SECTIONS = read(Path(__file__).with_suffix(".txt"))
"""Message and section number by the RFC's name for it."""
