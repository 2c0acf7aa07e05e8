from collections.abc import Iterator
from contextlib import contextmanager

import duckdb
import pytest

from apex_core.catalog import Connection, sql
from apex_core.catalog.migrate import migrate


@contextmanager
def empty_catalog() -> Iterator[Connection]:
    """An empty catalog in memory."""
    with duckdb.connect(config={"threads": 1}) as connection:
        connection.execute(sql("catalog/set_utc"))
        migrate(connection)
        yield connection


@pytest.fixture
def catalog() -> Iterator[Connection]:
    with empty_catalog() as connection:
        yield connection
