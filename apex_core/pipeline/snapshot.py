"""Stage 9: publish a read-only snapshot, and back the catalog up. Nothing is written when nothing changed."""

import hashlib
import json
from collections.abc import Generator
from contextlib import contextmanager
from itertools import groupby
from pathlib import Path

import duckdb

from apex_core.catalog import Connection, compact, engine, fingerprint, sql
from apex_core.catalog.migrate import create_views
from apex_core.catalog.reader import latest_snapshot, latest_stamp, next_latest, point_to
from apex_core.mert import song_vectors
from apex_core.pipeline.check import NOTHING, Acceptance, examine, mark_published
from apex_core.pipeline.retention import collect_backups, collect_snapshots, trim_history
from apex_core.pipeline.run import Run, StageReport, living
from apex_core.pipeline.scratch import working_folder
from apex_core.storage import Manifest, Store, read_manifest, write_manifest
from apex_core.storage.manifest import NAME, Entry, entry_of_file

PUBLIC_TABLES = (
    "track",
    "engagement",
    "audio",
    "score_run",
    "score_cdf",
    "score_cohort",
    "engagement_score",
    "encoder",
    "embedding_shard",
    "embedding",
    "aesthetic",
    "split",
    "training_set",
    "model_version",
    "model_alias",
    "model_decision",
    "model_hold",
    "prediction",
    "reject",
    "run_stat",
    "check_result",
)
# Public views as Parquet, for everyone who does not run this DuckDB. Not engagement_latest: scored_catalog has it all.
EXPORTS = (
    "scored_catalog",
    "engagement_daily",
    "coverage",
    "model_history",
    "lineage",
    "rejects_open",
)
_CATALOG, _VECTORS, _SCORED = "catalog.duckdb", "vectors.duckdb", "scored_catalog.parquet"
_PATIENCE_S = 3_600.0
_STEPS = ("check", "copy", "views", "vectors", "upload", "back up")


def run_snapshot(run: Run, accepted: Acceptance = NOTHING) -> StageReport:
    """Publish the public tables, views and song vectors, unless the newest snapshot shows the same catalog.

    One process of the host at a time, so that no snapshot is older than the one before. Raises CheckFailed, and
    publishes nothing, when the catalog breaks one of the rules in ``sql/checks``.
    """
    holder, what = f"{run.run_id}: snapshot", "The publishing of snapshots"
    with living(run.settings, "snapshot.lock", holder, _PATIENCE_S, what):
        with working_folder(run.settings, "publishing") as folder:
            stamp, is_new, checked = _snapshot(run, folder, accepted)
        if run.store.is_local:
            point_to(run.settings, latest_snapshot(run.settings))
        with working_folder(run.settings, "publishing") as folder:
            _tell(run, "back up")
            _back_up(run, stamp, folder)  # also when a run before this one was cut short between snapshot and backup
        removed = collect_snapshots(run.store, run.as_of, run.settings.snapshot.keep_days)
        collect_backups(run.store, stamp, run.settings.snapshot.backups)
    compacted = compact(run.settings, f"{run.run_id}: compact")
    run.progress("snapshot", len(_STEPS), len(_STEPS))
    counts = {"published": int(is_new), "removed": removed, "compacted": int(compacted), **checked.counts}
    note = stamp if is_new else f"{stamp} is current"
    return StageReport("snapshot", counts, "; ".join(filter(None, [note, checked.note])))


def _snapshot(run: Run, folder: Path, accepted: Acceptance) -> tuple[str, bool, StageReport]:
    """The stamp of the snapshot that shows the catalog as it is, whether it had to be made, what the checks say."""
    with run.catalog("snapshot") as connection:  # one unit: what is checked and hashed is what is copied
        trim_history(connection, run.as_of, run.settings.snapshot.history_days)
        _tell(run, "check")
        checked = examine(connection, run, "snapshot", accepted)
        mark_published(connection, run)
        print_ = fingerprint(connection)
        newest, before = _newest(run.store)
        if newest and before.facts["fingerprint"] == print_:
            return newest, False, checked
        _tell(run, "copy")
        _copy_out(connection, folder)
        shards = connection.execute(sql("snapshot/vector_shards")).fetchall()
        vectors = _vectors_digest(connection)
    stamp = f"{run.as_of:%Y%m%dT%H%M%SZ}-{print_[:8]}"
    facts = {"as_of": run.as_of.isoformat(), "fingerprint": print_, "duckdb": duckdb.__version__, "vectors": vectors}
    if not _is_whole(run.store, stamp):  # else a run that was cut short before it said "latest"
        _tell(run, "views")
        files = _finish(run, folder)
        if before.facts.get("vectors") == vectors and _VECTORS in before.files:
            run.store.repeat(f"snapshots/{newest}/{_VECTORS}", f"snapshots/{stamp}/{_VECTORS}")
            files[_VECTORS] = before.files[_VECTORS]
        else:
            _build_vectors(run, folder, shards)
        _tell(run, "upload")
        _upload(run, f"snapshots/{stamp}", folder, files, {**facts, "tracks": files[_SCORED].rows})
    with run.committing("snapshot"):
        # A number is taken once: should another flow have published meanwhile, the next one is ours.
        while not run.store.put_json(next_latest(run.store), {"stamp": stamp}):
            pass
    return stamp, True, checked


def _tell(run: Run, step: str, more: str = "") -> None:
    run.progress("snapshot", _STEPS.index(step), len(_STEPS), step + more)


def _newest(store: Store) -> tuple[str | None, Manifest]:
    """The newest snapshot, if it is whole: one that somebody has taken files from is not current, whatever it shows."""
    stamp = latest_stamp(store)
    if stamp is not None and _is_whole(store, stamp):
        return stamp, read_manifest(store, f"snapshots/{stamp}")
    return None, Manifest({})


def _is_whole(store: Store, stamp: str) -> bool:
    prefix = f"snapshots/{stamp}"
    return store.exists(f"{prefix}/{NAME}") and all(
        store.exists(f"{prefix}/{name}") for name in read_manifest(store, prefix).files
    )


@contextmanager
def _attached(connection: Connection, path: Path) -> Generator[None]:
    connection.execute(sql("snapshot/attach", path=path))
    try:
        yield
    finally:
        connection.execute(sql("snapshot/detach"))


def _copy_out(connection: Connection, folder: Path) -> None:
    with _attached(connection, folder / _CATALOG):
        for table in PUBLIC_TABLES:
            connection.execute(sql("snapshot/copy_table", table=table))


def _vectors_digest(connection: Connection) -> str:
    """What the vectors' file follows from: which songs are embedded, how it is made, and by which DuckDB."""
    songs = connection.execute(sql("snapshot/vectors_digest")).fetchall()
    made = [sql("snapshot/create_vectors"), sql("snapshot/insert_vectors"), duckdb.__version__]
    return hashlib.sha256(json.dumps([made, songs], default=str).encode()).hexdigest()


def _build_vectors(run: Run, folder: Path, shards: list[tuple[str, str]]) -> None:
    with duckdb.connect(str(folder / _VECTORS), config=engine(run.settings)) as connection:
        connection.execute(sql("catalog/attach_read_only", path=folder / _CATALOG, alias="shown"))
        connection.execute(sql("snapshot/create_vectors"))
        for encoder_id, group in groupby(shards, key=lambda row: row[0]):
            for n, (_, shard_id) in enumerate(group):  # a shard at a time: memory does not grow with the catalog
                rows = song_vectors(run.store, encoder_id, [shard_id], ("sha256", "mixed"))
                connection.register("incoming_vector", rows)
                connection.execute(sql("snapshot/insert_vectors"), {"encoder_id": encoder_id, "shard_id": shard_id})
                connection.unregister("incoming_vector")
                _tell(run, "vectors", f", shard {n + 1}")


def _finish(run: Run, folder: Path) -> dict[str, Entry]:
    """Give the copy its views, and write those that are exported; the entries of what is in Parquet."""
    files: dict[str, Entry] = {}
    with duckdb.connect(str(folder / _CATALOG), config=engine(run.settings)) as connection:
        connection.execute(sql("catalog/set_utc"))
        create_views(connection)
        for view in EXPORTS:
            path = folder / f"{view}.parquet"
            counted = connection.execute(sql("snapshot/export", view=view, path=path)).fetchone()
            files[path.name] = entry_of_file(path, int(counted[0]) if counted else 0)
    return files


def _upload(run: Run, prefix: str, folder: Path, files: dict[str, Entry], facts: dict[str, object]) -> None:
    run.store.delete(f"{prefix}/{NAME}")  # of one that lost a file
    for path in (folder / name for name in (_CATALOG, _VECTORS, *(f"{view}.parquet" for view in EXPORTS))):
        if not path.exists():
            continue  # the vectors, repeated from the snapshot before
        files.setdefault(path.name, entry_of_file(path))
        run.store.put_file(f"{prefix}/{path.name}", path, replace=True)
        if run.store.is_local:
            Path(run.store.path(f"{prefix}/{path.name}")).chmod(0o444)  # who forgets read_only is told so
    with run.committing("snapshot"):
        write_manifest(run.store, prefix, Manifest(files, facts))


def _back_up(run: Run, stamp: str, folder: Path) -> None:
    key = f"backups/{stamp}/{_CATALOG}"
    if not run.store.exists(key):
        with run.catalog("backup") as connection, _attached(connection, folder / _CATALOG):
            connection.execute(sql("snapshot/copy_database", catalog="catalog"))
        run.store.put_file(key, folder / _CATALOG, replace=True)
