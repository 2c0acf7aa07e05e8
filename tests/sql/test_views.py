"""The public views: what each says, and that each says what it is."""

from datetime import timedelta

import pytest

from apex_core.catalog import Connection
from tests.sql.catalog_rows import AT, add, rows

PUBLIC = {
    "scored_catalog",
    "engagement_latest",
    "engagement_daily",
    "model_history",
    "rejects_open",
    "coverage",
    "lineage",
    "column_dictionary",
}


def test_the_public_views_are_there_and_every_view_is_described(catalog: Connection) -> None:
    found = dict(rows(catalog, "SELECT view_name, comment FROM duckdb_views() WHERE NOT internal"))
    assert set(found) >= PUBLIC
    assert [name for name, comment in found.items() if not comment] == []


def test_every_column_of_every_view_says_what_it_means(catalog: Connection) -> None:
    columns = rows(catalog, "SELECT view_name, column_name, comment FROM column_dictionary")
    assert {view for view, _, _ in columns} >= PUBLIC
    assert [f"{view}.{column}" for view, column, comment in columns if not comment] == []


def test_a_day_without_a_counter_does_not_hide_its_gain(catalog: Connection) -> None:
    for day, plays in enumerate((5, None, 9)):
        add(catalog, "engagement", track_id="a", plays=plays, likes=day, observed_at=AT + timedelta(days=day))
    assert rows(catalog, "SELECT plays_gained FROM engagement_daily ORDER BY day") == [(None,), (None,), (4,)]


def test_an_empty_catalog_has_empty_views(catalog: Connection) -> None:
    for (name,) in rows(catalog, "SELECT view_name FROM duckdb_views() WHERE NOT internal"):
        assert name == "column_dictionary" or rows(catalog, f"FROM {name}") == [], name


def test_the_latest_count_is_the_latest_of_each_counter(catalog: Connection) -> None:
    add(catalog, "engagement", track_id="a", plays=9, likes=3)
    add(catalog, "engagement", track_id="a", plays=None, likes=2, observed_at=AT + timedelta(days=1))
    add(catalog, "engagement", track_id="a", plays=1, likes=1, observed_at=AT - timedelta(days=1))
    query = "SELECT plays, likes, observed_at, observations FROM engagement_latest"
    assert rows(catalog, query) == [(9, 2, AT + timedelta(days=1), 3)]


def test_a_tie_goes_to_what_was_recorded_later(catalog: Connection) -> None:
    for recorded, plays in ((2, 7), (1, 8)):
        add(catalog, "engagement", track_id="a", plays=plays, recorded_at=AT + timedelta(hours=recorded))
    assert rows(catalog, "SELECT plays FROM engagement_latest") == [(7,)]


@pytest.mark.parametrize("zone", ["UTC", "America/Los_Angeles", "Pacific/Auckland"])
def test_a_day_is_a_utc_day_whoever_reads(catalog: Connection, zone: str) -> None:
    catalog.execute(f"SET TimeZone = '{zone}'")
    for hour, plays in ((0, 1), (23, 4), (25, 9)):
        add(
            catalog,
            "engagement",
            track_id="a",
            plays=plays,
            likes=0,
            observed_at=AT + timedelta(hours=hour, minutes=30),
        )
    query = "SELECT day::VARCHAR, plays, plays_gained FROM engagement_daily ORDER BY day"
    assert rows(catalog, query) == [("2026-11-01", 4, None), ("2026-11-02", 9, 5)]


def test_counters_may_fall(catalog: Connection) -> None:
    for day, plays in enumerate((9, 4)):
        add(catalog, "engagement", track_id="a", plays=plays, observed_at=AT + timedelta(days=day))
    assert rows(catalog, "SELECT plays_gained FROM engagement_daily ORDER BY day") == [(None,), (-5,)]


@pytest.mark.parametrize(
    ("track", "eligible"),
    [
        ({}, True),
        ({"is_public": None, "kind": None}, True),
        ({"is_public": True, "kind": "edit_crop"}, True),
        ({"is_public": False}, False),
        ({"status": "unavailable"}, False),
        ({"status": "tombstone"}, False),
        ({"state": "unfinished"}, False),
        ({"state": "error"}, False),
        ({"state": None}, False),
        ({"kind": "stem"}, False),
        ({"kind": "preview"}, False),
    ],
)
def test_who_is_eligible(catalog: Connection, track: dict[str, object], eligible: bool) -> None:
    add(catalog, "track", track_id="a", **track)
    assert bool(rows(catalog, "FROM eligible_track")) == eligible
    assert rows(catalog, "SELECT eligible, eligible_reason IS NULL FROM scored_catalog") == [(eligible, eligible)]


def test_open_rejects_are_those_without_resolution(catalog: Connection) -> None:
    add(catalog, "reject", reject_key="open")
    add(catalog, "reject", reject_key="closed", resolved_at=AT)
    assert rows(catalog, "SELECT reject_key FROM rejects_open") == [("open",)]


def test_the_champion_is_what_the_highest_record_names(catalog: Connection) -> None:
    metrics = '{"test": {"score_streams": {"spearman": 0.4, "n": 30}}}'
    add(catalog, "model_version", version="v1", metrics=metrics)
    add(catalog, "model_version", version="v2", created_at=AT + timedelta(days=1))
    for n, version in ((9, "v2"), (10, "v1")):
        add(catalog, "model_alias", n=n, version=version)
    add(catalog, "model_alias", alias="shadow", n=99, version="v2")
    query = "SELECT version, is_champion, streams_spearman, test_tracks FROM model_history"
    assert rows(catalog, query) == [("v2", False, None, None), ("v1", True, 0.4, 30)]


def test_without_a_champion_no_version_is_one(catalog: Connection) -> None:
    add(catalog, "model_version", version="v1")
    assert rows(catalog, "SELECT is_champion FROM model_history") == [(False,)]


def test_lineage_goes_from_song_to_weights(catalog: Connection) -> None:
    made = '{"apex": "1.2.3", "code": "c0de", "encoder_weights_sha256": "ew", "shards": ["h1", "h7"]}'
    add(catalog, "model_version", version="v1", training_set_id="t1", score_run_id="s1", lineage=made)
    add(catalog, "audio", track_id="a", sha256="x")
    add(catalog, "embedding", sha256="x")
    add(catalog, "embedding", sha256="x", encoder_id="e0", shard_id="h0")
    add(catalog, "prediction", sha256="x")
    columns = "sha256, version, weights_sha256, training_set_id, score_run_id, encoder_id, encoder_weights_sha256"
    found = rows(catalog, f"SELECT track_id, {columns}, shard_id, apex_version, code_version, as_of FROM lineage")
    assert found == [("a", "x", "v1", "w", "t1", "s1", "e1", "ew", "h1", "1.2.3", "c0de", None)]
    assert rows(catalog, "SELECT training_shards FROM model_history") == [(["h1", "h7"],)]


def test_the_last_decision_about_a_version_is_what_its_history_shows(catalog: Connection) -> None:
    add(catalog, "model_version", version="v1", decision="refused", reason="of the night")
    assert rows(catalog, "SELECT decision, reason FROM model_history") == [("refused", "of the night")]
    add(catalog, "model_decision", version="v1", outcome="refused", reasons=["a", "b"])
    add(catalog, "model_decision", version="v1", n=2, outcome="promoted", reasons=["by hand"], champion="v0")
    query = "SELECT decision, reason, compared_with, decided_by FROM model_history"
    assert rows(catalog, query) == [("promoted", "by hand", "v0", "ann")]


def test_extraction_stats_tell_what_a_shard_waited_for(catalog: Connection) -> None:
    kept = {"wall_s": 100.0, "wait_s": 70.0, "encode_s": 20.0, "host": "box", "bytes": 4_000}
    add(catalog, "embedding_shard", failed=2, audio_s=3_600.0, **kept)
    add(catalog, "embedding_shard", shard_id="h2", **{**kept, "wait_s": 1.0, "encode_s": 90.0})
    add(catalog, "embedding_shard", shard_id="old")
    query = "SELECT songs, failed_songs, audio_hours, real_time_factor, feed_share, bound_by FROM extraction_stats"
    assert rows(catalog, f"{query} ORDER BY shard_id") == [
        (13, 2, 1.0, 36.0, 0.7, "feed"),
        (15, 0, pytest.approx(1 / 24), 1.5, 0.01, "encoder"),
        (15, 0, pytest.approx(1 / 24), None, None, None),
    ]


def test_the_current_encoder_is_the_champions_and_before_it_the_newest(catalog: Connection) -> None:
    assert rows(catalog, "FROM current_encoder") == []
    add(catalog, "encoder", encoder_id="e1")
    add(catalog, "encoder", encoder_id="e2", first_used_at=AT + timedelta(days=1))
    assert rows(catalog, "FROM current_encoder") == [("e2",)]
    add(catalog, "model_version", version="v1", encoder_id="e1")
    add(catalog, "model_alias", version="v1")
    assert rows(catalog, "FROM current_encoder") == [("e1",)]
