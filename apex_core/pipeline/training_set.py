"""Training sets: who is on which side, frozen in the store under the hash of what went in."""

import hashlib
import io
import json
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl

from apex_core.catalog import Connection, sql, transaction
from apex_core.heads import POPULARITY, SPLITS, TARGETS, SongFacts, TrainingData
from apex_core.pipeline.mapped_vectors import load_within
from apex_core.pipeline.run import Run
from apex_core.pipeline.vectors import load_vectors
from apex_core.storage import Manifest, Store, read_manifest, write_manifest
from apex_core.storage.manifest import entry_of

_ROWS = "rows.parquet"


@dataclass(frozen=True, slots=True)
class TrainingSet:
    """One row a track: key, sha256, shard, split, seven labels, and facts that the heads never see (group, lineage,
    model family, creation, duration). The id is the hash of all of it."""

    training_set_id: str
    score_run_id: str
    encoder_id: str
    rows: pl.DataFrame


def assign_splits(run: Run) -> None:
    """Give every eligible track its side, once; quarantine what late lineage puts on another."""
    with run.catalog("train") as connection, transaction(connection):
        connection.execute(sql("train/create_groups"))
        connection.execute(sql("train/quarantine"))
        connection.execute(sql("train/assign_splits"), {"as_of": run.as_of})


def select(run: Run, encoder_id: str) -> TrainingSet | None:
    """The training set as the catalog stands; None before the first score run."""
    with run.catalog("train") as connection:
        current = connection.execute(sql("train/current_run")).fetchall()
        if not current:
            return None
        rows = _rows(connection, run, encoder_id)
    return TrainingSet(_identify(rows, encoder_id), current[0][0], encoder_id, rows)


def quarantine(run: Run, chosen: TrainingSet, tracks: pl.DataFrame) -> TrainingSet:
    """The training set without ``tracks``, which are used in nothing from now on."""
    keys = {"platforms": tracks["platform"].to_list(), "track_ids": tracks["track_id"].to_list()}
    with run.catalog("train") as connection:
        connection.execute(sql("train/quarantine_moved"), keys)
    rows = chosen.rows.join(tracks, on=["platform", "track_id"], how="anti", maintain_order="left")
    return replace(chosen, training_set_id=_identify(rows, chosen.encoder_id), rows=rows)


def _rows(connection: Connection, run: Run, encoder_id: str) -> pl.DataFrame:
    chosen = run.settings.aesthetics
    bound = {"encoder_id": encoder_id, "labellers": list(chosen.trained_on), "combine": chosen.combine}
    return pl.DataFrame(connection.sql(sql("train/rows"), params=bound).to_arrow_table())


def _identify(rows: pl.DataFrame, encoder_id: str) -> str:
    digest = hashlib.sha256(encoder_id.encode())
    for column in rows.columns:
        digest.update(json.dumps(rows[column].to_list(), default=str).encode())
    return digest.hexdigest()[:16]


def freeze(run: Run, training_set: TrainingSet) -> None:
    """Write the rows and, last, the manifest; then the catalog's mirror."""
    prefix = f"training_sets/{training_set.training_set_id}"
    sink = io.BytesIO()
    training_set.rows.write_parquet(sink, compression="zstd")
    data = sink.getvalue()
    facts = {"encoder_id": training_set.encoder_id, "score_run_id": training_set.score_run_id}
    if not is_frozen(run.store, training_set.training_set_id):
        run.store.put(f"{prefix}/{_ROWS}", data, replace=True)
        labels = {"labellers": list(run.settings.aesthetics.trained_on), "combine": run.settings.aesthetics.combine}
        entries = {_ROWS: entry_of(data, training_set.rows.height)}
        with run.committing("train"):
            write_manifest(run.store, prefix, Manifest(entries, {**facts, "labels": labels}))
    bound = {"training_set_id": training_set.training_set_id, "tracks": training_set.rows.height, **facts}
    with run.catalog("train") as connection:
        connection.execute(sql("train/insert_training_set"), {**bound, "as_of": run.as_of})


def is_frozen(store: Store, training_set_id: str) -> bool:
    return store.exists(f"training_sets/{training_set_id}/MANIFEST.json")


def read(store: Store, training_set_id: str) -> TrainingSet:
    """Read a frozen training set back.

    Raises NotFound without one, ArtifactError when it was altered.
    """
    prefix = f"training_sets/{training_set_id}"
    manifest = read_manifest(store, prefix, verify=True)
    facts: dict[str, Any] = manifest.facts
    (name,) = manifest.files  # rows that were forgotten since are left out of a file of another name
    rows = pl.read_parquet(store.read(f"{prefix}/{name}"))
    return TrainingSet(training_set_id, facts["score_run_id"], facts["encoder_id"], rows)


def load_data(
    store: Store,
    training_set: TrainingSet,
    mode: str,
    layer_mix: str = "AUTHORS_LAYER_MIX",
    *,
    resident_mb: int | None = None,
    folder: Path | None = None,
) -> TrainingData:
    """The training set with its vectors, as arrays: a row a song, or in segment mode a row a segment.

    Vectors of more than ``resident_mb``, where it is given, lie in a mapped file in ``folder``.
    """
    rows = training_set.rows
    if resident_mb is None or folder is None:
        vectors = load_vectors(store, training_set.encoder_id, rows, mode, layer_mix)
    else:
        vectors = load_within(store, training_set.encoder_id, rows, mode, layer_mix, resident_mb, folder)
    targets = rows.select(pl.col(TARGETS).cast(pl.Float32)).fill_null(float("nan")).to_numpy()
    split = np.array([SPLITS.index(split) for split in rows["split"]], dtype=np.int8)
    groups = np.array([f"{platform}/{track_id}" for platform, track_id in rows.select("platform", "track_id").rows()])
    return TrainingData(
        vectors=vectors.values,
        groups=groups[vectors.song],
        targets=targets[vectors.song],
        split=split[vectors.song],
        encoder_id=training_set.encoder_id,
        facts=None if (facts := facts_of(rows)) is None else facts[vectors.song],
    )


def facts_of(rows: pl.DataFrame) -> SongFacts | None:
    """What is known of the rows beside labels; None for a set that was frozen before facts were kept."""
    if "group_id" not in rows.columns:
        return None
    created = rows["created_at"].dt.epoch("us").cast(pl.Float64) / 1e6
    return SongFacts(
        platform=rows["platform"].to_numpy(),
        model_family=rows["model_family"].fill_null("").to_numpy(),
        group=rows["group_id"].to_numpy(),
        created=created.fill_null(float("nan")).to_numpy(),
        duration=rows["duration_s"].cast(pl.Float64).fill_null(float("nan")).to_numpy(),
    )


@dataclass(frozen=True, slots=True)
class Change:
    """How far a training set is from an earlier one.

    new_share: rows that came or went, over the larger set. target_move: mean absolute move of a popularity target,
    in points, over the rows in both.
    """

    new_share: float
    target_move: float


def compare(before: TrainingSet, after: TrainingSet) -> Change:
    """Measure what a retraining would learn from that the last one did not."""
    key = ["platform", "track_id", "sha256", "split"]
    both = after.rows.join(before.rows, on=key, suffix="_before")
    larger = max(before.rows.height, after.rows.height, 1)
    moves = [(pl.col(t) - pl.col(f"{t}_before")).abs().mean().fill_null(0.0) for t in POPULARITY]
    moved = both.select(pl.max_horizontal(moves)).item() if both.height else 100.0
    gone_and_new = before.rows.height + after.rows.height - 2 * both.height
    return Change(gone_and_new / larger, float(moved))
