"""Parts of a file (RFC 9110 §14): one range a request, read as it is sent."""

from __future__ import annotations

import asyncio
import io

from aiohttp import web

from gateway.web.api.problems import Problem
from gateway.web.api.serve import HEADERS
from storage.sealed import SealedReader

PIECE_BYTES = 1 << 16


async def send(
    request: web.Request, reader: SealedReader, media: str, filename: str = ""
) -> web.StreamResponse:
    """All of a sealed file (200) or the range asked for (206); `Problem` for one that is not there."""
    return await _send(request, reader, reader.length, media, filename)


async def send_bytes(request: web.Request, content: bytes, media: str) -> web.StreamResponse:
    """The same of what is in memory."""
    return await _send(request, io.BytesIO(content), len(content), media, "")


async def _send(
    request: web.Request, reader: SealedReader | io.BytesIO, length: int, media: str, filename: str
) -> web.StreamResponse:
    start, end = 0, length
    try:
        wanted = request.http_range
    except ValueError:
        wanted = slice(None, None)  # what cannot be understood is ignored (§14.2)
    partial = wanted.start is not None or wanted.stop is not None
    if partial:
        start, end, _ = wanted.indices(length)
        if (wanted.start is not None and wanted.start >= length) or start >= end:
            raise Problem("range-not-satisfiable", headers={"Content-Range": f"bytes */{length}"})
    response = web.StreamResponse(status=206 if partial else 200, headers=HEADERS)
    response.content_type = media
    response.headers["Accept-Ranges"] = "bytes"
    if filename:
        response.headers["Content-Disposition"] = f'attachment; filename="{filename}"'
    if partial:
        response.headers["Content-Range"] = f"bytes {start}-{end - 1}/{length}"
    response.content_length = end - start
    await response.prepare(request)
    reader.seek(start, io.SEEK_SET)
    left = end - start
    while left and (piece := await asyncio.to_thread(reader.read, min(PIECE_BYTES, left))):
        await response.write(piece)
        left -= len(piece)
    await response.write_eof()
    return response
