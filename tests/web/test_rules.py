"""Route by role: the rule of every route is kept over HTTP, for every role there is."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import pytest_asyncio

from gateway.web.api.app import ROUTES
from gateway.web.api.route import ANYBODY, GATE, SIGNED_IN, Route
from storage.policy.duties import DUTIES, ROLES, SEARCHERS
from tests.web.site import Site, served

STREAMS = ("/live/events",)
# What must be so whatever the code says: written by hand from the rules (R-50, §1.3).
EXPECTED = {
    ("POST", "/calls/search"): set(SEARCHERS),
    ("GET", "/requests/{request}"): {"RIGHTS", "DPO"},
    ("GET", "/complaints/{case}"): {"COMPLAINT", "LEGAL", "DPO"},
    ("GET", "/investigations/{case}"): {"INSPECTOR", "LEGAL", "DPO"},
    ("POST", "/samples"): {"COMPLIANCE"},
    ("POST", "/orders"): {"LEGAL", "DPO"},
    ("GET", "/users"): {"SYSADMIN", "DPO"},
    ("POST", "/users/{user}/grant"): {"SYSADMIN", "DPO"},
    ("GET", "/audit"): {"DPO", "LEGAL", "COMPLIANCE", "SYSADMIN"},
    ("POST", "/investigations/{case}/decide"): {"INSPECTOR"},
    ("POST", "/complaints/{case}/decide"): {"COMPLAINT"},
    ("POST", "/proposals/{proposal}/approve"): {"LEGAL", "DPO"},
    ("POST", "/live/calls/{call}/{button}"): {"AGENT", "INSPECTOR"},
    ("GET", "/config"): {"SYSADMIN", "DPO"},
}


@pytest_asyncio.fixture
async def site(tmp_path: Path) -> AsyncIterator[Site]:
    people = {f"u-{name.lower()}": (name,) for name in ROLES}
    async with served(tmp_path, **people) as made:
        yield made


def path_of(route: Route) -> str:
    """An address of the route at which there is nothing."""
    there = {"button": "pause", "lang": "en"}
    return route.path.format(**{name: there.get(name, "none") for name in route.parameters})


@pytest.mark.asyncio
async def test_every_route_lets_in_the_roles_of_its_rule_and_no_other(site: Site) -> None:
    let_in: dict[tuple[str, str], set[str]] = {}
    for route in ROUTES:
        if route.path in STREAMS or route.rule is SIGNED_IN or route.path.startswith("/session"):
            continue
        found = set()
        for role in ROLES:
            body = {} if route.method == "POST" else None
            status, problem = await site.ask(
                route.method, path_of(route), by=f"u-{role.lower()}", json=body, Role=role
            )
            assert status < 500 and status not in (401, 429), (route.path, role, problem)
            refused = status == 403 and problem["detail"].startswith(("det er for", "that is for"))
            if not refused:
                found.add(role)
            else:
                assert problem["rule"] == "R-50"
        let_in[route.method, route.path] = found
        if route.rule.public or route.rule in (ANYBODY, GATE):
            assert found == set(ROLES), route.path
        else:
            assert found == set(route.rule.roles or ()), (route.path, found)
    for key, expected in EXPECTED.items():
        assert let_in[key] == expected, key


@pytest.mark.asyncio
async def test_a_role_that_is_not_held_opens_nothing(site: Site) -> None:
    status, problem = await site.ask("GET", "/users", by="u-agent", Role="DPO")
    assert (status, problem["type"]) == (403, "/problems/not-allowed")
    status, problem = await site.ask(
        "POST", "/calls/search", by="u-qa", json={"number": "12345678"}, Role="DPO"
    )
    assert status == 403


def test_what_the_policy_has_duties_for_can_be_done_over_http() -> None:
    """Every event that people bring about has a route with the rule of its duty."""
    rules = {route.rule.roles for route in ROUTES}
    elsewhere = {"Restated"}  # applying other settings to the archive is a command
    missing = [event.__name__ for event, who in DUTIES.items() if who not in rules]
    assert set(missing) <= elsewhere, missing
