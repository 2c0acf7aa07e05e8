"""Equal fingerprints are the meaning of "changes no row": blind to order and bookkeeping, to nothing else."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

import pytest

from apex_core.catalog import Connection, connect, fingerprint
from apex_core.catalog.fingerprint import BOOKKEEPING, NOT_COUNTED, table_fingerprints
from apex_core.settings import Settings

DAY = datetime(2026, 11, 1, tzinfo=UTC)
TABLES = sorted(BOOKKEEPING)


@pytest.fixture
def catalog(settings: Settings) -> Iterator[Connection]:
    with connect(settings) as connection:
        yield connection


def columns(catalog: Connection, table: str) -> dict[str, str]:
    query = "SELECT column_name, data_type FROM duckdb_columns() WHERE table_name = $1 ORDER BY column_index"
    return dict(catalog.execute(query, [table]).fetchall())


def value_of(kind: str, seed: int) -> object:
    """A value of a column's type, different for every seed."""
    if kind.startswith("TIMESTAMP"):
        return DAY + timedelta(days=seed)
    if kind == "JSON":
        return f'{{"seed": {seed}}}'
    if kind == "BOOLEAN":
        return seed % 2 == 0
    if kind.endswith("[]"):
        return [f"tag {seed}"]
    if kind.startswith("STRUCT"):
        return {"status": DAY + timedelta(days=seed)}
    return f"text {seed}" if kind == "VARCHAR" else seed


def fill(catalog: Connection, table: str, *seeds: int) -> None:
    kinds = columns(catalog, table)
    for seed in seeds:
        chosen = {name: kind for name, kind in kinds.items() if not kind.startswith("STRUCT")}
        marks = ", ".join("?" for _ in chosen)
        values = [value_of(kind, seed) for kind in chosen.values()]
        catalog.execute(f"INSERT INTO {table} ({', '.join(chosen)}) VALUES ({marks})", values)


def test_every_table_is_counted_or_named_as_bookkeeping(catalog: Connection) -> None:
    tables = {name for (name,) in catalog.execute("SELECT table_name FROM duckdb_tables()").fetchall()}
    assert tables == set(BOOKKEEPING) | NOT_COUNTED
    assert not set(BOOKKEEPING) & NOT_COUNTED


@pytest.mark.parametrize("table", TABLES)
def test_every_column_that_is_left_out_exists(catalog: Connection, table: str) -> None:
    assert set(BOOKKEEPING[table]) < set(columns(catalog, table))


@pytest.mark.parametrize("table", TABLES)
def test_the_order_of_rows_does_not_matter(catalog: Connection, table: str) -> None:
    fill(catalog, table, 1, 2, 3)
    before = table_fingerprints(catalog)[table]
    catalog.execute(f"DELETE FROM {table}")
    fill(catalog, table, 3, 1, 2)
    assert table_fingerprints(catalog)[table] == before


@pytest.mark.parametrize("table", TABLES)
def test_every_column_but_bookkeeping_matters(catalog: Connection, table: str) -> None:
    fill(catalog, table, 1, 2)
    before = table_fingerprints(catalog)[table]
    for name, kind in columns(catalog, table).items():
        catalog.execute("BEGIN")
        catalog.execute(
            f"UPDATE {table} SET {name} = $1 WHERE rowid = 0", [value_of(kind, 8 if kind == "BOOLEAN" else 9)]
        )
        changed = table_fingerprints(catalog)[table] != before
        catalog.execute("ROLLBACK")
        assert changed == (name not in BOOKKEEPING[table]), name


@pytest.mark.parametrize("table", TABLES)
def test_twice_the_same_rows_are_not_the_same(catalog: Connection, table: str) -> None:
    """A digest that only combines rows by exclusive or would not see pairs come and go."""
    seen = [fingerprint(catalog)]
    for _ in range(3):
        fill(catalog, table, 1)
        seen.append(fingerprint(catalog))
    assert len(set(seen)) == len(seen)


@pytest.mark.parametrize("table", sorted(NOT_COUNTED))
def test_bookkeeping_tables_do_not_matter(catalog: Connection, table: str) -> None:
    before = fingerprint(catalog)
    fill(catalog, table, 1)
    assert fingerprint(catalog) == before


def test_null_is_not_nothing_and_not_zero(catalog: Connection) -> None:
    seen = set[str]()
    for plays in ("NULL", "0", "1"):
        catalog.execute("DELETE FROM engagement")
        catalog.execute(f"INSERT INTO engagement VALUES ('suno', 'a', '2026-11-01', {plays}, 1, '2026-11-01')")
        seen.add(fingerprint(catalog))
    assert len(seen) == 3


def test_which_score_run_is_current_matters(catalog: Connection) -> None:
    """Their rows are the same, but readers see other scores."""
    fill(catalog, "score_run", 1, 2)
    before = fingerprint(catalog)
    catalog.execute("UPDATE score_run SET n = 3 WHERE n = 1")
    assert fingerprint(catalog) != before


def test_which_table_a_row_is_in_matters(catalog: Connection) -> None:
    prints = table_fingerprints(catalog)
    assert set(prints) >= set(BOOKKEEPING)
    fill(catalog, "prediction", 1)
    changed = {name for name, print_ in table_fingerprints(catalog).items() if print_ != prints[name]}
    assert changed == {"prediction"}
