"""Publish versions: the manifest is written last, and from then on nothing of the version changes."""

import contextlib
import logging
from collections.abc import Callable
from pathlib import Path

from apex_core.errors import ArtifactError, NotFound
from apex_core.registry.contents import read_contents
from apex_core.registry.layout import CLAIMS, FILES, MODELS, WEIGHTS, check_version, is_version, version_prefix
from apex_core.storage import Manifest, Store, read_manifest, write_manifest
from apex_core.storage.manifest import NAME, Entry, entry_of

log = logging.getLogger("apex_core.registry")


Commit = Callable[[], contextlib.AbstractContextManager[None]]
"""What a publisher holds while it makes what commits: it may refuse, when somebody else goes on in its place."""


def publish(store: Store, version: str, folder: Path, committing: Commit = contextlib.nullcontext[None]) -> Manifest:
    """Publish a staged folder under ``version``; the same files again change nothing.

    A publication that was cut short left no manifest: it is neither listed nor loaded, and publishing again
    completes it. Raises ArtifactError when files are missing, when the weights are not those the version is
    named after, and when the version is published, or being published, with other files.
    """
    prefix = version_prefix(version)
    files = _entries(folder, version)
    if (published := _published(store, prefix)) is not None:
        return _same(published, files, version)
    _claim(store, version, files)
    for name, entry in files.items():
        _upload(store, f"{prefix}/{name}", folder / name, entry)
    with committing():
        is_first = write_manifest(store, prefix, Manifest(files, {"version": version}))
    if not is_first:
        return _same(read_manifest(store, prefix), files, version)
    log.info("published %s", version)
    return Manifest(files, {"version": version})


def list_versions(store: Store) -> list[str]:
    """Every published version, oldest day first."""
    found = (key.split("/") for key in store.list(MODELS))
    return sorted(parts[1] for parts in found if len(parts) == 3 and parts[2] == NAME)


def named_after(store: Store, version: str) -> str:
    """The name under which the weights of ``version`` were published before, else ``version`` itself."""
    known = [name for name in list_versions(store) if name.endswith(version[-9:])]
    return known[-1] if known else version


def delete_version(store: Store, version: str) -> None:
    """Delete a version's files, its manifest first: from then on nobody trusts the rest. Cut short, call it again."""
    keys = store.list(version_prefix(version))
    for key in sorted(keys, key=lambda key: not key.endswith(NAME)):
        store.delete(key)
    store.delete(f"{CLAIMS}/{version}.json")


def version_folders(store: Store) -> set[str]:
    """Every version of which there is a file, published or not."""
    return {parts[1] for key in store.list(MODELS) if len(parts := key.split("/")) > 2 and is_version(parts[1])}


def is_published(store: Store, version: str) -> bool:
    return store.exists(f"{version_prefix(version)}/{NAME}")


def check_published(store: Store, version: str) -> None:
    """Hash every file of a published version. Raises ArtifactError when one is missing or altered, or it has none."""
    read_contents(store, version_prefix(version), version, (), others=True)


def _entries(folder: Path, version: str) -> dict[str, Entry]:
    paths = sorted(path for path in folder.rglob("*") if path.is_file() and path.name != NAME)
    files = {path.relative_to(folder).as_posix(): entry_of(path.read_bytes()) for path in paths}
    missing = [name for name in FILES if name not in files]
    if missing:
        raise ArtifactError(f"{folder} lacks {', '.join(missing)}.", fix="stage the artifact again")
    if not check_version(version).endswith(files[WEIGHTS].sha256[:8]):
        raise ArtifactError(f"{version} is not named after these weights ({files[WEIGHTS].sha256[:8]}).")
    return files


def _claim(store: Store, version: str, files: dict[str, Entry]) -> None:
    """Say, once and for all, which files the version will have: two who mean different ones never mix them.

    Whoever is cut short and comes again with equal files goes on.
    """
    key, wanted = f"{CLAIMS}/{version}.json", {name: entry.sha256 for name, entry in sorted(files.items())}
    if store.put_json(key, wanted):
        return
    claimed: dict[str, str] = store.read_json(key)
    differing = sorted(name for name in claimed.keys() | wanted.keys() if claimed.get(name) != wanted.get(name))
    if differing:
        raise ArtifactError(
            f"{version} is being published by somebody else with another {', '.join(differing)}.",
            fix=f"if that was cut short for good, delete {store.url}/{key}; nobody uses what it has left",
        )


def _published(store: Store, prefix: str) -> Manifest | None:
    try:
        return read_manifest(store, prefix)
    except NotFound:
        return None


def _same(published: Manifest, files: dict[str, Entry], version: str) -> Manifest:
    names = published.files.keys() | files.keys()
    differing = sorted(name for name in names if published.files.get(name) != files.get(name))
    if differing:
        raise ArtifactError(
            f"{version} is published with another {', '.join(differing)}; a published version never changes."
        )
    return published


def _upload(store: Store, key: str, path: Path, entry: Entry) -> None:
    # Only what differs is replaced, so a second publisher of equal files never touches those of the first.
    if not store.put_file(key, path) and store.sha256(key) != entry.sha256:
        store.put_file(key, path, replace=True)
