"""A PostgreSQL server of the tests' own: made on first use, on loopback, gone at the end.

PostgreSQL does not run as root; then it runs as the user `postgres` that its Debian package makes. Where it
is not installed its tests are skipped, and in CI they fail.
"""

from __future__ import annotations

import os
import pwd
import shutil
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import pytest

from tests.ports import free_port

_SETTINGS = {
    "listen_addresses": "127.0.0.1",
    "fsync": "off",  # nothing here is kept
    "full_page_writes": "off",
    "synchronous_commit": "off",
    "max_connections": "200",
    "autovacuum": "off",
}


def programs() -> Path | None:
    """The folder of the server's programs; None where it is not installed."""
    found = sorted(Path("/usr/lib/postgresql").glob("*/bin/initdb"), key=lambda p: int(p.parts[4]))
    if found:
        return found[-1].parent
    on_path = shutil.which("initdb")
    return Path(on_path).parent if on_path else None


class Server:
    """A server that can be stopped and started again, at the same port, with what it keeps."""

    def __init__(self, **settings: str) -> None:
        where = programs()
        assert where is not None
        self.folder = Path(tempfile.mkdtemp(prefix="tast1-postgres-"))
        self._where = where
        self._user = "postgres" if os.getuid() == 0 else pwd.getpwuid(os.getuid()).pw_name
        if os.getuid() == 0:
            shutil.chown(self.folder, self._user)
        self.port = free_port()
        more = {"port": str(self.port), "unix_socket_directories": str(self.folder)}
        self._options = {**_SETTINGS, **more, **settings}
        made = ("--auth", "trust", "--username", "tast1", "-E", "UTF8")
        _run(self._user, where / "initdb", "--pgdata", self.folder / "data", *made)

    @property
    def url(self) -> str:
        """For `sqlalchemy.create_engine`."""
        return f"postgresql+psycopg://tast1@127.0.0.1:{self.port}/postgres"

    def start(self) -> None:
        """Start it; it takes connections when this returns."""
        arguments = " ".join(f"-c {name}={value}" for name, value in self._options.items())
        self._control("-w", "-l", self.folder / "log", "-o", arguments, "start")

    def stop(self, mode: str = "immediate") -> None:
        """Stop it: "immediate" is as if it crashed, "fast" ends its sessions in order."""
        self._control("-m", mode, "-w", "stop")

    def _control(self, *arguments: object) -> None:
        _run(self._user, self._where / "pg_ctl", "-D", self.folder / "data", *arguments)

    def remove(self) -> None:
        """Stop it, if it runs, and remove what it kept."""
        with suppress(subprocess.CalledProcessError):
            self.stop()
        _remove(self.folder)


@contextmanager
def server(**settings: str) -> Iterator[str]:
    """A running server; its URL, for `sqlalchemy.create_engine`."""
    made = Server(**settings)
    try:
        made.start()
        yield made.url
    finally:
        made.remove()


def _run(user: str, *command: object) -> None:
    words = [str(word) for word in command]
    if os.getuid() == 0:
        words = ["runuser", "-u", user, "--", *words]
    subprocess.run(words, check=True, stdout=subprocess.DEVNULL, timeout=120, cwd="/")


def _remove(folder: Path) -> None:
    for _ in range(50):  # the last process may still write
        shutil.rmtree(folder, ignore_errors=True)
        if not folder.exists():
            return
        time.sleep(0.1)


def or_skip() -> None:
    """Skip where there is no PostgreSQL; in CI nothing is skipped."""
    if programs() is None:
        if os.environ.get("CI"):
            pytest.fail("PostgreSQL is not installed (apt-get install postgresql)")
        pytest.skip("PostgreSQL is not installed (apt-get install postgresql)")
