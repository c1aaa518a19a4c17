"""The logs: no number, name or word of a caller comes out, on whatever way it went in."""

from __future__ import annotations

import ast
import asyncio
import io
import json
import logging
import subprocess
import sys
from collections.abc import Iterator
from enum import Enum
from pathlib import Path

import pytest

from gateway.config.sections import LogsSection
from gateway.logs import AboutCall, JsonFormatter, TextFormatter, about_call
from storage.database import Database

NUMBER = "+4570101010"
ROOT = Path(__file__).parents[1]
FORMATTERS = [TextFormatter, JsonFormatter]

log = logging.getLogger("gateway.somewhere")


class Colour(str, Enum):
    RED = "red"


@pytest.fixture(params=[log, logging.getLogger("a_library")], ids=["ours", "a library's"])
def logger(request: pytest.FixtureRequest) -> Iterator[logging.Logger]:
    yield request.param


def written(formatter: logging.Formatter, logger: logging.Logger, *message: object, **more: object) -> str:
    stream = io.StringIO()
    handler = logging.StreamHandler(stream)
    handler.setFormatter(formatter)
    logger.addHandler(handler)
    try:
        logger.error(*message, **more)  # type: ignore[arg-type]
    finally:
        logger.removeHandler(handler)
    return stream.getvalue()


def raised() -> BaseException:
    """An exception with a number in its words, from another one with a number in its words."""
    try:
        try:
            raise KeyError(NUMBER)
        except KeyError as error:
            raise ValueError(f"cannot call {NUMBER}") from error
    except ValueError as error:
        return error


@pytest.mark.parametrize("kind", FORMATTERS)
def test_a_number_under_pii_does_not_come_out(kind: type, logger: logging.Logger) -> None:
    extra = {"call_id": "c-1", "pii": {"caller": NUMBER}, "leg": {"name": "caller", "pii": {"uri": NUMBER}}}
    line = written(kind(), logger, "call ended", extra=extra)
    assert "call ended" in line and "c-1" in line
    assert NUMBER not in line and "pii" not in line


@pytest.mark.parametrize("kind", FORMATTERS)
def test_a_number_in_an_exception_does_not_come_out(kind: type, logger: logging.Logger) -> None:
    line = written(kind(), logger, "call failed", exc_info=raised())
    assert NUMBER not in line
    assert "ValueError at tests/test_logs.py:" in line
    assert "KeyError at tests/test_logs.py:" in line


@pytest.mark.parametrize("kind", FORMATTERS)
def test_an_exception_as_a_field_shows_its_type_only(kind: type, logger: logging.Logger) -> None:
    line = written(kind(), logger, "call failed", extra={"cause": raised()})
    assert NUMBER not in line and "ValueError" in line


@pytest.mark.parametrize("kind", FORMATTERS)
@pytest.mark.parametrize(
    "message",
    [
        ("Exception in callback %s", NUMBER),
        (f"Exception in callback dial('{NUMBER}')",),
        (f"Exception in callback <Task {NUMBER}>",),
        (f"Exception in callback\ncontext: {NUMBER}",),
        (f"Exception in callback {NUMBER}",),
    ],
)
def test_what_a_library_put_into_its_text_does_not_come_out(kind: type, message: tuple[str, ...]) -> None:
    line = written(kind(), logging.getLogger("asyncio"), *message)
    assert "4570101010" not in line
    assert "Exception in callback" in line


@pytest.mark.parametrize("kind", FORMATTERS)
def test_personal_data_comes_out_only_when_it_is_allowed(kind: type, logger: logging.Logger) -> None:
    line = written(
        kind(personal=True), logger, "call ended", extra={"pii": {"caller": NUMBER}}, exc_info=raised()
    )
    assert line.count(NUMBER) >= 3


def test_a_formatter_before_it_leaves_no_words_behind() -> None:
    record = log.makeRecord(log.name, logging.ERROR, "", 0, "call failed", (), None)
    error = raised()
    record.exc_info = (type(error), error, error.__traceback__)
    logging.Formatter().format(record)  # caches the words of the exception in the record
    assert NUMBER not in TextFormatter().format(record) + JsonFormatter().format(record)


def test_json_has_the_fields_by_name() -> None:
    line = written(
        JsonFormatter(), log, "call ended", extra={"call_id": "c-1", "ms": 12, "colour": Colour.RED}
    )
    record = json.loads(line)
    assert record.pop("time").endswith("Z")
    assert record == {
        "level": "ERROR",
        "logger": "gateway.somewhere",
        "message": "call ended",
        "call_id": "c-1",
        "ms": 12,
        "colour": "red",
    }


def test_text_is_one_line_whatever_a_value_holds() -> None:
    line = written(TextFormatter(), log, "call\nended", extra={"reason": "a\nfake ERROR line", "ms": 12})
    assert line.count("\n") == 1
    assert line.endswith('ERROR gateway.somewhere: call\\nended reason="a\\nfake ERROR line" ms=12\n')


async def test_what_is_logged_about_a_call_names_it_in_tasks_and_threads_and_nowhere_else(
    tmp_path: Path,
) -> None:
    database = Database(f"sqlite:///{tmp_path / 'x.db'}")

    async def work(call_id: str) -> list[str]:
        with about_call(call_id):
            await asyncio.sleep(0)
            told = [written_about(log), await asyncio.create_task(later())]
            told.append(await asyncio.to_thread(written_about, log))
            told.append(await database.read(lambda _: written_about(log)))
            told.append(await database.write(lambda _: written_about(log)))
            return [*told, written_about(log, call_id="another")]

    async def later() -> str:
        return written_about(log)

    one, two = await asyncio.gather(work("c1"), work("c2"))
    database.close()
    for told, call_id in ((one, "c1"), (two, "c2")):
        assert [json.loads(line)["call_id"] for line in told] == [call_id] * 5 + ["another"]
        assert all(json.loads(line)["trace_id"] == json.loads(line)["call_id"] for line in told)
    assert "call_id" not in json.loads(written_about(log))


def written_about(logger: logging.Logger, **extra: str) -> str:
    stream = io.StringIO()
    handler = logging.StreamHandler(stream)
    handler.setFormatter(JsonFormatter())
    handler.addFilter(AboutCall(traced=True))
    record = logger.makeRecord(logger.name, logging.ERROR, "", 0, "said", (), None, extra=extra)
    handler.handle(record)
    return stream.getvalue()


@pytest.mark.parametrize("form", ["text", "json"])
def test_nothing_personal_reaches_stderr_on_any_other_way(form: str) -> None:
    program = f"""
import asyncio, logging, sys, threading, warnings
from types import SimpleNamespace
from gateway.logs import configure
configure(SimpleNamespace(level="INFO", format={form!r}, personal=False))
def fail(number): raise ValueError(number)
thread = threading.Thread(target=fail, args=({NUMBER!r},)); thread.start(); thread.join()
async def forgotten(): fail({NUMBER!r})
async def main():
    asyncio.get_running_loop().call_soon(fail, {NUMBER!r})
    task = asyncio.create_task(forgotten())
    await asyncio.wait([task])
asyncio.run(main())
class Gone:
    def __del__(self): fail({NUMBER!r})
Gone()
warnings.warn({NUMBER!r})
logging.getLogger("gateway.x").info("wrong number of arguments %s %s", {NUMBER!r})
print("done")
fail({NUMBER!r})
"""
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, cwd=ROOT, timeout=60
    )
    assert done.stdout == "done\n"
    assert done.returncode == 1
    assert "4570101010" not in done.stderr
    for told in (
        "in a thread",
        "Exception in callback",
        "nobody could be given",
        "CRITICAL",
    ):
        assert told in done.stderr, told
    assert "Task exception was never retrieved" in done.stderr


def test_the_settings_of_the_logs_are_those_of_the_file() -> None:
    settings = LogsSection()
    assert (settings.level, settings.format, settings.personal) == ("INFO", "text", False)


def log_calls() -> Iterator[tuple[str, ast.Call]]:
    """Every call of a logger in our packages."""
    for package in ("gateway", "storage", "transcription", "ivr_prompts"):
        for file in sorted((ROOT / package).rglob("*.py")):
            for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
                if (
                    isinstance(node, ast.Call)
                    and isinstance(node.func, ast.Attribute)
                    and node.func.attr in ("debug", "info", "warning", "error", "exception", "critical")
                    and isinstance(node.func.value, ast.Name)
                    and node.func.value.id in ("log", "logger")
                ):
                    yield f"{file.relative_to(ROOT)}:{node.lineno}", node


def test_every_log_text_of_ours_is_fixed() -> None:
    calls = list(log_calls())
    assert calls
    loose = [
        place
        for place, call in calls
        if len(call.args) != 1
        or not (isinstance(call.args[0], ast.Constant) and isinstance(call.args[0].value, str))
    ]
    assert loose == [], "put what varies into `extra`, and what is personal under `pii`"


def test_the_steps_of_opening_the_database_are_not_logged() -> None:
    program = (
        "import logging\n"
        "from gateway.config.sections import LogsSection\n"
        "from gateway.logs import configure\n"
        "configure(LogsSection())\n"
        "logging.getLogger('alembic.runtime.migration').info('Context impl %s.', 'SQLiteImpl')\n"
        "logging.getLogger('alembic.runtime.migration').warning('look here')\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, cwd=ROOT, timeout=60
    )
    assert "Context impl" not in done.stderr and "look here" in done.stderr
