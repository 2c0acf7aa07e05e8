"""Snapshots for readers, who never block: read-only files, opened hardened."""

import contextlib
import tempfile
from collections.abc import Generator, Mapping
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

import duckdb

from apex_core.catalog.statements import sql
from apex_core.errors import NotFound
from apex_core.settings import Settings
from apex_core.storage import Store, read_manifest
from apex_core.storage.manifest import Entry, verify_files

LATEST = "snapshots/latest"


@dataclass(frozen=True, slots=True)
class Snapshot:
    """A published snapshot: files on this disk, when it was taken and the fingerprint of the catalog it shows."""

    stamp: str
    folder: Path
    as_of: datetime
    fingerprint: str


def latest_stamp(store: Store) -> str | None:
    """The stamp of the newest snapshot, None before the first."""
    records = store.list(LATEST)
    return None if not records else str(store.read_json(max(records, key=_number))["stamp"])


def next_latest(store: Store) -> str:
    """The key under which the next record of ``snapshots/latest`` is created."""
    records = store.list(LATEST)
    return f"{LATEST}/{1 + max((_number(key) for key in records), default=0)}.json"


def _number(key: str) -> int:
    return int(key.rsplit("/", 1)[-1].removesuffix(".json"))


def latest_snapshot(settings: Settings) -> Snapshot:
    """Find the newest snapshot; from s3 its files are fetched into the cache once.

    Raises NotFound when there is none yet.
    """
    store = Store.open(settings.store_url)
    stamp = latest_stamp(store)
    if stamp is None:
        raise NotFound(f"There is no snapshot in {store.url} yet.", fix="apex nightly")
    manifest = read_manifest(store, f"snapshots/{stamp}")
    folder = _folder(settings, store, stamp, manifest.files)
    return Snapshot(stamp, folder, datetime.fromisoformat(manifest.facts["as_of"]), str(manifest.facts["fingerprint"]))


def _folder(settings: Settings, store: Store, stamp: str, files: Mapping[str, Entry]) -> Path:
    prefix = f"snapshots/{stamp}"
    if store.is_local:
        return Path(store.path(prefix))
    folder = settings.cache / "snapshots" / stamp
    mirror = Store.open(folder)
    for name in ("vectors.duckdb", "catalog.duckdb"):
        if not mirror.exists(name):
            verify_files(store, prefix, {name: files[name]})
            with store.local(f"{prefix}/{name}") as fetched:
                mirror.put_file(name, fetched)
    return folder


@contextlib.contextmanager
def open_snapshot(snapshot: Snapshot, sealed: bool = False) -> Generator[duckdb.DuckDBPyConnection]:
    """Open a snapshot read-only, with its vectors attached as ``vectors``, and no way out to files or network.

    ``sealed`` is for SQL of people one need not trust: a connection that only reads its two files can still be talked
    into writing to them (DETACH, COPY), a sealed one cannot, but has no disk to spill to: a query must fit in memory.
    """
    # A database of its own with the files attached: opened directly, one file's readers in one process would share a
    # database, and the second could not set up what the first has locked. Spilling must not happen in the store.
    with tempfile.TemporaryDirectory(prefix="apex-spill-") as spill, duckdb.connect() as connection:
        connection.execute(sql("catalog/set_utc"))
        connection.execute(sql("catalog/set_no_spill") if sealed else sql("catalog/set_spill", path=Path(spill)))
        for name in ("catalog", "vectors"):
            path = snapshot.folder / f"{name}.duckdb"
            connection.execute(sql("catalog/attach_read_only", path=path, alias=name))
        for step in ("harden", "seal", "lock_settings") if sealed else ("harden", "lock_settings"):
            connection.execute(sql(f"catalog/{step}"))
        yield connection
