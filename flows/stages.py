"""The stages that are one task each. Their code is imported inside: a flow file must load without torch."""

from prefect import task
from prefect.cache_policies import NO_CACHE

from apex_core.pipeline.check import NOTHING, Acceptance
from apex_core.pipeline.run import EVERYTHING, Run, Window
from flows.checks import shown, told
from flows.session import Done, keep


@task(name="audio", cache_policy=NO_CACHE, persist_result=False)
def audio(run: Run, window: Window = EVERYTHING, label: str = "") -> Done:
    """Find or fetch the audio of tracks that lack it."""
    from apex_core.pipeline.audio import run_audio

    return keep(run, lambda: run_audio(run, window), label)


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
def predict(run: Run) -> Done:
    """Let the champion score the embedded songs it has not scored."""
    from apex_core.pipeline.predict import run_predict

    return keep(run, lambda: run_predict(run))


@task(name="snapshot", cache_policy=NO_CACHE, persist_result=False)
def snapshot(run: Run, accepted: Acceptance = NOTHING) -> Done:
    """Check the whole catalog, publish the read-only snapshot and back the catalog up."""
    from apex_core.pipeline.snapshot import run_snapshot

    with shown(run):
        return told(keep(run, lambda: run_snapshot(run, accepted)))
