"""Checks: each finds what it is for, and a catalog in order passes."""

import pytest

from apex_core.catalog import connect, require_checks
from apex_core.catalog.checks import run_checks
from apex_core.errors import CheckFailed
from apex_core.settings import Settings

TRACK = """
    INSERT INTO track BY NAME SELECT 'suno' AS platform, 't1' AS track_id, 'active' AS status,
    TIMESTAMPTZ '2026-01-01 00:00Z' AS first_observed_at, TIMESTAMPTZ '2026-01-01 00:00Z' AS last_observed_at
"""
SPLIT = "INSERT INTO split VALUES ('suno', ?, ?, 'g', ?, TIMESTAMPTZ '2026-01-01 00:00Z')"
FAULTS = {
    "keys_are_unique": [TRACK, TRACK],
    "no_orphan_rows": ["INSERT INTO engagement VALUES ('suno', 'gone', now(), 1, 1, now())"],
    "scores_in_range": [
        TRACK,
        "INSERT INTO engagement_score BY NAME SELECT 'r' AS score_run_id, 'suno' AS platform, 't1' AS track_id, "
        "'suno' AS cohort, 101.0 AS score_streams",
        "INSERT INTO score_run BY NAME SELECT 'r' AS score_run_id, '{}' AS definition, now() AS as_of, 1 AS tracks, "
        "1 AS n",
    ],
}


@pytest.mark.parametrize("check", FAULTS)
def test_a_check_finds_its_fault(check: str, settings: Settings) -> None:
    with connect(settings) as connection:
        assert run_checks(connection) == []
        for statement in FAULTS[check]:
            connection.execute(statement)
        assert [violations.check for violations in run_checks(connection)] == [check]
        with pytest.raises(CheckFailed, match=check):
            require_checks(connection)


@pytest.mark.parametrize(("quarantined", "found"), [(False, ["no_group_on_two_sides"]), (True, [])])
def test_a_group_on_two_sides_is_leakage_unless_quarantined(
    quarantined: bool, found: list[str], settings: Settings
) -> None:
    with connect(settings) as connection:
        connection.execute(SPLIT, ["t1", "train", False])
        connection.execute(SPLIT, ["t2", "test", quarantined])
        assert [violations.check for violations in run_checks(connection)] == found
