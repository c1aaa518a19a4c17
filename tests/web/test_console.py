"""The console's files: what a browser is sent, under which policy, and how it is kept."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator
from pathlib import Path

import aiohttp
import pytest
import pytest_asyncio
import yaml
from aiohttp import web
from aiohttp.test_utils import TestClient, TestServer
from yarl import URL

from gateway.config import ConfigError, Settings
from gateway.web.console import FOLDER, TYPES, add_console

CRM = "https://crm.example.dk"
Client = TestClient[web.Request, web.Application]


@pytest_asyncio.fixture
async def browser() -> AsyncIterator[Client]:
    app = web.Application()
    add_console(app, [CRM])
    async with TestClient(TestServer(app)) as client:
        yield client


async def page_of(browser: Client, path: str = "/console/") -> tuple[aiohttp.ClientResponse, str]:
    response = await browser.get(path)
    return response, await response.text()


async def test_every_address_of_the_console_is_the_same_page(browser: Client) -> None:
    response, first = await page_of(browser)
    assert response.status == 200 and response.content_type == "text/html"
    for path in ("/console/calls", "/console/recordings/0f3a", "/console/panel?call=0f3a"):
        assert (await page_of(browser, path))[1] == first
    moved = await browser.get("/console", allow_redirects=False)
    assert (moved.status, moved.headers["Location"]) == (308, "/console/")


async def test_nothing_is_loaded_from_elsewhere_and_no_script_stands_in_the_page(browser: Client) -> None:
    response, page = await page_of(browser)
    parts = response.headers["Content-Security-Policy"].split(";")
    policy = dict(part.strip().split(" ", 1) for part in parts)
    assert policy.pop("frame-ancestors") == "'none'"
    assert set(policy.values()) == {"'self'", "'none'"} and policy["default-src"] == "'none'"
    assert not re.search(r"<style|style=|<script(?![^>]*src=)|\son\w+=", page)
    for address in re.findall(r'(?:src|href)="([^"]+)"', page):
        assert address.startswith("/console/assets/")
        assert (await browser.get(address)).status == 200, address
    assert response.headers["X-Content-Type-Options"] == "nosniff"
    assert response.headers["Referrer-Policy"] == "no-referrer"


async def test_only_the_panel_may_stand_in_a_frame_of_the_sites_that_are_named(browser: Client) -> None:
    for path, ancestors in (("/console/panel", CRM), ("/console/live", "'none'")):
        response, _ = await page_of(browser, path)
        assert response.headers["Content-Security-Policy"].endswith(f"frame-ancestors {ancestors}")
    app = web.Application()
    add_console(app)
    async with TestClient(TestServer(app)) as alone:
        response, _ = await page_of(alone, "/console/panel")
        assert response.headers["Content-Security-Policy"].endswith("frame-ancestors 'none'")


async def test_a_page_is_asked_for_again_and_a_file_is_kept_for_good(browser: Client) -> None:
    response, page = await page_of(browser)
    assert response.headers["Cache-Control"] == "no-cache"
    again = await browser.get("/console/", headers={"If-None-Match": response.headers["ETag"]})
    assert (again.status, await again.read()) == (304, b"")
    other = await browser.get("/console/", headers={"If-None-Match": '"another"'})
    assert other.status == 200
    script = re.search(r'src="([^"]+main\.js)"', page)
    assert script is not None
    file = await browser.get(script[1])
    assert "immutable" in file.headers["Cache-Control"]
    assert file.headers["ETag"] != response.headers["ETag"]


async def test_a_file_comes_packed_to_who_can_unpack_it_and_is_the_same(browser: Client) -> None:
    _, page = await page_of(browser)
    address = re.findall(r'href="([^"]+base\.css)"', page)[0]
    packed = await browser.get(address, headers={"Accept-Encoding": "gzip"})
    plain = await browser.get(address, headers={"Accept-Encoding": "identity"})
    assert packed.headers["Content-Encoding"] == "gzip" and "Content-Encoding" not in plain.headers
    assert await packed.read() == await plain.read() == (FOLDER / "css/base.css").read_bytes()


@pytest.mark.parametrize(
    "name", ["../console.py", "..%2f..%2fserver.py", "js/nothing.js", "%2e%2e/console.py", "js"]
)
async def test_no_other_file_can_be_had(browser: Client, name: str) -> None:
    _, page = await page_of(browser)
    base = re.findall(r'src="(/console/assets/\w+/)', page)[0]
    response = await browser.get(URL(base + name, encoded=True))
    body = await response.text()
    assert response.status == 404 or body == page
    assert "import" not in body or body == page


async def test_files_of_another_version_are_not_mixed_in(browser: Client) -> None:
    assert (await browser.get("/console/assets/0000000000000000/js/main.js")).status == 404


def test_every_file_of_the_console_is_of_a_kind_that_is_served() -> None:
    files = [path for path in FOLDER.rglob("*") if path.is_file()]
    assert {path.suffix for path in files} <= set(TYPES) and len(files) > 40


@pytest.mark.parametrize(
    "origin", ["crm.example.dk", "https://crm.example.dk/path", "https://a.dk; script-src *", "'self'", "*"]
)
def test_a_frame_ancestor_is_an_origin_and_nothing_else(tmp_path: Path, origin: str) -> None:
    file = tmp_path / "config.yaml"
    file.write_text(yaml.safe_dump({"web": {"frame_ancestors": [origin]}}))
    with pytest.raises(ConfigError, match="is no origin of a web site"):
        Settings.load(file, {})
    file.write_text(yaml.safe_dump({"web": {"frame_ancestors": [CRM, "http://crm.local:8443"]}}))
    assert Settings.load(file, {}).web.frame_ancestors == (CRM, "http://crm.local:8443")
