"""HTTPS: a certificate that is renewed in place is taken up without a restart."""

from __future__ import annotations

import logging
import ssl
from pathlib import Path

log = logging.getLogger(__name__)


class ServingTls:
    """TLS 1.2 or later with a certificate chain and its key; `OSError` when the files cannot be used.

    `context` is what to listen with. At each handshake it takes the certificate that is in force then, so
    connections that are open stay, and the next one sees what `renew` has read.
    """

    def __init__(self, certificate: Path, key: Path) -> None:
        self._files = certificate, key
        self._in_force = _context(certificate, key)
        self.context = _context(certificate, key)
        self.context.sni_callback = self._choose  # called for clients that name no server, too

    def renew(self) -> None:
        """Read the files anew. Those that cannot be used leave the certificate before in its place."""
        try:
            self._in_force = _context(*self._files)
        except OSError:  # ssl.SSLError is one
            log.exception("the HTTPS certificate or its key cannot be used; those before stay in force")

    def _choose(self, connection: ssl.SSLObject, name: str | None, context: ssl.SSLContext) -> None:
        connection.context = self._in_force


def _context(certificate: Path, key: Path) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    context.load_cert_chain(certificate, key)
    return context
