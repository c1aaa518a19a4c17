"""A body with a file in it: multipart/form-data (RFC 7578), read part by part and bounded as a whole."""

from __future__ import annotations

import hashlib

from aiohttp import BodyPartReader, web

from gateway.web.api.problems import Problem

FILE_BYTES = 32 << 20
"""The largest file: more than a minute of 24-bit stereo at 96 kHz."""

FIELD_BYTES = 64 << 10
MOST_PARTS = 16


async def read_form(request: web.Request) -> tuple[dict[str, str | bytes], bytes]:
    """The fields by name, text as text and a part with a file name as bytes; and a digest of all of it.

    `Problem`: "malformed", "too-large".
    """
    if request.content_type != "multipart/form-data":
        raise Problem("malformed", "the body must be multipart/form-data")
    found: dict[str, str | bytes] = {}
    digest = hashlib.sha256()
    try:
        reader = await request.multipart()
        while (part := await reader.next()) is not None:
            name = part.name if isinstance(part, BodyPartReader) else None
            if not isinstance(part, BodyPartReader) or not name or name in found:
                raise Problem("malformed", "each part must be a field of its own, with a name")
            if len(found) == MOST_PARTS:
                raise Problem("too-large")
            raw = await _content(part, FILE_BYTES if part.filename is not None else FIELD_BYTES)
            found[name] = raw if part.filename is not None else raw.decode("utf-8")
            for each in (name.encode(), raw):
                digest.update(hashlib.sha256(each).digest())
    except (ValueError, LookupError, AssertionError, RuntimeError, web.HTTPBadRequest):
        # What aiohttp makes of parts that are none, and of text that is not UTF-8.
        raise Problem("malformed", "the body is no multipart/form-data") from None
    return found, digest.digest()


async def _content(part: BodyPartReader, most: int) -> bytes:
    raw = bytearray()
    while chunk := await part.read_chunk(1 << 16):
        raw += chunk
        if len(raw) > most:
            raise Problem("too-large")
    return bytes(raw)
