"""A shard without one of its songs: the same shard, for every reader, with one song less."""

from apex_core.mert import (
    clear_shard,
    read_shard_manifest,
    segment_vectors,
    shards_with,
    song_vectors,
    write_shard,
)
from apex_core.storage import Store
from tests.mert.test_shards import ENCODER, FACTS, SONGS, store

__all__ = ["store"]

EMBEDDED, FAILED, OTHER = (song.sha256 for song in SONGS)


def test_the_song_is_gone_and_the_others_are_as_they_were(store: Store) -> None:
    write_shard(store, ENCODER, "s1", SONGS, FACTS)
    before = song_vectors(store, ENCODER, ["s1"]).to_pylist()
    files = set(store.list("embeddings"))
    assert shards_with(store, [EMBEDDED]) == {(ENCODER, "s1"): 1}
    cleared = clear_shard(store, ENCODER, "s1", [EMBEDDED])
    assert cleared is not None
    assert (cleared.songs, cleared.failed, cleared.segments) == ({OTHER: 1}, {FAILED: "Undecodable: not audio"}, 1)
    assert song_vectors(store, ENCODER, ["s1"]).to_pylist() == [row for row in before if row["sha256"] == OTHER]
    assert set(segment_vectors(store, ENCODER, ["s1"])["sha256"].to_pylist()) == {OTHER}
    assert len(set(store.list("embeddings")) & files) == 1, "only the manifest has kept its name"
    assert shards_with(store, [EMBEDDED]) == {}
    assert clear_shard(store, ENCODER, "s1", [EMBEDDED]) == cleared, "twice is once"


def test_a_failed_song_goes_from_the_manifest_too(store: Store) -> None:
    write_shard(store, ENCODER, "s1", SONGS, FACTS)
    cleared = clear_shard(store, ENCODER, "s1", [FAILED])
    assert cleared is not None
    assert cleared.failed == {}
    assert FAILED.encode() not in store.read(f"embeddings/{ENCODER}/s1.json")


def test_of_a_shard_of_theirs_alone_nothing_is_left(store: Store) -> None:
    write_shard(store, ENCODER, "s1", SONGS[:1], FACTS)
    assert clear_shard(store, ENCODER, "s1", [EMBEDDED]) is None
    assert store.list("embeddings") == []
    assert read_shard_manifest(store, ENCODER, "s1") is None


def test_again_and_again_leaves_no_file_that_no_manifest_names(store: Store) -> None:
    write_shard(store, ENCODER, "s1", SONGS, FACTS)
    clear_shard(store, ENCODER, "s1", [EMBEDDED])
    clear_shard(store, ENCODER, "s1", [OTHER])
    manifest = read_shard_manifest(store, ENCODER, "s1")
    assert manifest is not None
    named = {file.key for file in manifest.files.values()} | {f"embeddings/{ENCODER}/s1.json"}
    assert set(store.list("embeddings")) == named
    assert song_vectors(store, ENCODER, ["s1"]).num_rows == 0


def test_tables_of_a_shard_that_was_never_committed_go(store: Store) -> None:
    """A process that was killed has left them: nobody knows whose songs they hold."""
    write_shard(store, ENCODER, "s1", SONGS, FACTS)
    store.delete(f"embeddings/{ENCODER}/s1.json")
    assert shards_with(store, ["d" * 64]) == {(ENCODER, "s1"): 1}
    assert clear_shard(store, ENCODER, "s1", ["d" * 64]) is None
    assert store.list("embeddings") == []
