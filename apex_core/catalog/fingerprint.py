"""What the catalog says, as one hash: equal fingerprints are the meaning of "changes no row" and "converges"."""

import hashlib
import json

import duckdb

from apex_core.catalog.statements import sql

# Columns that tell when and how often we looked, not what is so; run ids; where it was computed.
BOOKKEEPING: dict[str, tuple[str, ...]] = {
    "track": ("seen", "last_observed_at", "content", "plays_at", "likes_at"),
    "engagement": ("recorded_at",),
    "audio": ("checked_at", "next_try_at", "stamp"),
    "score_run": ("n", "as_of", "run_id"),
    "score_cdf": (),
    "score_cohort": (),
    "engagement_score": ("age_days",),
    "encoder": ("first_used_at",),
    "embedding_shard": (
        *("adopted_at", "device", "precision", "host", "torch", "batch_segments", "bytes"),
        *("wall_s", "wait_s", "encode_s"),
    ),
    "embedding": (),
    "aesthetic": ("labelled_at",),
    "split": ("assigned_at",),
    "training_set": ("frozen_at",),
    "model_version": ("created_at", "removed_at"),
    "model_decision": ("decided_at", "decided_by"),
    "model_hold": ("set_at", "set_by"),
    "model_alias": ("set_at", "set_by"),
    "prediction": (),
    "reject": ("first_seen", "last_seen", "times", "resolved_at"),
    "ingest_state": ("watermark", "started_at", "since", "full_listed_at", "landed_since"),
    "forgotten": ("forgotten_at", "receipt"),
}
# Which scores are current is not in their rows: going back to an earlier definition changes what readers see.
_CURRENT = ("current_score_run", ("n", "as_of", "run_id"))
# Tables that are nothing but bookkeeping.
NOT_COUNTED = frozenset({"run", "run_stat", "landing", "schema_version", "check_result", "publication"})


def table_fingerprints(connection: duckdb.DuckDBPyConnection) -> dict[str, str]:
    """A digest a table; compare two of these to see where catalogs differ."""
    return {name: _digest(connection, name, excluded) for name, excluded in (*BOOKKEEPING.items(), _CURRENT)}


def fingerprint(connection: duckdb.DuckDBPyConnection) -> str:
    """One hash over every table without run ids, wall-clock columns and run bookkeeping (64 hex digits)."""
    return hashlib.sha256(json.dumps(table_fingerprints(connection), sort_keys=True).encode()).hexdigest()


def _digest(connection: duckdb.DuckDBPyConnection, table: str, excluded: tuple[str, ...]) -> str:
    if excluded:
        text = sql("catalog/fingerprint_table", table=table, excluded=", ".join(excluded))
    else:
        text = sql("catalog/fingerprint_whole_table", table=table)
    return str(connection.execute(text).fetchone())
