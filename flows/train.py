"""Stages 6 to 8: train, publish, predict.

Why it is shaped like this: the candidate goes from training to publishing in memory, so both stay in one process and
nothing of a model passes through Prefect's results. Predicting belongs here, because a champion without predictions
would leave the scored catalog behind.
"""

from typing import TYPE_CHECKING

from prefect import flow, task
from prefect.cache_policies import NO_CACHE
from pydantic import AwareDatetime

from apex_core.pipeline.run import Run, StageReport
from flows.artifacts import show_card
from flows.checks import check
from flows.session import Done, keep, session
from flows.stages import predict

if TYPE_CHECKING:
    from apex_core.pipeline.train import Candidate


@task(name="train", cache_policy=NO_CACHE, persist_result=False)
def fit(run: Run, force: bool) -> "tuple[Done, Candidate | None]":
    """Train the heads when there is something new to learn."""
    from apex_core.pipeline.train import run_train

    candidates: list[Candidate | None] = []

    def stage() -> StageReport:
        report, candidate = run_train(run, force=force)
        candidates.append(candidate)
        return report

    return keep(run, stage), candidates[0]


@task(name="publish", cache_policy=NO_CACHE, persist_result=False)
def publish(run: Run, candidate: "Candidate | None") -> Done:
    """Publish a candidate and let the gate decide about its promotion."""
    from apex_core.pipeline.publish import run_publish

    done = keep(run, lambda: run_publish(run, candidate))
    if done.report.counts["published"]:
        show_card(run, done.report.note.partition(":")[0])
    return done


@flow(name="train", persist_result=False)
def train(run_id: str | None = None, as_of: AwareDatetime | None = None, force: bool = False) -> list[Done]:
    """Train, publish, and predict with whoever is champion then.

    Args:
        run_id: The run to join; leave empty to begin one.
        as_of: The moment that stands for now; leave empty for now.
        force: Train even when nothing new is to be learned.
    """
    with session("train", as_of, run_id) as own:
        trained, candidate = fit(own.run, force)
        own.add(trained)
        own.add(check(own.run, "train"))  # a model that has seen what it was tested on is not published
        own.add(publish(own.run, candidate))
        own.add(predict(own.run))
    return own.outcome()
