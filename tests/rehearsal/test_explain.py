"""`tast1 policy explain`: one sentence about an artifact of the archive, with its rule."""

from __future__ import annotations

import json
from datetime import datetime, timedelta, timezone
from pathlib import Path

import pytest
import yaml
from typer.testing import CliRunner, Result

from gateway.app import Archive
from gateway.cli import app
from gateway.config import Settings
from tests.storage.world import World, record_call

NOW = datetime.now(timezone.utc)


class Desk:
    """An archive with a call of an hour ago and one of 40 days ago."""

    def __init__(self, folder: Path) -> None:
        self.config = folder / "config.yaml"
        stored = {"folder": str(folder / "data"), "memory_folder": str(folder / "memory")}
        connect = {"customer": {"connect": "sip:agent@127.0.0.1:5070"}}
        self.config.write_text(yaml.safe_dump({"flows": connect, "storage": stored}), encoding="utf-8")
        archive = self.archive()
        world = World(folder, archive.database, archive.keys, archive.store, archive.settings.policy)
        _, self.fresh = record_call(world, NOW - timedelta(hours=1))
        _, self.old = record_call(world, NOW - timedelta(days=40))
        archive.close()

    def archive(self) -> Archive:
        return Archive.open(Settings.load(self.config, {}))

    def explain(self, *arguments: str) -> Result:
        return CliRunner().invoke(app, ["policy", "explain", *arguments, "--config", str(self.config)])


@pytest.fixture
def desk(tmp_path: Path) -> Desk:
    return Desk(tmp_path)


def test_what_is_kept_says_why_and_on_what_ground(desk: Desk) -> None:
    shown = desk.explain(desk.fresh[:10])
    assert shown.exit_code == 0
    assert "Det opbevares, fordi kunden har givet samtykke" in shown.output
    assert "the caller consented" in desk.explain(desk.fresh, "--lang", "en").output
    explained = json.loads(desk.explain(desk.fresh, "--json").output)
    assert [ground["ground"] for ground in explained["grounds"]] == ["G-CONSENT"]


def test_what_is_past_its_date_says_so_before_and_after_it_is_erased(desk: Desk) -> None:
    assert "Det er væk" in desk.explain(desk.old).output
    archive = desk.archive()
    archive.sweep(NOW)
    archive.close()
    shown = " ".join(desk.explain(desk.old).output.split())
    assert "Det er slettet" in shown
    assert "R-10" in shown
    assert "Slettebevis" in shown
    assert "It was erased" in json.loads(desk.explain(desk.old, "--json").output)["why"]


def test_what_is_not_there_is_refused(desk: Desk) -> None:
    assert desk.explain("no-such-artifact").exit_code == 1
    assert desk.explain("").exit_code == 1
