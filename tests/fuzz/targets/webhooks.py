"""What webhooks are told: the listed fields of an entry, as JSON, the same every time, signed."""

from __future__ import annotations

import hashlib
import hmac
import json
from datetime import datetime, timezone
from types import SimpleNamespace
from typing import Any

from gateway.web.webhooks import ping, signature
from storage import audit_chain
from storage.tables import AuditEntry, WebhookDelivery
from storage.webhooks import EVENTS, _body
from tests.fuzz.feed import Feed

SEEDS = tuple(bytes([at, 4]) + b"abcd" + bytes([2, 3]) + b"why" * 9 for at in range(len(EVENTS)))
AT = datetime(2025, 1, 15, 9, tzinfo=timezone.utc)


def run(data: bytes) -> None:
    feed = Feed(data)
    action = feed.pick(sorted(EVENTS))
    names = sorted({name for each in EVENTS[action] for name in (*each.fields, each.subject) if name})
    subject = feed.word(64)
    detail: dict[str, Any] = {"secret": "SECRET", **{name: value(feed) for name in names}}
    sealed = audit_chain.seal(None, AT, {"user": "SECRET"}, action, subject, detail)
    entry = AuditEntry(**vars(sealed))
    for event in EVENTS[action]:
        delivery = WebhookDelivery(id="d1", hook="h", event=event.name, seq=1)
        session: Any = SimpleNamespace(get=lambda kind, seq: entry)
        body = _body(session, delivery)
        assert body is not None and body == _body(session, delivery)
        told = json.loads(body)
        assert set(told) == {"id", "event", "at", "sequence", event.kind, "data"}
        assert set(told["data"]) <= set(event.fields)
        assert b"SECRET" not in body
        seconds, _, mac = signature("key", 1, body).partition(",v1=")
        assert seconds == "t=1"
        assert mac == hmac.new(b"key", b"1." + body, hashlib.sha256).hexdigest()
    json.loads(ping(subject, AT).body)


def value(feed: Feed) -> Any:
    """A value as a detail may hold it."""
    return feed.pick((None, True, feed.number(0, 2**32), feed.word(32), feed.number(0, 100) / 7))
