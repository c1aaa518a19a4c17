"""The page about trunks: each of its settings can be loaded as it stands, and becomes the edge's."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from gateway import parts
from gateway.config import Settings
from gateway.edge.requests import servers_of
from gateway.edge.trunks import Trunks

PAGE = (Path(__file__).parents[1] / "docs/trunks.md").read_text(encoding="utf-8")
BLOCKS = [
    (re.findall(r"^## (.*)$", PAGE[: found.start()], re.MULTILINE)[-1], found[1])
    for found in re.finditer(r"^```yaml\n(.*?)^```", PAGE, re.MULTILINE | re.DOTALL)
]


def test_there_are_settings_for_every_kind() -> None:
    heads = " ".join(head for head, _ in BLOCKS)
    for kind in ("provider", "Asterisk", "3CX", "CUBE", "Teams", "Kamailio"):
        assert kind in heads


@pytest.mark.parametrize(("head", "text"), BLOCKS, ids=[head for head, _ in BLOCKS])
def test_the_settings_load_and_mean_a_trunk(head: str, text: str) -> None:
    settings = Settings.parse(text, "config.yaml", Path("/srv/tast1"), {})
    edge = parts.edge_settings(settings, b"")
    (trunk,) = edge.trunks
    assert len(servers_of(trunk)) == len(settings.sip.trunks[0].servers)
    for network in trunk.networks:
        certified = frozenset(trunk.certificates)
        assert Trunks(edge).name(network.partition("/")[0], certified) == trunk.name
    assert parts.trunk_of(settings)(trunk.name).name == trunk.name
