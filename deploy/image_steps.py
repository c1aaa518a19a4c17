"""`make image-steps`: the steps of the Dockerfile, run where there is no container engine.

Each stage is a Debian root of its own, made by debootstrap with Debian's Python in place of the official
image's; COPY, RUN, ENV, WORKDIR and USER do in it what they say. Then the command of the image runs as the
image's user until its health check passes, and is stopped by its stop signal. It needs root, and Debian's
and Python's registries. What this cannot show: the base image itself, layers, and the engine's own limits.
"""

from __future__ import annotations

import json
import os
import re
import shlex
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
SUITE = "bookworm"
PACKAGES = "python3,python3-venv,ca-certificates"
HEALTHY_S = 60
RUN_WITH = {"TAST1__SIP__PUBLIC_HOST": "127.0.0.1"}  # what whoever runs the image has to say (docker run -e)
MOUNTS = (("proc", "proc"), ("tmpfs", "dev/shm"))
_PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"


@dataclass
class Stage:
    """An image that is being built: its root, and what its later steps go by."""

    root: Path
    env: dict[str, str] = field(default_factory=lambda: {"PATH": _PATH})
    folder: str = "/"
    user: str = "root"
    healthcheck: list[str] = field(default_factory=list)
    command: list[str] = field(default_factory=list)
    stop: str = "SIGTERM"


def steps(text: str) -> Iterator[tuple[str, str]]:
    """The instructions of a Dockerfile and their arguments, continued lines joined."""
    joined = re.sub(r"\\\n", " ", re.sub(r"^\s*#.*\n", "", text, flags=re.M))
    for line in joined.splitlines():
        if line.strip():
            name, _, rest = line.strip().partition(" ")
            yield name.upper(), rest.strip()


def inside(stage: Stage, words: list[str], user: str = "root", **more: object) -> subprocess.Popen[bytes]:
    """Start a command in the stage's root, as that user, with its environment."""
    env = {**stage.env, "HOME": "/root" if user == "root" else "/data"}
    line = f"cd {shlex.quote(stage.folder)} && exec {shlex.join(words)}"
    # Not --userspec: it would leave root's groups.
    become = [] if user == "root" else ["setpriv", "--reuid", user, "--regid", user, "--init-groups"]
    command = ["chroot", str(stage.root), *become, "/bin/sh", "-c", line]
    return subprocess.Popen(command, env=env, **more)  # type: ignore[call-overload,no-any-return]


def base(folder: Path) -> Path:
    """A Debian root with Python, in place of the image that the Dockerfile begins from."""
    subprocess.run(
        ["debootstrap", "--variant=minbase", f"--include={PACKAGES}", SUITE, folder], check=True, stdout=2
    )
    (folder / "usr/local/bin/python").symlink_to("/usr/bin/python3")
    for name in ("etc/resolv.conf", "etc/ssl/certs/ca-certificates.crt"):
        if Path("/", name).is_file():
            shutil.copy(Path("/", name), folder / name)
    return folder


def copy(stage: Stage, stages: dict[str, Stage], rest: str) -> None:
    """COPY, of a folder's content or of files."""
    words = shlex.split(rest)
    source = ROOT
    if words[0].startswith("--from="):
        source = stages[words.pop(0).removeprefix("--from=")].root
    *froms, to = words
    target = stage.root / str(Path(stage.folder, to)).lstrip("/")
    for each in froms:
        path = source / each.lstrip("/")
        into = target / path.name if to.endswith("/") else target  # "./" is a folder too
        if path.is_dir():
            shutil.copytree(path, target, symlinks=True, dirs_exist_ok=True)
        else:
            into.parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(path, into)


def build(folder: Path) -> Stage:
    """Carry out the Dockerfile; its last stage."""
    stages: dict[str, Stage] = {}
    stage = Stage(folder)
    for number, (name, rest) in enumerate(steps((ROOT / "Dockerfile").read_text())):
        print(f"--> {name} {rest}", flush=True)
        if name == "FROM":
            label = rest.split(" AS ")[1] if " AS " in rest else f"stage-{number}"
            root = folder / label
            subprocess.run(["cp", "-a", base_of(folder), root], check=True)
            stage = stages[label] = Stage(root)
        elif name == "RUN":
            ran = inside(stage, ["/bin/sh", "-ec", rest], stage.user).wait()
            if ran:
                raise SystemExit(f"that step failed with status {ran}")
        elif name == "COPY":
            copy(stage, stages, rest)
        elif name == "ENV":
            for word in shlex.split(rest):
                key, _, value = word.partition("=")
                stage.env[key] = value.replace("$PATH", stage.env["PATH"])
        elif name == "WORKDIR":
            stage.folder = rest
            (stage.root / rest.lstrip("/")).mkdir(parents=True, exist_ok=True)
        elif name == "USER":
            stage.user = rest
        elif name == "HEALTHCHECK":
            stage.healthcheck = json.loads(rest[rest.index("CMD") + 3 :])
        elif name in ("ENTRYPOINT", "CMD"):
            stage.command = [*stage.command, *json.loads(rest)]
        elif name == "STOPSIGNAL":
            stage.stop = rest
        elif name not in ("VOLUME", "EXPOSE"):
            raise SystemExit(f"this does not know {name}")
    return stage


def base_of(folder: Path) -> Path:
    """The Debian root that every stage begins from, made once."""
    made = folder / "base"
    return made if made.exists() else base(made)


def run(stage: Stage) -> None:
    """The image's command, as its user, until it is healthy; then its stop signal."""
    for kind, name in MOUNTS:
        where = stage.root / name
        where.mkdir(parents=True, exist_ok=True)
        subprocess.run(["mount", "-t", kind, kind, where], check=True)
    try:
        print(f"--> {shlex.join(stage.command)} as {stage.user}", flush=True)
        stage.env.update(RUN_WITH)
        process = inside(stage, stage.command, stage.user)
        end = time.monotonic() + HEALTHY_S
        while inside(stage, stage.healthcheck, stage.user, stderr=subprocess.DEVNULL).wait():
            if process.poll() is not None or time.monotonic() > end:
                process.kill()
                raise SystemExit("it did not become healthy")
            time.sleep(1)
        print("--> healthy; stopping", flush=True)
        process.send_signal(getattr(signal, stage.stop))
        if status := process.wait(30):
            raise SystemExit(f"it ended with status {status}")
    finally:
        for _, name in reversed(MOUNTS):
            subprocess.run(["umount", "--lazy", stage.root / name], check=False)


def main() -> int:
    """Exit status 0 when every step worked."""
    if os.getuid() != 0 or shutil.which("debootstrap") is None:
        print("It needs root, and debootstrap (apt-get install debootstrap).", file=sys.stderr)
        return 2
    with tempfile.TemporaryDirectory(prefix="tast1-image-") as folder:
        run(build(Path(folder)))
    print("Every step of the Dockerfile worked, and what it makes runs.")
    return 0


if __name__ == "__main__":
    sys.exit(main())
