"""When files were written, of both kinds of store; and halves of files."""

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from apex_core.errors import StorageError
from apex_core.storage import Store
from apex_core.storage.store import is_leftover


def test_every_file_of_a_folder_says_when_it_was_written(store_url: str) -> None:
    store = Store.open(store_url)
    for key in ("shards/e/a.json", "shards/e/b.parquet", "other/c.json"):
        store.put(key, b"x")
    found = store.written("shards")
    assert sorted(found) == ["shards/e/a.json", "shards/e/b.parquet"]
    assert all(abs(datetime.now(UTC) - written) < timedelta(minutes=5) for written in found.values())
    assert store.modified("shards/e/a.json") == found["shards/e/a.json"]
    assert store.written("nothing") == {}


def test_only_halves_of_files_are_deleted_as_such(tmp_path: Path) -> None:
    store = Store.open(tmp_path)
    store.put("shards/a.json", b"x")
    (tmp_path / "shards" / "a.json.part-7-aa").write_text("ha")
    [half] = filter(is_leftover, store.written("shards"))
    store.delete_leftover(half)
    assert store.list("shards") == list(store.written("shards")) == ["shards/a.json"]
    with pytest.raises(StorageError, match="no leftover"):
        store.delete_leftover("shards/a.json")
