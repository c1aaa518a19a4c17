"""`tast1 keys`, as somebody gives it on a machine where there is an archive."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml

from gateway.cli import app
from tests.cli.shop import Shop, run
from tests.storage import tokens


@pytest.fixture
def shop(tmp_path: Path) -> Shop:
    return Shop(tmp_path)


def set_key(shop: Shop, **key: Any) -> None:
    settings = yaml.safe_load(shop.config.read_text())
    settings["storage"]["key"] = key
    shop.config.write_text(yaml.safe_dump(settings))


def flac(shop: Shop, status: int = 0) -> bytes:
    out = shop.folder / f"copy-{len(list(shop.folder.glob('copy-*')))}.flac"
    if "dpo" not in shop.tokens:
        shop.hire("dpo", "DPO")
    told = shop.tast1(
        *("recordings", "export", shop.fresh, "--out", str(out), "--reason", "art. 15"),
        by="dpo",
        status=status,
    )
    return out.read_bytes() if status == 0 else told.encode()


def test_a_key_file_is_replaced_listed_and_destroyed(shop: Shop) -> None:
    heard = flac(shop)
    (before,) = shop.json("keys", "list")
    assert before["state"] == "in_use" and before["needed"]["data_keys"] == 2
    done: Any = shop.json("keys", "rotate")
    assert done["is_new"] and done["retired"] == [before["key_id"]] and done["failed"] == []
    assert flac(shop) == heard
    assert "well" in shop.tast1("keys", "check", "--every") or "open" in shop.tast1(
        "keys", "check", "--every"
    )
    listed = {each["key_id"]: each["state"] for each in shop.json("keys", "list")}
    assert listed == {before["key_id"]: "retired", done["key_id"]: "in_use"}
    assert "retired" in shop.tast1("keys", "list")
    assert "--despite-backups" in shop.tast1("keys", "destroy", before["key_id"], status=1)
    shop.tast1("keys", "destroy", before["key_id"], "--despite-backups")
    assert [path.name for path in (shop.folder / "data/keys").iterdir()] == ["kek"]
    assert flac(shop) == heard
    shop.tast1("sweep")
    shop.tast1("erase", "verify")


def test_a_node_with_the_public_key_alone_says_that_it_can_only_seal(shop: Shop) -> None:
    heard = flac(shop)
    private, public = shop.folder / "reader.pem", shop.folder / "recorder.pub"
    run.invoke(app, ["keys", "pair", "--private", str(private), "--public", str(public)])
    assert private.stat().st_mode & 0o777 == 0o600
    set_key(shop, public_key=str(public))
    shop.tast1("keys", "rotate")
    assert b"can only seal" in flac(shop, status=1)
    assert "can only seal" in shop.tast1("keys", "finish", status=1)
    assert json.loads(shop.tast1("keys", "check", "--json"))["seals_only"]
    set_key(shop, private_key=str(private))
    assert flac(shop) == heard
    assert shop.json("keys", "finish") == {
        **{"completed": [], "abandoned": [], "failed": {}},
        "transcribed": 0,
    }


def test_a_wrong_key_file_is_told_by_the_id_of_the_right_one(shop: Shop) -> None:
    (right,) = shop.json("keys", "list")
    path = shop.folder / "data/keys/kek"
    content = path.read_bytes()
    path.write_bytes(bytes(32))
    assert right["key_id"] in shop.tast1("keys", "list", status=1)
    path.unlink()
    assert "is missing, and there is an archive" in shop.tast1("calls", status=1)
    assert not path.exists()
    path.write_bytes(content)
    path.chmod(0o600)
    shop.tast1("keys", "check")


def test_a_token_is_opened_with_the_pin_in_a_file_by_a_process_of_its_own(shop: Shop) -> None:
    module = tokens.library()
    tokens.prepare(shop.folder)
    tokens.make_token("tast1")
    create = ("--login", "--pin", tokens.PIN, "--keygen", "--key-type", "AES:32", "--label", "kek")
    subprocess.run(
        ["pkcs11-tool", "--module", str(module), "--token-label", "tast1", *create],
        check=True,
        stdout=subprocess.DEVNULL,
        timeout=60,
    )
    pin = shop.folder / "pin"
    pin.write_text(tokens.PIN)
    token = {"module": str(module), "token": "tast1", "key": "kek", "pin": f"file:{pin}"}
    set_key(shop, pkcs11=token, others=[{"key_file": str(shop.folder / "data/keys/kek")}])
    assert given(shop, "keys", "rotate")["rewrapped"] > 0
    (shop.folder / "data/keys/kek").rename(shop.folder / "kek-before")
    set_key(shop, pkcs11=token)
    kinds = {each["kind"]: each for each in given(shop, "keys", "list")}
    assert kinds["pkcs11"]["needed"]["data_keys"] == 2 and kinds["file"]["needed"]["data_keys"] == 0
    pin.write_text("9999")
    told = given(shop, "keys", "list", status=1)
    assert "refused the PIN" in told and "9999" not in told


def given(shop: Shop, *arguments: str, status: int = 0) -> Any:
    command = [sys.executable, "-m", "gateway.cli", *arguments, "--json", "--config", str(shop.config)]
    env = {**os.environ, "TAST1_LANG": "en"}
    done = subprocess.run(command, capture_output=True, text=True, timeout=120, env=env)
    assert done.returncode == status, done.stderr
    return json.loads(done.stdout) if status == 0 else done.stderr.replace("\n", " ")
