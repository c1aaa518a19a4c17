"""HTTPS: a certificate that is renewed in place is served to the next connection; a broken one is not."""

from __future__ import annotations

import asyncio
import ssl
from pathlib import Path

import pytest
from aiohttp import web

from gateway.web.server import Listeners
from gateway.web.tls import ServingTls
from tests.edge.certificates import make_certificate


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
