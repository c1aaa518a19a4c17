"""What `tast1 serve` says when it cannot start, and what it leaves when it stops."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
import yaml
from aiohttp import web

from gateway.web.server import Listeners
from tests.ports import free_port

ROOT = Path(__file__).parents[1]


def settings(folder: Path, **changed: object) -> Path:
    """A gateway that nothing else on this machine is in the way of."""
    sip = {"udp": f"127.0.0.1:{free_port()}", "tcp": None, "worker_side": f"127.0.0.1:{free_port()}"}
    values = {
        "sip": {**sip, "workers": 1},
        "flows": {"customer": {"connect": "sip:agent@127.0.0.1:5070"}},
        "transcription": {"model": None},
        "storage": {"folder": str(folder / "data"), "memory_folder": str(folder / "memory")},
        "control": {"socket": str(folder / "c")},
        "web": {"listen": None, "metrics": None},
        **changed,
    }
    file = folder / "config.yaml"
    file.write_text(yaml.safe_dump(values))
    return file


def serve(file: Path, lang: str) -> subprocess.Popen[str]:
    command = [sys.executable, "-m", "gateway.cli", "serve", "--config", str(file), "--lang", lang]
    pipe = subprocess.PIPE
    return subprocess.Popen(command, cwd=ROOT, stdout=pipe, stderr=pipe, text=True)


@contextmanager
def taken(kind: int) -> Iterator[str]:
    """An address that somebody listens on."""
    with socket.socket(socket.AF_INET, kind) as one:
        one.bind(("127.0.0.1", 0))
        if kind == socket.SOCK_STREAM:
            one.listen()
        yield f"127.0.0.1:{one.getsockname()[1]}"


@pytest.mark.parametrize(
    ("lang", "told", "key"),
    [("en", "nothing can listen on", "listen"), ("da", "der kan ikke lyttes på", "metrics")],
)
def test_a_taken_port_of_the_health_page_is_told_with_its_setting(
    tmp_path: Path, lang: str, told: str, key: str
) -> None:
    with taken(socket.SOCK_STREAM) as address:
        _, said = serve(
            settings(tmp_path, web={"listen": None, "metrics": None, key: address}), lang
        ).communicate(timeout=60)
    said = said.replace("\n", " ")
    assert f"{told} {address}" in said and f"web.{key}" in said and "Traceback" not in said


def test_a_taken_sip_port_is_told_with_its_setting(tmp_path: Path) -> None:
    with taken(socket.SOCK_DGRAM) as address:
        sip = {"udp": address, "tcp": None, "worker_side": f"127.0.0.1:{free_port()}", "workers": 1}
        _, said = serve(settings(tmp_path, sip=sip), "da").communicate(timeout=60)
    assert f"SIP kan ikke startes: sip.udp on {address}" in said.replace("\n", " ")
    assert "uncaught" not in said


def test_a_clean_stop_says_nothing_amiss_and_leaves_no_socket(tmp_path: Path) -> None:
    gateway = serve(settings(tmp_path, transcription={"model": "da-demo", "listen": "127.0.0.1:0"}), "en")
    assert gateway.stdout is not None
    assert "Ready" in gateway.stdout.readline()
    assert (tmp_path / "c").is_socket()
    os.kill(gateway.pid, signal.SIGINT)
    _, said = gateway.communicate(timeout=60)
    assert gateway.returncode == 0
    assert "started again" not in said and "Traceback" not in said and "Context impl" not in said
    assert not (tmp_path / "c").exists()


async def test_a_closed_listener_takes_its_socket_along(tmp_path: Path) -> None:
    listeners, path = Listeners(), tmp_path / "c"
    await listeners.listen_unix(web.Application(), path)
    assert path.is_socket()
    await listeners.close()
    assert not path.exists()
