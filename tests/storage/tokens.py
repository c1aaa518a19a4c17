"""A PKCS#11 token of the tests' own: SoftHSM in a folder, with AES keys that cannot be read out of it."""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path

import pytest

PIN = "4711"
_LIBRARIES = ("/usr/lib/softhsm/libsofthsm2.so", "/usr/lib64/pkcs11/libsofthsm2.so")


def library() -> Path:
    """SoftHSM's library; skips where it is not installed, and fails in CI."""
    found = next((Path(each) for each in _LIBRARIES if Path(each).exists()), None)
    if found is None or shutil.which("softhsm2-util") is None:
        if os.environ.get("CI"):
            pytest.fail("SoftHSM is not installed (apt-get install softhsm2)")
        pytest.skip("SoftHSM is not installed (apt-get install softhsm2)")
    return found


def prepare(folder: Path) -> None:
    """The token store of this process and those it starts: before the library is first loaded."""
    (folder / "tokens").mkdir()
    config = folder / "softhsm2.conf"
    config.write_text(
        f"directories.tokendir = {folder / 'tokens'}\nobjectstore.backend = file\nlog.level = ERROR\n"
    )
    os.environ["SOFTHSM2_CONF"] = str(config)


def make_token(label: str) -> None:
    """A token with that label and `PIN`."""
    command = ["softhsm2-util", "--init-token", "--free", "--label", label, "--pin", PIN, "--so-pin", PIN]
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL, timeout=30)


def make_key(module: Path, token: str, label: str) -> None:
    """An AES-256 key made in the token: sensitive, and not to be extracted."""
    import pkcs11
    from pkcs11 import Attribute

    pkcs11.lib(str(module)).reinitialize()
    with pkcs11.lib(str(module)).get_token(token_label=token).open(rw=True, user_pin=PIN) as session:
        session.generate_key(
            pkcs11.KeyType.AES,
            256,
            label=label,
            store=True,
            template={Attribute.EXTRACTABLE: False, Attribute.SENSITIVE: True},
        )
