"""The stages that are one task each. Their code is imported inside: a flow file must load without torch."""

import time

from prefect import task
from prefect.cache_policies import NO_CACHE
from prefect.events import emit_event

from apex_core.errors import Locked
from apex_core.pipeline.check import NOTHING, Acceptance
from apex_core.pipeline.run import EVERYTHING, Run, StageReport, Window
from flows.artifacts import show_report
from flows.checks import shown, told
from flows.session import Done, error_of, keep, keep_report, may_be_partial, not_done, partial, trouble

SNAPSHOT_IS_CURRENT = "apex.snapshot.current"


@may_be_partial
@task(name="audio", cache_policy=NO_CACHE, persist_result=False)
def audio(run: Run, window: Window = EVERYTHING, label: str = "") -> Done:
    """Find or fetch the audio of tracks that lack it."""
    from apex_core.pipeline.audio import run_audio

    done = keep(run, lambda: run_audio(run, window), label)
    return partial(done, [done])


@task(name="score", cache_policy=NO_CACHE, persist_result=False)
def score(run: Run) -> Done:
    """Score whole cohorts by their latest counters."""
    from apex_core.pipeline.score import run_score

    return keep(run, lambda: run_score(run))


@task(name="label", cache_policy=NO_CACHE, persist_result=False)
def label(run: Run) -> Done:
    """Import aesthetic labels."""
    from apex_core.pipeline.label import run_label

    return keep(run, lambda: run_label(run))


@task(name="predict", cache_policy=NO_CACHE, persist_result=False)
def _predict(run: Run) -> Done:
    """Let the champion score the embedded songs it has not scored."""
    from apex_core.pipeline.predict import run_predict

    return keep(run, lambda: run_predict(run))


def predict(run: Run) -> Done:
    """Predict. Where another run is at it for long, that is a trouble, no more: the next one does it."""
    state = _predict(run, return_state=True)
    if state.is_completed():
        return state.result()
    error = error_of(state)
    if isinstance(error, Locked):
        return Done(StageReport("predict", {"songs": 0}), 0.0, trouble("Nothing was predicted", error))
    raise error


@task(name="snapshot", cache_policy=NO_CACHE, persist_result=False)
def snapshot(run: Run, accepted: Acceptance = NOTHING) -> Done:
    """Check the whole catalog, publish the read-only snapshot and back the catalog up."""
    from apex_core.pipeline.snapshot import run_snapshot

    with shown(run):
        done = told(keep(run, lambda: run_snapshot(run, accepted)))
    # deploy/automations.yaml waits for it, and tells when it does not come.
    emit_event(SNAPSHOT_IS_CURRENT, {"prefect.resource.id": "apex.snapshot"}, payload={"as_of": run.as_of.isoformat()})
    return done


@task(name="report", cache_policy=NO_CACHE, persist_result=False)
def _report(run: Run) -> Done:
    """Write the page of the newest snapshot, and show the essential on the run."""
    from apex_core.pipeline.page.stage import pictures_of, run_report

    started = time.monotonic()
    stage, figures = run_report(run)
    show_report(figures, pictures_of(run, figures), stage.note)
    return keep_report(run, stage, time.monotonic() - started)


def report(run: Run) -> Done:
    """Write the report. What is published stays published without it: its failure is a trouble, no more."""
    state = _report(run, return_state=True)
    if state.is_completed():
        return state.result()
    return not_done("report", "The report was not written", error_of(state))
