import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from apex_core.errors import ArtifactError
from apex_core.registry import (
    check_published,
    delete_version,
    is_published,
    list_versions,
    load_artifact,
    publish,
    version_folders,
)
from apex_core.registry.artifact import FILES
from apex_core.storage import Store

from .conftest import Stage


class Killed(BaseException):
    """Stands for a process that ends."""


def _dying(store: Store, writes: int) -> Store:
    """The same store in a process that ends when it wants to write once more than ``writes`` times."""
    left = iter(range(writes))

    class Dying(Store):
        def put_file(self, key: str, source: Path, *, replace: bool = False) -> bool:
            if next(left, None) is None:
                raise Killed
            return Store.put_file(self, key, source, replace=replace)

        def put_json(self, key: str, value: object, *, replace: bool = False) -> bool:
            if next(left, None) is None:
                raise Killed
            return Store.put_json(self, key, value, replace=replace)

    return Dying(store.url, store.fs, store.root)


@pytest.mark.parametrize("writes", range(len(FILES) + 2))
def test_a_publication_killed_at_any_write_is_neither_listed_nor_loaded_and_can_be_completed(
    store: Store, stage: Stage, writes: int
) -> None:
    staged = stage()
    with pytest.raises(Killed):
        publish(_dying(store, writes), staged.version, staged.folder)
    assert list_versions(store) == []
    assert not is_published(store, staged.version)
    with pytest.raises(ArtifactError, match="not published"):
        load_artifact(store, staged.version)
    publish(store, staged.version, staged.folder)
    assert list_versions(store) == [staged.version]
    load_artifact(store, staged.version)


def test_what_a_killed_publication_left_is_replaced(store: Store, stage: Stage) -> None:
    staged = stage()
    store.put(f"models/{staged.version}/config.json", b"half of an older try")
    publish(store, staged.version, staged.folder)
    load_artifact(store, staged.version)


def test_publishing_the_same_again_changes_nothing(store: Store, stage: Stage) -> None:
    staged = stage()
    first = publish(store, staged.version, staged.folder)
    before = {key: store.modified(key) for key in store.list("models")}
    assert publish(store, staged.version, staged.folder) == first
    assert {key: store.modified(key) for key in store.list("models")} == before


def test_a_published_version_never_changes(store: Store, stage: Stage) -> None:
    staged = stage()
    publish(store, staged.version, staged.folder)
    other = stage(folder="other", card="# another card\n")
    assert other.version == staged.version
    with pytest.raises(ArtifactError, match=r"published with another README\.md"):
        publish(store, staged.version, other.folder)
    load_artifact(store, staged.version)


def test_what_was_begun_with_other_files_is_not_mixed_with_these(store: Store, stage: Stage) -> None:
    staged, other = stage(), stage(folder="other", card="# another card\n")
    with pytest.raises(Killed):
        publish(_dying(store, 3), staged.version, staged.folder)
    with pytest.raises(ArtifactError, match=r"being published by somebody else with another README\.md"):
        publish(store, staged.version, other.folder)
    publish(store, staged.version, staged.folder)
    check_published(store, staged.version)


def test_a_version_is_deleted_manifest_first_and_a_deletion_cut_short_is_completed(store: Store, stage: Stage) -> None:
    staged, kept = stage(), stage(2.0, "kept")
    publish(store, staged.version, staged.folder)
    publish(store, kept.version, kept.folder)
    gone: list[str] = []

    class Dying(Store):
        def delete(self, key: str) -> None:
            if len(gone) == 2:
                raise Killed
            gone.append(key)
            Store.delete(self, key)

    with pytest.raises(Killed):
        delete_version(Dying(store.url, store.fs, store.root), staged.version)
    assert gone[0].endswith("/MANIFEST.json")
    assert list_versions(store) == [kept.version]
    assert version_folders(store) == {staged.version, kept.version}
    delete_version(store, staged.version)
    assert version_folders(store) == {kept.version}
    assert not [key for key in store.list("models") if staged.version in key]
    check_published(store, kept.version)
    assert publish(store, staged.version, staged.folder)  # its name is free again


def test_a_further_file_is_a_difference_too(store: Store, stage: Stage) -> None:
    staged = stage()
    publish(store, staged.version, staged.folder)
    (staged.folder / "plots").mkdir()
    (staged.folder / "plots" / "ranks.svg").write_text("<svg/>")
    with pytest.raises(ArtifactError, match=r"another plots/ranks\.svg"):
        publish(store, staged.version, staged.folder)


def test_plots_travel_with_their_version(store: Store, stage: Stage) -> None:
    staged = stage()
    (staged.folder / "plots").mkdir()
    (staged.folder / "plots" / "ranks.svg").write_text("<svg/>")
    assert "plots/ranks.svg" in publish(store, staged.version, staged.folder).files
    assert store.read(f"models/{staged.version}/plots/ranks.svg") == b"<svg/>"
    assert list_versions(store) == [staged.version]


def test_a_slower_publisher_of_the_same_files_agrees(store: Store, stage: Stage) -> None:
    """The other's manifest appears between its look and its own commit."""
    staged = stage()
    looks: list[str] = []

    class Late(Store):
        def read_json(self, key: str) -> Any:
            looks.extend([key] if key.endswith("MANIFEST.json") else [])
            return Store.read_json(self, f"{key}.not-yet" if looks == [key] else key)

    first = publish(store, staged.version, staged.folder)
    assert publish(Late(store.url, store.fs, store.root), staged.version, staged.folder) == first
    assert len(looks) == 2


@pytest.mark.parametrize(
    ("spoil", "message"),
    [
        (lambda folder: (folder / "README.md").unlink(), r"lacks README\.md"),
        (lambda folder: (folder / "model.safetensors").write_bytes(b"other"), "not named after these weights"),
    ],
)
def test_a_folder_that_is_not_the_version_is_not_published(
    store: Store, stage: Stage, spoil: Callable[[Path], object], message: str
) -> None:
    staged = stage()
    spoil(staged.folder)
    with pytest.raises(ArtifactError, match=message):
        publish(store, staged.version, staged.folder)
    assert store.list("models") == []


def test_versions_are_listed_oldest_first_and_aliases_are_not_versions(store: Store, versions: list[str]) -> None:
    store.put_json("models/aliases/champion/1.json", {})
    assert list_versions(store) == sorted(versions)


def test_a_manifest_names_every_file_and_its_version(store: Store, versions: list[str]) -> None:
    raw = json.loads(store.read(f"models/{versions[0]}/MANIFEST.json"))
    assert set(raw["files"]) == set(FILES)
    assert raw["facts"] == {"version": versions[0]}
