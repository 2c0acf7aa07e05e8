"""A song that cannot be read just now is not a song that failed."""

import hashlib
import os
import shutil
from datetime import timedelta
from pathlib import Path

import pytest

from apex_core.catalog import connect
from apex_core.errors import ShardsFailed
from apex_core.mert import committed_shards, describe_encoder, read_shard_manifest, read_shard_manifests
from apex_core.pipeline.audio import run_audio
from apex_core.pipeline.extract import adopt, encode_shards, plan_extract, run_extract
from apex_core.pipeline.live import ingest_platform
from apex_core.pipeline.retention import collect_shard_leftovers
from apex_core.pipeline.run import Run, begin
from apex_core.sandbox import World
from apex_core.settings import AudioSettings, EncoderSettings, Settings
from apex_core.storage import Store


def test_a_transient_fault_leaves_the_shard_uncommitted(tmp_path: Path) -> None:
    encoder = EncoderSettings(source="tiny-random", device="cpu", decode_workers=0)
    settings = Settings(home=tmp_path, encoder=encoder)
    store = Store.open(settings.store_url)
    encoder_id, _ = describe_encoder(encoder, settings.cache)
    (tmp_path / "words.mp3").write_text("not audio")
    words = hashlib.sha256(b"not audio").hexdigest()
    for shard_id, sha256, uri in (("bad", words, str(tmp_path / "words.mp3")), ("unreadable", words, "/proc/self/mem")):
        song = {"sha256": sha256, "uri": uri, "origin": "library", "duration_s": 1.0}
        store.put_json(f"shard_plans/{encoder_id}/{shard_id}.json", [song])
    with pytest.raises(ShardsFailed, match="shard unreadable: /proc/self/mem: temporary: OSError") as caught:
        encode_shards(settings, encoder_id, ["unreadable", "bad"])
    assert (caught.value.shards, caught.value.transient, caught.value.stopped) == (("unreadable",), True, False)
    assert read_shard_manifest(store, encoder_id, "unreadable") is None
    committed = read_shard_manifest(store, encoder_id, "bad")
    assert committed is not None
    assert committed.failed == {words: "text instead of audio"}


def written(folder: Path, shards: int) -> tuple[Settings, str]:
    """Settings and encoder of ``shards`` planned shards, each of one file that is no audio."""
    encoder = EncoderSettings(source="tiny-random", device="cpu", decode_workers=0)
    settings = Settings(home=folder, encoder=encoder)
    (folder / "words.mp3").write_text("not audio")
    song = {"sha256": hashlib.sha256(b"not audio").hexdigest(), "uri": str(folder / "words.mp3"), "origin": "library"}
    encoder_id, _ = describe_encoder(encoder, settings.cache)
    for n in range(shards):
        key = f"shard_plans/{encoder_id}/s{n}.json"
        Store.open(settings.store_url).put_json(key, [{**song, "duration_s": 1.0}])
    return settings, encoder_id


def test_a_shard_without_a_plan_stops_no_other(tmp_path: Path) -> None:
    settings, encoder_id = written(tmp_path, 2)
    with pytest.raises(ShardsFailed, match="no plan of the shard unplanned") as caught:
        encode_shards(settings, encoder_id, ["s0", "unplanned", "s1"])
    assert (caught.value.transient, caught.value.stopped) == (False, False)
    assert "plans what is missing" in str(caught.value.fix)
    assert committed_shards(Store.open(settings.store_url), encoder_id) == ["s0", "s1"]


def test_shards_that_fail_alike_in_a_row_are_the_machines_fault(tmp_path: Path) -> None:
    settings, encoder_id = written(tmp_path, 5)
    shards = [f"s{n}" for n in range(5)]
    (tmp_path / "store" / "embeddings").write_text("where a folder should be")
    with pytest.raises(ShardsFailed, match="no other was tried after 3 in a row failed alike") as caught:
        encode_shards(settings, encoder_id, shards)
    assert caught.value.stopped
    assert caught.value.transient
    assert caught.value.shards == ("s0", "s1", "s2")
    (tmp_path / "store" / "embeddings").unlink()
    assert encode_shards(settings, encoder_id, shards)["failed"] == 5


def test_a_shard_that_failed_leaves_its_neighbours_songs_in_order(run: Run, tmp_path: Path) -> None:
    """Songs decoded ahead for a shard that is given up are not taken for the next one's."""
    encoder = run.settings.encoder.model_copy(update={"decode_workers": 2})
    settings = run.settings.model_copy(update={"encoder": encoder})
    plan = plan_extract(run)
    undisturbed = Store.open(tmp_path / "undisturbed")
    for shard_id in plan.shards:
        key = f"shard_plans/{plan.encoder_id}/{shard_id}.json"
        undisturbed.put(key, run.store.read(key))
    encode_shards(settings.model_copy(update={"store": undisturbed.url}), plan.encoder_id, plan.shards)
    first, second = plan.shards
    key = f"shard_plans/{plan.encoder_id}/{first}.json"
    songs = run.store.read_json(key)
    run.store.put_json(key, [*({**song, "uri": "/proc/self/mem"} for song in songs[:2]), songs[2]], replace=True)
    with pytest.raises(ShardsFailed, match=first):
        encode_shards(settings, plan.encoder_id, plan.shards)
    assert committed_shards(run.store, plan.encoder_id) == [second]
    run.store.put_json(key, songs, replace=True)
    assert encode_shards(settings, plan.encoder_id, plan.shards)["shards"] == 1, "the other is not done again"
    for name in run.store.list("embeddings"):
        if name.endswith(".parquet"):
            assert run.store.read(name) == undisturbed.read(name)


@pytest.fixture
def library(tmp_path: Path, world: World) -> Path:
    """Four songs of one platform, under a folder that can go away."""
    songs = [song for song in world.songs if song.platform == "udio"][:4]
    (tmp_path / "library" / "udio").mkdir(parents=True)
    for song in songs:
        shutil.copy(world.path(song), tmp_path / "library" / "udio" / f"{song.track_id}.{song.codec}")
    return tmp_path / "library"


@pytest.fixture
def run(settings: Settings, world: World, library: Path) -> Run:
    """A run that has found those songs, and encodes three of them a shard."""
    parts = {
        "audio": AudioSettings(libraries=(str(library),), fetch=False),
        "encoder": settings.encoder.model_copy(update={"shard_songs": 3}),
    }
    run = begin(settings.model_copy(update=parts), "nightly", world.epoch, "n1")
    ingest_platform(run, "udio")
    assert run_audio(run).counts["available"] == 4
    return run


def planned(run: Run) -> list[list[dict[str, str]]]:
    plan = plan_extract(run)
    return [run.store.read_json(f"shard_plans/{plan.encoder_id}/{shard_id}.json") for shard_id in plan.shards]


def encoder_id(run: Run) -> str:
    return describe_encoder(run.settings.encoder, run.settings.cache)[0]


def test_a_song_without_its_file_is_no_failure_and_comes_back(run: Run, library: Path, tmp_path: Path) -> None:
    (changed, gone, _), (alone,) = planned(run)
    kept = {song["uri"]: shutil.copy(song["uri"], tmp_path) for song in (changed, gone, alone)}
    Path(changed["uri"]).write_bytes(b"other bytes")
    for song in (gone, alone):
        Path(song["uri"]).unlink()
    report = run_extract(run)
    counts = {name: report.counts[name] for name in ("shards", "songs", "failed", "absent", "missing_shards")}
    assert counts == {"shards": 1, "songs": 1, "failed": 0, "absent": 3, "missing_shards": 0}
    assert len(list(read_shard_manifests(run.store, encoder_id(run)))) == 1, "no shard of nothing"
    with connect(run.settings, "test") as connection:
        due = connection.execute(
            "SELECT reason, count(*) FROM audio WHERE state = 'unavailable' AND next_try_at = checked_at GROUP BY ALL"
        ).fetchall()
    assert dict(due) == {"file not found": 2, "file has changed since it was verified": 1}
    assert run_extract(run).counts["songs"] == 0, "not planned while it is away"

    for uri, copy in kept.items():
        shutil.copy(copy, uri)
    later = begin(run.settings, "nightly", run.as_of + timedelta(minutes=5), "n2")
    assert run_audio(later).counts["available"] == 3
    report = run_extract(later)
    assert (report.counts["songs"], report.counts["absent"], report.counts["failed"]) == (3, 0, 0)


def test_a_song_that_cannot_be_read_waits_alone(run: Run) -> None:
    plan = plan_extract(run)
    shard_id = plan.shards[0]
    key = f"shard_plans/{plan.encoder_id}/{shard_id}.json"
    songs = run.store.read_json(key)
    run.store.put_json(key, [songs[0], {**songs[1], "uri": "/proc/self/mem"}, songs[2]], replace=True)
    encode_shards(run.settings, plan.encoder_id, plan.shards)
    manifest = read_shard_manifest(run.store, plan.encoder_id, shard_id)
    assert manifest is not None
    assert list(manifest.songs) == [songs[0]["sha256"], songs[2]["sha256"]]
    report = adopt(run, plan)
    found = {name: report.counts[name] for name in ("songs", "failed", "absent", "unread", "missing_shards")}
    assert found == {"songs": 3, "failed": 0, "absent": 0, "unread": 1, "missing_shards": 0}
    with connect(run.settings, "test") as connection:
        [(available,)] = connection.execute("SELECT count(*) FROM audio WHERE state = 'available'").fetchall()
    assert available == 4, "no verdict on it"
    assert [song["sha256"] for [song] in planned(run)] == [songs[1]["sha256"]], "it alone is planned again"
    assert run_extract(run).counts["songs"] == 1


def test_a_song_that_moved_is_planned_where_it_is_now(run: Run, library: Path, tmp_path: Path) -> None:
    planned(run)
    moved = library.rename(tmp_path / "moved")
    with connect(run.settings, "test") as connection:
        connection.execute("UPDATE audio SET uri = replace(uri, $old, $new)", {"old": str(library), "new": str(moved)})
    assert all(Path(song["uri"]).is_file() for songs in planned(run) for song in songs)


def test_a_shard_that_nobody_encoded_is_missing(run: Run) -> None:
    report = adopt(run, plan_extract(run))
    assert (report.counts["missing_shards"], report.counts["absent"]) == (2, 0)


def test_what_killed_extractions_left_goes_a_day_after_and_nothing_else(run: Run) -> None:
    plan = plan_extract(run)
    encode_shards(run.settings, plan.encoder_id, plan.shards)
    store, folder = run.store, f"embeddings/{plan.encoder_id}"
    first = read_shard_manifest(store, plan.encoder_id, plan.shards[0])
    assert first is not None
    kept = store.list("embeddings")
    left = {
        f"{folder}/never-committed.parquet": "of a shard that was planned otherwise afterwards",
        f"{folder}/{plan.shards[0]}.0123456789ab.songs.parquet": "of other bytes than those that were committed",
        f"{folder}/{plan.shards[0]}.parquet.part-7-aa": "half a file",
        f"shard_plans/{plan.encoder_id}/{plan.shards[1]}.json.part-7-aa": "half a plan",
    }
    for key, text in left.items():
        Path(store.root, key).write_text(text)
    assert collect_shard_leftovers(store) == 0, "it may still be wanted"
    for path in Path(store.root).rglob("*.*"):
        os.utime(path, (path.stat().st_mtime - 90_000,) * 2)
    assert collect_shard_leftovers(store) == 0, "nobody has written since"
    store.put(f"shard_plans/{plan.encoder_id}/uncommitted.json", b"[]")
    assert collect_shard_leftovers(store) == len(left) + len(plan.shards), "the plans, too, are done with"
    assert store.list("embeddings") == kept
    assert store.list("shard_plans") == [f"shard_plans/{plan.encoder_id}/uncommitted.json"]
    assert list(Path(store.root).rglob("*.part-*")) == []
    assert adopt(run, plan).counts["songs"] == 4


def test_songs_alone_are_kept_where_that_is_asked_for(run: Run) -> None:
    lean = run.settings.model_copy(update={"encoder": run.settings.encoder.model_copy(update={"keep": "songs"})})
    plan = plan_extract(run)
    encode_shards(lean, plan.encoder_id, plan.shards)
    assert adopt(run, plan).counts["songs"] == 4
    assert [key for key in run.store.list("embeddings") if key.endswith(".parquet")] == [
        f"embeddings/{plan.encoder_id}/{shard_id}.songs.parquet" for shard_id in sorted(plan.shards)
    ]
