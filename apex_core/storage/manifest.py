"""Manifests: the list of files, with hashes and row counts, whose writing last is the commit of a folder."""

import hashlib
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, cast

from apex_core.errors import ArtifactError
from apex_core.storage.store import Store

NAME = "MANIFEST.json"


@dataclass(frozen=True, slots=True)
class Entry:
    """One file of a folder: its sha256, size in bytes and, for tables, rows."""

    sha256: str
    bytes: int
    rows: int | None = None


@dataclass(frozen=True, slots=True)
class Manifest:
    """Files by name relative to the folder, and facts about the whole."""

    files: dict[str, Entry]
    facts: dict[str, Any] = field(default_factory=dict[str, Any])


def entry_of(data: bytes, rows: int | None = None) -> Entry:
    return Entry(hashlib.sha256(data).hexdigest(), len(data), rows)


def entry_of_file(path: Path, rows: int | None = None) -> Entry:
    """The entry of a file, read block by block."""
    with path.open("rb") as file:
        digest = hashlib.file_digest(cast(Any, file), "sha256").hexdigest()
    return Entry(digest, path.stat().st_size, rows)


def write_manifest(store: Store, prefix: str, manifest: Manifest) -> bool:
    """Commit the folder ``prefix``; False when it was committed before."""
    return store.put_json(_key(prefix, NAME), asdict(manifest))


def read_manifest(store: Store, prefix: str, *, verify: bool = False) -> Manifest:
    """Read the manifest of ``prefix``; with ``verify`` hash every file it names.

    Raises NotFound without a manifest, ArtifactError when a file is missing or altered.
    """
    raw = store.read_json(_key(prefix, NAME))
    manifest = Manifest({name: Entry(**entry) for name, entry in raw["files"].items()}, raw["facts"])
    if verify:
        verify_files(store, prefix, manifest.files)
    return manifest


def verify_files(store: Store, prefix: str, files: Mapping[str, Entry]) -> None:
    """Raise ArtifactError for the first file that is missing or whose bytes are not those of its entry."""
    for name, entry in files.items():
        key = _key(prefix, name)
        if not store.exists(key):
            raise ArtifactError(f"{store.url}/{key} is named by its manifest but missing.")
        found = store.sha256(key)
        if found != entry.sha256:
            raise ArtifactError(f"{store.url}/{key} was altered: sha256 {found[:12]}… is not {entry.sha256[:12]}….")


def _key(prefix: str, name: str) -> str:
    # An empty prefix is the store's own root: a published folder that was copied somewhere.
    return f"{prefix}/{name}" if prefix else name
