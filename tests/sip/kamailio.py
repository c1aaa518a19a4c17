"""A real registrar for tests: Kamailio as its own process on loopback, with passwords, without a database."""

from __future__ import annotations

import asyncio
import os
import re
import shutil
from dataclasses import dataclass, field
from pathlib import Path

from tests.ports import free_port

USER, PASSWORD, DOMAIN = "4570101010", "open sesame", "provider.example"
HOW_TO_GET_IT = "apt-get install kamailio"

CONFIG = """\
debug=1
log_stderror=yes
children=1
auto_aliases=no
listen=udp:{host}:{port}
listen=tcp:{host}:{port}
loadmodule "tm.so"
loadmodule "sl.so"
loadmodule "rr.so"
loadmodule "pv.so"
loadmodule "maxfwd.so"
loadmodule "usrloc.so"
loadmodule "registrar.so"
loadmodule "auth.so"
loadmodule "siputils.so"
loadmodule "textops.so"
loadmodule "xlog.so"
modparam("usrloc", "timer_interval", 1)
modparam("registrar", "min_expires", 0)
modparam("registrar", "max_expires", {expires})
modparam("auth", "nonce_expire", {nonce_s})
modparam("auth", "algorithm", "{algorithm}")

request_route {{
    if (is_method("OPTIONS") && !has_totag()) {{
        sl_send_reply("200", "OK");
        exit;
    }}
    if (is_method("REGISTER")) {{
        if (!pv_www_authenticate("{domain}", "{password}", "0")) {{
            xlog("L_ALERT", "TOLD challenged $rc\\n");
            www_challenge("{domain}", "1");
            exit;
        }}
        save("location");
        xlog("L_ALERT", "TOLD registered $hdr(Expires)\\n");
        exit;
    }}
    if (has_totag()) {{
        if (loose_route()) {{
            t_relay();
        }} else if (is_method("ACK") && t_check_trans()) {{
            t_relay();
        }}
        exit;
    }}
    if (is_method("CANCEL")) {{
        if (t_check_trans()) t_relay();
        exit;
    }}
    record_route();
    if (!lookup("location")) {{
        sl_send_reply("404", "Not Registered");
        exit;
    }}
    t_relay();
}}
"""


def installed() -> bool:
    """Whether there is a Kamailio."""
    return shutil.which("kamailio") is not None


@dataclass
class Kamailio:
    """One registrar on a loopback address of its own. `expires`: the longest it grants, seconds."""

    folder: Path
    host: str = "127.0.0.2"
    expires: int = 600
    nonce_s: int = 300
    algorithm: str = "SHA-256"
    port: int = field(default_factory=free_port)
    process: asyncio.subprocess.Process | None = None

    @property
    def uri(self) -> str:
        return f"sip:{self.host}:{self.port}"

    def number(self, user: str = USER) -> str:
        """Where to call to reach who registered."""
        return f"sip:{user}@{self.host}:{self.port}"

    async def start(self) -> Kamailio:
        self.folder.mkdir(parents=True, exist_ok=True)
        config = self.folder / "kamailio.cfg"
        values = {"host": self.host, "port": self.port, "expires": self.expires, "nonce_s": self.nonce_s}
        config.write_text(
            CONFIG.format(**values, algorithm=self.algorithm, domain=DOMAIN, password=PASSWORD),
            encoding="utf-8",
        )
        with self.log.open("ab") as log:
            self.process = await asyncio.create_subprocess_exec(
                *("kamailio", "-f", str(config), "-DD", "-E", "-m", "32", "-M", "4"),
                *("-P", str(self.folder / "pid"), "-Y", str(self.folder), "-w", str(self.folder)),
                stdout=log,
                stderr=log,
                start_new_session=True,
            )
        return self

    @property
    def log(self) -> Path:
        return self.folder / "kamailio.log"

    def told(self, word: str) -> int:
        """How often it said that it registered or challenged somebody."""
        text = self.log.read_text(errors="replace") if self.log.exists() else ""
        return len(re.findall(rf"TOLD {word}", text))

    async def stop(self) -> None:
        """End it and its children, at once."""
        if self.process is not None and self.process.returncode is None:
            os.killpg(self.process.pid, 9)
            await self.process.wait()
