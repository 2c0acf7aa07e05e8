"""Stage 3: scores."""

from apex_core.engagement import retire_runs, score
from apex_core.pipeline.run import Run, StageReport


def run_score(run: Run) -> StageReport:
    """Score whole cohorts; nothing changes when no count did."""
    with run.catalog("score") as connection:
        outcome = score(connection, run.settings.score, run.as_of, run.run_id)
        moved = retire_runs(connection, run.store)
    note = f"score run {outcome.score_run_id}" + ("" if outcome.is_new else ", as before")
    return StageReport("score", {"tracks": outcome.tracks, "new_runs": int(outcome.is_new), "retired": moved}, note)
