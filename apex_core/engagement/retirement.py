"""Older score runs leave the catalog for ``score_runs/<id>/`` in the store, and are read from there.

A folder holds ``scores.parquet``, ``cdf.parquet`` and ``cohorts.parquet``; its manifest, written last, is the commit.
Only then do the rows leave the catalog: whoever is killed in between finds the manifest the next time.
"""

import tempfile
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from apex_core.catalog import Connection, sql, transaction
from apex_core.errors import NotFound
from apex_core.storage import Manifest, Store, read_manifest, write_manifest
from apex_core.storage.manifest import NAME, entry_of_file

FOLDER = "score_runs"
PARTS = {"scores": "engagement_score", "cdf": "score_cdf", "cohorts": "score_cohort"}


def retire_runs(connection: Connection, store: Store) -> int:
    """Move the rows, CDFs and cohorts of runs older than the previous one to the store; how many runs moved."""
    old = [str(row[0]) for row in connection.execute(sql("score/superseded")).fetchall()]
    for score_run_id in old:
        if not store.exists(f"{FOLDER}/{score_run_id}/{NAME}"):
            _gather(connection, store, score_run_id, "run")
            _put(connection, store, score_run_id)
        with transaction(connection):
            for table in PARTS.values():
                connection.execute(sql("score/delete_rows", table=table), {"score_run_id": score_run_id})
        store.delete(_early_file(score_run_id))
    return len(old)


def load_run(connection: Connection, store: Store, score_run_id: str, prefix: str = "run") -> None:
    """Copy a run into temp tables ``<prefix>_scores``, ``_cdf`` and ``_cohorts``, from the catalog or from the store.

    Raises NotFound when neither has its rows, ArtifactError when a file is not what its manifest says.
    """
    if not _gather(connection, store, score_run_id, prefix):
        raise NotFound(f"Neither the catalog nor {store.url} has the rows of score run {score_run_id}.")


def _gather(connection: Connection, store: Store, score_run_id: str, prefix: str) -> bool:
    """Fill the temp tables; whether there are rows of tracks (all of them may have been forgotten)."""
    key = {"score_run_id": score_run_id}
    for part, table in PARTS.items():
        connection.execute(sql("score/create_empty", made=f"{prefix}_{part}", table=table))
    is_here = bool(connection.execute(sql("score/has_rows"), key).fetchall()[0][0])
    stored = {} if is_here else _stored(store, score_run_id)
    for part, table in PARTS.items():
        if part in stored:
            connection.register("stored_part", stored[part])
            connection.execute(sql("score/fill", made=f"{prefix}_{part}", source="stored_part"), key)
            connection.unregister("stored_part")
        else:
            connection.execute(sql("score/fill", made=f"{prefix}_{part}", source=table), key)
    if stored.keys() == {"scores"}:
        connection.execute(sql("score/fill_cohorts", made=f"{prefix}_cohorts", source=f"{prefix}_scores"))
    return is_here or bool(stored)


def _stored(store: Store, score_run_id: str) -> dict[str, pa.Table]:
    prefix = f"{FOLDER}/{score_run_id}"
    if store.exists(f"{prefix}/{NAME}"):
        # A part's file has its name, or, since somebody in it was forgotten, its name and a hash.
        names = read_manifest(store, prefix, verify=True).files
        return {name.partition(".")[0]: _read(store, f"{prefix}/{name}") for name in names}
    early = _early_file(score_run_id)
    return {"scores": _read(store, early)} if store.exists(early) else {}


def _early_file(score_run_id: str) -> str:
    """Where the rows of a run lay before there were folders; its CDF stayed in the catalog."""
    return f"{FOLDER}/{score_run_id}.parquet"


def _read(store: Store, key: str) -> pa.Table:
    with store.local(key) as path:
        return pq.read_table(path)


def _put(connection: Connection, store: Store, score_run_id: str) -> None:
    prefix, files = f"{FOLDER}/{score_run_id}", {}
    with tempfile.TemporaryDirectory(prefix="apex-") as folder:
        for part in PARTS:
            path = Path(folder) / f"{part}.parquet"
            connection.execute(sql("score/export", made=f"run_{part}", path=path))
            counted = connection.execute(sql("score/count_rows", table=f"run_{part}")).fetchall()
            files[path.name] = entry_of_file(path, counted[0][0])
            store.put_file(f"{prefix}/{path.name}", path, replace=True)
    write_manifest(store, prefix, Manifest(files, {"score_run_id": score_run_id}))
