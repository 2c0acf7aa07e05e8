"""The column dictionary in the documentation is the database's own, and an analyst's connection answers it."""

from pathlib import Path

import pytest

from apex_core.catalog import connect, latest_snapshot, open_snapshot
from apex_core.catalog.dictionary import dictionary
from apex_core.pipeline.run import begin
from apex_core.pipeline.snapshot import run_snapshot
from apex_core.settings import Settings
from tests.sql.catalog_rows import AT, add

README = Path(__file__).parents[2] / "sql" / "views" / "README.md"


def test_the_dictionary_is_current() -> None:
    current = README.read_text("utf-8") == dictionary()
    assert current, "run: python -m apex_core.catalog.dictionary > sql/views/README.md"


@pytest.mark.parametrize("sealed", [False, True])
def test_comments_reach_a_snapshots_readers(settings: Settings, sealed: bool) -> None:
    with connect(settings, "test") as connection:
        add(connection, "track", track_id="a")
        asked = "SELECT view_name, view_comment, column_name, data_type, comment FROM column_dictionary ORDER BY ALL"
        live = connection.execute(asked).fetchall()
    run_snapshot(begin(settings, "test", AT, "r1"))
    with open_snapshot(latest_snapshot(settings), sealed=sealed) as connection:
        shown = connection.execute(asked).fetchall()
    assert shown == live
    assert len(shown) > 100
    assert all(comment for *_, comment in shown)
