"""Names of what is stored."""

from __future__ import annotations

import uuid
from collections import Counter
from datetime import datetime, timedelta, timezone

from storage.ids import new_id, shard

AT = datetime(2026, 11, 28, 0, 0, tzinfo=timezone.utc)


def test_a_name_is_a_uuid_that_begins_with_its_day() -> None:
    name = uuid.UUID(new_id(AT))
    assert (name.version, name.variant) == (8, uuid.RFC_4122)
    assert name.int >> 112 == (AT - datetime(1970, 1, 1, tzinfo=timezone.utc)).days


def test_names_of_a_day_say_no_more_than_the_day_and_those_of_later_days_come_later() -> None:
    last = AT + timedelta(days=1) - timedelta(milliseconds=1)
    assert new_id(AT)[:4] == new_id(last)[:4] < new_id(last + timedelta(milliseconds=1))[:4]
    evening = [new_id(last) for _ in range(500)]
    assert any(name < new_id(AT) for name in evening), "chance, and not the hour, orders what is of one day"


def test_no_two_names_are_the_same_and_folders_fill_alike() -> None:
    names = {new_id(AT) for _ in range(20_000)}
    assert len(names) == 20_000
    filled = Counter(shard(name) for name in names)
    assert len(filled) == 256 and max(filled.values()) < 160  # 78 each, give or take nine


def test_earlier_names_keep_their_folder() -> None:
    name = uuid.uuid4().hex
    assert shard(name) == name[:2]
