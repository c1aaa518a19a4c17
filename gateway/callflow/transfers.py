"""Whom a call may be handed over to: nobody but the targets of the flow's settings. Pure.

A number or user part from an agent's telephone never chooses the host, the port or a header of what is
called: what is dialled is the URI of the settings, with what was asked for in place of its `*`. So the worst
that a stolen telephone can do is what the settings allow it to.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from gateway.callflow.settings import FlowSettings

_USER = re.compile(r"\+?[0-9A-Za-z]{1,64}(?:[._-][0-9A-Za-z]{1,64}){0,8}")
_URI = re.compile(r"sips?:([^@;?<>\s]+)@([^;?<>\s]+)")
_WILD = "[0-9A-Za-z]{1,32}"


@dataclass(frozen=True)
class Destination:
    """What is dialled, and whether it is the company itself."""

    uri: str
    company: bool


def destination(flow: FlowSettings, asked: str) -> Destination | None:
    """What `asked` (a number, a user part, or a SIP URI) means in this flow; None: it is not allowed.

    The first of the settings' targets that fits counts. A SIP URI must name a target's own host and port.
    """
    uri = _URI.fullmatch(asked)
    user, place = (uri[1], uri[2].lower()) if uri else (asked, None)
    if len(user) > 64 or not _USER.fullmatch(user):
        return None
    for target in flow.transfers:
        pattern, _, rest = target.pattern.removeprefix("sip:").partition("@")
        host = rest.partition(";")[0].lower()
        if place not in (None, host):
            continue
        if re.fullmatch(_WILD.join(re.escape(part) for part in pattern.split("*")), user):
            return Destination(f"sip:{user}@{rest}", target.company)
    return None
