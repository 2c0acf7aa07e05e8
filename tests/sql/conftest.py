from collections.abc import Iterator

import duckdb
import pytest

from apex_core.catalog import Connection, sql
from apex_core.catalog.migrate import migrate


@pytest.fixture
def catalog() -> Iterator[Connection]:
    """An empty catalog in memory."""
    with duckdb.connect(config={"threads": 1}) as connection:
        connection.execute(sql("catalog/set_utc"))
        migrate(connection)
        yield connection
