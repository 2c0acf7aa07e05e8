"""Rows of a stage as polars frames with a stated schema, and their way into the catalog."""

from collections.abc import Mapping, Sequence
from typing import Any

import polars as pl

from apex_core.catalog import Connection, sql

UTC_TIME = pl.Datetime("us", "UTC")

AUDIO: dict[str, Any] = {
    "platform": pl.String,
    "track_id": pl.String,
    "state": pl.String,
    "reason": pl.String,
    "sha256": pl.String,
    "uri": pl.String,
    "origin": pl.String,
    "codec": pl.String,
    "sample_rate": pl.Int32,
    "channels": pl.Int32,
    "duration_s": pl.Float64,
    "bytes": pl.Int64,
    "stamp": pl.String,
    "attempts": pl.Int32,
    "checked_at": UTC_TIME,
    "next_try_at": UTC_TIME,
}
SHARD: dict[str, Any] = {
    "encoder_id": pl.String,
    "shard_id": pl.String,
    "songs": pl.Int32,
    "failed": pl.Int32,
    "segments": pl.Int32,
    "audio_s": pl.Float64,
    "precision": pl.String,
    "device": pl.String,
    "adopted_at": UTC_TIME,
    "wall_s": pl.Float64,
    "wait_s": pl.Float64,
    "encode_s": pl.Float64,
    "host": pl.String,
    "torch": pl.String,
    "batch_segments": pl.Int32,
    "bytes": pl.Int64,
}
EMBEDDING: dict[str, Any] = {
    "encoder_id": pl.String,
    "sha256": pl.String,
    "shard_id": pl.String,
    "state": pl.String,
    "reason": pl.String,
    "segments": pl.Int32,
}
LABEL: dict[str, Any] = {
    "labeller": pl.String,
    "name": pl.String,
    "coherence": pl.Float64,
    "musicality": pl.Float64,
    "memorability": pl.Float64,
    "clarity": pl.Float64,
    "naturalness": pl.Float64,
}
REJECT: dict[str, Any] = {
    "source": pl.String,
    "reject_key": pl.String,
    "reason": pl.String,
    "stage": pl.String,
    "payload": pl.String,
    "first_seen": UTC_TIME,
    "last_seen": UTC_TIME,
}


def frame(schema: Mapping[str, Any], rows: Sequence[Mapping[str, Any]]) -> pl.DataFrame:
    """A frame of exactly these columns; a row lacks what is null."""
    return pl.DataFrame([{name: row.get(name) for name in schema} for row in rows], schema=dict(schema))


def execute_with(connection: Connection, view: str, rows: pl.DataFrame, *statements: str) -> None:
    """Run named statements that read ``rows`` under the name ``view``."""
    connection.register(view, rows.to_arrow())
    try:
        for statement in statements:
            connection.execute(sql(statement))
    finally:
        connection.unregister(view)
