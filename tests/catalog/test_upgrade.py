"""A catalog of any earlier version of apex is brought up to date by opening it, and nothing in it is lost."""

import hashlib
import shutil
from collections.abc import Callable
from pathlib import Path

import duckdb
import pytest

from apex_core.catalog import connect, fingerprint, require_checks
from apex_core.catalog.statements import sql_root
from apex_core.settings import Settings

MIGRATIONS = sorted((sql_root() / "migrations").glob("*.sql"))
# What each of them had room for, as rows of the very first schema; one row a table.
FIRST = """
INSERT INTO track BY NAME SELECT 'suno' AS platform, 't' AS track_id, 'active' AS status, 'Meadow' AS title,
    'complete' AS state, TIMESTAMPTZ '2026-11-01 00:00:00Z' AS first_observed_at,
    TIMESTAMPTZ '2026-11-01 00:00:00Z' AS created_at,
    TIMESTAMPTZ '2026-11-01 00:00:00Z' AS last_observed_at;
INSERT INTO engagement BY NAME SELECT 'suno' AS platform, 't' AS track_id, 10 AS plays, 2 AS likes,
    TIMESTAMPTZ '2026-11-01 00:00:00Z' AS observed_at, TIMESTAMPTZ '2026-11-01 00:00:00Z' AS recorded_at;
INSERT INTO audio BY NAME SELECT 'suno' AS platform, 't' AS track_id, 'available' AS state, 'ab' AS sha256,
    'audio/ab/ab.mp3' AS uri, 'fetched' AS origin, 1 AS attempts, TIMESTAMPTZ '2026-11-01 00:00:00Z' AS checked_at;
INSERT INTO score_run BY NAME SELECT 's1' AS score_run_id, 1 AS n, '{}' AS definition, 1 AS tracks,
    TIMESTAMPTZ '2026-11-01 00:00:00Z' AS as_of;
INSERT INTO engagement_score BY NAME SELECT 's1' AS score_run_id, 'suno' AS platform, 't' AS track_id,
    'suno' AS cohort, 10 AS plays, 2 AS likes, 0.5 AS streams_percentile, 0.5 AS likes_percentile,
    50.0 AS score_streams, 50.0 AS score_likes;
INSERT INTO score_cdf VALUES ('s1', 'suno', 'streams', 10, 1, 0.5, 50.0), ('s1', 'suno', 'likes', 2, 1, 0.5, 50.0);
INSERT INTO encoder VALUES ('e1', 'tiny-random', '{}', TIMESTAMPTZ '2026-11-01 00:00:00Z');
INSERT INTO embedding_shard BY NAME SELECT 'e1' AS encoder_id, 'h1' AS shard_id, 1 AS songs, 0 AS failed, 1 AS segments,
    30.0 AS audio_s, 'fp32' AS precision, 'cpu' AS device, TIMESTAMPTZ '2026-11-01 00:00:00Z' AS adopted_at;
INSERT INTO embedding VALUES ('e1', 'ab', 'h1', 'embedded', NULL, 1);
INSERT INTO model_version BY NAME SELECT 'v20261101-00000000' AS version, 'e1' AS encoder_id, 'w' AS weights_sha256,
    'song/full/uncertainty/2' AS condition, '{}' AS metrics, TIMESTAMPTZ '2026-11-01 00:00:00Z' AS created_at;
INSERT INTO model_alias BY NAME SELECT 'champion' AS alias, 1 AS n, 'v20261101-00000000' AS version,
    TIMESTAMPTZ '2026-11-01 00:00:00Z' AS set_at;
INSERT INTO prediction BY NAME SELECT 'v20261101-00000000' AS version, 'ab' AS sha256, 50.0 AS score_streams;
INSERT INTO ingest_state BY NAME SELECT 'suno' AS source, TIMESTAMPTZ '2026-11-01 00:00:00Z' AS watermark;
INSERT INTO run BY NAME SELECT 'n1' AS run_id, 'nightly' AS flow, 1 AS token, 'dead' AS state,
    TIMESTAMPTZ '2026-11-01 00:00:00Z' AS as_of, TIMESTAMPTZ '2026-11-01 00:00:00Z' AS started_at;
INSERT INTO landing BY NAME SELECT 'suno' AS source, 'landing/suno/1' AS uri, 'aa' AS sha256, 1 AS pages,
    'n1' AS run_id, TIMESTAMPTZ '2026-11-01 00:00:00Z' AS observed_at;
"""
ROWS = {table.split()[2]: table for table in FIRST.split(";\n") if table.strip()}


def catalog_of(path: Path, migrations: list[Path]) -> None:
    """A catalog as the code had left it that knew these migrations, filled when it had the first alone."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with duckdb.connect(path) as connection:
        connection.execute("CREATE TABLE schema_version (name VARCHAR NOT NULL, sha256 VARCHAR NOT NULL)")
        for number, migration in enumerate(migrations):
            text = migration.read_text("utf-8")
            connection.execute(text)
            row = [migration.stem, hashlib.sha256(text.encode()).hexdigest()]
            connection.execute("INSERT INTO schema_version VALUES (?, ?)", row)
            if number == 0:
                connection.execute(FIRST)


@pytest.fixture
def old(settings: Settings) -> Callable[[int], Settings]:
    """A home with a catalog of the first ``count`` migrations."""

    def make(count: int) -> Settings:
        catalog_of(settings.catalog_path, MIGRATIONS[:count])
        return settings

    return make


def rows(path: Path) -> dict[str, list[tuple[object, ...]]]:
    """The rows of each table, as the first schema had them, by the names of its columns then."""
    with duckdb.connect() as first:
        first.execute(MIGRATIONS[0].read_text("utf-8"))
        columns = {
            table: ", ".join(f'"{name}"' for (name, *_) in first.execute(f"DESCRIBE {table}").fetchall())
            for table in ROWS
        }
    with duckdb.connect(path, read_only=True) as connection:
        connection.execute("SET TimeZone = 'UTC'")
        return {
            table: connection.execute(f"SELECT {names} FROM {table}").fetchall() for table, names in columns.items()
        }


@pytest.mark.parametrize("count", range(1, len(MIGRATIONS)))
def test_any_earlier_catalog_is_brought_up_to_date_by_opening_it(old: Callable[[int], Settings], count: int) -> None:
    settings = old(count)
    before = rows(settings.catalog_path)
    with connect(settings, "test") as connection:
        found = connection.execute(
            "SELECT title, plays, score_streams, predicted_streams FROM scored_catalog"
        ).fetchall()
        assert found == [("Meadow", 10, 50.0, 50.0)]
        assert connection.execute("SELECT count(*) FROM schema_version").fetchall() == [(len(MIGRATIONS) + 1,)]
        require_checks(connection)
        upgraded = fingerprint(connection)
    after = rows(settings.catalog_path)
    before["run"] = [tuple("crashed" if value == "dead" else value for value in row) for row in before["run"]]
    assert after == before
    with connect(settings, "test") as connection:
        assert fingerprint(connection) == upgraded


def test_the_catalog_from_before_is_kept_and_can_be_put_back(old: Callable[[int], Settings]) -> None:
    settings = old(len(MIGRATIONS) - 1)
    before = rows(settings.catalog_path)
    with connect(settings, "test"):
        pass
    kept = settings.home / "aside" / f"before-{MIGRATIONS[-1].stem}.duckdb"
    assert [*(settings.home / "aside").iterdir()] == [kept]
    assert rows(kept) == before
    with duckdb.connect(kept, read_only=True) as connection:
        known = connection.execute("SELECT name FROM schema_version ORDER BY name").fetchall()
    assert known == [(migration.stem,) for migration in MIGRATIONS[:-1]], "the code before can open it"
    shutil.move(kept, settings.catalog_path)
    with connect(settings, "test"):
        pass
    assert rows(kept) == before


def test_an_upgrade_that_was_cut_short_keeps_the_copy_from_before_it_began(old: Callable[[int], Settings]) -> None:
    settings = old(1)
    kept = settings.home / "aside" / f"before-{MIGRATIONS[-1].stem}.duckdb"
    kept.parent.mkdir()
    catalog_of(kept, MIGRATIONS[:1])
    kept.with_name("before-005_ingest.duckdb").write_bytes(b"of the upgrade before this one")
    half = settings.catalog_path
    half.unlink()
    catalog_of(half, MIGRATIONS[:4])
    with connect(settings, "test"):
        pass
    assert [*kept.parent.iterdir()] == [kept]
    with duckdb.connect(kept, read_only=True) as connection:
        assert connection.execute("SELECT count(*) FROM schema_version").fetchall() == [(1,)]


def test_a_new_catalog_leaves_nothing_aside(settings: Settings) -> None:
    with connect(settings, "test"):
        pass
    assert not (settings.home / "aside").exists()
