"""Many rows at once: ids, and rows on PostgreSQL, travel as one parameter, so however many there are the
statement is the same, is prepared once and is one trip to the server."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from datetime import date
from typing import Any, cast

from sqlalchemy import ColumnElement, Dialect, Text, TypeDecorator, bindparam, insert, text
from sqlalchemy import Table as PlainTable
from sqlalchemy.ext.compiler import compiles
from sqlalchemy.orm import Session
from sqlalchemy.sql.compiler import SQLCompiler
from sqlalchemy.sql.functions import FunctionElement

from storage.tables import Table


class _Ids(TypeDecorator[Sequence[str]]):
    """A list of ids as one JSON text, which costs less to send than an array, quoted id by id."""

    impl = Text
    cache_ok = True

    def process_bind_param(self, value: Sequence[str] | None, dialect: Dialect) -> Any:
        return json.dumps(list(value or ()))


class _Listed(FunctionElement[Any]):
    """The ids as the rows of a query."""

    inherit_cache = True

    def __init__(self, ids: Sequence[str]) -> None:
        super().__init__(bindparam(None, ids, _Ids(), unique=True))


def among(column: Any, ids: Sequence[str]) -> ColumnElement[bool]:
    """That a column's value is one of `ids`; false when there are none."""
    found: ColumnElement[bool] = column.op("IN", is_comparison=True)(_Listed(ids))
    return found


@compiles(_Listed)
def _of_postgres(element: _Listed, compiler: SQLCompiler, **how: Any) -> str:
    ids = compiler.process(element.clauses, **how)
    return f"(SELECT json_array_elements_text(CAST({ids} AS json)))"


@compiles(_Listed, "sqlite")
def _of_sqlite(element: _Listed, compiler: SQLCompiler, **how: Any) -> str:
    ids = compiler.process(element.clauses, **how)
    return f"(SELECT value FROM json_each({ids}))"  # noqa: S608 - a placeholder


def plain(table: type[Table]) -> PlainTable:
    """A table for statements that leave out the ORM: they are prepared and their rows read in half the time.

    They do not flush what a session has pending: whoever uses them does.
    """
    return cast(PlainTable, table.__table__)


def insert_all(session: Session, table: type[Table], rows: Sequence[Mapping[str, Any]]) -> None:
    """Add rows that name the same columns, none of them binary; errors as of any insert."""
    if not rows:
        return
    session.flush()
    if session.get_bind().dialect.name == "sqlite":
        session.execute(insert(plain(table)), rows)
        return
    names = ", ".join(f'"{name}"' for name in rows[0])
    source = f"json_populate_recordset(CAST(NULL AS {table.__tablename__}), CAST(:rows AS json))"
    statement = f"INSERT INTO {table.__tablename__} ({names}) SELECT {names} FROM {source}"  # noqa: S608 - names of ours
    session.execute(text(statement), {"rows": json.dumps(rows, default=_plain)})


def _plain(value: Any) -> str:
    if isinstance(value, date):  # an instant is one, too
        return value.isoformat()
    raise TypeError(f"{type(value).__name__} is not for JSON")
