"""Until when a certificate holds."""

from __future__ import annotations

from datetime import datetime, timezone
from pathlib import Path

from cryptography import x509


def not_after(path: Path) -> datetime:
    """The instant (UTC) at which the first certificate of a PEM chain to end does so (RFC 5280 §4.1.2.5).

    `ValueError` when the file holds no certificate, `OSError` when it cannot be read.
    """
    return min(_ends(each) for each in x509.load_pem_x509_certificates(path.read_bytes()))


def _ends(certificate: x509.Certificate) -> datetime:
    ends: datetime | None = getattr(certificate, "not_valid_after_utc", None)
    return ends or certificate.not_valid_after.replace(tzinfo=timezone.utc)
