"""The served contract against the served API: generated requests in every role, by schemathesis.

No server error, no status and no body that the contract does not name, and nothing of a caller in any answer:
the archive has a number, a name and words that must not come out here.
"""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import requests
import schemathesis
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from schemathesis.checks import CHECKS

from storage.policy.duties import ROLES
from tests.storage.world import NUMBER
from tests.web.site import Site, served

EXAMPLES = 3
FOLLOWED = ("/api/v1/live/events",)  # they go on until the reader goes away
OF_NOBODY = ("/api/v1/openapi.json", "/api/v1/texts/{lang}")
WANTED = (
    *("not_a_server_error", "status_code_conformance"),
    *("content_type_conformance", "response_schema_conformance"),
)
SECRET = (NUMBER, NUMBER.removeprefix("+45"), "Somebody")


class Served:
    """A site in a thread of its own, because schemathesis waits for its answers."""

    def __init__(self, folder: Path) -> None:
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, daemon=True)
        self._thread.start()
        people = {f"u-{name.lower()}": (name,) for name in ROLES}
        self._made = served(folder, **people)
        self.site: Site = self._run(self._made.__aenter__())
        self.base = str(self.site.server.make_url("/")).rstrip("/")

    def _run(self, coroutine: Any) -> Any:
        return asyncio.run_coroutine_threadsafe(coroutine, self._loop).result(60)

    def close(self) -> None:
        self._run(self._made.__aexit__(None, None, None))
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(10)


@pytest.fixture(scope="module")
def api(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    made = Served(tmp_path_factory.mktemp("contract"))
    yield made
    made.close()


@pytest.mark.parametrize("role", sorted(ROLES))
def test_the_api_keeps_its_contract_in_every_role(api: Served, role: str) -> None:
    document = requests.get(f"{api.base}/api/v1/openapi.json", timeout=10).json()
    schema = schemathesis.openapi.from_dict(document)
    token = api.site.shop.tokens[f"u-{role.lower()}"]
    checks = [CHECKS.get_one(name) for name in WANTED]
    known = {"call": api.site.shop.call, "artifact": api.site.shop.fresh, "recording": api.site.shop.fresh}
    headers = {"Authorization": f"Bearer {token}", "Tast1-Role": role}
    tried = []
    for found in schema.get_all_operations():
        operation = found.ok()
        if operation.path in FOLLOWED:
            continue

        @settings(
            max_examples=EXAMPLES,
            deadline=None,
            database=None,
            derandomize=True,
            phases=[Phase.generate],
            suppress_health_check=list(HealthCheck),
        )
        @given(case=operation.as_strategy(), real=st.booleans())
        def ask(case: Any, real: bool) -> None:
            if real:
                for name in case.path_parameters or {}:
                    case.path_parameters[name] = known.get(name, case.path_parameters[name])
            for name in ("Tast1-Role", "Authorization", "X-CSRF-Token", "Idempotency-Key"):
                (case.headers or {}).pop(name, None)
            response = case.call(base_url=api.base, headers=headers)
            case.validate_response(response, checks=checks)
            tried.append(response.status_code)
            about_people = role in ("SYSADMIN", "DPO") and case.path.startswith("/api/v1/users")
            if not about_people and case.path not in OF_NOBODY:
                assert not any(secret in response.text for secret in SECRET), case.path

        ask()
    assert {200, 404} <= set(tried) and len(tried) > 200
