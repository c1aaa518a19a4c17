"""The API over a real archive, on a real port of loopback, with people who have tokens."""

from __future__ import annotations

import contextlib
from collections.abc import AsyncIterator, Mapping
from datetime import datetime, timezone
from pathlib import Path
from typing import Any

import aiohttp
from aiohttp.test_utils import TestServer

from gateway import parts, reloading
from gateway.archive import Archive
from gateway.calls.live import LiveCalls
from gateway.config import ConfigError
from gateway.reloading import Reloaded
from gateway.web.api.app import api_app, check
from gateway.web.api.limits import Buckets
from gateway.web.api.serve import PREFIX, SERVICE
from gateway.web.oidc.sign_in import ProviderSignIn
from gateway.workshop.workshop import Workshop
from ivr_prompts.catalogue import Catalogue
from storage.desk import Desk
from tests.cli.shop import Shop


class Running:
    """What the API turns to, without a telephone."""

    def __init__(self, archive: Archive) -> None:
        self.archive = archive
        self.calls = LiveCalls((), None)  # type: ignore[arg-type]
        self.swept_at: datetime | None = None
        self.clock: datetime | None = None
        self.looked_up = 0

    @property
    def desk(self) -> Desk:
        return self.archive.desk

    @property
    def workshop(self) -> Workshop:
        return parts.workshop(self.archive.settings, self.archive, Catalogue.load())

    async def look_up_prompts(self) -> int:
        self.looked_up += 1
        return 0

    def shown_settings(self) -> dict[str, Any]:
        return self.archive.settings.shown()

    async def reload(self, actor: Mapping[str, Any], dry_run: bool = False) -> Reloaded:
        try:
            found = reloading.read(self.archive.settings, Catalogue.load())
        except ConfigError as error:
            return Reloaded(False, mistakes=error.mistakes, dry_run=dry_run)
        return Reloaded(True, found.changes, dry_run=dry_run)

    def now(self) -> datetime:
        return self.clock or datetime.now(timezone.utc)


class Site:
    """A shop whose archive is served. `ask` sends a request and returns status and body."""

    def __init__(self, shop: Shop, running: Running, server: TestServer) -> None:
        self.shop = shop
        self.running = running
        self.server = server
        self.headers: dict[str, str] = {}

    def url(self, path: str) -> str:
        return str(self.server.make_url(PREFIX + path))

    async def ask(
        self, method: str, path: str, by: str = "", json: Any = None, **headers: str
    ) -> tuple[int, Any]:
        """Status and JSON (text where it is none). `Role="DPO"` is the header Tast1-Role."""
        sent = {f"Tast1-{name}": value for name, value in headers.items()}
        if by:
            sent["Authorization"] = f"Bearer {self.shop.tokens[by]}"
        async with (
            aiohttp.ClientSession() as session,
            session.request(method, self.url(path), json=json, headers=sent) as response,
        ):
            self.headers = dict(response.headers)
            if "json" in response.content_type:
                return response.status, await response.json(content_type=None)
            return response.status, await response.read()


@contextlib.asynccontextmanager
async def served(
    folder: Path, provider: ProviderSignIn | None = None, port: int = 0, **people: tuple[str, ...]
) -> AsyncIterator[Site]:
    """A site; `people`: who works there, in which roles."""
    shop = Shop(folder)
    for person, roles in people.items():
        shop.hire(person, *roles)
    archive = shop.archive()
    running = Running(archive)
    app = api_app(running, provider=provider)
    check(app)
    app[SERVICE].rate = Buckets(per_s=1e6, burst=1e6)  # one machine asks for everybody
    server = TestServer(app, port=port or None)
    await server.start_server()
    try:
        yield Site(shop, running, server)
    finally:
        await server.close()
        archive.close()
