"""``apex restore``: a rehearsal first, nothing replaced without saying so, and what is left to do."""

import pytest

from apex_core.catalog import connect
from apex_core.settings import Settings
from tests.cli.conftest import Apex


def titles(settings: Settings) -> int:
    with connect(settings, "test") as connection:
        return connection.execute("SELECT count(*) FROM track").fetchall()[0][0]


def test_a_lost_catalog_comes_back_with_yes_and_not_before(apex: Apex, snapshot: Settings) -> None:
    snapshot.catalog_path.unlink()
    shown = apex("restore")
    assert shown.exit_code == 0, shown.output
    assert ["tracks", "3", "3"] in [line.split() for line in shown.stdout.splitlines()]
    assert "nothing was changed; --yes puts this in the place of" in shown.stderr
    assert not snapshot.catalog_path.exists()
    done = apex("restore", "--yes")
    assert (done.exit_code, done.stdout) == (0, shown.stdout)
    assert "apex nightly does the rest" in done.stderr
    assert titles(snapshot) == 3


def test_one_that_is_there_is_replaced_only_when_told_and_kept(apex: Apex, snapshot: Settings) -> None:
    with connect(snapshot, "test") as connection:
        connection.execute("DELETE FROM track WHERE track_id = 't1'")
    assert "--yes --set-aside puts this in the place of" in apex("restore").stderr
    refused = apex("restore", "--yes")
    assert refused.exit_code == 1
    assert "There is a catalog" in refused.stderr
    assert titles(snapshot) == 2
    done = apex("restore", "--yes", "--set-aside")
    assert done.exit_code == 0, done.output
    assert titles(snapshot) == 3
    (aside,) = (snapshot.home / "aside").iterdir()
    assert str(aside) in done.stderr
    assert (aside / "catalog.duckdb").is_file()


@pytest.mark.parametrize("options", [(), ("--yes", "--set-aside")])
def test_a_backup_that_is_not_there_is_one_message(apex: Apex, snapshot: Settings, options: tuple[str, ...]) -> None:
    result = apex("restore", "--backup", "20200101T000000Z-00000000", *options)
    assert result.exit_code == 1
    assert "There is no backup 20200101T000000Z-00000000" in result.stderr
    assert "backups there: 2026" in result.stderr
