"""Routes of the control socket about trunks: how they are, how their keys come, and a test call."""

from __future__ import annotations

import contextlib
import json
from collections.abc import Callable
from typing import Any

from aiohttp import web

from gateway.calls.counts import Counts
from gateway.calls.keytest import Expected, KeyTests

LONGEST_S = 600.0


def key_routes(
    counts: Counts, tests: KeyTests, states: Callable[[], list[dict[str, Any]]] = list
) -> list[web.RouteDef]:
    """`GET /trunks`: questions by trunk and method; `GET /trunks/states`: registrations and servers;
    `POST /keytest`: a test call, one JSON object a line."""

    async def trunks(_: web.Request) -> web.Response:
        by_trunk: dict[str, dict[str, int]] = {}
        for (trunk, method), number in counts.key_methods.items():
            by_trunk.setdefault(trunk, {})[method] = number
        return web.json_response(by_trunk)

    async def now(_: web.Request) -> web.Response:
        return web.json_response(states())

    async def test(request: web.Request) -> web.StreamResponse:
        asked = await request.json()
        expected = Expected(str(asked.get("dialled", "")), str(asked.get("caller", "")))
        seconds = min(LONGEST_S, max(1.0, float(asked.get("seconds", 60))))
        told = tests.expect(expected, seconds)
        async with contextlib.aclosing(told):
            try:
                first = await told.__anext__()
            except RuntimeError:
                return web.json_response({"error": "another test is going on"}, status=409)
            response = web.StreamResponse(headers={"Content-Type": "application/x-ndjson"})
            await response.prepare(request)
            await response.write(_line(first))
            with contextlib.suppress(ConnectionError):  # who watched is gone: the test ends with them
                async for each in told:
                    await response.write(_line(each))
        return response

    return [web.get("/trunks", trunks), web.get("/trunks/states", now), web.post("/keytest", test)]


def _line(told: dict[str, Any]) -> bytes:
    return json.dumps(told).encode() + b"\n"
