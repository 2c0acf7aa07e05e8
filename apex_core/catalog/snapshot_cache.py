"""Snapshots of an s3 store on a reader's disk: fetched once by whoever comes first, whole or not at all.

All readers of a host share the folder. Old snapshots in it go when nobody has asked for them for a day: readers that
have one open keep its files.
"""

import contextlib
import errno
import os
import shutil
from collections.abc import Mapping
from pathlib import Path

from apex_core.catalog.lock import hold
from apex_core.errors import ArtifactError, StorageError
from apex_core.storage import Manifest, Store, read_manifest, write_manifest
from apex_core.storage.manifest import NAME, Entry, entry_of_file

FILES = ("catalog.duckdb", "vectors.duckdb")

_PART = ".part-"
_UNUSED_S, _JUST_USED_S = 86_400.0, 3_600.0
_PATIENCE_S = 3_600.0


def cached(cache: Path, store: Store, prefix: str, manifest: Manifest) -> Path:
    """The folder on this disk with the files of the snapshot ``prefix``, fetched when it is not there yet.

    Raises ArtifactError when what arrives is not what the manifest says, StorageError when there is no room for it,
    NotFound when the snapshot was collected meanwhile.
    """
    folder = cache / prefix
    while True:
        if not folder.is_dir():
            folder.parent.mkdir(parents=True, exist_ok=True)
            with hold(cache / "snapshots.lock", f"fetching {prefix}", _PATIENCE_S, "The cache of snapshots"):
                if not folder.is_dir():
                    _fetch(folder, store, prefix, manifest)
        with contextlib.suppress(FileNotFoundError):  # collected in between: once more
            os.utime(folder)
            return folder


def _fetch(folder: Path, store: Store, prefix: str, manifest: Manifest) -> None:
    """One process at a time. The folder takes its name when every file in it was verified."""
    for left in folder.parent.glob(f"*{_PART}*"):
        shutil.rmtree(left, ignore_errors=True)
    part = folder.with_name(f"{folder.name}{_PART}{os.getpid()}")
    part.mkdir()
    try:
        _make_room(part, manifest.files)
        for name in FILES:
            _bring(part, store, f"{prefix}/{name}", name, manifest.files[name])
        write_manifest(Store.open(part), "", manifest)
        _collect(folder.parent, part, _UNUSED_S)
        part.rename(folder)
    except OSError as error:
        if error.errno not in (errno.ENOSPC, errno.EDQUOT):
            raise
        raise _no_room(part, manifest.files) from error
    finally:
        shutil.rmtree(part, ignore_errors=True)


def _bring(part: Path, store: Store, key: str, name: str, entry: Entry) -> None:
    """Link a file that another snapshot here has too (vectors seldom change), else fetch it."""
    target = part / name
    for other in part.parent.glob(f"*/{NAME}"):
        with contextlib.suppress(OSError, KeyError, ValueError):
            if read_manifest(Store.open(other.parent), "").files[name].sha256 == entry.sha256:
                os.link(other.with_name(name), target)
                return
    store.fetch(key, target)
    found = entry_of_file(target)
    if found.sha256 != entry.sha256:
        raise ArtifactError(
            f"{store.url}/{key} was altered, or its transfer cut short: sha256 {found.sha256[:12]}… is not "
            f"{entry.sha256[:12]}….",
            fix="try again; if it stays so, apex nightly publishes a new snapshot",
        )


def _make_room(part: Path, files: Mapping[str, Entry]) -> None:
    if _lacks_room(part, files):
        _collect(part.parent, part, _JUST_USED_S)
    if _lacks_room(part, files):
        raise _no_room(part, files)


def _lacks_room(part: Path, files: Mapping[str, Entry]) -> bool:
    return shutil.disk_usage(part).free < sum(files[name].bytes for name in FILES)


def _no_room(part: Path, files: Mapping[str, Entry]) -> StorageError:
    needed, free = sum(files[name].bytes for name in FILES), shutil.disk_usage(part.parent).free
    return StorageError(
        f"The snapshot does not fit into {part.parent}: it takes {needed / 1e6:,.1f} MB of {free / 1e6:,.1f} MB free.",
        fix="make room there, set APEX_HOME to a larger disk, or read its Parquet files where they lie",
    )


def _collect(parent: Path, newest: Path, unused_s: float) -> None:
    """Remove what nobody has asked for in ``unused_s`` seconds before ``newest`` was made."""
    before = newest.stat().st_mtime - unused_s
    for folder in parent.iterdir():
        with contextlib.suppress(FileNotFoundError):
            if folder != newest and folder.stat().st_mtime < before:
                gone = folder.rename(folder.with_name(f"{folder.name}{_PART}old"))  # at once: never half a snapshot
                shutil.rmtree(gone, ignore_errors=True)
