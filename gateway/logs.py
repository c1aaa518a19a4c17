"""Structured logs without people in them.

    log.info("call ended", extra={"call_id": call_id, "pii": {"caller": uri}})

1. Whatever stands under `pii` is dropped, unless `logs.personal` is true.
2. Of an exception only its types and where it was raised are logged, not what it says.
3. Of a library's record only the fixed part of its text is logged, not what was put into it.
4. What is logged while a call is worked on has its `call_id`, whoever logs it (`about_call`); where traces
   are told, also a `trace_id`, which is the same.
5. What reaches stderr on other ways (uncaught exceptions, warnings, failing handlers) goes by the
   same rules.

Text or JSON, one record a line, on stderr. Times are UTC.
"""

from __future__ import annotations

import json
import logging
import re
import sys
import threading
import traceback
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from datetime import datetime, timezone
from enum import Enum
from pathlib import Path
from types import TracebackType
from typing import Any, Protocol

OUR_PACKAGES = ("gateway", "storage", "transcription", "ivr_prompts", "__main__")
_RECORD_FIELDS = frozenset(logging.makeLogRecord({}).__dict__) | {"message", "asctime", "taskName", "pii"}
_VARIABLE_PART = re.compile(r"""["'`<(\[{:=\d\n]""")  # where the fixed part of a library's text ends

log = logging.getLogger(__name__)
_call_id: ContextVar[str] = ContextVar("call_id", default="")


class LogSettings(Protocol):
    """`logs` of config.yaml."""

    @property
    def level(self) -> str:
        """DEBUG, INFO, WARNING or ERROR."""

    @property
    def format(self) -> str:
        """text or json."""

    @property
    def personal(self) -> bool:
        """Whether personal data may be logged."""


@contextmanager
def about_call(call_id: str) -> Iterator[None]:
    """What is logged in here, and in tasks and threads that begin in here, is about that call."""
    token = _call_id.set(call_id)
    try:
        yield
    finally:
        _call_id.reset(token)


class AboutCall(logging.Filter):
    """Gives each record the id of the call that is worked on, unless it names one itself."""

    def __init__(self, traced: bool = False) -> None:
        super().__init__()
        self.traced = traced

    def filter(self, record: logging.LogRecord) -> bool:
        """Let every record through."""
        call_id = getattr(record, "call_id", "") or _call_id.get()
        if call_id:
            record.__dict__["call_id"] = call_id
            if self.traced:
                record.__dict__["trace_id"] = call_id
        return True


class TextFormatter(logging.Formatter):
    """`2026-11-24T10:00:00.000Z INFO gateway.app: call ended call_id=...`"""

    def __init__(self, personal: bool = False) -> None:
        super().__init__()
        self.personal = personal

    def format(self, record: logging.LogRecord) -> str:
        """One line; line breaks in values are escaped, so nobody can forge a second one."""
        fields = _fields(record, self.personal)
        head = f"{_utc(record)} {record.levelname} {record.name}: {_message(record, self.personal)}"
        return " ".join([_one_line(head), *(f"{name}={_text(value)}" for name, value in fields.items())])


class JsonFormatter(logging.Formatter):
    """One JSON object a record: time, level, logger, message, then the fields of `extra`."""

    def __init__(self, personal: bool = False) -> None:
        super().__init__()
        self.personal = personal

    def format(self, record: logging.LogRecord) -> str:
        """One line of JSON."""
        fields = _fields(record, self.personal)
        head = {
            "time": _utc(record),
            "level": record.levelname,
            "logger": record.name,
            "message": _message(record, self.personal),
        }
        return json.dumps(
            {**head, **fields, **head}, ensure_ascii=False
        )  # no field can take the place of one


def configure(settings: LogSettings, traced: bool = False) -> None:
    """Log to stderr by these settings, from here on and in place of any handler before.

    `traced`: traces of calls are told somewhere, so that their ids are of use in the log.
    """
    kind = JsonFormatter if settings.format == "json" else TextFormatter
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(kind(personal=settings.personal))
    handler.addFilter(AboutCall(traced))
    root = logging.getLogger()
    for old in list(root.handlers):
        root.removeHandler(old)
    root.addHandler(handler)
    root.setLevel(settings.level)
    logging.getLogger("alembic").setLevel(max(logging.WARNING, root.level))  # it tells of every opening
    logging.raiseExceptions = settings.personal  # what a failing handler prints has the arguments in it
    logging.captureWarnings(True)
    sys.excepthook = _uncaught
    threading.excepthook = _uncaught_in_thread
    sys.unraisablehook = _unraisable


def _message(record: logging.LogRecord, personal: bool) -> str:
    """The text of a record; of a library's only the part that is the same every time."""
    if personal or record.name.split(".")[0] in OUR_PACKAGES:
        return record.getMessage()
    template = str(record.msg)
    if record.args:
        return template
    return _VARIABLE_PART.split(template, maxsplit=1)[0].strip()


def _fields(record: logging.LogRecord, personal: bool) -> dict[str, Any]:
    """What `extra` gave, and the exception, as plain values."""
    fields: dict[str, Any] = {
        name: _plain(value, personal) for name, value in record.__dict__.items() if name not in _RECORD_FIELDS
    }
    if record.exc_info and record.exc_info[1]:
        error = record.exc_info[1]
        fields["error"] = "".join(traceback.format_exception(error)) if personal else _raised(error)
    pii = record.__dict__.get("pii")
    if personal and pii is not None:
        fields["pii"] = _plain(pii, personal)
    return fields


def _raised(error: BaseException) -> str:
    """Types and places of an exception and of what led to it, outermost first, without its words."""
    told = []
    current: BaseException | None = error
    seen: set[int] = set()
    while current is not None and id(current) not in seen:
        seen.add(id(current))
        frames = traceback.extract_tb(current.__traceback__)
        places = [f"{'/'.join(Path(frame.filename).parts[-2:])}:{frame.lineno}" for frame in frames]
        kind = f"{type(current).__module__}.{type(current).__qualname__}".removeprefix("builtins.")
        told.append(f"{kind} at {' > '.join(places)}" if places else kind)
        current = current.__cause__ or (None if current.__suppress_context__ else current.__context__)
    return "; from ".join(told)


def _plain(value: Any, personal: bool) -> Any:
    """A value as JSON has it; of anything but plain values and paths only the type, as it may hold words."""
    if isinstance(value, Enum):
        return _plain(value.value, personal)
    if value is None or isinstance(value, bool | int | float | str):
        return value
    if isinstance(value, Path):
        return str(value)
    if isinstance(value, datetime):
        return value.isoformat()
    if isinstance(value, Mapping):
        return {
            str(name): _plain(inner, personal) for name, inner in value.items() if personal or name != "pii"
        }
    if isinstance(value, list | tuple | set | frozenset):
        return [_plain(inner, personal) for inner in value]
    return repr(value) if personal else type(value).__name__


def _utc(record: logging.LogRecord) -> str:
    at = datetime.fromtimestamp(record.created, timezone.utc)
    return at.isoformat(timespec="milliseconds").replace("+00:00", "Z")


def _text(value: Any) -> str:
    """A value on one line, in quotes when it has a blank or a line break in it."""
    if isinstance(value, str) and re.fullmatch(r"[^\s\"=]+", value):
        return value
    return json.dumps(value, ensure_ascii=False)


def _one_line(text: str) -> str:
    return text.replace("\r", "\\r").replace("\n", "\\n")


def _uncaught(kind: type[BaseException], error: BaseException, trace: TracebackType | None) -> None:
    if issubclass(kind, KeyboardInterrupt):
        return
    log.critical("uncaught exception", exc_info=(kind, error, trace))


def _uncaught_in_thread(hook: threading.ExceptHookArgs) -> None:
    if hook.exc_value is not None and not isinstance(hook.exc_value, SystemExit):
        log.critical("uncaught exception in a thread", exc_info=hook.exc_value)


def _unraisable(hook: sys.UnraisableHookArgs) -> None:
    if hook.exc_value is not None:
        log.error("exception that nobody could be given", exc_info=hook.exc_value)
