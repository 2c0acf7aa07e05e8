"""A manifest is the commit of a folder: it names files, hashes and row counts, and is written once."""

from pathlib import Path

import pytest

from apex_core.errors import ArtifactError, NotFound
from apex_core.storage import Manifest, Store, read_manifest, write_manifest
from apex_core.storage.manifest import entry_of

FILES = {"rows.parquet": b"rows", "plots/loss.svg": b"<svg/>"}


@pytest.fixture
def committed(store: Store) -> Store:
    for name, data in FILES.items():
        store.put(f"sets/1/{name}", data)
    entries = {name: entry_of(data, rows=3 if name.endswith("parquet") else None) for name, data in FILES.items()}
    assert write_manifest(store, "sets/1", Manifest(entries, {"as_of": "2026-11-22"})) is True
    return store


def test_a_manifest_reads_as_it_was_written(committed: Store) -> None:
    manifest = read_manifest(committed, "sets/1", verify=True)
    assert manifest.facts == {"as_of": "2026-11-22"}
    assert manifest.files == {"rows.parquet": entry_of(b"rows", 3), "plots/loss.svg": entry_of(b"<svg/>")}


def test_a_folder_is_committed_once(committed: Store) -> None:
    assert write_manifest(committed, "sets/1", Manifest({}, {"as_of": "later"})) is False
    assert read_manifest(committed, "sets/1").facts == {"as_of": "2026-11-22"}


def test_a_folder_without_manifest_is_not_there(committed: Store) -> None:
    committed.put("sets/2/rows.parquet", b"rows")
    with pytest.raises(NotFound, match="sets/2/MANIFEST"):
        read_manifest(committed, "sets/2")


def test_an_altered_file_is_named(committed: Store) -> None:
    committed.put("sets/1/rows.parquet", b"r0ws", replace=True)
    with pytest.raises(ArtifactError, match=r"sets/1/rows\.parquet was altered"):
        read_manifest(committed, "sets/1", verify=True)


def test_a_missing_file_is_named(committed: Store) -> None:
    committed.delete("sets/1/plots/loss.svg")
    with pytest.raises(ArtifactError, match=r"sets/1/plots/loss\.svg is named by its manifest but missing"):
        read_manifest(committed, "sets/1", verify=True)


def test_a_manifest_may_lie_in_the_root(tmp_path: Path) -> None:
    store = Store.open(tmp_path)
    store.put("weights", b"w")
    write_manifest(store, "", Manifest({"weights": entry_of(b"w")}))
    assert read_manifest(store, "", verify=True).files == {"weights": entry_of(b"w")}
