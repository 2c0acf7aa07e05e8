"""What every flow does around its stages.

Why it is shaped like this: a nightly is one run of the pipeline, however many flows it is made of. So a sub-flow takes
the id and the ``as_of`` of its parent's run and joins it; started on its own it begins one. Here, and only here, a
flow looks at the clock. Stages that did part of their work do not stop the others: what is wrong is collected, and
whoever owns the run ends as failed with all of it in one message.
"""

import contextlib
import time
from collections.abc import Callable, Generator
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from typing import Any, cast

from prefect import get_run_logger
from prefect.client.schemas.objects import State, TaskRun
from prefect.context import FlowRunContext
from prefect.states import Failed, get_state_exception
from prefect.tasks import Task

from apex_core.errors import ApexError, Fenced, Locked, PlatformDown, RateLimited
from apex_core.pipeline.run import Run, StageReport, begin, end, exclusive, record
from apex_core.settings import get_settings
from flows.artifacts import ProgressArtifacts

_PASSING = (PlatformDown, RateLimited, Locked)


@dataclass(frozen=True, slots=True)
class Done:
    """A stage's report, the seconds it took, and what went wrong in it without stopping it."""

    report: StageReport
    seconds: float
    trouble: ApexError | None = None


@dataclass(slots=True)
class Session:
    """A run and what was done in it; ``owner`` when this flow began the run, and so has to answer for it."""

    run: Run
    owner: bool
    done: list[Done] = field(default_factory=list[Done])

    def add(self, *done: Done) -> None:
        self.done.extend(done)

    @property
    def troubles(self) -> list[ApexError]:
        return [done.trouble for done in self.done if done.trouble is not None]

    def outcome(self) -> list[Done]:
        """What the flow is to return: what was done, or for the owner of a troubled run the failed state.

        Prefect takes a returned state for the flow's own, so a caller gets the list, or the error is raised.
        """
        if not self.owner or not self.troubles:
            return self.done
        error = ApexError(
            "All that could be done was done, but " + "; ".join(trouble.message for trouble in self.troubles),
            fix="; ".join(dict.fromkeys(trouble.fix for trouble in self.troubles if trouble.fix)) or None,
        )
        return cast(list[Done], Failed(message=str(error), data=error))


@contextlib.contextmanager
def session(flow: str, as_of: datetime | None, run_id: str | None = None) -> Generator[Session]:
    """Join the run ``run_id``, or begin one of ``flow``, the only one on this host, and close it however it goes."""
    if run_id is not None:
        if as_of is None:
            raise ApexError(f"Run {run_id} cannot be joined without its as_of.", fix="give both, or neither")
        yield Session(Run(get_settings(), run_id, as_of, ProgressArtifacts()), owner=False)
        return
    with exclusive(get_settings(), flow):
        as_of = as_of.astimezone(UTC) if as_of else datetime.now(UTC).replace(microsecond=0)
        run = begin(get_settings(), flow, as_of, _new_id(flow, as_of), alone=True)
        own = Session(replace(run, progress=ProgressArtifacts()), owner=True)
        try:
            yield own
        except BaseException:  # a cancellation, too, is no completion
            with contextlib.suppress(Fenced):
                end(run, "failed", datetime.now(UTC))
            raise
        end(run, "failed" if own.troubles else "completed", datetime.now(UTC))


def _new_id(flow: str, as_of: datetime) -> str:
    """The flow, its ``as_of`` and Prefect's id of the flow run; a retry of that is another run to the catalog."""
    context = FlowRunContext.get()
    flow_run = context.flow_run if context else None
    if flow_run is None:
        raise ApexError(f"{flow} must be called as a flow.")
    again = f"-{flow_run.run_count}" if flow_run.run_count > 1 else ""
    return f"{flow}-{as_of:%Y%m%dT%H%M%SZ}-{str(flow_run.id)[-8:]}{again}"


def keep(run: Run, stage: Callable[[], StageReport], label: str = "") -> Done:
    """Run a stage, keep its counts and duration in the catalog, say what it did in one line.

    ``label`` tells the parts of a stage that runs several times in one run apart.
    """
    started = time.monotonic()
    report = stage()
    return keep_report(run, report, time.monotonic() - started, label)


def keep_report(
    run: Run, report: StageReport, seconds: float, label: str = "", trouble: ApexError | None = None
) -> Done:
    """Keep a report that was made elsewhere."""
    report = replace(report, stage=f"{report.stage} {label}".strip())
    record(run, report, seconds)
    counts = ", ".join(f"{value:g} {name.replace('_', ' ')}" for name, value in report.counts.items() if value)
    get_run_logger().info("%s: %s in %.1f s. %s", report.stage, counts or "nothing to do", seconds, report.note)
    if trouble is not None:
        get_run_logger().error(str(trouble))
    return Done(report, seconds, trouble)


def error_of(state: State[Any]) -> BaseException:
    """What was raised, of a task that did not complete."""
    # Outside of an event loop, where all our flows and tasks run, this is no coroutine.
    return cast(BaseException, get_state_exception(state))


def trouble(what: str, error: BaseException) -> ApexError:
    """A failure that does not stop the run, in words: what did not happen, why, what to do."""
    if isinstance(error, ApexError):
        return ApexError(f"{what}: {error.message}", fix=error.fix)
    return ApexError(f"{what}: {error!r}", fix="the task's log in Prefect says more; the next run does what is left")


def passing(_task: Task[..., Any], _run: TaskRun, state: State[Any]) -> bool:
    """Whether trying again may help: not after what we refused ourselves (a contract, an artifact, a token)."""
    error = error_of(state)
    return isinstance(error, _PASSING) or not isinstance(error, ApexError)
