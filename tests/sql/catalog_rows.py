"""Rows for a small hand-made catalog: say what matters, the rest is filled in."""

from datetime import UTC, datetime
from typing import Any

from apex_core.catalog import Connection

AT = datetime(2026, 11, 1, tzinfo=UTC)
_DEFAULTS: dict[str, dict[str, Any]] = {
    "forgotten": {"platform": "suno", "kind": "track", "forgotten_at": AT, "receipt": "r"},
    "track": {
        "platform": "suno",
        "status": "active",
        "state": "complete",
        "created_at": AT,
        "first_observed_at": AT,
        "last_observed_at": AT,
    },
    "engagement": {"platform": "suno", "observed_at": AT, "recorded_at": AT},
    "audio": {"platform": "suno", "state": "available", "attempts": 1, "checked_at": AT},
    "score_run": {"n": 1, "score_run_id": "s1", "definition": "{}", "as_of": AT, "tracks": 1},
    "engagement_score": {"score_run_id": "s1", "platform": "suno", "cohort": "suno"},
    "encoder": {"encoder_id": "e1", "source": "test", "facts": "{}", "first_used_at": AT},
    "embedding_shard": {
        "encoder_id": "e1",
        "shard_id": "h1",
        "songs": 15,
        "failed": 0,
        "segments": 15,
        "audio_s": 150.0,
        "precision": "fp32",
        "device": "cpu",
        "adopted_at": AT,
    },
    "embedding": {"encoder_id": "e1", "shard_id": "h1", "state": "embedded", "segments": 1},
    "aesthetic": {"platform": "suno", "labeller": "songeval", "labelled_at": AT},
    "split": {"platform": "suno", "split": "train", "group_key": "g", "quarantined": False, "assigned_at": AT},
    "model_version": {
        "encoder_id": "e1",
        "weights_sha256": "w",
        "condition": "song/full/uncertainty/2",
        "metrics": "{}",
        "created_at": AT,
    },
    "model_decision": {
        "version": "v1",
        "n": 1,
        "outcome": "promoted",
        "reasons": [],
        "figures": "{}",
        "decided_by": "ann",
        "decided_at": AT,
    },
    "model_alias": {"alias": "champion", "n": 1, "set_at": AT},
    "prediction": {"version": "v1", "score_streams": 50.0},
    "reject": {"source": "suno", "reason": "no_id", "stage": "ingest", "first_seen": AT, "last_seen": AT, "times": 1},
}


def add(connection: Connection, table: str, **values: Any) -> None:
    row = {**_DEFAULTS[table], **values}
    marks = ", ".join(f"${name}" for name in row)
    connection.execute(f"INSERT INTO {table} ({', '.join(row)}) VALUES ({marks})", row)


def rows(connection: Connection, query: str) -> list[tuple[Any, ...]]:
    return connection.execute(query).fetchall()
