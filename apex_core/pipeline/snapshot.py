"""Stage 9: publish a read-only snapshot, and back the catalog up. Nothing is written when nothing changed."""

import tempfile
from collections.abc import Generator
from contextlib import contextmanager
from datetime import timedelta
from itertools import groupby
from pathlib import Path

import duckdb

from apex_core.catalog import Connection, fingerprint, require_checks, sql
from apex_core.catalog.migrate import create_views
from apex_core.catalog.reader import latest_stamp, next_latest
from apex_core.mert import song_vectors
from apex_core.pipeline.run import Run, StageReport
from apex_core.storage import Manifest, Store, read_manifest, write_manifest
from apex_core.storage.manifest import NAME, entry_of_file

PUBLIC_TABLES = (
    "track",
    "engagement",
    "audio",
    "score_run",
    "score_cdf",
    "engagement_score",
    "encoder",
    "embedding_shard",
    "embedding",
    "aesthetic",
    "split",
    "training_set",
    "model_version",
    "model_alias",
    "prediction",
    "reject",
    "run_stat",
)
_FILES = ("catalog.duckdb", "vectors.duckdb", "scored_catalog.parquet")


def run_snapshot(run: Run) -> StageReport:
    """Publish the public tables, views and song vectors, unless the newest snapshot shows the same catalog.

    Raises CheckFailed, and publishes nothing, when the catalog breaks one of the rules in ``sql/checks``.
    """
    with tempfile.TemporaryDirectory(prefix="apex-") as temporary:
        folder = Path(temporary)
        with run.catalog("snapshot") as connection:  # one unit: what is checked and hashed is what is copied
            require_checks(connection)
            print_ = fingerprint(connection)
            current, shards = _newest_if(run.store, print_), list[tuple[str, str]]()
            if current is None:
                _copy_out(connection, folder)
                shards = connection.execute(sql("snapshot/vector_shards")).fetchall()
        stamp = current or f"{run.as_of:%Y%m%dT%H%M%SZ}-{print_[:8]}"
        if current is None:
            _vectors(run.store, folder, shards)
            _publish(run, stamp, print_, folder, _finish(folder))
    _back_up(run, stamp)  # also when a run before this one was cut short between snapshot and backup
    removed = _collect(run)
    note = f"{stamp} is current" if current else stamp
    return StageReport("snapshot", {"published": int(current is None), "removed": removed}, note)


def _newest_if(store: Store, print_: str) -> str | None:
    """The newest snapshot's stamp, if it shows the catalog of this fingerprint."""
    newest = latest_stamp(store)
    same = newest and read_manifest(store, f"snapshots/{newest}").facts["fingerprint"] == print_
    return newest if same else None


@contextmanager
def _attached(connection: Connection, path: Path) -> Generator[None]:
    connection.execute(sql("snapshot/attach", path=path))
    try:
        yield
    finally:
        connection.execute(sql("snapshot/detach"))


def _copy_out(connection: Connection, folder: Path) -> None:
    with _attached(connection, folder / "catalog.duckdb"):
        for table in PUBLIC_TABLES:
            connection.execute(sql("snapshot/copy_table", table=table))


def _vectors(store: Store, folder: Path, shards: list[tuple[str, str]]) -> None:
    with duckdb.connect(str(folder / "vectors.duckdb")) as connection:
        connection.execute(sql("catalog/attach_read_only", path=folder / "catalog.duckdb", alias="shown"))
        connection.execute(sql("snapshot/create_vectors"))
        for encoder_id, group in groupby(shards, key=lambda row: row[0]):
            for _, shard_id in group:  # a shard at a time: memory does not grow with the catalog
                rows = song_vectors(store, encoder_id, [shard_id], ("sha256", "mixed"))
                connection.register("incoming_vector", rows)
                connection.execute(sql("snapshot/insert_vectors"), {"encoder_id": encoder_id, "shard_id": shard_id})
                connection.unregister("incoming_vector")


def _finish(folder: Path) -> int:
    with duckdb.connect(str(folder / "catalog.duckdb")) as connection:
        connection.execute(sql("catalog/set_utc"))
        create_views(connection)
        connection.execute(sql("snapshot/export", path=folder / "scored_catalog.parquet"))
        counted = connection.execute(sql("snapshot/count_scored")).fetchone()
    return int(counted[0]) if counted else 0


def _publish(run: Run, stamp: str, print_: str, folder: Path, tracks: int) -> None:
    prefix = f"snapshots/{stamp}"
    if not run.store.exists(f"{prefix}/{NAME}"):  # else a run that was cut short before it said "latest"
        _upload(run, prefix, print_, folder, tracks)
    # A number is taken once: when another flow has published meanwhile, the next one is ours.
    announced = False
    while not announced:
        announced = run.store.put_json(next_latest(run.store), {"stamp": stamp})


def _upload(run: Run, prefix: str, print_: str, folder: Path, tracks: int) -> None:
    files = {name: entry_of_file(folder / name) for name in _FILES}
    facts = {
        "as_of": run.as_of.isoformat(),
        "fingerprint": print_,
        "tracks": tracks,
        "duckdb": duckdb.__version__,
    }
    for name in _FILES:
        run.store.put_file(f"{prefix}/{name}", folder / name, replace=True)
    write_manifest(run.store, prefix, Manifest(files, facts))


def _back_up(run: Run, stamp: str) -> None:
    if run.store.exists(f"backups/{stamp}/catalog.duckdb"):
        return
    with tempfile.TemporaryDirectory(prefix="apex-") as folder:
        path = Path(folder) / "catalog.duckdb"
        with run.catalog("backup") as connection, _attached(connection, path):
            connection.execute(sql("snapshot/copy_database", catalog="catalog"))
        run.store.put_file(f"backups/{stamp}/catalog.duckdb", path, replace=True)
    stamps = sorted({key.split("/")[1] for key in run.store.list("backups")})
    for old in stamps[: -run.settings.snapshot.backups]:
        run.store.delete(f"backups/{old}/catalog.duckdb")


def _collect(run: Run) -> int:
    """Delete snapshots older than ``keep_days``, never the newest."""
    newest = latest_stamp(run.store)
    oldest_kept = f"{run.as_of - timedelta(days=run.settings.snapshot.keep_days):%Y%m%dT%H%M%SZ}"
    keys = [key for key in run.store.list("snapshots") if not key.startswith("snapshots/latest/")]
    old = [key for key in keys if key.split("/")[1] < oldest_kept and key.split("/")[1] != newest]
    for key in sorted(old, key=lambda key: not key.endswith("MANIFEST.json")):  # the manifest first: no longer trusted
        run.store.delete(key)
    return len({key.split("/")[1] for key in old})
