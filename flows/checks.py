"""The checks between the stages, and the page on which an operator reads what they found.

Why it is shaped like this: the page is written from what the catalog keeps of the run, whether its checks pass, warn or
stop it, so page and catalog cannot tell different things. A night that is blocked leaves it as a night that is not.
"""

import contextlib
from collections.abc import Generator, Sequence
from typing import Any

from prefect import get_run_logger, task
from prefect.artifacts import create_markdown_artifact
from prefect.cache_policies import NO_CACHE

from apex_core.catalog.checks import Moment
from apex_core.pipeline.check import NOTHING, Acceptance, results_of
from apex_core.pipeline.run import Run
from flows.artifacts import only_shown, table
from flows.session import Done, keep

KEY = "checks"
_HEADLINES = {"blocked": "blocked", "warned": "passed, with warnings", "accepted": "passed, with what was accepted"}


@task(name="checks", task_run_name="check {moment}", cache_policy=NO_CACHE, persist_result=False)
def check(run: Run, moment: Moment, accepted: Acceptance = NOTHING) -> Done:
    """Hold the catalog against the checks of a moment; one that blocks ends the flow."""
    from apex_core.pipeline.check import run_moment

    with shown(run):
        return told(keep(run, lambda: run_moment(run, moment, accepted)))


def told(done: Done) -> Done:
    """Say aloud what was found and did not stop the run."""
    if done.report.counts.get("warnings") or done.report.counts.get("accepted"):
        get_run_logger().warning("%s: %s", done.report.stage, done.report.note)
    return done


@contextlib.contextmanager
def shown(run: Run) -> Generator[None]:
    """Leave the page of this run's checks, however the block ends."""
    try:
        yield
    finally:
        with only_shown("The page of the checks"):
            _show(run)


def _show(run: Run) -> None:
    results = results_of(run.settings, run.run_id)
    if results:
        headline = _HEADLINES.get(results[0]["verdict"], "passed")
        create_markdown_artifact(markdown(run, results), key=KEY, description=f"{run.run_id}: checks {headline}")


def markdown(run: Run, results: Sequence[dict[str, Any]]) -> str:
    """The page: the gravest first, with the first offenders and what to do."""
    headline = _HEADLINES.get(results[0]["verdict"], "passed")
    head = ("check", "when", "severity", "verdict", "violations", "first offenders", "what to do")
    rows = [
        (
            result["check_name"],
            result["moment"],
            result["severity"],
            result["verdict"] + (f": {result['because']}" if result["because"] else ""),
            result["violations"],
            "; ".join(result["first"]),
            result["fix"] if result["verdict"] in ("blocked", "warned") else "",
        )
        for result in results
    ]
    said = {
        "blocked": "Nothing was trained, published or predicted after the check that blocked, and readers keep the "
        "snapshot they have. `apex check` looks again, `apex check NAME` lists every offender.",
        "warned": "Nothing was stopped. `apex check NAME` lists every offender.",
    }.get(results[0]["verdict"])
    return "\n\n".join([f"# {run.run_id}: checks {headline}", *([said] if said else []), table(head, rows)])
