"""Snapshots for readers, who never block: read-only files, opened hardened, or in a notebook as one likes."""

import contextlib
import os
import tempfile
from collections.abc import Generator
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

import duckdb

from apex_core.catalog.snapshot_cache import FILES, cached
from apex_core.catalog.statements import sql
from apex_core.errors import ApexError, ArtifactError, CatalogError, NotFound
from apex_core.settings import Settings, get_settings
from apex_core.storage import Manifest, Store, read_manifest

LATEST = "snapshots/latest"
_LOOKS = 3


@dataclass(frozen=True, slots=True)
class Snapshot:
    """A published snapshot: files on this disk, of when it is, the catalog's fingerprint, the DuckDB that wrote it."""

    stamp: str
    folder: Path
    as_of: datetime
    fingerprint: str
    duckdb: str


def latest_stamp(store: Store) -> str | None:
    """The stamp of the newest snapshot, None before the first."""
    for _ in range(_LOOKS):  # a record that goes between the listing and the reading is not the newest any more
        records = store.list(LATEST)
        if not records:
            return None
        with contextlib.suppress(NotFound):
            return str(store.read_json(max(records, key=record_number))["stamp"])
    raise NotFound(f"{store.url}/{LATEST} names records that are not there.", fix="apex nightly")


def next_latest(store: Store) -> str:
    """The key under which the next record of ``snapshots/latest`` is created."""
    records = store.list(LATEST)
    return f"{LATEST}/{1 + max((record_number(key) for key in records), default=0)}.json"


def record_number(key: str) -> int:
    """The number of a record of ``snapshots/latest``; the highest is in force."""
    return int(key.rsplit("/", 1)[-1].removesuffix(".json"))


def latest_snapshot(settings: Settings) -> Snapshot:
    """Find the newest snapshot; from s3 its files are fetched into the cache once, by one process of this host.

    Raises NotFound when there is none yet.
    """
    store = Store.open(settings.store_url)
    stamp: str | None = None
    while True:
        before, stamp = stamp, latest_stamp(store)
        if stamp is None:
            raise NotFound(f"There is no snapshot in {store.url} yet.", fix="apex nightly")
        try:
            return _found(settings, store, stamp)
        except (NotFound, ArtifactError):
            if stamp == before:  # else it was collected since its name was read: look again
                raise


def _found(settings: Settings, store: Store, stamp: str) -> Snapshot:
    prefix = f"snapshots/{stamp}"
    manifest = read_manifest(store, prefix)
    folder = _on_this_disk(store, prefix) if store.is_local else cached(settings.cache, store, prefix, manifest)
    return _described(stamp, folder, manifest)


def _on_this_disk(store: Store, prefix: str) -> Path:
    for name in FILES:
        if not store.exists(f"{prefix}/{name}"):
            raise ArtifactError(
                f"{store.url}/{prefix}/{name} is named by its manifest but missing.", fix="apex nightly"
            )
    return Path(store.path(prefix))


def _described(stamp: str, folder: Path, manifest: Manifest) -> Snapshot:
    facts = manifest.facts
    as_of = datetime.fromisoformat(facts["as_of"])
    return Snapshot(stamp, folder, as_of, str(facts["fingerprint"]), str(facts["duckdb"]))


@contextlib.contextmanager
def open_snapshot(
    snapshot: Snapshot, sealed: bool = False, *, memory_limit: str = "", threads: int = 0
) -> Generator[duckdb.DuckDBPyConnection]:
    """Open a snapshot read-only, with its vectors attached as ``vectors``, and no way out to files or network.

    ``sealed`` is for SQL of people one need not trust: a connection that only reads its two files can still be talked
    into writing to them (DETACH, COPY), a sealed one cannot, but has no disk to spill to: a query must fit in memory.
    ``memory_limit`` (as DuckDB writes it) and ``threads``: without them most of this machine's memory and every core.

    Raises NotFound when the snapshot was collected since it was looked up, CatalogError when this DuckDB cannot read
    it.
    """
    # A database of its own with the files attached: opened directly, one file's readers in one process would share a
    # database, and the second could not set up what the first has locked. Spilling must not happen in the store.
    bounds: dict[str, str | bool | int | float | list[str]] = {"memory_limit": memory_limit, "threads": threads}
    config = {name: bound for name, bound in bounds.items() if bound}
    with tempfile.TemporaryDirectory(prefix="apex-spill-") as spill, duckdb.connect(config=config) as connection:
        connection.execute(sql("catalog/set_utc"))
        connection.execute(sql("catalog/set_no_spill") if sealed else sql("catalog/set_spill", path=Path(spill)))
        _attach(connection, snapshot)
        for step in ("harden", "seal", "lock_settings") if sealed else ("harden", "lock_settings"):
            connection.execute(sql(f"catalog/{step}"))
        _complete(connection)
        yield connection


def open_latest(store: str | None = None, *, parquet: bool = False) -> duckdb.DuckDBPyConnection:
    """A connection to the newest snapshot for a notebook: read-only there, and otherwise as DuckDB comes.

    Tables and views go by their names, vectors by ``vectors.song_vector``. ``store``: a folder or
    ``s3://bucket/prefix``, by default the settings'. ``parquet`` fetches nothing: the public views are read, as far as
    a query needs them, from the Parquet files in the store. Close it, or use it as a context.

    Raises NotFound when there is no snapshot yet, CatalogError when this DuckDB cannot read it.
    """
    settings = get_settings() if store is None else get_settings().model_copy(update={"store": store})
    if parquet:
        return _over_parquet(Store.open(settings.store_url))
    snapshot: Snapshot | None = None
    while True:
        before, snapshot = snapshot, latest_snapshot(settings)
        connection = duckdb.connect()
        try:
            connection.execute(sql("catalog/set_utc"))
            _attach(connection, snapshot)
            connection.execute(sql("catalog/use", catalog="catalog"))
        except BaseException as error:
            connection.close()
            if isinstance(error, NotFound) and snapshot != before:  # collected meanwhile: there is a newer one
                continue
            raise
        return connection


def _over_parquet(store: Store) -> duckdb.DuckDBPyConnection:
    stamp = latest_stamp(store)
    if stamp is None:
        raise NotFound(f"There is no snapshot in {store.url} yet.", fix="apex nightly")
    prefix = f"snapshots/{stamp}"
    connection = duckdb.connect()
    connection.execute(sql("catalog/set_utc"))
    if not store.is_local:
        connection.register_filesystem(store.fs)
    for name in read_manifest(store, prefix).files:
        view, _, kind = name.partition(".")
        if kind == "parquet":
            connection.read_parquet(store.uri(f"{prefix}/{name}")).create_view(view)
    return connection


def point_to(settings: Settings, snapshot: Snapshot) -> Path:
    """Let the link ``<home>/latest`` lead to the snapshot's folder, in one step; whoever has files of another one open
    keeps them. The link is for programs that are told a path once."""
    link = settings.home / "latest"
    target = os.path.relpath(snapshot.folder.absolute(), link.parent.absolute())
    if not link.is_symlink() or os.readlink(link) != target:
        link.parent.mkdir(parents=True, exist_ok=True)
        fresh = link.with_name(f"{link.name}.part-{os.getpid()}")
        fresh.unlink(missing_ok=True)
        fresh.symlink_to(target, target_is_directory=True)
        fresh.replace(link)
    return link


def _complete(connection: duckdb.DuckDBPyConnection) -> None:
    """Give a snapshot of an earlier version the view that our own statements ask for."""
    if not connection.execute(sql("catalog/snapshot_view"), {"name": "current_encoder"}).fetchall():
        connection.execute(sql("catalog/create_current_encoder"))


def _attach(connection: duckdb.DuckDBPyConnection, snapshot: Snapshot) -> None:
    for name in FILES:
        path = snapshot.folder / name
        try:
            connection.execute(sql("catalog/attach_read_only", path=path, alias=path.stem))
        except duckdb.Error as error:
            raise _unreadable(snapshot, path, error) from error


def _unreadable(snapshot: Snapshot, path: Path, error: duckdb.Error) -> ApexError:
    if not path.exists():
        return NotFound(
            f"Snapshot {snapshot.stamp} is no longer there: a newer one took its place, and it was collected by age.",
            fix="open the newest one",
        )
    if snapshot.duckdb != duckdb.__version__:
        return CatalogError(
            f"Snapshot {snapshot.stamp} was written by DuckDB {snapshot.duckdb}; this is DuckDB {duckdb.__version__}, "
            f"which cannot read it: {error}",
            fix=f"pip install 'duckdb>={snapshot.duckdb}', or read the .parquet files of the snapshot",
        )
    return CatalogError(f"{path} cannot be opened: {error}", fix="apex nightly publishes a new snapshot")
