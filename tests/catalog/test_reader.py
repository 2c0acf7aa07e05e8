"""Readers open snapshots: they never block, never see half a night, and can do nothing but read."""

import hashlib
from datetime import UTC, datetime, timedelta
from pathlib import Path

import duckdb
import pytest

from apex_core.catalog import check_query, connect, latest_snapshot, open_snapshot
from apex_core.catalog.reader import Snapshot
from apex_core.errors import CatalogError, NotFound
from apex_core.pipeline.run import begin
from apex_core.pipeline.snapshot import run_snapshot
from apex_core.settings import Settings
from apex_core.storage import Store

AS_OF = datetime(2026, 11, 22, 3, tzinfo=UTC)


def publish(settings: Settings, day: int, title: str) -> Snapshot:
    """A night that knows one more track."""
    run = begin(settings, "nightly", AS_OF + timedelta(days=day), f"run-{day}")
    with run.catalog("test") as connection:
        track = "INSERT INTO track (platform, track_id, status, title, first_observed_at, last_observed_at)"
        connection.execute(f"{track} VALUES ('suno', $1, 'active', $1, $2, $2)", [title, run.as_of])
    assert run_snapshot(run).counts["published"] == 1
    return latest_snapshot(settings)


@pytest.fixture
def snapshot(settings: Settings) -> Snapshot:
    return publish(settings, 0, "first")


@pytest.fixture(scope="module")
def kept(tmp_path_factory: pytest.TempPathFactory) -> Snapshot:
    """A snapshot for tests that change nothing."""
    return publish(Settings(home=tmp_path_factory.mktemp("kept"), threads=1, memory_limit="500MB"), 0, "first")


def titles(connection: duckdb.DuckDBPyConnection) -> list[str]:
    return [title for (title,) in connection.execute("SELECT title FROM scored_catalog ORDER BY title").fetchall()]


def test_before_the_first_snapshot_there_is_nothing_to_read(settings: Settings) -> None:
    with pytest.raises(NotFound, match="no snapshot") as missing:
        latest_snapshot(settings)
    assert missing.value.fix


def test_a_snapshot_says_of_when_it_is(snapshot: Snapshot) -> None:
    assert snapshot.as_of == AS_OF
    assert snapshot.stamp.startswith("20261122T030000Z-")
    with open_snapshot(snapshot) as reader:
        assert titles(reader) == ["first"]
        assert reader.execute("SELECT count(*) FROM vectors.song_vector").fetchall() == [(0,)]
        assert reader.execute("SELECT current_setting('TimeZone')").fetchall() == [("UTC",)]


def test_every_public_view_can_be_read(kept: Snapshot) -> None:
    with open_snapshot(kept) as reader:
        views = reader.execute("SELECT view_name FROM duckdb_views() WHERE NOT internal").fetchall()
        assert {"scored_catalog", "engagement_latest", "engagement_daily", "model_history", "rejects_open"} < {
            name for (name,) in views
        }
        for (name,) in views:
            reader.execute(f"FROM {name}").fetchall()


@pytest.mark.parametrize(
    "statement",
    [
        "INSERT INTO track (platform, track_id) VALUES ('suno', 'x')",
        "UPDATE track SET title = 'x'",
        "DELETE FROM track",
        "DROP TABLE track",
        "CREATE TABLE mine (x INTEGER)",
        "CREATE OR REPLACE VIEW scored_catalog AS SELECT 1",
        "ATTACH '{folder}/other.duckdb' AS other",
        "COPY track TO '{folder}/out.parquet'",
        "COPY track TO '{folder}/out.csv'",
        "EXPORT DATABASE '{folder}/out'",
        "FROM read_csv('/etc/passwd')",
        "FROM '/etc/passwd'",
        "FROM read_text('/etc/passwd')",
        "FROM read_blob('{folder}/*')",
        "FROM glob('{folder}/*')",
        "FROM read_parquet('{folder}/*.parquet')",
        "FROM read_json('http://127.0.0.1:9/x.json')",
        "INSTALL httpfs",
        "LOAD httpfs",
        "LOAD '{folder}/evil.duckdb_extension'",
        "SET enable_external_access = true",
        "SET lock_configuration = false",
        "RESET enable_external_access",
        "PRAGMA enable_profiling='json'",
        "SET memory_limit = '1TB'",
        "SET temp_directory = '{folder}'",
        "SET autoload_known_extensions = true",
        "DELETE FROM vectors.song_vector",
    ],
)
def test_a_reader_can_do_nothing_but_read(kept: Snapshot, statement: str) -> None:
    before = sorted(kept.folder.parent.rglob("*"))
    with open_snapshot(kept) as reader:
        with pytest.raises(duckdb.Error):
            reader.execute(statement.replace("{folder}", str(kept.folder))).fetchall()
        assert titles(reader) == ["first"]
    assert sorted(kept.folder.parent.rglob("*")) == before


def hashes(snapshot: Snapshot) -> dict[str, str]:
    """Everything in a snapshot's folder, by its content."""
    files = sorted(path for path in snapshot.folder.iterdir() if path.is_file())
    return {path.name: hashlib.sha256(path.read_bytes()).hexdigest() for path in files}


@pytest.mark.parametrize(
    "statements",
    [
        ["USE memory", "DETACH catalog", "ATTACH '{file}' AS catalog"],
        ["COPY (SELECT 1) TO '{file}.wal'"],
        ["COPY (SELECT 1) TO '{file}' (USE_TMP_FILE false)"],
        ["EXPLAIN ANALYZE COPY (SELECT 1) TO '{file}.wal'"],
        ["WITH x AS (COPY (SELECT 1) TO '{file}.wal') FROM x"],
        ["FROM query('WITH x AS (CO' || 'PY (SELECT 1) TO ''{file}.wal'') FROM x')"],
        ["FROM read_blob('{file}')"],
        ["SET disabled_filesystems = ''"],
        ["SET temp_directory = '/tmp'"],
    ],
)
def test_no_statement_reaches_a_sealed_snapshots_files(kept: Snapshot, statements: list[str]) -> None:
    """Not even unchecked."""
    before = hashes(kept)
    *first, last = [text.replace("{file}", str(kept.folder / "catalog.duckdb")) for text in statements]
    with open_snapshot(kept, sealed=True) as reader:
        for statement in first:
            reader.execute(statement)
        with pytest.raises(duckdb.Error):
            reader.execute(last).fetchall()
        with open_snapshot(kept, sealed=True) as another:
            assert titles(another) == ["first"]
    assert hashes(kept) == before


@pytest.mark.parametrize(
    "text",
    [
        "USE memory; DETACH catalog; ATTACH '{file}' AS catalog; UPDATE catalog.track SET title = 'x'",
        "USE memory",
        "DETACH catalog",
        "UPDATE track SET title = 'x'",
        "COPY (SELECT 1) TO '{file}.wal'",
        "-- why\n/* and */ COPY (SELECT 1) TO '{file}.wal'",
        "COPY (PIVOT track ON platform USING count(*)) TO '{file}.wal'",
        "CREATE TABLE memory.main.x AS PIVOT track ON platform USING count(*)",
        "EXPLAIN COPY (SELECT 1) TO '{file}.wal'",
        "EXPLAIN ANALYZE COPY (SELECT 1) TO '{file}.wal'",
        "explain (analyze, format json) COPY (SELECT 1) TO '{file}.wal'",
        "EXPLAIN ANALYZE COPY (PIVOT track ON platform USING count(*)) TO '{file}.wal'",
        "EXPLAIN ANALYZE SET threads = 2",
        "SELECT 1; COPY (SELECT 1) TO '{file}.wal'; SELECT 2",
        "SET threads = 2",
        "SET VARIABLE x = 2",
        "RESET threads",
        "PRAGMA version",
        "PRAGMA threads = 2",
        "INSTALL httpfs",
        "LOAD httpfs",
        "CALL pragma_version()",
        "CHECKPOINT",
        "VACUUM",
        "BEGIN",
        "PREPARE p AS COPY (SELECT 1) TO '{file}.wal'",
        "EXECUTE p",
        "IMPORT DATABASE 'x'",
        "COPY FROM DATABASE catalog TO memory",
        "-- nothing",
    ],
)
def test_what_is_no_question_is_refused_before_it_runs(kept: Snapshot, text: str) -> None:
    before = hashes(kept)
    with open_snapshot(kept, sealed=True) as reader, pytest.raises(CatalogError) as refused:
        check_query(reader, text.replace("{file}", str(kept.folder / "catalog.duckdb")))
    assert refused.value.fix
    assert hashes(kept) == before


@pytest.mark.parametrize(
    "text",
    [
        "EXPLAIN (ANALYZE /* ) SELECT 1 -- */ ) COPY (SELECT 1) TO 'x'",
        "EXPLAIN /* */ ANALYZE COPY (SELECT 1) TO 'x'",
    ],
)
def test_comments_do_not_hide_what_is_explained(kept: Snapshot, text: str) -> None:
    with open_snapshot(kept, sealed=True) as reader, pytest.raises((CatalogError, duckdb.ParserException)):
        check_query(reader, text)


@pytest.mark.parametrize(
    "text",
    [
        "SELECT 1",
        "/* a */ SELECT title AS copy FROM track WHERE title LIKE '%; COPY x TO%'; -- done",
        "WITH x AS (SELECT 1) FROM x",
        "FROM track",
        "VALUES (1)",
        "PIVOT track ON platform USING count(*)",
        "PIVOT track ON platform IN ('suno') USING count(*)",
        "FROM (PIVOT track ON platform USING count(*))",
        "DESCRIBE scored_catalog",
        "SHOW TABLES",
        "SUMMARIZE track",
        "EXPLAIN SELECT 1",
        "EXPLAIN ANALYZE SELECT 1",
        "EXPLAIN (FORMAT json) SELECT 1",
        "EXPLAIN PIVOT track ON platform USING count(*)",
        "SELECT 1; SELECT 2",
    ],
)
def test_questions_are_let_through_and_answered(kept: Snapshot, text: str) -> None:
    with open_snapshot(kept, sealed=True) as reader:
        check_query(reader, text)
        assert reader.execute(text).description


def test_a_query_that_spills_does_so_outside_the_store_and_leaves_nothing(kept: Snapshot) -> None:
    with open_snapshot(kept) as reader:
        ((spill,),) = reader.execute("SELECT current_setting('temp_directory')").fetchall()
        assert Path(spill).is_dir()
        assert not Path(spill).is_relative_to(kept.folder)
    assert not Path(spill).exists()


def test_a_sealed_reader_has_no_disk_to_spill_to(kept: Snapshot) -> None:
    with open_snapshot(kept, sealed=True) as reader:
        assert reader.execute("SELECT current_setting('temp_directory')").fetchall() == [("",)]


def test_readers_do_not_block_the_writer_nor_it_them(settings: Settings, snapshot: Snapshot) -> None:
    with open_snapshot(snapshot) as reader, connect(settings) as live:
        live.execute("UPDATE track SET title = 'changed'")
        assert titles(reader) == ["first"]
        with open_snapshot(latest_snapshot(settings)) as another:
            assert titles(another) == ["first"]


def test_a_reader_keeps_its_snapshot_while_the_next_is_published(settings: Settings, snapshot: Snapshot) -> None:
    with open_snapshot(snapshot) as reader:
        newer = publish(settings, 1, "second")
        assert newer.stamp != snapshot.stamp
        assert titles(reader) == ["first"]
        with open_snapshot(newer) as another:
            assert titles(another) == ["first", "second"]


def test_a_reader_keeps_its_snapshot_while_it_is_collected(settings: Settings, snapshot: Snapshot) -> None:
    with open_snapshot(snapshot) as reader:
        publish(settings, 30, "second")
        publish(settings, 60, "third")
        assert not (snapshot.folder / "catalog.duckdb").exists()
        assert titles(reader) == ["first"]


def test_the_tenth_snapshot_is_newer_than_the_ninth(settings: Settings, snapshot: Snapshot) -> None:
    store = Store.open(settings.store_url)
    for number in range(2, 10):
        store.put_json(f"snapshots/latest/{number}.json", {"stamp": snapshot.stamp})
    tenth = publish(settings, 1, "tenth")
    assert store.exists("snapshots/latest/10.json")
    assert latest_snapshot(settings) == tenth


def test_a_snapshot_on_s3_is_fetched_once(settings: Settings, s3_url: str) -> None:
    remote = settings.model_copy(update={"store": s3_url})
    snapshot = publish(remote, 0, "first")
    assert snapshot.folder.is_relative_to(settings.cache)
    written = (snapshot.folder / "catalog.duckdb").stat().st_mtime_ns
    assert latest_snapshot(remote) == snapshot
    assert (snapshot.folder / "catalog.duckdb").stat().st_mtime_ns == written
    with open_snapshot(snapshot) as reader:
        assert titles(reader) == ["first"]
