"""A local folder: nothing unfinished is ever an object, however the writer goes."""

import os
import signal
import subprocess
import sys
from pathlib import Path

from apex_core.storage import Store

# Puts an endless file: a FIFO that we feed until the put is well under way, and then kill.
_WRITER = """
import sys
from pathlib import Path
from apex_core.storage import Store
Store.open(sys.argv[1]).put_file("embeddings/shard.parquet", Path(sys.argv[2]), replace=sys.argv[3] == "replace")
"""


def _kill_in_the_middle(store: Store, tmp_path: Path, mode: str) -> None:
    source = tmp_path / f"source-{mode}"
    os.mkfifo(source)
    writer = subprocess.Popen([sys.executable, "-c", _WRITER, store.url, str(source), mode])
    with source.open("wb", buffering=0) as feed:
        for _ in range(64):  # a pipe holds 64 KiB: when the last block is taken, megabytes have been written
            feed.write(b"x" * (1 << 18))
        os.kill(writer.pid, signal.SIGKILL)
        writer.wait()


def test_a_killed_writer_leaves_no_object(tmp_path: Path) -> None:
    store = Store.open(tmp_path / "store")
    _kill_in_the_middle(store, tmp_path, "create")
    unfinished = [path for path in Path(store.root).rglob("*") if path.is_file()]
    assert [path.stat().st_size > 1 << 20 for path in unfinished] == [True], "the put was not under way"
    assert not store.exists("embeddings/shard.parquet")
    assert store.list("embeddings") == []
    assert store.put("embeddings/shard.parquet", b"whole") is True
    assert store.list("embeddings") == ["embeddings/shard.parquet"]


def test_a_killed_replacement_leaves_the_object_as_it_was(tmp_path: Path) -> None:
    store = Store.open(tmp_path / "store")
    store.put("embeddings/shard.parquet", b"old")
    _kill_in_the_middle(store, tmp_path, "replace")
    assert store.read("embeddings/shard.parquet") == b"old"
    assert store.list("embeddings") == ["embeddings/shard.parquet"]


def test_a_finished_put_leaves_no_other_file(tmp_path: Path) -> None:
    store = Store.open(tmp_path / "store")
    store.put("a/b", b"1")
    store.put("a/b", b"2")
    store.put("a/b", b"3", replace=True)
    assert os.listdir(tmp_path / "store" / "a") == ["b"]


def test_a_relative_folder_stays_the_same_folder(tmp_path: Path) -> None:
    before = Path.cwd()
    try:
        os.chdir(tmp_path)
        store = Store.open("store")
        os.chdir(before)
        store.put("a", b"x")
    finally:
        os.chdir(before)
    assert (tmp_path / "store" / "a").read_bytes() == b"x"


def test_opening_writes_nothing(tmp_path: Path) -> None:
    store = Store.open(tmp_path / "store")
    assert store.list("a") == []
    assert not store.exists("a")
    assert not (tmp_path / "store").exists()


def test_what_killed_writers_left_is_deleted_and_nothing_else(tmp_path: Path) -> None:
    store = Store.open(tmp_path / "store")
    assert store.delete_leftovers() == 0, "a store that nobody has written to"
    store.put("embeddings/other.parquet", b"whole")
    _kill_in_the_middle(store, tmp_path, "create")
    assert store.delete_leftovers() == 1
    assert [path.name for path in Path(store.root).rglob("*") if path.is_file()] == ["other.parquet"]
