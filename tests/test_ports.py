"""Two test processes at once give their gateways no port twice."""

from __future__ import annotations

import socket

import pytest

from tests.ports import free_port, share


def test_the_processes_of_a_run_have_no_port_in_common(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PYTEST_XDIST_WORKER_COUNT", "3")
    parts = []
    for name in ("gw0", "gw1", "gw2"):
        monkeypatch.setenv("PYTEST_XDIST_WORKER", name)
        parts.append(share(range(20000, 30000)))
    assert all(len(part) == 3333 for part in parts)
    assert len(set().union(*parts)) == 3 * 3333


@pytest.mark.parametrize("kind", [socket.SOCK_DGRAM, socket.SOCK_STREAM])
def test_a_port_that_udp_or_tcp_has_is_not_given_out(kind: int, monkeypatch: pytest.MonkeyPatch) -> None:
    taken, other = free_port(), free_port()
    monkeypatch.setattr("tests.ports._LISTENERS", [taken, other])
    with socket.socket(socket.AF_INET, kind) as one:
        one.bind(("127.0.0.1", taken))
        assert [free_port(), free_port()] == [other, other]


def test_a_port_is_not_given_out_again_soon() -> None:
    given = [free_port() for _ in range(20)]
    assert len(set(given)) == 20
