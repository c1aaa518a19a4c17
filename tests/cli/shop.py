"""A folder with a config file, an archive with two calls, and people with tokens who give commands."""

from __future__ import annotations

import json
from datetime import datetime, timedelta, timezone
from pathlib import Path

import yaml
from typer.testing import CliRunner

from gateway.app import Archive
from gateway.cli import app
from gateway.config import Settings
from tests.storage.world import World, record_call

run = CliRunner()
_TESTS = {"lia": "LIA-1", "compatibility_test": "CT-1"}


class Shop:
    """A folder with a config file and an archive with one call of an hour ago and one of 40 days ago."""

    def __init__(self, folder: Path) -> None:
        self.now = datetime.now(timezone.utc)
        self.config = folder / "config.yaml"
        self.config.write_text(
            yaml.safe_dump(
                {
                    "flows": {"customer": {"connect": "sip:agent@127.0.0.1:5070"}},
                    "compliance": {
                        "reuse": {use: dict(_TESTS) for use in ("complaint", "investigation", "sampling")}
                    },
                    "storage": {"folder": str(folder / "data"), "memory_folder": str(folder / "memory")},
                    "control": {"socket": str(folder / "c")},
                }
            )
        )
        self.folder = folder
        archive = self.archive()
        world = World(folder, archive.database, archive.keys, archive.store, archive.settings.policy)
        self.call, self.fresh = record_call(world, self.now - timedelta(hours=1), 2.0)
        self.old_call, self.old = record_call(world, self.now - timedelta(days=40))
        archive.close()
        self.tokens: dict[str, str] = {}

    def archive(self) -> Archive:
        return Archive.open(Settings.load(self.config, {}))

    def tast1(self, *arguments: str, status: int = 0, by: str = "", input: str | None = None) -> str:
        """What a command prints; `by`: who gives it (nobody: the account of this machine)."""
        env = {"TAST1_LANG": "en", "TAST1_TOKEN": self.tokens[by] if by else None, "COLUMNS": "200"}
        result = run.invoke(app, [*arguments, "--config", str(self.config)], env=env, input=input)
        assert result.exit_code == status, f"{result.exit_code}: {result.output}"
        return result.output

    def json(self, *arguments: str, by: str = "", status: int = 0, input: str | None = None) -> object:
        return json.loads(self.tast1(*arguments, "--json", by=by, status=status, input=input))

    def hire(self, user: str, *roles: str) -> str:
        """A new user with these roles and a token."""
        self.tast1("users", "add", user, "--name", "Somebody")
        for role in roles:
            self.tast1("users", "grant", user, role)
        self.tokens[user] = self.tast1("users", "token", user).split()[-1]
        return user
