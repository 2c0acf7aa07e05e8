"""``apex check``: what an operator sees after a night that was blocked."""

import csv
from pathlib import Path

import pytest

from apex_core.catalog import connect
from apex_core.settings import Settings
from tests.cli.conftest import Apex


@pytest.fixture
def broken(snapshot: Settings) -> Settings:
    """More offenders than a table shows: one a row of engagement."""
    with connect(snapshot, "test") as connection:
        connection.execute("INSERT INTO engagement SELECT e.* FROM engagement AS e, range(50)")
        connection.execute("UPDATE engagement SET likes = -1")
    return snapshot


def test_a_catalog_in_order_passes(apex: Apex, snapshot: Settings) -> None:
    result = apex("check")
    assert result.exit_code == 0, result.output
    assert "passed" in result.stdout
    assert "blocked" not in result.stdout
    assert "checks as of run" in result.stderr


def test_what_blocks_is_shown_first_with_what_to_do(apex: Apex, broken: Settings) -> None:
    result = apex("check")
    assert result.exit_code == 1
    assert result.stdout.splitlines()[1].split()[:2] == ["blocked", "counters_not_negative"]
    assert "→ go back to a good backup (`apex restore" in " ".join(result.stdout.split())
    assert "apex check NAME lists all of it" in result.stderr


def test_all_offenders_can_be_had_as_csv(apex: Apex, broken: Settings) -> None:
    rows = list(csv.DictReader(apex("check", "counters_not_negative", "--format", "csv").stdout.splitlines()))
    with connect(broken, "test") as connection:
        assert [(len(rows),)] == connection.execute("SELECT count(*) FROM engagement").fetchall()
    assert rows[0]["what"] == "engagement"
    assert "likes -1" in rows[0]["detail"]
    shown = apex("check", "counters_not_negative")
    assert len(shown.stdout.splitlines()) == 101
    assert "--format csv gives all" in shown.stderr


def test_an_unknown_check_and_no_catalog_are_told(apex: Apex, home: Path) -> None:
    assert "There is no catalog" in apex("check").stderr
    assert "There is no check 'keys'" in apex("check", "keys").stderr
    assert not home.exists()


def test_only_a_check_that_can_be_accepted_is_and_with_a_reason(apex: Apex, home: Path) -> None:
    assert "no check that can be accepted" in apex("nightly", "--accept", "keys_are_unique").stderr
    assert "without a reason" in apex("nightly", "--accept", "score_drift_is_not_gross").stderr
    assert not home.exists()
