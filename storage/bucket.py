"""The bucket: sealed files in object storage that speaks S3, beside the folder in which they are made.

Promises:
1. What is put there was sealed before; the server gets neither keys nor names of people.
2. What is removed is gone. A bucket that keeps versions of what is deleted is found before anything is put
   there, and refused unless the settings say that the bucket itself lets go of old versions.
3. A server that does not answer costs seconds, never a call: every request has an end.

    <prefix>/media/ab/<id>.t1       sealed recordings and packages, named as in the folder
    <prefix>/prompts/<sha256>.wav   sound of prompts that were made here; it is about nobody

The only module that knows obstore (the object_store crate): Amazon S3, Ceph, MinIO, Garage and others.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from typing import Any

from obstore import exceptions
from obstore.store import S3Store

from storage.sealed import MediaError

CONNECT_S = 3
REQUEST_S = 60
"""For one request; a part of an upload is one."""
PART_BYTES = 8 << 20
AHEAD_BYTES = 512 * 1024
"""So much is fetched at once by who listens: eight sealed chunks."""
_PROBE = "tast1-probe"


@dataclass(frozen=True)
class BucketSettings:
    """Where the bucket is. `endpoint` "": Amazon's own. `keeps_versions`: see `Bucket.put`."""

    bucket: str
    prefix: str = ""
    endpoint: str = ""
    region: str = "us-east-1"
    access_key: str = field(default="", repr=False)
    secret_key: str = field(default="", repr=False)
    keeps_versions: bool = False


class KeepsVersions(MediaError):
    """The bucket would keep what is erased."""


class Bucket:
    """One bucket below one prefix. Thread-safe."""

    def __init__(self, settings: BucketSettings) -> None:
        self._settings = settings
        told: dict[str, Any] = {"virtual_hosted_style_request": not settings.endpoint}
        if settings.endpoint:
            told["endpoint"] = settings.endpoint
        if settings.access_key:
            told |= {"access_key_id": settings.access_key, "secret_access_key": settings.secret_key}
        self._store: Any = S3Store(
            settings.bucket,
            region=settings.region,
            client_options={
                "allow_http": settings.endpoint.startswith("http://"),
                "connect_timeout": timedelta(seconds=CONNECT_S),
                "timeout": timedelta(seconds=REQUEST_S),
            },
            retry_config={"max_retries": 1, "retry_timeout": timedelta(seconds=10)},
            **told,
        )
        self._prefix = f"{settings.prefix.strip('/')}/" if settings.prefix.strip("/") else ""
        self._probed = False

    def put(self, name: str, path: Path) -> None:
        """Store a file; the server has all of it when this returns. `MediaError` otherwise.

        `KeepsVersions` when the bucket keeps versions and `keeps_versions` is not set: nothing was put.
        """
        self._probe()
        with _explained():
            self._store.put(self._prefix + name, path, chunk_size=PART_BYTES, max_concurrency=2)
            stored = int(self._store.head(self._prefix + name)["size"])
        if stored != path.stat().st_size:
            raise MediaError("the bucket has only a part of what was stored; it is tried again")

    def _probe(self) -> None:
        """Whether the bucket gives what is put there a version: told with the answer to any put."""
        if self._probed:
            return
        with _explained():
            answer = self._store.put(self._prefix + _PROBE, b"Tast1")
            self._store.delete(self._prefix + _PROBE)
        version = answer.get("version")
        if version not in (None, "", "null") and not self._settings.keeps_versions:
            raise KeepsVersions(
                "the bucket keeps versions of what is erased; turn versioning off, or let the bucket drop old"
                " versions and set storage.bucket.versions"
            )
        self._probed = True

    def get(self, name: str) -> bytes:
        """All of a small file; `MediaError` when it is not there."""
        with _explained():
            return bytes(self._store.get(self._prefix + name).bytes())

    def size(self, name: str) -> int | None:
        """Its size in bytes; None when it is not there."""
        with _explained():
            try:
                return int(self._store.head(self._prefix + name)["size"])
            except FileNotFoundError:
                return None

    def read(self, name: str, start: int, length: int) -> bytes:
        """A range of a file, shorter at its end."""
        with _explained():
            return bytes(self._store.get_range(self._prefix + name, start=start, length=length))

    def remove(self, name: str) -> bool:
        """Remove a file; whether it was there. It is gone when this returns."""
        if self.size(name) is None:
            return False
        with _explained(), contextlib.suppress(FileNotFoundError):
            self._store.delete(self._prefix + name)
        return True

    def names(self) -> Iterator[str]:
        """The names of all files below the prefix, in no order."""
        with _explained():
            for some in self._store.list(self._prefix or None):
                for each in some:
                    name = str(each["path"]).removeprefix(self._prefix)
                    if name != _PROBE:
                        yield name


class BucketFile:
    """A sealed file in a bucket, as `storage.sealed.SealedReader` reads it: at any place, some way ahead."""

    def __init__(self, bucket: Bucket, name: str) -> None:
        size = bucket.size(name)
        if size is None:
            raise MediaError(
                "the file is not there, nor in the bucket; it may be on its way from another gateway"
            )
        self.size = size
        self._bucket, self._name = bucket, name
        self._start, self._window = 0, b""

    def read_at(self, offset: int, length: int) -> bytes:
        """So many bytes from there, fewer at the end."""
        length = min(length, self.size - offset)
        if length <= 0:
            return b""
        at = offset - self._start
        if at < 0 or at + length > len(self._window):
            wanted = min(max(length, AHEAD_BYTES), self.size - offset)
            self._start, self._window = offset, self._bucket.read(self._name, offset, wanted)
            at = 0
        return self._window[at : at + length]

    def close(self) -> None:
        """Let go of what was read ahead."""
        self._window = b""


@contextlib.contextmanager
def _explained() -> Iterator[None]:
    """The library's errors as ones an operator can act on, without the texts, which hold names."""
    try:
        yield
    except FileNotFoundError as error:
        raise MediaError("there is no such bucket, or no such file in it; look at storage.media") from error
    except (exceptions.PermissionDeniedError, exceptions.UnauthenticatedError) as error:
        raise MediaError("the bucket refuses these credentials; look at storage.bucket") from error
    except exceptions.BaseError as error:
        raise MediaError("the bucket does not answer; look at the network and at its server") from error
