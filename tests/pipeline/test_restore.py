"""A catalog is lost in the middle of a night, and comes back from the store."""

import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

import polars as pl
import pytest

from apex_core.catalog import connect, fingerprint, require_checks
from apex_core.errors import ArtifactError, CatalogError, Fenced, Locked, MigrationError, NotFound
from apex_core.pipeline import training_set as sets
from apex_core.pipeline.audio import run_audio
from apex_core.pipeline.extract import run_extract
from apex_core.pipeline.forget_work import receipt_key
from apex_core.pipeline.ingest import ingest_files
from apex_core.pipeline.label import run_label
from apex_core.pipeline.live import ingest_platform
from apex_core.pipeline.models import roll_back
from apex_core.pipeline.publish import run_publish
from apex_core.pipeline.restore import backups, rehearse, restore
from apex_core.pipeline.run import Run, at_work, begin, end
from apex_core.pipeline.score import run_score
from apex_core.pipeline.snapshot import run_snapshot
from apex_core.pipeline.train import run_train
from apex_core.sandbox import SandboxServer, World
from apex_core.settings import PLATFORMS, Settings
from apex_core.storage import Store
from tests.pipeline.nights import night, prints, settings_for
from tests.sql.catalog_rows import add

pytestmark = pytest.mark.slow

NOW = datetime(2026, 12, 24, tzinfo=UTC)
# What the store knows is there at once; what it does not, the next night finds out again.
AT_ONCE = {
    *("track", "engagement", "reject", "ingest_state", "forgotten", "encoder", "embedding_shard", "embedding"),
    *("training_set", "model_version", "model_decision", "model_hold", "model_alias"),
}


@dataclass(frozen=True)
class Lost:
    """A house whose disk broke in its second night, before there was a backup of that; ``prints``: what it had."""

    home: Path
    prints: dict[str, str]
    server: SandboxServer
    later: datetime

    def copy(self, home: Path, world: World) -> Settings:
        shutil.copytree(self.home, home, symlinks=True)
        return settings_for(home, world, self.server)


@pytest.fixture(scope="module")
def lost(world: World, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Lost]:
    """The second night saw new songs and counts, trained and promoted a model; then somebody rolled that back."""
    with SandboxServer(world) as server:
        settings = settings_for(tmp_path_factory.mktemp("restore") / "home", world, server)
        night(settings, world.epoch, "n1")
        later = world.epoch + timedelta(days=30)
        server.set_clock(later)
        server.release(3)
        run = begin(settings, "nightly", later, "n2", alone=True)
        _half_a_night(run)
        roll_back(settings, None, "it sounds wrong", "an operator", later)
        run_publish(run, None)
        found = prints(settings)
        with connect(settings, "test") as connection:
            assert connection.execute("SELECT max(n) FROM model_alias").fetchall() == [(3,)]
        settings.catalog_path.unlink()
        yield Lost(settings.home, found, server, later)


def _half_a_night(run: Run) -> None:
    for platform in PLATFORMS:
        ingest_platform(run, platform)
    for stage in (run_audio, run_score, run_extract, run_label):
        stage(run)
    assert run_publish(run, run_train(run)[1]).counts["promoted"] == 1


@pytest.fixture
def house(lost: Lost, world: World, tmp_path: Path) -> Settings:
    return lost.copy(tmp_path / "home", world)


def test_a_lost_catalog_comes_back_and_the_next_night_makes_it_whole(house: Settings, lost: Lost) -> None:
    restored = restore(house, NOW)
    assert (restored.backup, restored.aside) == (backups(house)[0], None)
    grown = {what for what, rows in restored.after.items() if rows > restored.before[what]}
    assert {"tracks", "observations", "landed and referenced files", "shards", "vectors", "training sets"} < grown
    assert {"sides of the split", "model versions", "decisions", "alias records", "holds and releases"} < grown
    found = prints(house)
    assert {name for name in AT_ONCE if found[name] != lost.prints[name]} == set()
    with connect(house, "test") as connection:
        sides = connection.execute("SELECT count(*) FROM split WHERE group_key LIKE '%:hash:%'").fetchall()
        assert sides == [(0,)], "the groups are those that the split rule says"
        require_checks(connection)
    run = begin(house, "nightly", lost.later, "n3", alone=True)
    for stage in (run_audio, run_score, run_extract, run_label):
        assert stage(run).counts.get("songs", 0) == 0, "no vector is computed again"
    trained, candidate = run_train(run)
    assert (trained.counts["trained"], candidate) == (0, None), "what was learnt is not learnt again"
    found = prints(house)
    assert {name for name in found if found[name] != lost.prints[name]} == set()


def test_a_rehearsal_says_the_same_and_writes_nothing(house: Settings) -> None:
    before = _files(house)
    rehearsed = rehearse(house, NOW)
    assert _files(house) == before
    assert restore(house, NOW) == rehearsed


def test_restoring_twice_is_restoring_once_and_keeps_what_was_there(house: Settings) -> None:
    restore(house, NOW)
    once = prints(house)
    with connect(house, "test") as connection:
        connection.execute("INSERT INTO run_stat VALUES ('r', 's', 'of the one before', 1)")
    with pytest.raises(CatalogError, match="There is a catalog") as refused:
        restore(house, NOW)
    assert "--set-aside" in str(refused.value.fix)
    for _ in range(2):  # both in one second: none takes the other's place
        assert restore(house, NOW, set_aside=True).aside is not None
    assert prints(house) == once
    asides = sorted((house.home / "aside").iterdir())
    assert len(asides) == 2
    # What was set aside is a whole catalog: it can be put back.
    shutil.copy(asides[0] / "catalog.duckdb", house.catalog_path)
    with connect(house, "test") as connection:
        assert connection.execute("SELECT measure FROM run_stat WHERE run_id = 'r'").fetchall() == [
            ("of the one before",)
        ]


def test_runs_from_before_the_loss_write_nothing_into_the_restored_catalog(house: Settings) -> None:
    restore(house, NOW)
    with connect(house, "test") as connection:
        assert connection.execute("SELECT count(*) FROM run WHERE state = 'running'").fetchall() == [(0,)]
    for gone in ("n1", "n2"):  # the backup was made by the first, and has never heard of the second
        with pytest.raises(Fenced), Run(house, gone, NOW).catalog("late"):
            pass


def test_nothing_is_restored_under_a_run_that_is_at_work(house: Settings) -> None:
    with at_work(house), pytest.raises(Locked, match="The store is held"):
        restore(house, NOW)
    assert not house.catalog_path.exists()


def test_without_any_backup_all_comes_from_the_store(house: Settings, lost: Lost) -> None:
    shutil.rmtree(Path(house.store_url) / "backups")
    restored = restore(house, NOW)
    assert (restored.backup, set(restored.before.values())) == (None, {0})
    found = prints(house)
    different = {name for name in AT_ONCE if found[name] != lost.prints[name]}
    assert different == {"reject"}, "labels are refused anew by the next night"


def test_a_broken_backup_is_said_to_be_broken_and_another_may_be_named(house: Settings) -> None:
    (newest,) = backups(house)
    folder = Path(house.store_url) / "backups"
    shutil.copytree(folder / newest, folder / "20200101T000000Z-00000000")
    (folder / newest / "catalog.duckdb").write_bytes(b"nothing of a catalog" * 1000)
    with pytest.raises(CatalogError, match=f"{newest} cannot be read") as refused:
        restore(house, NOW)
    assert "--backup 20200101T000000Z-00000000" in str(refused.value.fix)
    assert not house.catalog_path.exists()
    with pytest.raises(NotFound, match="no backup 1999"):
        restore(house, NOW, "1999")
    assert restore(house, NOW, "20200101T000000Z-00000000").after["alias records"] == 3


def test_a_backup_of_newer_code_is_refused(house: Settings) -> None:
    restore(house, NOW)
    with connect(house, "test") as connection:
        connection.execute("INSERT INTO schema_version VALUES ('998_later', 'x')")
    shutil.copy(house.catalog_path, Path(house.store_url) / "backups" / backups(house)[0] / "catalog.duckdb")
    house.catalog_path.unlink()
    with pytest.raises(MigrationError, match="998_later"):
        restore(house, NOW)
    assert not house.catalog_path.exists()


def _files(settings: Settings) -> dict[str, int]:
    """Everything in the house by its size, but for locks, which stay empty."""
    found = {str(path): path.stat().st_size for path in settings.home.rglob("*") if path.is_file()}
    return {name: size for name, size in found.items() if not name.endswith(".lock")}


@pytest.fixture
def small(tmp_path: Path) -> Settings:
    """A house with a song, published and backed up."""
    settings = Settings(home=tmp_path / "small", threads=1)
    run = begin(settings, "nightly", NOW, "n1")
    with connect(settings, "test") as connection:
        add(connection, "track", platform="suno", track_id="t", creator_id="c", status="active", state="complete")
    run_snapshot(run)
    end(run, "completed", NOW)
    return settings


def test_a_side_that_was_given_is_kept_though_lineage_came_late(small: Settings) -> None:
    """What a model has learnt from may not turn up among the songs that it is tested on."""
    run = begin(small, "nightly", NOW, "n2")
    sets.assign_splits(run)
    with connect(small, "test") as connection:
        ((today,),) = connection.execute("SELECT split FROM split").fetchall()
    given = "test" if today == "train" else "train"
    row = {"platform": "suno", "track_id": "t", "split": given, "group_id": "0123456789abcdef"}
    sets.freeze(run, sets.TrainingSet("frozen", "scored", "encoder", pl.DataFrame([row])))
    small.catalog_path.unlink()
    restore(small, NOW)
    run = begin(small, "nightly", NOW, "n3")
    with connect(small, "test") as connection:
        found = connection.execute("SELECT split, group_key, quarantined FROM split").fetchall()
    assert found == [(given, "suno:hash:0123456789abcdef", False)]
    sets.assign_splits(run)
    with connect(small, "test") as connection:
        assert connection.execute("SELECT split, quarantined FROM split").fetchall() == [(given, True)]


def test_from_s3_it_is_the_same(tmp_path: Path, s3_url: str) -> None:
    settings = Settings(home=tmp_path / "home", store=s3_url, threads=1)
    run = begin(settings, "nightly", NOW, "n1")
    with connect(settings, "test") as connection:
        add(connection, "track", track_id="t")
    run_snapshot(run)
    had = prints(settings)
    shutil.rmtree(settings.home)
    assert restore(settings, NOW).after["tracks"] == 1
    assert prints(settings) == had


def test_who_was_forgotten_stays_forgotten(small: Settings) -> None:
    store = Store.open(small.store_url)
    done, begun = receipt_key(NOW, "aaaa"), receipt_key(NOW, "bbbb")
    store.put_json(done, {"platform": "suno", "asked": {"kind": "creator", "ids": ["c1"]}, "receipt": done})
    work = {"receipt": begun, "platform": "udio", "kind": "track", "asked": ["t1"], "tracks": ["t1"], "creators": []}
    store.put_json(begun.replace(".json", ".work.json"), work | {"songs": [], "found": {}, "remains": []})
    small.catalog_path.unlink()
    notes = restore(small, NOW).notes
    assert "1 forgettings were cut short" in " ".join(notes)
    with connect(small, "test") as connection:
        found = connection.execute("SELECT platform, kind, id, receipt FROM forgotten ORDER BY ALL").fetchall()
    assert found == [("suno", "creator", "c1", done), ("udio", "track", "t1", begun)]


def test_a_log_without_its_catalog_is_set_aside_and_not_played_back(small: Settings) -> None:
    with connect(small, "test") as connection:
        whole = fingerprint(connection)
    small.catalog_path.unlink()
    log = small.catalog_path.with_name("catalog.duckdb.wal")
    log.write_bytes(b"a log of another catalog")
    with pytest.raises(CatalogError, match="There is a catalog"):
        restore(small, NOW)
    aside = restore(small, NOW, set_aside=True).aside
    assert aside is not None
    assert (aside / log.name).read_bytes() == b"a log of another catalog"
    with connect(small, "test") as connection:
        assert fingerprint(connection) == whole


def test_files_that_were_taken_in_since_are_taken_in_again_if_they_can_be(small: Settings, tmp_path: Path) -> None:
    names = ["stays", "changes", "goes"]
    files = {name: tmp_path / f"{name}-2026-12-01.jsonl" for name in names}
    for n, file in enumerate(files.values()):
        file.write_text(
            f'{{"id": "00000000-0000-4000-8000-00000000000{n}", "play_count": {n}, "status": "complete"}}\n'
        )
    run = begin(small, "ingest", NOW, "i1")
    for file in files.values():
        ingest_files(run, [file], None, "suno")
    files["changes"].write_text("{}")
    files["goes"].unlink()
    small.catalog_path.unlink()
    notes = restore(small, NOW).notes
    with connect(small, "test") as connection:
        found = connection.execute("SELECT right(track_id, 1), observed_at, plays FROM engagement").fetchall()
        assert found == [("0", datetime(2026, 12, 1, tzinfo=UTC), 0)]
    assert len(notes) == 2
    assert any("changes" in note and "has changed since" in note for note in notes)
    assert any("goes" in note and "No such file" in note for note in notes)


def test_an_altered_training_set_stops_it_before_anything_is_replaced(house: Settings) -> None:
    for rows in (Path(house.store_url) / "training_sets").rglob("rows.parquet"):
        rows.write_bytes(b"altered")
    with pytest.raises(ArtifactError, match="was altered"):
        restore(house, NOW)
    assert not house.catalog_path.exists()
