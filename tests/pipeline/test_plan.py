"""What a backfill would do, and about how long it takes by what earlier runs took."""

from datetime import UTC, datetime
from pathlib import Path

import pytest

from apex_core.catalog import connect
from apex_core.errors import MigrationError, SourceError
from apex_core.mert import describe_encoder
from apex_core.pipeline.plan import clock, plan_backfill
from apex_core.pipeline.run import Window
from apex_core.settings import EncoderSettings, Settings

YEAR = Window("suno", datetime(2026, 1, 10, tzinfo=UTC), datetime(2026, 3, 1, tzinfo=UTC))


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    """Five songs of Suno, four in the window (two in January, two in February), one of Udio; nothing measured."""
    settings = Settings(home=tmp_path / "home", encoder=EncoderSettings(source="tiny-random"))
    encoder_id, _ = describe_encoder(settings.encoder, settings.cache)
    with connect(settings) as connection:
        connection.execute("""
            INSERT INTO track BY NAME
            SELECT platform, track_id, 'active' AS status, 'complete' AS state, created_at::TIMESTAMPTZ AS created_at,
                duration_s, created_at AS first_observed_at, created_at AS last_observed_at
            FROM (VALUES
                ('suno', 'early', '2026-01-09T23:59:59Z', 60), ('suno', 'embedded', '2026-01-10T00:00:00Z', 60),
                ('suno', 'silent', '2026-01-31T23:59:59Z', NULL), ('suno', 'heard', '2026-02-01T00:00:00Z', 1),
                ('suno', 'heard too', '2026-02-28T12:00:00Z', 1), ('udio', 'other', '2026-02-01T00:00:00Z', 60)
            ) AS t(platform, track_id, created_at, duration_s)
        """)
        connection.execute("""
            INSERT INTO audio BY NAME
            SELECT 'suno' AS platform, track_id, state, sha256, duration_s, 0 AS attempts,
                TIMESTAMPTZ '2026-03-01' AS checked_at
            FROM (VALUES ('embedded', 'available', 'aa', 100), ('silent', 'unavailable', NULL, NULL),
                ('heard', 'available', 'bb', 200), ('heard too', 'available', 'cc', 300)
            ) AS a(track_id, state, sha256, duration_s)
        """)
        row = """
            INSERT INTO embedding BY NAME
            SELECT $id AS encoder_id, 'aa' AS sha256, 's' AS shard_id, 'embedded' AS state, 1 AS segments
        """
        connection.execute(row, {"id": encoder_id})
    return settings


def test_months_are_counted_with_what_their_tracks_lack(settings: Settings) -> None:
    january, february = plan_backfill(settings, YEAR, ["audio", "extract"]).partitions
    assert (january.label, january.start, january.end) == ("2026-01", YEAR.start, datetime(2026, 2, 1, tzinfo=UTC))
    # Nobody knows how long the silent one is: as the others on average.
    assert (january.tracks, january.audio_missing, january.to_encode, january.audio_hours * 3_600) == (2, 1, 1, 200)
    assert (february.tracks, february.audio_missing, february.to_encode) == (2, 0, 2)
    assert february.audio_hours * 3_600 == pytest.approx(500)


@pytest.mark.parametrize(("stages", "to_encode"), [(["extract"], 2), (["audio"], 0), (["predict"], 0)])
def test_only_what_was_asked_for_is_planned(settings: Settings, stages: list[str], to_encode: int) -> None:
    assert plan_backfill(settings, YEAR, stages).to_encode == to_encode


def test_a_time_that_nobody_measured_is_unknown(settings: Settings) -> None:
    plan = plan_backfill(settings, YEAR, ["audio", "extract", "predict"])
    assert plan.seconds is None
    assert plan.unmeasured == ["audio", "extract", "score", "check score", "predict", "snapshot", "report"]
    assert clock(plan.time(plan.partitions[1])) == "unknown"


def test_the_time_is_reckoned_from_what_earlier_runs_took(settings: Settings) -> None:
    _measure(settings, "n1", 1, [("extract", 40, 400, None), ("audio 2026-01", 6, None, 3), ("score", 1, None, None)])
    _measure(settings, "n2", 2, [("extract", 10, 100, None), ("score", 3, None, None)])
    _measure(settings, "another encoder", 3, [("extract", 1, 9_000, None)], shard_of="other")
    _measure(settings, "n4", 4, [(s, 2, None, None) for s in ("check score", "predict", "snapshot", "report")])
    plan = plan_backfill(settings, YEAR, ["audio", "extract", "predict"])
    january, february = plan.partitions
    # 10 seconds of audio a second, 2 s a track that is looked for; the mean of the whole stages.
    assert plan.time(january) == pytest.approx(2 + 20)
    assert plan.time(february) == pytest.approx(50)
    assert dict(plan.steps) == {"score": 2, "check score": 2, "predict": 2, "snapshot": 2, "report": 2}
    assert plan.seconds == pytest.approx(72 + 10)
    assert plan.unmeasured == []
    assert str(plan.paces["extract"]) == "10 seconds of audio a second (the newest 2)"


def test_files_are_named_with_their_size(settings: Settings, tmp_path: Path) -> None:
    (tmp_path / "dumps").mkdir()
    (tmp_path / "dumps" / "suno-2026-02-01.jsonl").write_text('{"id": "x"}\n')
    plan = plan_backfill(settings, YEAR, ["ingest"], [str(tmp_path / "dumps")])
    assert plan.files == ((str(tmp_path / "dumps" / "suno-2026-02-01.jsonl"), 12),)
    assert plan.unmeasured[0] == "ingest files"
    with pytest.raises(SourceError, match="does not exist"):
        plan_backfill(settings, YEAR, ["ingest"], [str(tmp_path / "nowhere")])


def test_without_a_catalog_there_is_nothing_and_none_is_made(tmp_path: Path) -> None:
    settings = Settings(home=tmp_path / "home")
    assert plan_backfill(settings, YEAR, ["extract"]).partitions == ()
    assert not settings.home.exists()


def test_a_plan_does_not_migrate(settings: Settings) -> None:
    with connect(settings) as connection:
        connection.execute("DELETE FROM schema_version WHERE name = 'views'")
    with pytest.raises(MigrationError):
        plan_backfill(settings, YEAR, ["audio"])


def _measure(
    settings: Settings,
    run_id: str,
    day: int,
    stages: list[tuple[str, float, float | None, float | None]],
    shard_of: str | None = None,
) -> None:
    """A run that took down seconds, seconds of audio and tracks found, and adopted a shard."""
    as_of = datetime(2026, 3, day, tzinfo=UTC)
    encoder_id = shard_of or describe_encoder(settings.encoder, settings.cache)[0]
    with connect(settings) as connection:
        run = """
            INSERT INTO run BY NAME
            SELECT $id AS run_id, 'nightly' AS flow, $at AS as_of, 1 AS token, 'completed' AS state, $at AS started_at
        """
        connection.execute(run, {"id": run_id, "at": as_of})
        for stage, seconds, audio_s, available in stages:
            measures = {"seconds": seconds, "audio_s": audio_s, "available": available}
            for measure, value in measures.items():
                if value is not None:
                    connection.execute("INSERT INTO run_stat VALUES (?, ?, ?, ?)", [run_id, stage, measure, value])
        shard = """
            INSERT INTO embedding_shard BY NAME
            SELECT $encoder AS encoder_id, $id AS shard_id, 1 AS songs, 0 AS failed, 1 AS segments, 1 AS audio_s,
                'fp32' AS precision, 'cpu' AS device, $at AS adopted_at
        """
        connection.execute(shard, {"encoder": encoder_id, "id": run_id, "at": as_of})
