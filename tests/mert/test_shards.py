import json
from pathlib import Path
from typing import Any

import duckdb
import numpy as np
import polars as pl
import pytest
from numpy.typing import NDArray

from apex_core.errors import ArtifactError, EncoderError, NotFound
from apex_core.mert import (
    ShardSong,
    mix,
    read_shard_manifest,
    read_shard_manifests,
    segment_vectors,
    song_vectors,
    write_shard,
)
from apex_core.storage import Store

ENCODER = "tiny-random-0123456789ab"
FACTS = {"precision": "fp32", "device": "cpu", "torch": "2.14.1", "batch_segments": 4}


def means(seed: int, segments: int) -> NDArray[np.float32]:
    return np.random.default_rng(seed).standard_normal((segments, 4, 12)).astype(np.float32)


SONGS = (
    ShardSong("a" * 64, means(1, 3), None, 75.5),
    ShardSong("b" * 64, None, "Undecodable: not audio", 0.0),
    ShardSong("c" * 64, means(2, 1), None, 10.0),
)


@pytest.fixture
def store(tmp_path: Path) -> Store:
    return Store.open(tmp_path / "store")


def rows(column: Any) -> NDArray[np.float32]:
    return np.array(column.to_pylist(), np.float32)


def test_a_shard_is_two_tables_and_a_manifest(store: Store) -> None:
    manifest = write_shard(store, ENCODER, "s1", SONGS, FACTS)
    prefix = f"embeddings/{ENCODER}/s1"
    assert store.list(f"embeddings/{ENCODER}") == [f"{prefix}.json", f"{prefix}.parquet", f"{prefix}.songs.parquet"]
    assert manifest.songs == {"a" * 64: 3, "c" * 64: 1}
    assert manifest.failed == {"b" * 64: "Undecodable: not audio"}
    assert (manifest.segments, manifest.audio_seconds) == (4, 85.5)
    assert (manifest.precision, manifest.device, manifest.torch) == ("fp32", "cpu", "2.14.1")
    assert manifest.facts == {"batch_segments": 4}
    assert list(read_shard_manifests(store, ENCODER)) == [manifest]


def test_vectors_come_back_as_they_were(store: Store) -> None:
    write_shard(store, ENCODER, "s1", SONGS, FACTS)
    table = segment_vectors(store, ENCODER, ["s1"])
    expected = np.concatenate([means(1, 3), means(2, 1)])
    for i, layer in enumerate((2, 5, 8, 12)):
        assert np.array_equal(rows(table[f"layer_{layer}"]), expected[:, i])
    assert table["segment"].to_pylist() == [0, 1, 2, 0]
    assert table["start_s"].to_pylist() == [0.0, 30.0, 60.0, 0.0]


def test_a_song_is_the_plain_mean_of_its_segments(store: Store) -> None:
    write_shard(store, ENCODER, "s1", SONGS, FACTS)
    table = song_vectors(store, ENCODER, ["s1"])
    assert table["segments"].to_pylist() == [3, 1]
    np.testing.assert_allclose(rows(table["mixed"])[0], mix(means(1, 3)).mean(0), atol=1e-5)
    np.testing.assert_allclose(rows(table["layer_8"])[0], means(1, 3)[:, 2].mean(0), atol=1e-6)


def test_shards_are_read_together_and_narrowed(store: Store) -> None:
    write_shard(store, ENCODER, "s1", SONGS[:2], FACTS)
    write_shard(store, ENCODER, "s2", SONGS[2:], FACTS)
    table = song_vectors(store, ENCODER, ["s2", "s1"], columns=("sha256", "mixed"))
    assert table.column_names == ["sha256", "mixed"]
    assert table["sha256"].to_pylist() == ["c" * 64, "a" * 64]


def test_writing_twice_gives_equal_bytes(tmp_path: Path) -> None:
    stores = [Store.open(tmp_path / name) for name in ("one", "two")]
    for store in stores:
        write_shard(store, ENCODER, "s1", SONGS, FACTS)
    keys = stores[0].list("embeddings")
    assert [stores[0].read(key) for key in keys] == [stores[1].read(key) for key in keys]


def test_a_committed_shard_is_never_written_again(store: Store) -> None:
    first = write_shard(store, ENCODER, "s1", SONGS, FACTS)
    assert write_shard(store, ENCODER, "s1", SONGS[:1], FACTS | {"device": "cuda"}) == first
    assert song_vectors(store, ENCODER, ["s1"]).num_rows == 2


def test_a_shard_without_its_manifest_is_not_there(store: Store) -> None:
    write_shard(store, ENCODER, "s1", SONGS, FACTS)
    store.delete(f"embeddings/{ENCODER}/s1.json")
    assert list(read_shard_manifests(store, ENCODER)) == []
    assert read_shard_manifest(store, ENCODER, "s1") is None
    with pytest.raises(NotFound):
        song_vectors(store, ENCODER, ["s1"])


def test_leftovers_of_a_dead_writer_are_reused_or_left_alone(store: Store) -> None:
    write_shard(store, ENCODER, "s1", SONGS, FACTS)
    store.delete(f"embeddings/{ENCODER}/s1.json")
    other = (ShardSong("a" * 64, means(9, 3), None, 75.5),)
    manifest = write_shard(store, ENCODER, "s1", other, FACTS)
    assert manifest.files["songs"].key != f"embeddings/{ENCODER}/s1.songs.parquet"
    assert np.array_equal(rows(segment_vectors(store, ENCODER, ["s1"])["layer_2"]), means(9, 3)[:, 0])


def test_altered_bytes_are_noticed(store: Store) -> None:
    manifest = write_shard(store, ENCODER, "s1", SONGS, FACTS)
    key = manifest.files["songs"].key
    store.put(key, store.read(key)[:-1] + b"x", replace=True)
    with pytest.raises(ArtifactError, match="altered"):
        song_vectors(store, ENCODER, ["s1"])
    store.delete(key)
    with pytest.raises(ArtifactError, match="missing"):
        song_vectors(store, ENCODER, ["s1"])


def test_a_shard_of_failures_is_a_shard(store: Store) -> None:
    manifest = write_shard(store, ENCODER, "s1", SONGS[1:2], FACTS)
    assert (manifest.songs, manifest.segments) == ({}, 0)
    write_shard(store, ENCODER, "s2", SONGS[2:], FACTS)
    assert song_vectors(store, ENCODER, ["s1"]).num_rows == 0
    assert song_vectors(store, ENCODER, ["s1", "s2"]).num_rows == 1


def test_duckdb_reads_the_files(store: Store) -> None:
    manifest = write_shard(store, ENCODER, "s1", SONGS, FACTS)
    path = store.uri(manifest.files["songs"].key)
    with duckdb.connect() as con:
        found = con.execute("SELECT mixed::FLOAT[12] FROM read_parquet(?) ORDER BY sha256", [path]).fetchall()
    assert np.array_equal(
        np.array([row[0] for row in found], np.float32), rows(song_vectors(store, ENCODER, ["s1"])["mixed"])
    )


def test_duckdb_and_polars_read_all_shards_by_how_their_names_end(store: Store) -> None:
    facts = FACTS | {"hidden": 12}
    write_shard(store, ENCODER, "00ab", SONGS[:2], facts)
    write_shard(store, ENCODER, "01cd", SONGS[1:2], facts)  # failures alone
    write_shard(store, ENCODER, "02ef", SONGS[2:], facts)
    store.delete(f"embeddings/{ENCODER}/02ef.json")
    for role in (".songs", ""):  # of a writer that was killed, and wrote other bytes: the next takes names with a hash
        store.put(f"embeddings/{ENCODER}/02ef{role}.parquet", b"other bytes", replace=True)
    write_shard(store, ENCODER, "02ef", SONGS[2:], facts)
    for role in (".songs", ""):
        store.delete(f"embeddings/{ENCODER}/02ef{role}.parquet")
    folder = store.uri(f"embeddings/{ENCODER}")
    for pattern, rows_of in ((f"{folder}/*.songs.parquet", 2), (f"{folder}/*[0-9a-f].parquet", 4)):
        frame = pl.read_parquet(pattern)
        assert (frame.height, frame.schema["layer_8"]) == (rows_of, pl.Array(pl.Float32, 12))
        with duckdb.connect() as con:
            found = con.execute("SELECT sha256, layer_8::FLOAT[12] FROM read_parquet(?)", [pattern]).fetchall()
        assert sorted(found) == sorted((row[0], tuple(row[1])) for row in frame.select("sha256", "layer_8").rows())


def test_the_manifest_is_plain_json(store: Store) -> None:
    manifest = write_shard(store, ENCODER, "s1", SONGS, FACTS)
    raw = json.loads(store.read(f"embeddings/{ENCODER}/s1.json"))
    assert raw["files"]["songs"]["sha256"] == store.sha256(manifest.files["songs"].key)
    assert raw["files"]["segments"]["rows"] == 4


@pytest.mark.parametrize(
    ("songs", "facts"),
    [
        ((SONGS[0], SONGS[0]), FACTS),
        ((ShardSong("a", means(1, 1)[:, :3], None, 1.0),), FACTS),
        ((ShardSong("a", means(1, 1) * np.float32(np.nan), None, 1.0),), FACTS),
        ((ShardSong("a", means(1, 0), None, 1.0),), FACTS),
        ((ShardSong("a", None, None, 1.0),), FACTS),
        ((ShardSong("a", means(1, 1), "failed", 1.0),), FACTS),
        ((SONGS[0], ShardSong("d", means(1, 1)[:, :, :5], None, 1.0)), FACTS),
        (SONGS, {"precision": "fp32"}),
    ],
    ids=["twice", "layers", "nan", "empty", "no reason", "vectors and reason", "sizes", "facts"],
)
def test_what_is_no_shard_is_refused(store: Store, songs: tuple[ShardSong, ...], facts: dict[str, Any]) -> None:
    with pytest.raises(EncoderError):
        write_shard(store, ENCODER, "s1", songs, facts)
    assert store.list("embeddings") == []


def test_a_shard_may_keep_songs_alone(store: Store) -> None:
    whole = write_shard(store, ENCODER, "s1", SONGS, FACTS)
    lean = write_shard(store, ENCODER, "s2", SONGS, FACTS, segments=False)
    assert list(lean.files) == ["songs"]
    assert lean.files["songs"].sha256 == whole.files["songs"].sha256
    assert (lean.segments, lean.songs) == (whole.segments, whole.songs)
    assert song_vectors(store, ENCODER, ["s2"]).equals(song_vectors(store, ENCODER, ["s1"]))
    with pytest.raises(ArtifactError, match=r"s2 of .* without vectors of segments"):
        segment_vectors(store, ENCODER, ["s1", "s2"])
