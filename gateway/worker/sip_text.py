"""What a worker reads in an INVITE beyond what pjsua2 tells: Call-ID, tag, branch, source. Pure."""

from __future__ import annotations

import re
from dataclasses import dataclass

_COMPACT = {"v": "via", "f": "from", "i": "call-id", "t": "to", "m": "contact"}
_USER = re.compile(r"sips?:(?:([^@>]*)@)?", re.IGNORECASE)
_URI = re.compile(r"<([^>]*)>")


@dataclass(frozen=True)
class InviteText:
    """The parts of an INVITE that a gateway asks for. All but `branch` and the tags may be personal data."""

    sip_call_id: str
    from_tag: str
    branch: str
    """branch of the topmost Via (RFC 3261 section 8.1.1.7)."""
    dialled: str
    """User part of the request URI, without parameters."""
    caller: str
    """User part of the From URI."""
    caller_uri: str
    source: str
    """Address of who sent it to the last proxy, as that saw it ("" when it did not say)."""
    srtp: str
    """What the edge says of encrypted sound: off (also when it says nothing), optional, required."""


def read_invite(text: str) -> InviteText:
    """Read an INVITE; what is missing is "". Never raises: the SIP stack has accepted the message."""
    lines = re.sub(r"\r?\n[ \t]+", " ", text.replace("\r\n", "\n").split("\n\n", 1)[0]).split("\n")
    vias: list[str] = []
    headers: dict[str, str] = {}
    for line in lines[1:]:
        name, _, value = line.partition(":")
        key = _COMPACT.get(name.strip().lower(), name.strip().lower())
        if key == "via":
            vias += [via.strip() for via in value.split(",")]
        else:
            headers.setdefault(key, value.strip())
    sender = headers.get("from", "")
    found = _URI.search(sender)
    caller_uri = found.group(1) if found else sender.split(";", 1)[0].strip()
    tail = sender[found.end() :] if found else sender
    target = lines[0].split(" ")[1] if lines[0].count(" ") >= 2 else ""
    return InviteText(
        sip_call_id=headers.get("call-id", ""),
        from_tag=_parameter(tail, "tag"),
        branch=_parameter(vias[0], "branch") if vias else "",
        dialled=_user(target),
        caller=_user(caller_uri),
        caller_uri=caller_uri,
        source=_source(vias[:2][-1]) if vias else "",
        srtp=told if (told := headers.get("x-tast1-srtp")) in ("optional", "required") else "off",
    )


def _parameter(text: str, name: str) -> str:
    found = re.search(rf";\s*{name}\s*=\s*\"?([^;,\s\">]*)", text, re.IGNORECASE)
    return found.group(1) if found else ""


def _user(uri: str) -> str:
    found = _USER.match(uri)
    return (found.group(1) or "").split(":", 1)[0].split(";", 1)[0] if found else ""


def _source(via: str) -> str:
    """The address in a Via: the last `received` is the proxy's own (RFC 3261 section 18.2.1)."""
    told = re.findall(r";\s*received\s*=\s*\"?\[?([0-9A-Fa-f.:]+)", via, re.IGNORECASE)
    sent_by = via.split(";", 1)[0].split(" ")[-1]
    host = re.match(r"\[([^\]]*)\]|([^:]*)", sent_by)
    return told[-1] if told else "" if host is None else host.group(1) or host.group(2)
