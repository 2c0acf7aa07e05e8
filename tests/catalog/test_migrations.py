"""Migrations are applied once, in order, and never change under a catalog."""

import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from apex_core.catalog import connect, fingerprint, migrate, peek, statements
from apex_core.errors import MigrationError
from apex_core.settings import Settings

Edit = Callable[[str, str], None]


@pytest.fixture
def edit(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Edit:
    """Work on a copy of ``sql/``: another version of the code."""
    copy = tmp_path / "sql"
    shutil.copytree(statements.sql_root(), copy)
    monkeypatch.setattr(statements, "_SOURCE", copy)
    monkeypatch.setattr(statements, "_PACKAGED", tmp_path / "none")

    def write(name: str, text: str) -> None:
        (copy / name).write_text(text)
        migrate._folder.cache_clear()  # pyright: ignore[reportPrivateUsage]

    write("marker", "")
    return write


@pytest.fixture(autouse=True)
def _forget() -> object:
    yield
    migrate._folder.cache_clear()  # pyright: ignore[reportPrivateUsage]


def test_a_second_visit_changes_nothing(settings: Settings) -> None:
    with connect(settings) as connection:
        before = fingerprint(connection)
        versions = connection.execute("FROM schema_version ORDER BY ALL").fetchall()
    with connect(settings) as connection:
        assert fingerprint(connection) == before
        assert connection.execute("FROM schema_version ORDER BY ALL").fetchall() == versions


def test_a_new_migration_is_applied_to_an_old_catalog(settings: Settings, edit: Edit) -> None:
    with connect(settings) as connection:
        connection.execute("INSERT INTO run_stat VALUES ('r', 's', 'm', 1)")
    edit("migrations/900_more.sql", "CREATE TABLE more (x INTEGER); INSERT INTO more VALUES (7);")
    for _ in range(2):
        with connect(settings) as connection:
            assert connection.execute("FROM more").fetchall() == [(7,)]
            assert connection.execute("SELECT count(*) FROM run_stat").fetchall() == [(1,)]


def test_a_changed_migration_is_refused(settings: Settings, edit: Edit) -> None:
    with connect(settings):
        pass
    edit("migrations/001_catalog.sql", "CREATE TABLE other (x INTEGER);")
    with pytest.raises(MigrationError, match="001_catalog"), connect(settings):
        pass


def test_a_catalog_of_newer_code_is_refused(settings: Settings, edit: Edit) -> None:
    edit("migrations/900_more.sql", "CREATE TABLE more (x INTEGER);")
    with connect(settings):
        pass
    edit("migrations/900_more.sql", "")
    statements_folder = statements.sql_root()
    (statements_folder / "migrations" / "900_more.sql").unlink()
    migrate._folder.cache_clear()  # pyright: ignore[reportPrivateUsage]
    with pytest.raises(MigrationError, match="900_more"), connect(settings):
        pass


def test_a_migration_that_fails_leaves_the_catalog_as_it_was(settings: Settings, edit: Edit) -> None:
    with connect(settings):
        pass
    edit("migrations/900_more.sql", "CREATE TABLE more (x INTEGER); INSERT INTO nowhere VALUES (1);")
    with pytest.raises(Exception, match="nowhere"), connect(settings):
        pass
    edit("migrations/900_more.sql", "CREATE TABLE more (x INTEGER);")
    with connect(settings) as connection:
        assert connection.execute("FROM more").fetchall() == []


def test_a_changed_view_is_taken_over(settings: Settings, edit: Edit) -> None:
    with connect(settings):
        pass
    edit("views/99_more.sql", "CREATE OR REPLACE VIEW more AS SELECT 1 AS x;")
    with connect(settings) as connection:
        assert connection.execute("FROM more").fetchall() == [(1,)]


def test_a_look_at_an_earlier_catalog_is_refused_and_does_not_migrate_it(settings: Settings, edit: Edit) -> None:
    with connect(settings) as connection:
        before = fingerprint(connection)
    edit("migrations/998_later.sql", "-- Later.\nALTER TABLE track ADD COLUMN later VARCHAR;")
    with pytest.raises(MigrationError, match="998_later would have to be applied"), peek(settings):
        pass
    (statements.sql_root() / "migrations" / "998_later.sql").unlink()
    migrate._folder.cache_clear()  # pyright: ignore[reportPrivateUsage]
    with peek(settings) as connection:
        assert fingerprint(connection) == before
