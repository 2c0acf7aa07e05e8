"""Score runs: whole cohorts at a time, identified by the hash of definition and inputs.

A run's ``as_of`` is no part of its id: equal inputs under one definition give equal scores whenever they are looked
at. It counts where it changes inputs, since the staleness limit is reckoned from it.
"""

import hashlib
import json
from dataclasses import dataclass
from datetime import datetime, timedelta

from apex_core.catalog import Connection, sql, transaction
from apex_core.settings import ScoreSettings


@dataclass(frozen=True, slots=True)
class ScoreOutcome:
    """The current score run, how many tracks it covers and whether this call made it."""

    score_run_id: str
    tracks: int
    is_new: bool


def score(connection: Connection, definition: ScoreSettings, as_of: datetime, run_id: str) -> ScoreOutcome:
    """Score the latest counts of every eligible track, 0 to 100 within its cohort (FACTS §1).

    Nothing is written when definition and inputs are those of the current run. When they are those of an older one,
    it becomes the current run again. With nothing to score there is no first run, but a run after others is empty:
    yesterday's scores are no longer anybody's, and checks see that tracks vanished.
    """
    text = json.dumps(definition.model_dump(mode="json"), sort_keys=True)
    with transaction(connection):
        connection.execute(sql("score/create_cohort_of"))
        connection.execute(sql("score/create_inputs"), _eligibility(definition, as_of) | by_cohort(definition))
        digest = connection.execute(sql("score/inputs_digest")).fetchall()[0]
        score_run_id = hashlib.sha256(f"{text}|{digest}".encode()).hexdigest()[:16]
        key: dict[str, object] = {"score_run_id": score_run_id}
        known, current, has_runs = connection.execute(sql("score/known_run"), key).fetchall()[0]
        is_new = not known and (digest[0] > 0 or has_runs)
        if known and not current:
            connection.execute(sql("score/make_current"), {**key, "as_of": as_of})
        if is_new:
            connection.execute(sql("score/insert_run"), {**key, "definition": text, "as_of": as_of, "run_id": run_id})
        if is_new or (known and not current):
            _write(connection, definition, key, again=bool(known))
    return ScoreOutcome(score_run_id, digest[0], is_new)


def compute(connection: Connection, definition: ScoreSettings) -> None:
    """Make the temp tables ``made_cohort`` and ``made_cdf`` from the temp table ``score_input``."""
    connection.execute(sql("score/create_tied"))
    dimensions = {name: chosen for name, chosen in by_cohort(definition).items() if name != "edges"}
    connection.execute(sql("score/create_cohorts"), dimensions)
    method = {"percentile": definition.percentile, "gamma": definition.gamma, "zeros": definition.zeros}
    connection.execute(sql("score/create_cdf"), method)


def by_cohort(definition: ScoreSettings) -> dict[str, object]:
    """What ``cohort_of`` asks of a definition, as named SQL parameters."""
    return {
        "edges": list(definition.age_band_days),
        "by_age": "age_band" in definition.cohort,
        "by_family": "model_family" in definition.cohort,
    }


def _eligibility(definition: ScoreSettings, as_of: datetime) -> dict[str, object]:
    stale = definition.max_stale_days
    return {
        "min_age_days": definition.min_age_days,
        "kinds": list(definition.kinds),
        "oldest": None if stale is None else as_of - timedelta(days=stale),
    }


def _write(connection: Connection, definition: ScoreSettings, key: dict[str, object], *, again: bool) -> None:
    """Write a run's cohorts, CDFs and rows; ``again``, of an older run whose rows may have been retired since.

    They are made from the inputs, which are those it was made from, so they come out as they were.
    """
    compute(connection, definition)
    if again:
        for table in ("score_cohort", "score_cdf", "engagement_score"):
            connection.execute(sql("score/delete_rows", table=table), key)
    for statement in ("insert_cohorts", "insert_cdf", "insert_scores"):
        connection.execute(sql(f"score/{statement}"), key)
