"""What a snapshot is made of and how it is reached: Parquet beside DuckDB, a lasting link, a cache of what s3 has."""

import os
import re
import shutil
import struct
import subprocess
import sys
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Any

import duckdb
import polars as pl
import pytest

from apex_core.catalog import latest_snapshot, open_latest, open_snapshot
from apex_core.catalog.reader import Snapshot, point_to
from apex_core.errors import ArtifactError, CatalogError, Fenced, NotFound, StorageError
from apex_core.pipeline.report import overview
from apex_core.pipeline.retention import collect_backups, collect_snapshots
from apex_core.pipeline.run import Run, begin, declare_crashed
from apex_core.pipeline.snapshot import EXPORTS, run_snapshot
from apex_core.settings import Settings
from apex_core.storage import Store
from tests.catalog.other_process import ROOT
from tests.catalog.publisher import FIRST, NIGHT, TRACKS, publish_night, settings_for

MANIFEST = "snapshots/{}/MANIFEST.json"


@pytest.fixture
def published(tmp_path: Path, store_url: str) -> Settings:
    """Settings of a pipeline that has published one night."""
    settings = settings_for(tmp_path / "home", store_url)
    publish_night(settings, 1)
    return settings


def alter_manifest(settings: Settings, stamp: str, alter: Callable[[dict[str, Any]], object]) -> None:
    store = Store.open(settings.store_url)
    manifest = store.read_json(MANIFEST.format(stamp))
    alter(manifest)
    store.put_json(MANIFEST.format(stamp), manifest, replace=True)


def forget_cache(settings: Settings) -> None:
    shutil.rmtree(settings.cache, ignore_errors=True)


def test_public_views_are_there_as_parquet_with_their_rows(published: Settings) -> None:
    snapshot = latest_snapshot(published)
    store, prefix = Store.open(published.store_url), f"snapshots/{snapshot.stamp}"
    files = store.read_json(MANIFEST.format(snapshot.stamp))["files"]
    assert set(files) == {"catalog.duckdb", "vectors.duckdb", *(f"{view}.parquet" for view in EXPORTS)}
    with open_snapshot(snapshot) as reader:
        for view in EXPORTS:
            with store.local(f"{prefix}/{view}.parquet") as path:
                found = pl.read_parquet(path)
            assert files[f"{view}.parquet"]["rows"] == found.height
            assert found.columns == [column[0] for column in reader.execute(f"FROM {view}").description or ()]
            assert reader.execute(f"SELECT count(*) FROM {view}").fetchall() == [(found.height,)]
    assert files["scored_catalog.parquet"]["rows"] == TRACKS


@pytest.mark.parametrize("parquet", [False, True])
def test_a_notebook_opens_the_newest_by_the_address_of_the_store(
    published: Settings, parquet: bool, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("APEX_HOME", str(tmp_path / "reader"))
    (tmp_path / "mine.csv").write_text("plays,word\n10,ten\n")
    with open_latest(published.store_url, parquet=parquet) as con:
        joined = "SELECT word, count(*) FROM scored_catalog JOIN read_csv($mine) USING (plays) GROUP BY ALL"
        assert con.execute(joined, {"mine": str(tmp_path / "mine.csv")}).fetchall() == [("ten", TRACKS)]
        if not parquet:
            with pytest.raises(duckdb.Error, match="read-only"):
                con.execute("DELETE FROM track")


def test_vectors_that_did_not_change_are_not_built_again(published: Settings) -> None:
    first, store = latest_snapshot(published), Store.open(published.store_url)
    run = begin(published, "nightly", FIRST + 2 * NIGHT, "later")
    with run.catalog("test") as connection:
        connection.execute("UPDATE track SET title = 'another'")
    assert run_snapshot(run).counts["published"] == 1
    second = latest_snapshot(published)
    facts = [store.read_json(MANIFEST.format(one.stamp)) for one in (first, second)]
    assert facts[0]["files"]["vectors.duckdb"] == facts[1]["files"]["vectors.duckdb"]
    assert facts[0]["files"]["catalog.duckdb"] != facts[1]["files"]["catalog.duckdb"]
    collect_snapshots(store, FIRST + timedelta(days=99), 1)  # the second is whole without the first
    assert not store.exists(MANIFEST.format(first.stamp))
    # One file: linked in a folder, and on a reader's disk fetched once.
    assert (first.folder / "vectors.duckdb").exists() != store.is_local
    assert (second.folder / "vectors.duckdb").stat().st_nlink == (1 if store.is_local else 2)
    with open_snapshot(second) as reader:
        assert reader.execute("SELECT count(*) FROM vectors.song_vector").fetchall() == [(5,)]
    publish_night(published, 3)
    third = store.read_json(MANIFEST.format(latest_snapshot(published).stamp))
    assert third["files"]["vectors.duckdb"] != facts[1]["files"]["vectors.duckdb"]


def test_a_run_declared_dead_while_it_uploads_publishes_nothing(published: Settings) -> None:
    first = latest_snapshot(published)
    begun = begin(published, "nightly", FIRST + 2 * NIGHT, "zombie", flow_run="0190-a")
    with begun.catalog("test") as connection:
        connection.execute("UPDATE track SET title = 'another'")

    class Slow(Store):
        def put_file(self, key: str, source: Path, *, replace: bool = False) -> bool:
            declare_crashed(published, "0190-a", FIRST)
            return Store.put_file(self, key, source, replace=replace)

    class Zombie(Run):
        @property
        def store(self) -> Store:
            store = Store.open(published.store_url)
            return Slow(store.url, store.fs, store.root)

    with pytest.raises(Fenced):
        run_snapshot(Zombie(published, begun.run_id, begun.as_of, token=begun.token))
    assert latest_snapshot(published).stamp == first.stamp
    assert run_snapshot(begin(published, "nightly", begun.as_of, "next")).counts["published"] == 1
    with open_snapshot(latest_snapshot(published)) as reader:
        assert reader.execute("SELECT DISTINCT title FROM track").fetchall() == [("another",)]


@pytest.mark.parametrize("lost", ["catalog.duckdb", "MANIFEST.json"])
def test_a_snapshot_that_lost_a_file_is_replaced(published: Settings, lost: str) -> None:
    first, store = latest_snapshot(published), Store.open(published.store_url)
    forget_cache(published)
    store.delete(f"snapshots/{first.stamp}/{lost}")
    with pytest.raises((NotFound, ArtifactError)):
        latest_snapshot(published)
    assert run_snapshot(begin(published, "nightly", FIRST + 2 * NIGHT, "later")).counts["published"] == 1
    second = latest_snapshot(published)
    assert (second.fingerprint, second.stamp != first.stamp) == (first.fingerprint, True)
    with open_snapshot(second) as reader:
        assert reader.execute("SELECT count(*) FROM track").fetchall() == [(TRACKS,)]


def test_the_same_run_again_brings_back_what_its_snapshot_lost(published: Settings) -> None:
    first, store = latest_snapshot(published), Store.open(published.store_url)
    forget_cache(published)
    store.delete(f"snapshots/{first.stamp}/catalog.duckdb")
    run_snapshot(begin(published, "nightly", first.as_of, "again"))
    second = latest_snapshot(published)
    assert second.stamp == first.stamp
    with open_snapshot(second) as reader:
        assert reader.execute("SELECT count(*) FROM track").fetchall() == [(TRACKS,)]


@pytest.mark.skipif(os.geteuid() == 0, reason="the system lets root write into anything")
def test_who_forgets_read_only_is_told_so(tmp_path: Path) -> None:
    settings = settings_for(tmp_path, str(tmp_path / "store"))
    publish_night(settings, 1)
    with pytest.raises(duckdb.Error):
        duckdb.connect(str(latest_snapshot(settings).folder / "catalog.duckdb"))


def test_files_of_a_snapshot_are_not_writable(tmp_path: Path) -> None:
    settings = settings_for(tmp_path, str(tmp_path / "store"))
    publish_night(settings, 1)
    publish_night(settings, 2)
    files = [path for path in latest_snapshot(settings).folder.iterdir() if path.name != "MANIFEST.json"]
    assert {path.stat().st_mode & 0o222 for path in files} == {0}


def test_the_link_follows_the_newest_snapshot(published: Settings) -> None:
    first = latest_snapshot(published)
    link = published.home / "latest"
    assert link.is_symlink() == Store.open(published.store_url).is_local, "kept by the publisher where it has the files"
    point_to(published, first)
    with duckdb.connect(str(link / "catalog.duckdb"), read_only=True) as opened_before:
        publish_night(published, 2)
        point_to(published, latest_snapshot(published))
        assert link.resolve() == latest_snapshot(published).folder.resolve() != first.folder.resolve()
        assert opened_before.execute("SELECT any_value(plays) FROM scored_catalog").fetchall() == [(10,)]
    shutil.move(published.home, published.home.with_name("moved"))
    if Store.open(published.store_url).root.startswith(str(published.home)):
        assert (published.home.with_name("moved") / "latest" / "catalog.duckdb").exists()


def test_another_duckdb_is_named_with_ours(tmp_path: Path) -> None:
    settings = settings_for(tmp_path, str(tmp_path / "store"))
    publish_night(settings, 1)
    snapshot = latest_snapshot(settings)
    alter_manifest(settings, snapshot.stamp, lambda manifest: manifest["facts"].update(duckdb="9.1.0"))
    with open_snapshot(latest_snapshot(settings)) as reader:  # what can be read is read
        assert reader.execute("SELECT count(*) FROM track").fetchall() == [(TRACKS,)]
    file = snapshot.folder / "catalog.duckdb"
    file.chmod(0o644)
    data = bytearray(file.read_bytes())
    data[12:20] = struct.pack("<Q", 99_999)  # the number of a storage format to come
    file.write_bytes(data)
    with pytest.raises(CatalogError, match=rf"9\.1\.0.*{re.escape(duckdb.__version__)}") as refused:
        open_snapshot(latest_snapshot(settings)).__enter__()
    assert "duckdb>=9.1.0" in str(refused.value.fix)


def test_a_snapshot_that_was_collected_since_it_was_looked_up(tmp_path: Path) -> None:
    settings = settings_for(tmp_path, str(tmp_path / "store"))
    publish_night(settings, 1)
    old = latest_snapshot(settings)
    publish_night(settings, 2)
    publish_night(settings, 6)
    with pytest.raises(NotFound, match="a newer one took its place") as gone:
        open_snapshot(old).__enter__()
    assert gone.value.fix


def test_what_arrives_altered_or_does_not_fit_leaves_nothing_in_the_cache(tmp_path: Path, s3_url: str) -> None:
    settings = settings_for(tmp_path, s3_url)
    publish_night(settings, 1)
    stamp = latest_snapshot_of_s3(settings)
    truth = Store.open(s3_url).read_json(MANIFEST.format(stamp))["files"]["catalog.duckdb"]
    for change, error, words in (
        ({"bytes": 10**18}, StorageError, "does not fit"),
        ({"sha256": "0" * 64}, ArtifactError, "altered"),
    ):
        alter_manifest(settings, stamp, lambda m, c=change: m["files"]["catalog.duckdb"].update(truth | c))
        forget_cache(settings)
        with pytest.raises(error, match=words) as refused:
            latest_snapshot(settings)
        assert refused.value.fix
        assert list((settings.cache / "snapshots").iterdir()) == []
    alter_manifest(settings, stamp, lambda m: m["files"]["catalog.duckdb"].update(truth))
    assert latest_snapshot(settings).stamp == stamp


def latest_snapshot_of_s3(settings: Settings) -> str:
    return str(Store.open(settings.store_url).read_json("snapshots/latest/1.json")["stamp"])


def test_a_cached_snapshot_that_nobody_asks_for_goes_the_next_day(tmp_path: Path, s3_url: str) -> None:
    settings = settings_for(tmp_path, s3_url)
    cache, found = settings.cache / "snapshots", list[Snapshot]()
    for night in (1, 2, 3):
        publish_night(settings, night)
        if night == 3:  # as if a day had gone by since the first was used, and a fetch had been killed
            used = found[0].folder.stat().st_mtime - 90_000
            os.utime(found[0].folder, (used, used))
            (cache / f"{found[0].stamp}.part-1").mkdir()
        found.append(latest_snapshot(settings))
    assert {path.name for path in cache.iterdir()} == {found[1].stamp, found[2].stamp}


def test_a_run_told_of_the_past_takes_nobodys_snapshot_away(tmp_path: Path, store_url: str) -> None:
    settings = settings_for(tmp_path, store_url)
    for night in (20, 1, 21):  # the second is a run with an as_of of a week before
        publish_night_at(settings, night)
    kept = {key.split("/")[1][:15] for key in Store.open(store_url).list("snapshots") if key.endswith("MANIFEST.json")}
    assert kept == {f"{FIRST + night * NIGHT:%Y%m%dT%H%M%S}" for night in (20, 1, 21)}
    store = Store.open(store_url)
    assert len(store.list("backups")) == 1
    assert collect_snapshots(store, FIRST + 23 * NIGHT, 1) == 1, "the first, a day after its own time"
    assert collect_snapshots(store, FIRST + 99 * NIGHT, 1) == 1
    assert len(store.list("snapshots/latest")) == 1
    assert latest_snapshot(settings).as_of == FIRST + 21 * NIGHT


def publish_night_at(settings: Settings, night: int) -> None:
    run = begin(settings, "nightly", FIRST + night * NIGHT, f"night-{night}")
    with run.catalog("test") as connection:
        row = "INSERT INTO track (platform, track_id, status, first_observed_at, last_observed_at)"
        connection.execute(f"{row} VALUES ('suno', $1, 'active', $2, $2)", [f"t{night}", FIRST])
    assert run_snapshot(run).counts["published"] == 1


def test_the_newest_backup_stays_whatever_its_stamp(tmp_path: Path) -> None:
    store = Store.open(tmp_path)
    for stamp in ("20261101T000000Z-a", "20261102T000000Z-b", "20200101T000000Z-c"):
        store.put(f"backups/{stamp}/catalog.duckdb", b"x")
    collect_backups(store, "20200101T000000Z-c", 2)
    assert [key.split("/")[1][-1] for key in store.list("backups")] == ["c", "b"]
    collect_backups(store, "20200101T000000Z-c", 1)
    assert [key.split("/")[1][-1] for key in store.list("backups")] == ["c"]


@pytest.mark.slow
def test_killed_while_collecting_leaves_no_snapshot_that_is_half_there(tmp_path: Path) -> None:
    """At every deletion: what has a manifest is whole, and the next collection finishes the work."""
    home, store = tmp_path / "home", Store.open(tmp_path / "home" / "store")
    for night in (1, 2, 3):
        publish_night_at(settings_for(home, str(store.url)), night)
    left, deletions = -1, 0
    while left:
        shutil.copytree(home, tmp_path / f"copy-{deletions}", symlinks=True)
        copy = Store.open(tmp_path / f"copy-{deletions}" / "store")
        code = (
            "import os, sys; from datetime import timedelta; from apex_core.storage import Store\n"
            "from apex_core.pipeline.retention import collect_snapshots; from tests.catalog.publisher import FIRST\n"
            "count, delete = [0], Store.delete\n"
            "def mortal(self, key):\n"
            f"    if count[0] == {deletions}: os.kill(os.getpid(), 9)\n"
            "    count[0] += 1; delete(self, key)\n"
            "Store.delete = mortal\n"
            "collect_snapshots(Store.open(sys.argv[1]), FIRST + timedelta(days=99), 1)\n"
        )
        left = subprocess.run([sys.executable, "-c", code, copy.url], cwd=ROOT, check=False).returncode
        assert_whole(copy)
        collect_snapshots(copy, FIRST + timedelta(days=99), 1)
        assert {key.split("/")[1] for key in copy.list("snapshots")} == {
            "latest", latest_snapshot(settings_for(home, copy.url)).stamp
        }  # fmt: skip
        assert len(copy.list("snapshots/latest")) == 1
        deletions += 6
    assert deletions > 12


def assert_whole(store: Store) -> None:
    for key in store.list("snapshots"):
        if key.endswith("MANIFEST.json"):
            for name in store.read_json(key)["files"]:
                assert store.exists(f"{key.rsplit('/', 1)[0]}/{name}")


def test_apex_snapshot_prints_a_folder_that_can_be_opened(published: Settings) -> None:
    env = {**os.environ, "APEX_HOME": str(published.home), "APEX_STORE": published.store_url}
    done = subprocess.run(
        [sys.executable, "-m", "flows.cli", "snapshot"], cwd=ROOT, env=env, capture_output=True, text=True, check=True
    )
    with duckdb.connect(f"{done.stdout.strip()}/catalog.duckdb", read_only=True) as con:
        assert con.execute("SELECT count(*) FROM scored_catalog").fetchall() == [(TRACKS,)]
    assert f"DuckDB {duckdb.__version__}" in done.stderr
    stays = re.search(r"stays: (.*)$", done.stderr.replace("\n", " ").strip())
    assert stays is not None
    assert Path(stays[1].strip()).exists()


def test_a_snapshot_of_an_earlier_version_still_answers(tmp_path: Path) -> None:
    settings = settings_for(tmp_path, str(tmp_path / "store"))
    publish_night(settings, 1)
    told = overview(settings)
    file = latest_snapshot(settings).folder / "catalog.duckdb"
    file.chmod(0o644)
    with duckdb.connect(str(file)) as older:  # as it was before these views were thought of
        older.execute("DROP VIEW extraction_stats")
        older.execute("DROP VIEW check_history")
        older.execute("DROP VIEW current_encoder")
    found = overview(settings)
    assert found["totals"] == told["totals"]
    assert found["totals"][0]["embedded"] > 0
    assert (len(told["extraction"]), found["extraction"]) == (1, [])
