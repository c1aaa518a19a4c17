"""HTTPS: a certificate that is renewed in place is served to the next connection; a broken one is not."""

from __future__ import annotations

import asyncio
import ssl
from pathlib import Path

import aiohttp
import pytest
from aiohttp import web
from sqlalchemy.orm import Session

from gateway.app import Gateway
from gateway.config import Settings
from gateway.web.server import Listeners
from gateway.web.tls import ServingTls
from storage import people
from tests.edge.certificates import make_certificate
from tests.test_reloading import SYSADMIN, Rig


async def served(port: int) -> bytes:
    """The certificate (DER) that a new connection is shown."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    _, writer = await asyncio.open_connection("127.0.0.1", port, ssl=context)
    shown: bytes = writer.get_extra_info("ssl_object").getpeercert(binary_form=True)
    writer.close()
    return shown


def der(chain: str) -> bytes:
    return ssl.PEM_cert_to_DER_cert(Path(chain).read_text())


@pytest.mark.asyncio
async def test_a_certificate_that_is_renewed_in_place_is_taken_up(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    chain, key = make_certificate(tmp_path)
    tls, listeners = ServingTls(Path(chain), Path(key)), Listeners()
    await listeners.listen(web.Application(), "127.0.0.1", 0, tls.context)
    try:
        first = der(chain)
        assert await served(listeners.port) == first
        make_certificate(tmp_path)
        second = der(chain)
        assert second != first and await served(listeners.port) == first, "nobody said so yet"
        tls.renew()
        assert await served(listeners.port) == second
        Path(key).write_text("no key")
        tls.renew()
        assert await served(listeners.port) == second, "what cannot be used leaves the one before"
        assert "cannot be used" in caplog.text
    finally:
        await listeners.close()


def test_files_that_cannot_be_used_are_told_at_the_start(tmp_path: Path) -> None:
    chain, key = make_certificate(tmp_path)
    Path(key).write_text("no key")
    with pytest.raises(OSError):
        ServingTls(Path(chain), Path(key))


async def signed_in(gateway: Gateway, scheme: str) -> str:
    """The cookie that signing in sets, at a gateway that listens."""
    at = gateway.now()

    def hire(session: Session) -> str:
        people.add(session, "anna", "Somebody", "LB", at, SYSADMIN)
        people.grant(session, "anna", people.Role("DPO"), at, SYSADMIN)
        return people.new_token(session, "anna", at, SYSADMIN)

    token = await gateway.archive.database.write(hire)
    url = f"{scheme}://127.0.0.1:{gateway._listeners.port}/api/v1/session"
    async with (
        aiohttp.ClientSession() as http,
        http.post(url, json={"token": token}, ssl=False) as response,
    ):
        assert response.status == 201
        return response.headers["Set-Cookie"]


@pytest.mark.asyncio
@pytest.mark.parametrize(("public", "secure"), [("https://tast1.example.dk", True), (None, False)])
async def test_behind_a_proxy_with_https_cookies_are_for_https_alone(
    tmp_path: Path, public: str | None, secure: bool
) -> None:
    rig = Rig(tmp_path)
    rig.change(web={"listen": "127.0.0.1:0", "public_url": public})
    await rig.gateway.stop()
    gateway = Gateway(Settings.load(rig.file, {}))
    try:
        await gateway._listen()
        assert ("Secure" in await signed_in(gateway, "http")) == secure
    finally:
        await gateway.stop()


@pytest.mark.asyncio
async def test_a_reload_takes_up_a_renewed_certificate(tmp_path: Path) -> None:
    chain, key = make_certificate(tmp_path)
    rig = Rig(tmp_path)
    rig.change(web={"listen": "127.0.0.1:0", "tls_certificate": chain, "tls_key": key})
    await rig.gateway.stop()
    gateway = Gateway(Settings.load(rig.file, {}))
    try:
        await gateway._listen()
        port = gateway._listeners.port
        first = der(chain)
        assert await served(port) == first and "Secure" in await signed_in(gateway, "https")
        make_certificate(tmp_path)
        assert await served(port) == first
        assert (await gateway.reload(SYSADMIN)).taken
        assert await served(port) == der(chain) != first
        Path(key).write_text("no key")
        assert not (await gateway.reload(SYSADMIN)).taken, "a mistake, and the one before is served"
        assert await served(port) == der(chain)
    finally:
        await gateway.stop()
