"""Checks: each finds what it is for and nothing else does, thresholds hold to the figure, headers are strict."""

from collections.abc import Iterator
from datetime import UTC, datetime

import pytest

from apex_core.catalog import Connection, connect, require_checks
from apex_core.catalog.checks import MOMENTS, Given, all_checks, checks_at, line_of, parse_check, run_checks, violations
from apex_core.errors import CatalogError, CheckFailed
from apex_core.settings import ChecksSettings, Settings

AS_OF = datetime(2026, 1, 10, tzinfo=UTC)
# A catalog in order: 200 tracks of two creators with counts, audio, vectors, scores, sides, labels and predictions.
SOUND = """
    INSERT INTO run (run_id, flow, as_of, token, state, host, started_at, ended_at)
        VALUES ('now', 'nightly', TIMESTAMPTZ '2026-01-10 00:00Z', 1, 'running', NULL,
        TIMESTAMPTZ '2026-01-10 00:00Z', NULL);
    INSERT INTO run_stat SELECT 'now', 'ingest suno', * FROM (VALUES ('records_in', 210.0), ('upserted', 200.0),
        ('unchanged', 4.0), ('duplicate', 3.0), ('skipped', 2.0), ('rejected', 1.0), ('observations', 200.0));
    INSERT INTO run_stat VALUES ('now', 'train', 'trained', 1);
    INSERT INTO landing BY NAME SELECT 'suno' AS source, 'f' AS uri, 's' AS sha256,
        TIMESTAMPTZ '2026-01-10 00:00Z' AS observed_at, 1 AS pages, 'now' AS run_id, 210 AS records, 1 AS rejected;
    INSERT INTO reject VALUES ('suno', 'k', 'missing_id', 'ingest', '{}', TIMESTAMPTZ '2026-01-10 00:00Z',
        TIMESTAMPTZ '2026-01-10 00:00Z', 1, NULL);
    INSERT INTO track BY NAME SELECT 'suno' AS platform, 't' || i AS track_id, 'active' AS status, 'complete' AS state,
        'c' || i % 2 AS creator_id, TIMESTAMPTZ '2026-01-01 00:00Z' AS first_observed_at,
        TIMESTAMPTZ '2026-01-10 00:00Z' AS last_observed_at FROM range(200) AS r(i);
    INSERT INTO engagement SELECT platform, track_id, TIMESTAMPTZ '2026-01-10 00:00Z', row_number() OVER () - 1, 5,
        TIMESTAMPTZ '2026-01-10 00:00Z' FROM track;
    INSERT INTO audio BY NAME SELECT platform, track_id, 'available' AS state, track_id AS sha256, 'u' AS uri,
        1 AS attempts, TIMESTAMPTZ '2026-01-10 00:00Z' AS checked_at FROM track;
    INSERT INTO encoder VALUES ('e', 's', '{}', TIMESTAMPTZ '2026-01-10 00:00Z');
    INSERT INTO embedding_shard (encoder_id, shard_id, songs, failed, segments, audio_s, precision, device, adopted_at)
        VALUES ('e', 'sh', 200, 0, 200, 1, 'fp32', 'cpu', TIMESTAMPTZ '2026-01-10 00:00Z');
    INSERT INTO embedding SELECT 'e', sha256, 'sh', 'embedded', NULL, 1 FROM audio;
    INSERT INTO split SELECT platform, track_id, CASE creator_id WHEN 'c0' THEN 'train' ELSE 'test' END,
        'suno:creator:' || creator_id, false, TIMESTAMPTZ '2026-01-10 00:00Z' FROM track;
    INSERT INTO aesthetic SELECT platform, track_id, 'l', 1, 2, 3, 4, 5, TIMESTAMPTZ '2026-01-10 00:00Z' FROM track;
    INSERT INTO training_set VALUES ('ts', 'now', 'e', 200, TIMESTAMPTZ '2026-01-10 00:00Z');
    INSERT INTO model_version VALUES ('v', 'ts', 'now', 'e', 'w', 'c', '{}', TIMESTAMPTZ '2026-01-10 00:00Z',
        'promoted', '', NULL, NULL);
    INSERT INTO model_alias VALUES ('champion', 1, 'v', '', '', TIMESTAMPTZ '2026-01-10 00:00Z', NULL);
    INSERT INTO prediction SELECT 'v', sha256, 0, 100, 1, 2, 3, 4, NULL FROM audio;
    INSERT INTO publication VALUES (1, 'before', TIMESTAMPTZ '2026-01-09 00:00Z', 'before', 0, 200, 200);
    INSERT INTO score_run BY NAME SELECT run AS score_run_id, n, '{}' AS definition,
        TIMESTAMPTZ '2026-01-10 00:00Z' AS as_of, 200 AS tracks
        FROM (VALUES ('before', 1), ('now', 2)) AS r(run, n);
    INSERT INTO score_cdf SELECT score_run_id, 'suno', 'streams', i, 1, i / 200, i / 2
        FROM score_run, range(200) AS r(i);
    INSERT INTO score_cdf SELECT score_run_id, 'suno', 'likes', 5, 200, 0.5, 70 FROM score_run;
    INSERT INTO engagement_score BY NAME SELECT score_run_id, platform, track_id, 'suno' AS cohort, plays, likes,
        plays / 200 AS streams_percentile, 0.5 AS likes_percentile, plays / 2 AS score_streams, 70 AS score_likes
        FROM engagement, score_run;
    INSERT INTO score_cohort SELECT score_run_id, 'suno', m, 'suno', NULL, NULL, 200, 1, 0
        FROM score_run, (VALUES ('streams'), ('likes')) AS r(m);
"""
FAULTS = {
    "keys_are_unique": [
        "INSERT INTO reject FROM reject",
        "INSERT INTO aesthetic FROM aesthetic LIMIT 1",
        "INSERT INTO split FROM split LIMIT 1",
        "INSERT INTO score_cohort FROM score_cohort LIMIT 1",
        "INSERT INTO model_alias FROM model_alias",
    ],
    "no_orphan_rows": [
        "INSERT INTO engagement VALUES ('suno', 'x', TIMESTAMPTZ '2026-01-10 00:00Z', 1, 1, "
        "TIMESTAMPTZ '2026-01-10 00:00Z')",
        "INSERT INTO aesthetic VALUES ('udio', 't1', 'l', 1, 1, 1, 1, 1, TIMESTAMPTZ '2026-01-10 00:00Z')",
        "INSERT INTO split VALUES ('suno', 'x', 'train', 'x', false, TIMESTAMPTZ '2026-01-10 00:00Z')",
        "INSERT INTO prediction VALUES ('v', 'x', 1, 1, 1, 1, 1, 1, 1)",
        "INSERT INTO prediction VALUES ('x', 't1', 1, 1, 1, 1, 1, 1, 1)",
        "INSERT INTO score_cdf VALUES ('x', 'suno', 'likes', 1, 1, 1, 1)",
        "INSERT INTO score_cohort VALUES ('x', 'suno', 'likes', 'suno', NULL, NULL, 1, 1, 1)",
        "INSERT INTO model_alias VALUES ('champion', 2, 'x', '', '', TIMESTAMPTZ '2026-01-10 00:00Z', NULL)",
    ],
    "forgotten_are_gone": [
        "INSERT INTO forgotten VALUES ('suno', 'track', 't1', TIMESTAMPTZ '2026-01-01 00:00Z', 'r')",
        "INSERT INTO forgotten VALUES ('suno', 'creator', 'c1', TIMESTAMPTZ '2026-01-01 00:00Z', 'r')",
    ],
    "lineage_is_whole": [
        "UPDATE model_version SET training_set_id = 'x'",
        "UPDATE training_set SET score_run_id = 'x'",
    ],
    "no_lineage_on_two_sides": ["UPDATE track SET root_id = 't1' WHERE track_id = 't2'"],
    "scores_in_range": [
        "UPDATE engagement_score SET streams_percentile = 1.1 WHERE track_id = 't9' AND score_run_id = 'before'",
        "UPDATE engagement_score SET likes_percentile = 'nan' WHERE track_id = 't9' AND score_run_id = 'before'",
    ],
    "cdfs_are_monotone": [
        "UPDATE score_cdf SET score = 1 WHERE count = 150 AND score_run_id = 'before'",
        "UPDATE score_cdf SET percentile = 0 WHERE count = 150 AND score_run_id = 'before'",
        "UPDATE score_cdf SET percentile = 'nan' WHERE count = 199 AND score_run_id = 'before'",
        "UPDATE score_cdf SET tracks = 0 WHERE count = 150 AND score_run_id = 'before'",
        "UPDATE score_cdf SET count = -1 WHERE count = 0 AND score_run_id = 'before'",
    ],
    "scores_match_their_cdf": [
        "UPDATE engagement_score SET score_streams = 71 WHERE track_id = 't141' AND score_run_id = 'now'",
        "UPDATE engagement_score SET plays = 20 WHERE track_id = 't19' AND score_run_id = 'now'",
        "UPDATE score_cdf SET tracks = 2 WHERE count = 150 AND score_run_id = 'now'",
        "DELETE FROM score_cdf WHERE measure = 'likes' AND score_run_id = 'now'",
    ],
    "score_runs_are_whole": [
        "UPDATE score_run SET tracks = 201 WHERE n = 2",
        "UPDATE score_run SET tracks = 199 WHERE n = 2",
    ],
    "counts_reconcile": [
        "UPDATE run_stat SET value = value + 1 WHERE measure = 'skipped'",
        "DELETE FROM engagement WHERE track_id = 't0'",
        "UPDATE landing SET rejected = 300",
        "UPDATE landing SET records = 211",
    ],
    "shards_are_whole": [
        "UPDATE embedding_shard SET songs = 201",
        "UPDATE embedding SET state = 'failed' WHERE sha256 = 't1'; DELETE FROM prediction WHERE sha256 = 't1'",
    ],
    "labels_in_range": [
        "UPDATE aesthetic SET clarity = 5.1 WHERE track_id = 't1'",
        "UPDATE aesthetic SET clarity = 'nan' WHERE track_id = 't1'",
        "UPDATE prediction SET score_likes = -1 WHERE sha256 = 't1'",
        "UPDATE prediction SET coherence = 'inf' WHERE sha256 = 't1'",
    ],
    "counters_not_negative": ["UPDATE engagement SET likes = -1 WHERE track_id = 't1'"],
    "states_are_known": [
        "UPDATE track SET status = 'lost' WHERE track_id = 't1'; UPDATE audio SET uri = NULL WHERE track_id = 't2'",
        "UPDATE split SET split = 'dev' WHERE group_key = 'suno:creator:c0'",
    ],
    "nothing_from_the_future": [
        "UPDATE engagement SET observed_at = TIMESTAMPTZ '2026-01-11 00:00:01Z' WHERE track_id = 't1'",
        "UPDATE track SET last_observed_at = TIMESTAMPTZ '2026-02-01 00:00Z' WHERE track_id = 't1'",
    ],
}
HEADER = "-- One row.\n-- severity: block\n-- when: ingest, snapshot\n-- fix: mend it.\n"


@pytest.fixture
def catalog(settings: Settings) -> Iterator[Connection]:
    with connect(settings) as connection:
        connection.execute(SOUND)
        yield connection


def found(connection: Connection, limits: ChecksSettings | None = None) -> dict[str, int]:
    """How many violations the checks that found any have."""
    given = Given("now", AS_OF, limits or ChecksSettings())
    return {one.check.name: one.violations for one in run_checks(connection, all_checks(), given) if one.violations}


def test_a_catalog_in_order_and_an_empty_one_pass(catalog: Connection) -> None:
    assert found(catalog) == {}
    require_checks(catalog)
    for table, *_ in catalog.execute("SELECT table_name FROM duckdb_tables() WHERE NOT temporary").fetchall():
        catalog.execute(f"DELETE FROM {table}" if table != "schema_version" else "SELECT 1")
    assert found(catalog) == {}


@pytest.mark.parametrize(("check", "fault"), [(check, fault) for check, faults in FAULTS.items() for fault in faults])
def test_a_fault_is_found_by_its_check_alone(check: str, fault: str, catalog: Connection) -> None:
    catalog.execute(fault)
    assert [*found(catalog)] == [check]


def test_every_check_has_a_fault() -> None:
    elsewhere = {
        "no_group_on_two_sides", "score_drift", "score_drift_is_not_gross", "few_new_rejects",
        "new_rejects_are_no_flood", "audio_is_encoded",
    }  # fmt: skip
    assert {check.name for check in all_checks()} == FAULTS.keys() | elsewhere


@pytest.mark.parametrize("quarantined", [False, True])
def test_a_group_on_two_sides_is_leakage_unless_quarantined(quarantined: bool, catalog: Connection) -> None:
    catalog.execute("UPDATE split SET split = 'test', quarantined = ? WHERE track_id = 't0'", [quarantined])
    leaks = {"no_group_on_two_sides": 1, "no_lineage_on_two_sides": 1}
    assert found(catalog) == ({} if quarantined else leaks)


def test_late_lineage_is_no_leak_before_sides_were_given(catalog: Connection) -> None:
    catalog.execute("UPDATE track SET root_id = 't1' WHERE track_id = 't2'")
    catalog.execute("DELETE FROM run_stat WHERE stage = 'train'")
    assert found(catalog) == {}


@pytest.mark.parametrize("day", ["2026-01-05", "2026-01-10"])
def test_rows_that_were_forgotten_are_not_missed(day: str, catalog: Connection) -> None:
    """Also when the mark is older than the run: its as_of may be ahead of the clock, or it ran in between."""
    for table in ("engagement_score", "engagement", "aesthetic", "split", "audio", "track"):
        catalog.execute(f"DELETE FROM {table} WHERE track_id = 't7'")
    catalog.execute("UPDATE run_stat SET value = 199 WHERE measure = 'observations'")
    assert found(catalog).keys() == {"score_runs_are_whole", "scores_match_their_cdf"}
    catalog.execute(f"INSERT INTO forgotten VALUES ('suno', 'track', 't7', TIMESTAMPTZ '{day} 01:00Z', 'r')")
    assert found(catalog) == {}
    catalog.execute("DELETE FROM engagement_score WHERE track_id = 't8'")
    assert found(catalog).keys() == {"score_runs_are_whole", "scores_match_their_cdf"}, "one is forgotten, two are gone"


def drift(connection: Connection, points: float) -> None:
    """Let likes have been by so many points less when a run was last published."""
    connection.execute(f"UPDATE engagement_score SET score_likes = 70 - {points} WHERE score_run_id = 'before'")


@pytest.mark.parametrize(
    ("points", "checks"),
    [
        (2.0, set()),
        (3.0, set()),
        (3.25, {"score_drift"}),
        (10.0, {"score_drift"}),
        (10.25, {"score_drift", "score_drift_is_not_gross"}),  # all of them moved by more than drift_points
    ],
)
def test_drift_at_its_thresholds(points: float, checks: set[str], catalog: Connection) -> None:
    drift(catalog, points)
    assert found(catalog).keys() == checks


@pytest.mark.parametrize(("gone", "checks"), [(10, 0), (11, 1), (60, 1), (61, 2)])
def test_vanished_tracks_at_their_thresholds(gone: int, checks: int, catalog: Connection) -> None:
    catalog.execute(
        "UPDATE engagement_score SET score_run_id = 'before', track_id = track_id || '-gone' "
        f"WHERE score_run_id = 'now' AND plays < {gone}"
    )
    catalog.execute(
        "DELETE FROM engagement_score WHERE score_run_id = 'before' AND track_id IN "
        "(SELECT replace(track_id, '-gone', '') FROM engagement_score WHERE track_id LIKE '%-gone')"
    )
    names = ["score_drift", "score_drift_is_not_gross"]
    assert [name for name in names if name in found(catalog)] == names[:checks]


def test_drift_needs_something_to_compare_with(catalog: Connection) -> None:
    drift(catalog, 30)
    assert "score_drift_is_not_gross" in found(catalog)
    assert found(catalog, ChecksSettings(drift_min_tracks=201)) == {}
    catalog.execute("DELETE FROM publication")
    assert found(catalog) == {}


def test_another_definition_is_told_and_not_compared(catalog: Connection) -> None:
    drift(catalog, 30)
    catalog.execute("""UPDATE score_run SET definition = '{"gamma": 1}' WHERE n = 1""")
    assert found(catalog) == {"score_drift": 1}


def refuse_more(connection: Connection, rejects: int) -> None:
    connection.execute(
        "INSERT INTO reject SELECT 'suno', 'n' || i, 'missing_id', 'ingest', '{}', TIMESTAMPTZ '2020-01-01 00:00Z', "
        f"TIMESTAMPTZ '2020-01-01 00:00Z', 1, NULL FROM range({rejects}) AS r(i)"
    )


@pytest.mark.parametrize(("rejects", "checks"), [(19, 0), (20, 1), (21, 1), (22, 2)])
def test_new_rejects_at_their_thresholds(rejects: int, checks: int, catalog: Connection) -> None:
    """Of 210 records, of an old dump: 10 % is 21, and fewer than 20 say nothing. Those of before do not count."""
    catalog.execute("UPDATE publication SET rejects = 5")
    catalog.execute("UPDATE track SET last_observed_at = TIMESTAMPTZ '2026-01-01 00:00Z'")
    refuse_more(catalog, rejects + 4)
    names = ["few_new_rejects", "new_rejects_are_no_flood"]
    assert [*found(catalog)] == names[:checks]


@pytest.mark.parametrize(("rejects", "checks"), [(21, 1), (22, 2), (23, 2)])
def test_an_ingest_without_figures_is_judged_by_the_tracks_it_looked_at(
    rejects: int, checks: int, catalog: Connection
) -> None:
    """It was cut short, or its platform went down half way: 200 tracks were looked at, this run reports ten records."""
    catalog.execute("UPDATE run_stat SET value = 0 WHERE measure IN ('upserted', 'duplicate', 'skipped', 'rejected')")
    catalog.execute("UPDATE run_stat SET value = 4 WHERE measure IN ('records_in', 'unchanged')")
    catalog.execute("DELETE FROM landing")
    refuse_more(catalog, rejects)
    names = ["few_new_rejects", "new_rejects_are_no_flood"]
    assert [*found(catalog)] == names[:checks]


@pytest.mark.parametrize(("missing", "rows"), [(2, 0), (3, 1), (10, 1), (11, 2)])
def test_coverage_at_its_thresholds(missing: int, rows: int, catalog: Connection) -> None:
    for table in ("prediction", "embedding"):
        catalog.execute(f"DELETE FROM {table} WHERE substr(sha256, 2)::INTEGER < {missing}")
    catalog.execute(f"UPDATE embedding_shard SET songs = 200 - {missing}")
    assert found(catalog) == ({"audio_is_encoded": rows} if rows else {})


def test_a_song_that_failed_with_a_reason_is_covered(catalog: Connection) -> None:
    catalog.execute("UPDATE embedding SET state = 'failed', reason = 'silent'; UPDATE embedding_shard SET failed = 200")
    assert found(catalog) == {}


def test_all_offenders_can_be_had_and_some_are_told(catalog: Connection) -> None:
    catalog.execute("UPDATE engagement SET likes = -1")
    given = Given("now", AS_OF, ChecksSettings())
    (check,) = [check for check in all_checks() if check.name == "counters_not_negative"]
    (one,) = run_checks(catalog, [check], given)
    rows = [line_of(row) for row in violations(catalog, check, given, set())]
    assert len(rows) == one.violations == 200
    assert one.first == tuple(rows[:5])
    with pytest.raises(CheckFailed, match="counters_not_negative: 200") as raised:
        require_checks(catalog)
    assert check.fix in str(raised.value.fix)


def test_headers_of_all_checks_are_read() -> None:
    assert {"score_drift_is_not_gross", "new_rejects_are_no_flood"} == {c.name for c in all_checks() if c.acceptable}
    assert all(checks_at(moment) for moment in MOMENTS)
    assert all(check.rule.endswith(".") and check.fix.rstrip('"').endswith(".") for check in all_checks())


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("SELECT 1", "first comment"),
        (HEADER.replace("-- fix: mend it.\n", "") + "SELECT 1", "first comment"),
        (HEADER.replace("block", "fatal") + "SELECT 1", "severity 'fatal'"),
        (HEADER.replace("ingest, snapshot", "snapshot, ingest") + "SELECT 1", "in this order"),
        (HEADER.replace("ingest, snapshot", "audio") + "SELECT 1", "when 'audio'"),
        (HEADER.replace("-- fix", "-- needs: score/insert_cdf\n-- fix") + "SELECT 1", "needs 'score/insert_cdf'"),
        (HEADER + "SELECT $today", "nothing is bound as today"),
        (HEADER, "no statement"),
    ],
)
def test_a_wrong_check_is_refused(text: str, said: str) -> None:
    with pytest.raises(CatalogError, match=said):
        parse_check("wrong", text)


def test_a_check_without_its_columns_is_refused(catalog: Connection) -> None:
    check = parse_check("wrong", HEADER + "SELECT 1 AS what")
    with pytest.raises(CatalogError, match="columns are what"):
        run_checks(catalog, [check], Given("now", AS_OF, ChecksSettings()))
