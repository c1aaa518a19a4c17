"""What a worker reads in an INVITE beyond what pjsua2 tells: Call-ID, tag, branch, source. Pure."""

from __future__ import annotations

import re
from dataclasses import dataclass
from urllib.parse import unquote

_COMPACT = {"v": "via", "f": "from", "i": "call-id", "t": "to", "m": "contact"}
_USER = re.compile(r"sips?:(?:([^@>]*)@)?", re.IGNORECASE)
_BLANKS = " \t\r\n\v\f"  # as bytes see them: other blanks of Unicode belong to the value
ANONYMOUS = "sip:anonymous@anonymous.invalid"
"""Who calls when their number is withheld (RFC 3323 section 4.1.1.3)."""


@dataclass(frozen=True)
class InviteText:
    """The parts of an INVITE that a gateway asks for. All but `branch` and the tags may be personal data."""

    sip_call_id: str
    from_tag: str
    branch: str
    """branch of the topmost Via (RFC 3261 section 8.1.1.7)."""
    dialled: str
    """User part of the request URI, without parameters, or what the edge put in its place."""
    caller: str
    """User part of the From URI, or what the edge put in its place; "" when the number is withheld."""
    caller_uri: str
    source: str
    """Address of who sent it to the last proxy, as that saw it ("" when it did not say)."""
    srtp: str
    """What the edge says of encrypted sound: off (also when it says nothing), optional, required."""
    trunk: str = ""
    """Name of the trunk it came by, as the edge says in `Tast1-Call` ("" when it does not)."""
    dialled_as: str = ""
    """`dialled` as the trunk wrote it, where the edge has written it anew."""


def read_invite(text: str) -> InviteText:
    """Read an INVITE; what is missing is "". Never raises: the SIP stack has accepted the message.

    Lists, parameters and addresses end where the edge sees their end (quotes, angle brackets): what the two
    take for tag, branch and source must be the same.
    """
    lines = re.sub(r"\r?\n[ \t]+", " ", text.replace("\r\n", "\n").split("\n\n", 1)[0]).split("\n")
    vias: list[str] = []
    headers: dict[str, str] = {}
    for line in lines[1:]:
        name, _, value = line.partition(":")
        key = _COMPACT.get(name.strip(_BLANKS).lower(), name.strip(_BLANKS).lower())
        if key == "via":
            vias += _split(value, ",")
        else:
            headers.setdefault(key, value.strip(_BLANKS))
    caller_uri, tail = _address(headers.get("from", ""))
    target = lines[0].split(" ")[1] if lines[0].count(" ") >= 2 else ""
    edge = dict(part.partition("=")[::2] for part in headers.get("tast1-call", "").split(";"))
    caller, dialled = unquote(edge.get("caller", "")), unquote(edge.get("dialled", ""))
    if "withheld" in edge:
        caller, caller_uri = "", ANONYMOUS
    elif caller:
        caller_uri = _with_user(caller_uri, edge["caller"])
    else:
        caller = _user(caller_uri)
    return InviteText(
        sip_call_id=headers.get("call-id", ""),
        from_tag=_parameter(tail, "tag"),
        branch=_parameter(vias[0], "branch") if vias else "",
        dialled=dialled or _user(target),
        caller=caller,
        caller_uri=caller_uri,
        source=_source(vias[:2][-1]) if vias else "",
        srtp=told if (told := edge.get("srtp")) in ("optional", "required") else "off",
        trunk=edge.get("trunk", ""),
        dialled_as=_user(target) if dialled else "",
    )


def _split(text: str, separator: str) -> list[str]:
    """The values between separators that are outside quotes and angle brackets, trimmed."""
    parts = [""]
    quoted = escaped = angled = False
    for char in text:
        if char == separator and not quoted and not angled:
            parts.append("")
            continue
        parts[-1] += char
        if quoted:
            quoted = escaped or char != '"'
            escaped = char == "\\" and not escaped
        elif char == '"':
            quoted = not angled
        elif char in "<>":
            angled = char == "<"
    return [part.strip(_BLANKS) for part in parts]


def _address(value: str) -> tuple[str, str]:
    """The URI of a From, and what follows it: the one in angle brackets that are not in a display name."""
    quoted = escaped = False
    for at, char in enumerate(value):
        if quoted:
            quoted = escaped or char != '"'
            escaped = char == "\\" and not escaped
        elif char == '"':
            quoted = True
        elif char == "<":
            uri, _, tail = value[at + 1 :].partition(">")
            return uri.strip(_BLANKS), tail
    uri, _, tail = value.partition(";")
    return uri.strip(_BLANKS), ";" + tail


def _parameter(text: str, name: str) -> str:
    for part in _split(text, ";")[1:]:
        key, _, value = part.partition("=")
        if key.strip(_BLANKS).lower() == name:
            return value.strip(_BLANKS)
    return ""


def _with_user(uri: str, user: str) -> str:
    """The URI of the caller with another user; without the parameters, which were about the one before."""
    host = re.match(r"sips?:(?:[^@>]*@)?([^;?>]+)", uri, re.IGNORECASE)
    return f"sip:{user}@{host.group(1)}" if host else f"sip:{user}@anonymous.invalid"


def _user(uri: str) -> str:
    found = _USER.match(uri)
    return (found.group(1) or "").split(":", 1)[0].split(";", 1)[0] if found else ""


def _source(via: str) -> str:
    """The address in a Via: the last `received` is the proxy's own (RFC 3261 section 18.2.1)."""
    told = [part.partition("=") for part in _split(via, ";")[1:]]
    received = [value.strip(_BLANKS) for key, _, value in told if key.strip(_BLANKS).lower() == "received"]
    if received:
        return received[-1].strip("[]")
    sent_by = re.split(r"\s", _split(via, ";")[0])[-1]
    host = re.match(r"\[([^\]]*)\]|([^:]*)", sent_by)
    return "" if host is None else host.group(1) or host.group(2)
