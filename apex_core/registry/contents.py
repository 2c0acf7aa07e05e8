"""What a published version holds, read by its manifest: not a byte is believed before its hash was checked."""

import hashlib
import json
from collections.abc import Collection
from dataclasses import dataclass
from typing import Any

from apex_core.errors import ArtifactError, NotFound
from apex_core.registry.layout import CONFIG, FILES, LINEAGE, METRICS, version_prefix
from apex_core.storage import Store, read_manifest
from apex_core.storage.manifest import Entry, Manifest, verify_files


@dataclass(frozen=True, slots=True)
class Description:
    """A version without its weights: plain config, metrics, lineage, and its files with their hashes."""

    version: str
    config: dict[str, Any]
    metrics: dict[str, Any]
    lineage: dict[str, Any]
    files: dict[str, Entry]


def describe_version(store: Store, version: str) -> Description:
    """Read what a published version says of itself; of its files only those are read, and checked.

    Raises ArtifactError when it is not published, incomplete or altered.
    """
    manifest, files = read_contents(store, version_prefix(version), version, (CONFIG, METRICS, LINEAGE))
    config, metrics, lineage = (parsed(name, files[name], store.url) for name in (CONFIG, METRICS, LINEAGE))
    return Description(version, config, metrics, lineage, manifest.files)


def read_contents(
    store: Store, prefix: str, version: str | None, names: Collection[str] = FILES, *, others: bool = False
) -> tuple[Manifest, dict[str, bytes]]:
    """The manifest under ``prefix`` and the bytes of the files ``names``, each hashed as it was read.

    ``others``: the files that are not read are hashed, too.
    """
    place = f"{store.url}/{prefix}".rstrip("/")
    manifest = _manifest(store, prefix, place)
    named = manifest.facts.get("version")
    if version is not None and named != version:
        raise ArtifactError(f"{place} holds version {named}, not {version}.")
    missing = [name for name in FILES if name not in manifest.files]
    if missing:
        raise ArtifactError(f"The manifest of {place} does not name {', '.join(missing)}.")
    files = {name: _checked(store, f"{prefix}/{name}" if prefix else name, manifest.files[name]) for name in names}
    if others:
        verify_files(store, prefix, {name: entry for name, entry in manifest.files.items() if name not in files})
    return manifest, files


def parsed(name: str, data: bytes, place: str) -> dict[str, Any]:
    """A JSON object of a version."""
    try:
        value = json.loads(data)
    except ValueError as error:
        raise ArtifactError(f"{name} of {place} cannot be read: {error}.") from error
    if not isinstance(value, dict):
        raise ArtifactError(f"{name} of {place} is not a JSON object.")
    return value


def _checked(store: Store, key: str, entry: Entry) -> bytes:
    try:
        data = store.read(key)
    except NotFound as error:
        raise ArtifactError(f"{store.url}/{key} is named by its manifest but missing.") from error
    found = hashlib.sha256(data).hexdigest()
    if found != entry.sha256:
        raise ArtifactError(f"{store.url}/{key} was altered: sha256 {found[:12]}… is not {entry.sha256[:12]}….")
    return data


def _manifest(store: Store, prefix: str, place: str) -> Manifest:
    try:
        return read_manifest(store, prefix)
    except NotFound as error:
        raise ArtifactError(f"{place} is not published: it has no manifest.", fix="apex models list") from error
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise ArtifactError(f"The manifest of {place} cannot be read: {error}.") from error
