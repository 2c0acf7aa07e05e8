"""One object-store seam: the same promises over a folder and over S3."""

from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from pathlib import Path
from threading import Barrier

import pytest
from hypothesis import given
from hypothesis import strategies as st

from apex_core.errors import NotFound, StorageError
from apex_core.storage import Store

_FORBIDDEN_KEYS = (
    "",
    "/",
    "/absolute",
    "..",
    "../up",
    "a/../b",
    "a/..",
    ".",
    "./a",
    "a/./b",
    "a//b",
    "a/",
    "a b",
    "a\\b",
    "a\nb",
    "a\n",
    "a\x00",
    "s3://other/a",
    "é",
    "a/b.json.part-1-00",
)

_NOWHERE = Store.open("/nowhere/store")


def test_what_was_put_can_be_read(store: Store) -> None:
    assert store.put("models/v1/weights.bin", b"\x00\xffdata")
    assert store.read("models/v1/weights.bin") == b"\x00\xffdata"
    assert store.size("models/v1/weights.bin") == 6
    assert store.exists("models/v1/weights.bin")


def test_a_key_is_written_once(store: Store) -> None:
    assert store.put("a/b", b"first") is True
    assert store.put("a/b", b"second") is False
    assert store.read("a/b") == b"first"


def test_replace_overwrites(store: Store) -> None:
    store.put("a/b", b"first")
    assert store.put("a/b", b"second", replace=True) is True
    assert store.read("a/b") == b"second"
    assert store.put("new", b"x", replace=True) is True


def test_an_empty_object_is_an_object(store: Store) -> None:
    assert store.put("empty", b"")
    assert (store.exists("empty"), store.read("empty"), store.size("empty")) == (True, b"", 0)
    assert store.put("empty", b"x") is False


def test_a_file_is_put_and_stays_where_it_is(store: Store, tmp_path: Path) -> None:
    source = tmp_path / "song.mp3"
    source.write_bytes(b"one" * 1000)
    assert store.put_file("audio/aa/song.mp3", source) is True
    source.write_bytes(b"two")
    assert store.put_file("audio/aa/song.mp3", source) is False
    assert store.read("audio/aa/song.mp3") == b"one" * 1000
    assert store.put_file("audio/aa/song.mp3", source, replace=True) is True
    assert store.read("audio/aa/song.mp3") == b"two"
    assert source.read_bytes() == b"two"


def test_json_is_canonical(store: Store) -> None:
    store.put_json("one.json", {"b": 1, "a": "é"})
    store.put_json("two.json", {"a": "é", "b": 1})
    assert store.read("one.json") == store.read("two.json")
    assert store.read_json("one.json") == {"a": "é", "b": 1}


def test_of_racing_writers_exactly_one_wins(store: Store) -> None:
    writers = 8
    together = Barrier(writers)

    def write(number: int) -> bool:
        together.wait()
        return store.put("alias/1.json", f"writer {number}".encode())

    with ThreadPoolExecutor(writers) as pool:
        won = list(pool.map(write, range(writers)))
    assert won.count(True) == 1
    assert store.read("alias/1.json") == f"writer {won.index(True)}".encode()
    assert store.list("alias") == ["alias/1.json"]


def test_a_listing_is_sorted_recursive_and_of_one_folder(store: Store) -> None:
    for key in ("x/b/2", "x/a", "x/b/1", "xy/c", "x.json"):
        store.put(key, b"")
    assert store.list("x") == store.list("x/") == ["x/a", "x/b/1", "x/b/2"]
    assert store.list("nothing/here") == []


def test_other_writers_are_seen_at_once(store_url: str) -> None:
    ours, theirs = Store.open(store_url), Store.open(store_url)
    assert ours.list("runs") == []
    assert not ours.exists("runs/1")
    theirs.put("runs/1", b"1")
    assert ours.exists("runs/1")
    assert ours.list("runs") == ["runs/1"]
    theirs.put("runs/1", b"22", replace=True)
    assert ours.size("runs/1") == 2
    theirs.delete("runs/1")
    assert not ours.exists("runs/1")
    assert ours.list("runs") == []


def test_a_folder_is_no_object(store: Store) -> None:
    store.put("folder/object", b"x")
    assert not store.exists("folder")
    with pytest.raises(NotFound):
        store.read("folder")


def test_what_is_not_there_is_named(store: Store) -> None:
    with pytest.raises(NotFound, match="no/such"):
        store.read("no/such")
    with pytest.raises(NotFound, match="no/such"):
        store.open_file("no/such")
    with pytest.raises(NotFound, match="no/such"):
        store.size("no/such")
    with pytest.raises(NotFound, match="no/such"):
        store.modified("no/such")
    with pytest.raises(NotFound, match="no/such"):
        store.sha256("no/such")
    with pytest.raises(NotFound, match="no/such"), store.local("no/such"):
        pass


def test_deleting_is_idempotent(store: Store) -> None:
    store.put("a/b", b"x")
    store.delete("a/b")
    store.delete("a/b")
    assert not store.exists("a/b")


def test_an_object_can_be_had_as_a_local_file(store: Store) -> None:
    store.put("a/catalog.duckdb", b"bytes")
    with store.local("a/catalog.duckdb") as path:
        assert path.name == "catalog.duckdb"
        assert path.read_bytes() == b"bytes"


def test_an_object_can_be_read_in_parts(store: Store) -> None:
    store.put("a/b", b"0123456789")
    with store.open_file("a/b") as file:
        file.seek(4)
        assert file.read(3) == b"456"


def test_the_time_of_writing_is_utc(store: Store) -> None:
    store.put("a", b"")
    written = store.modified("a")
    assert written.tzinfo is UTC
    assert abs(written - datetime.now(UTC)) < timedelta(minutes=5)


@pytest.mark.parametrize("key", _FORBIDDEN_KEYS)
def test_a_key_that_is_not_one_is_refused(tmp_path: Path, key: str) -> None:
    with pytest.raises(StorageError, match="Not a storage key"):
        Store.open(tmp_path / "store").put(key, b"")


@given(st.text(alphabet="a./\\~é \n\x00", max_size=8))
def test_no_key_leads_out_of_the_store(key: str) -> None:
    store = _NOWHERE
    try:
        path = Path(store.path(key))
    except StorageError:
        return
    assert path.is_relative_to(store.root)
    assert ".." not in path.parts
    assert str(path) == store.path(key), "two keys would name one object"


def test_a_large_object_on_s3_is_created_once_too(s3_url: str, tmp_path: Path) -> None:
    """Beyond 100 MB an upload has several parts, and the condition is on the request that joins them."""
    store = Store.open(s3_url)
    source = tmp_path / "large"
    with source.open("wb") as file:
        file.truncate(101 << 20)
    assert store.put_file("large", source) is True
    assert store.size("large") == 101 << 20
    assert store.put_file("large", source) is False
    assert store.put("large", b"small") is False
