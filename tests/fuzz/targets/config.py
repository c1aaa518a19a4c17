"""A settings file: settings that can be used, or a list of what is wrong with it; never anything else."""

from __future__ import annotations

from pathlib import Path

import yaml

from gateway.config import ConfigError, Settings
from tests.fuzz.feed import Feed, damaged

TEXT = (Path(__file__).parents[3] / "config.yaml").read_text(encoding="utf-8")
LINES = tuple(line for line in TEXT.splitlines() if line.strip() and not line.strip().startswith("#"))
BASE = Path("/etc/tast1")
VALUES = (
    *(
        "null",
        "true",
        "-1",
        "0",
        "1",
        "1e999",
        ".nan",
        ".inf",
        "99999999999999999999",
        "[]",
        "{}",
        "''",
        "a b",
    ),
    *(
        "2025-01-15",
        "2025-13-45",
        "0o777",
        "0x1F",
        "1:30",
        "&a [*a]",
        "[[[[]]]]",
        "{a: {b: {c: d}}}",
        "!!binary aGk=",
    ),
    *(
        "'sip:a@b'",
        "'192.0.2.0/33'",
        "'::/0'",
        "'0.0.0.0:99999'",
        "/nowhere",
        "'\\0'",
        '"\\ud800"',
        "? [a]",
        "<<: *x",
    ),
    *("NO", "on", "!!set {a, b}", "!!python/name:os.system", "file:/etc/shadow", "'http://u:p@h/?token=x'"),
)
SEEDS = (
    bytes([0]),
    bytes([0, 1, 9, 3, 1]),
    bytes([0, 3, 20, 0, 4, 2, 30, 1, 19, 4, 2, 5]),
    bytes([1]) + b"sip: &a\n  x: *a\n",
    bytes([1]) + b"flows: {a: {connect: 'sip:a@b'}}\n",
    bytes([1]) + b"1: 2\n? [a]\n: b\nsip: [1, 2]\n",
    bytes([1]) + b"a: &a [x,x]\nb: &b [*a,*a]\nc: [*b,*b]\n",
    bytes([2]) + b"\x04TEXT\x03[[[" + b"\x10",
)
WORDS = (
    b"sip:\n",
    b"  trunks:",
    b"flows:\n",
    b"policy:\n",
    b"&a ",
    b"*a",
    b"{",
    b"}",
    b"[",
    b"!!",
    b"<<: ",
    b": ",
)
SECRETS = ("hunter2",)

DAMAGED = 20  # in the test of all targets: each takes its time


def run(data: bytes) -> None:
    feed = Feed(data)
    environment: dict[str, str] = {}
    match feed.number(0, 2):
        case 0:
            text = rewritten(feed)
        case 1:
            text = feed.rest().decode("utf-8", "replace")
        case _:
            name = feed.word(30).upper().replace("\0", "")
            environment = {f"TAST1__{name}": feed.word(60)}
            text = damaged(feed, TEXT.encode(), 2).decode("utf-8", "replace")
    try:
        settings = Settings.parse(text, "config.yaml", BASE, environment)
    except ConfigError as error:
        assert error.mistakes
        for mistake in error.mistakes:
            assert mistake.where and mistake.why and "\n" not in str(mistake)
            assert all(secret not in str(mistake) for secret in SECRETS)
            str(mistake).encode()
        return
    settings.advice()
    assert all(secret not in yaml.safe_dump(settings.shown()) for secret in SECRETS)
    assert settings.flows and settings.policy and settings.ivr and settings.reuse


def rewritten(feed: Feed) -> str:
    """The file that comes with the gateway, some lines changed, taken out, moved or repeated."""
    lines = list(LINES)
    for _ in range(feed.number(0, 6)):
        at = feed.number(0, len(lines) - 1)
        name, colon, _ = lines[at].partition(":")
        match feed.number(0, 5):
            case 0:
                del lines[at]
            case 1:
                lines[at] = f"{name}: {feed.pick(VALUES)}"
            case 2:
                lines.insert(at, lines[feed.number(0, len(lines) - 1)])
            case 3:
                lines[at] = " " * feed.number(0, 8) + lines[at].strip()
            case 4:
                lines[at] = f"{name}{colon} {feed.word(40)}"
            case _:
                lines[at] = f"{name}_password: hunter2"
    return "\n".join(lines) + "\n"
