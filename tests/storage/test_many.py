"""Conditions on many ids, on both databases."""

from __future__ import annotations

import sqlalchemy as sa

from storage.many import among
from storage.tables import Case
from tests.storage.world import ARRIVED, World

ODD = ["K-1", "it's", 'a "quoted" one', "a,b", "{c}", "æøå", "\\", "NULL", ""]


def test_among_finds_exactly_the_ids_whatever_is_in_them(world: World) -> None:
    def fill(session: sa.orm.Session) -> None:
        session.add_all(Case(id=each, kind="sample", opened_at=ARRIVED, opened_by="x") for each in ODD)

    world.db.write_sync(fill)

    def found(ids: list[str]) -> list[str]:
        return sorted(
            world.db.read_sync(lambda s: s.scalars(sa.select(Case.id).where(among(Case.id, ids))).all())
        )

    for each in ODD:
        assert found([each]) == [each]
    assert found([*ODD, *ODD, "another"]) == sorted(ODD)
    assert found([]) == found(["k-1", "K-", "%"]) == []


def test_a_statement_about_many_has_one_parameter_and_is_prepared_once(world: World) -> None:
    def keys(session: sa.orm.Session) -> set[object]:
        statements = [sa.delete(Case.__table__).where(among(Case.id, [str(n)] * n)) for n in (1, 2, 40_000)]
        for statement in statements:
            session.execute(statement)
        return {statement._generate_cache_key().key for statement in statements}

    assert len(world.db.write_sync(keys)) == 1


def test_the_ids_are_looked_up_and_the_table_is_not_gone_through(world: World) -> None:
    if not world.db.is_sqlite:
        return  # there the plan depends on how many rows there are
    query = sa.select(Case.id).where(among(Case.id, ["a", "b"]))
    text = str(query.compile(dialect=sa.dialects.sqlite.dialect()))

    def plan(session: sa.orm.Session) -> str:
        rows = session.connection().exec_driver_sql(f"EXPLAIN QUERY PLAN {text}", ('["a", "b"]',))
        return " / ".join(row[3] for row in rows)

    assert "SEARCH cases USING" in world.db.read_sync(plan)
