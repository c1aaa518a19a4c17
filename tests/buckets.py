"""An S3-compatible server of the tests' own: moto's, as a process on loopback, with its data in memory.

moto (PyPI) answers the real protocol over HTTP: signed requests, ranges, multi-part uploads, versions. MinIO,
Ceph's gateway and Garage are in no index that the tests install from. What moto does not do is judge
signatures; credentials that are refused are tried against a server of a few lines in the test itself.
"""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

from storage.bucket import Bucket, BucketSettings
from tests.ports import free_port

NAME = "tast1-sound"


@dataclass
class BucketServer:
    """A server that can be stopped and started; its data go with its process, so `pause` it to keep them."""

    port: int = 0
    process: subprocess.Popen[bytes] | None = None
    made: list[str] = field(default_factory=list)

    @property
    def endpoint(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def start(self) -> BucketServer:
        self.port = self.port or free_port()
        command = [sys.executable, "-m", "moto.server", "-H", "127.0.0.1", "-p", str(self.port)]
        self.process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        for _ in range(600):
            try:
                with urllib.request.urlopen(f"{self.endpoint}/moto-api/data.json", timeout=5):
                    return self
            except OSError:
                time.sleep(0.1)
        raise AssertionError("moto did not start")

    def pause(self) -> None:
        """It takes connections and answers nothing, as a machine that hangs."""
        assert self.process is not None
        os.kill(self.process.pid, signal.SIGSTOP)

    def resume(self) -> None:
        assert self.process is not None
        os.kill(self.process.pid, signal.SIGCONT)

    def stop(self) -> None:
        if self.process is not None:
            self.process.kill()
            self.process.wait()

    def ask(self, method: str, path: str, body: bytes = b"") -> bytes:
        """A request as another client of the server would make it."""
        signed = "AWS4-HMAC-SHA256 Credential=test/20260101/eu-central-1/s3/aws4_request, Signature=x"
        headers = {"Authorization": signed, "Content-Type": "application/xml"}
        request = urllib.request.Request(
            f"{self.endpoint}/{path}", data=body or None, method=method, headers=headers
        )
        with urllib.request.urlopen(request, timeout=20) as answer:
            return bytes(answer.read())

    def make(self, name: str = NAME, versions: bool = False) -> None:
        """A bucket, in Frankfurt."""
        where = "<CreateBucketConfiguration><LocationConstraint>eu-central-1</LocationConstraint>"
        self.ask("PUT", name, f"{where}</CreateBucketConfiguration>".encode())
        if versions:
            on = "<VersioningConfiguration><Status>Enabled</Status></VersioningConfiguration>"
            self.ask("PUT", f"{name}?versioning", on.encode())

    def settings(self, name: str = NAME, prefix: str = "sound", **more: bool) -> BucketSettings:
        return BucketSettings(
            name,
            prefix,
            endpoint=self.endpoint,
            region="eu-central-1",
            access_key="test",
            secret_key="test",
            **more,
        )

    def bucket(self, name: str = NAME, prefix: str = "sound", **more: bool) -> Bucket:
        return Bucket(self.settings(name, prefix, **more))


@contextmanager
def server() -> Iterator[BucketServer]:
    """A running server with the bucket `NAME`."""
    running = BucketServer().start()
    try:
        running.make()
        yield running
    finally:
        running.stop()
