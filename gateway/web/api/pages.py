"""Lists in pages: `limit` and `cursor` in, `items` and `next` out."""

from __future__ import annotations

import base64
import binascii
from datetime import datetime
from typing import Generic, TypeVar

from pydantic import BaseModel, ConfigDict, Field

from gateway.web.api.problems import Problem

T = TypeVar("T")


class Given(BaseModel):
    """What a request says: nothing else than what is known here."""

    model_config = ConfigDict(extra="forbid", str_strip_whitespace=True)


class PageQuery(Given):
    """Which part of a list."""

    limit: int = Field(50, ge=1, le=500, description="How many.")
    cursor: str = Field("", max_length=200, description="`next` of the page before.")

    @property
    def after(self) -> tuple[datetime, str] | None:
        """Where the page before ended: instant and id; `Problem` for what is no cursor."""
        if not self.cursor:
            return None
        try:
            at, _, name = base64.urlsafe_b64decode(self.cursor.encode()).decode().partition("|")
            found = datetime.fromisoformat(at)
            if found.tzinfo is None:
                raise ValueError
            return found, name
        except (ValueError, binascii.Error, OverflowError):
            raise Problem("invalid", errors=[{"key": "cursor", "why": "no cursor of this list"}]) from None


class Page(BaseModel, Generic[T]):
    """A part of a list; `next` is the cursor of the part after it, null at the end."""

    items: list[T]
    next: str | None = None


def cursor(at: datetime, name: str) -> str:
    """Where a page ends."""
    return base64.urlsafe_b64encode(f"{at.isoformat()}|{name}".encode()).decode()
