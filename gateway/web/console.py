"""The console's pages: static files of this package, served from memory, with nothing of anybody in them.

Promises:
1. A page loads nothing from anywhere else, and runs no script and no style that is not one of these files
   (Content-Security-Policy, https://www.w3.org/TR/CSP3/).
2. Nobody may put it into a frame, save the panel, by the origins of `web.frame_ancestors`.
3. A file is known by its content: its address holds the digest of all files, so that a browser keeps it for
   good and never mixes two versions. Only the page itself is asked for again, by its ETag (RFC 9110 §13.1.2).
"""

from __future__ import annotations

import gzip
import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from aiohttp import web

ROOT = "/console"
FOLDER = Path(__file__).with_name("console")

TYPES = {
    ".css": "text/css",
    ".html": "text/html",
    ".js": "text/javascript",
    ".json": "application/json",
    ".svg": "image/svg+xml",
}
"""Media types of the files there are; a file of another kind is not served."""

_POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; media-src 'self'; "
    "connect-src 'self'; base-uri 'none'; form-action 'self'; frame-ancestors {ancestors}"
)
_FOR_GOOD = "public, max-age=31536000, immutable"


@dataclass(frozen=True)
class File:
    """A file as it is sent. `packed`: the same with gzip, or None where that is not smaller."""

    body: bytes
    packed: bytes | None
    media_type: str
    etag: str


def add_console(app: web.Application, frame_ancestors: Sequence[str] = ()) -> None:
    """Put the console into an application. `frame_ancestors`: origins that may show the panel in a frame."""
    found = {path.relative_to(FOLDER).as_posix(): path.read_bytes() for path in _files()}
    digest = hashlib.sha256(b"".join(b"%s\0%s\0" % (n.encode(), b) for n, b in found.items())).hexdigest()[
        :16
    ]
    assets = f"{ROOT}/assets/{digest}/"
    page = _file("index.html", found["index.html"].replace(f"{ROOT}/assets/".encode(), assets.encode()))
    files = {name: _file(name, body) for name, body in found.items()}

    async def shell(request: web.Request) -> web.Response:
        return _send(request, page, _headers("'none'", "no-cache"))

    async def panel(request: web.Request) -> web.Response:
        return _send(request, page, _headers(" ".join(frame_ancestors) or "'none'", "no-cache"))

    async def asset(request: web.Request) -> web.Response:
        file = files.get(request.match_info["name"])
        if file is None or request.match_info["digest"] != digest:
            return web.Response(status=404, headers=_headers("'none'", "no-store"))
        return _send(request, file, _headers("'none'", _FOR_GOOD))

    app.add_routes(
        [
            web.get(f"{ROOT}/assets/{{digest}}/{{name:.+}}", asset),
            web.get(f"{ROOT}/panel", panel),
            web.get(ROOT, _moved),
            web.get(ROOT + "/{place:.*}", shell),
        ]
    )


async def _moved(_: web.Request) -> web.Response:
    return web.Response(status=308, headers={"Location": f"{ROOT}/", **_headers("'none'", "no-cache")})


def _files() -> list[Path]:
    return sorted(path for path in FOLDER.rglob("*") if path.suffix in TYPES)


def _file(name: str, body: bytes) -> File:
    packed = gzip.compress(body, 9, mtime=0)
    return File(
        body,
        packed if len(packed) < len(body) else None,
        TYPES[Path(name).suffix],
        hashlib.sha256(body).hexdigest()[:32],
    )


def _headers(ancestors: str, cached: str) -> dict[str, str]:
    return {
        "Content-Security-Policy": _POLICY.format(ancestors=ancestors),
        "X-Content-Type-Options": "nosniff",
        "Referrer-Policy": "no-referrer",
        "Cross-Origin-Opener-Policy": "same-origin",
        "Cross-Origin-Resource-Policy": "same-origin",
        "Permissions-Policy": "camera=(), geolocation=(), microphone=(), payment=(), usb=()",
        "Cache-Control": cached,
        "Vary": "Accept-Encoding",
    }


def _send(request: web.Request, file: File, headers: dict[str, str]) -> web.Response:
    packed = file.packed if "gzip" in request.headers.get("Accept-Encoding", "") else None
    etag = f'"{file.etag}{"-gzip" if packed else ""}"'
    headers["ETag"] = etag
    known = [each.strip().removeprefix("W/") for each in request.headers.get("If-None-Match", "").split(",")]
    if etag in known or "*" in known:
        return web.Response(status=304, headers=headers)
    if packed:
        headers["Content-Encoding"] = "gzip"
    charset = None if file.media_type == "image/svg+xml" else "utf-8"
    return web.Response(
        body=packed or file.body, headers=headers, content_type=file.media_type, charset=charset
    )
