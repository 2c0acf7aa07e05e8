"""Score runs: whole cohorts at a time, identified by the hash of definition and inputs."""

import hashlib
import json
from dataclasses import dataclass
from datetime import datetime

import pyarrow as pa
import pyarrow.parquet as pq

from apex_core.catalog import Connection, sql, transaction
from apex_core.settings import ScoreSettings
from apex_core.storage import Store


@dataclass(frozen=True, slots=True)
class ScoreOutcome:
    """The current score run, how many tracks it covers and whether this call made it."""

    score_run_id: str
    tracks: int
    is_new: bool


def score(connection: Connection, definition: ScoreSettings, as_of: datetime, run_id: str) -> ScoreOutcome:
    """Score the latest counts of every eligible track, 0 to 100 within its cohort (FACTS §1).

    Nothing is written when definition and inputs are those of the current run.
    """
    text = json.dumps(definition.model_dump(mode="json"), sort_keys=True)
    with transaction(connection):
        connection.execute(sql("score/create_inputs"), {"min_age_days": definition.min_age_days})
        digest = connection.execute(sql("score/inputs_digest")).fetchone()
        assert digest is not None
        score_run_id = hashlib.sha256(f"{text}|{digest}".encode()).hexdigest()[:16]
        known, current = connection.execute(sql("score/known_run"), {"score_run_id": score_run_id}).fetchone() or (0, 0)
        if known and not current:
            _bring_back(connection, score_run_id, as_of)
        if digest[0] and not known:
            _insert(connection, definition, text, score_run_id, as_of, run_id)
    return ScoreOutcome(score_run_id, digest[0], is_new=not known and digest[0] > 0)


def _insert(
    connection: Connection,
    definition: ScoreSettings,
    text: str,
    score_run_id: str,
    as_of: datetime,
    run_id: str,
) -> None:
    key = {"score_run_id": score_run_id}
    connection.execute(sql("score/insert_run"), {**key, "definition": text, "as_of": as_of, "run_id": run_id})
    method = {"percentile": definition.percentile, "gamma": definition.gamma, "zeros": definition.zeros}
    connection.execute(sql("score/insert_cdf"), {**key, **method})
    connection.execute(sql("score/insert_scores"), key)


def _bring_back(connection: Connection, score_run_id: str, as_of: datetime) -> None:
    """Make an older run current; its rows may have been retired since, and are written again from its CDF."""
    key = {"score_run_id": score_run_id}
    connection.execute(sql("score/make_current"), {**key, "as_of": as_of})
    connection.execute(sql("score/delete_run_rows"), key)
    connection.execute(sql("score/insert_scores"), key)


def retire_runs(connection: Connection, store: Store) -> int:
    """Move the rows of runs older than the previous one to ``score_runs/<id>.parquet``; how many runs moved."""
    old = [row[0] for row in connection.execute(sql("score/superseded")).fetchall()]
    for score_run_id in old:
        key = {"score_run_id": score_run_id}
        rows = connection.sql(sql("score/run_rows"), params=key).to_arrow_table()
        sink = pa.BufferOutputStream()
        pq.write_table(rows, sink, compression="zstd")
        store.put(f"score_runs/{score_run_id}.parquet", sink.getvalue().to_pybytes(), replace=True)
        connection.execute(sql("score/delete_run_rows"), key)
    return len(old)
