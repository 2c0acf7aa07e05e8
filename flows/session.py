"""What every flow does around its stages.

Why it is shaped like this: a nightly is one run of the pipeline, however many flows it is made of. So a sub-flow takes
the id and the ``as_of`` of its parent's run and joins it; started on its own it begins one. Here, and only here, a
flow looks at the clock. Stages that did part of their work do not stop the others: they end as ``Partial``, what is
wrong is collected, and so do the flows around them, with all of it in one message.
"""

import contextlib
import functools
import shlex
import time
from collections.abc import Callable, Generator, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from typing import Any, ParamSpec, TypeVar, cast

from prefect import get_run_logger
from prefect.client.schemas.objects import FlowRun, State, TaskRun
from prefect.context import FlowRunContext
from prefect.flows import Flow
from prefect.settings import PREFECT_FLOWS_HEARTBEAT_FREQUENCY, temporary_settings
from prefect.states import Failed, get_state_exception
from prefect.tasks import Task

from apex_core.errors import ApexError, Fenced, Locked, PlatformDown, RateLimited
from apex_core.pipeline.run import LEFT, Failure, Run, StageReport, begin, end, exclusive, record
from apex_core.pipeline.space import refuse_full_disks
from apex_core.settings import get_settings
from flows.artifacts import ProgressArtifacts

PARTIAL = "Partial"
P = ParamSpec("P")
R = TypeVar("R")

# Of the runs that this process has begun, for sub-flows to join with.
_tokens: dict[str, int] = {}
_TOLD, _NAMED = 3, 20
_PASSING = (PlatformDown, RateLimited, Locked)


@dataclass(frozen=True, slots=True)
class Done:
    """A stage's report, the seconds it took, and what went wrong in it without stopping it."""

    report: StageReport
    seconds: float
    trouble: ApexError | None = None


class Partly(ApexError):
    """Part of the work was done; ``done`` says what, and what was not. What a task or flow in ``Partial`` carries."""

    def __init__(self, message: str, *, fix: str | None = None, done: object = None) -> None:
        super().__init__(message, fix=fix)
        self.done = done


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
        """What the flow is to return: what was done; of troubled stages within the state ``Partial``."""
        return partial(self.done, self.done)


@contextlib.contextmanager
def session(flow: str, as_of: datetime | None, run_id: str | None = None) -> Generator[Session]:
    """Join the run ``run_id``, or begin one of ``flow``, the only one on this host, and close it however it goes."""
    if run_id is not None:
        if as_of is None:
            raise ApexError(f"Run {run_id} cannot be joined without its as_of.", fix="give both, or neither")
        token = _tokens.get(run_id, 0)
        yield Session(Run(get_settings(), run_id, as_of, ProgressArtifacts(), token), owner=False)
        return
    refuse_full_disks(get_settings())
    as_of = as_of.astimezone(UTC) if as_of else datetime.now(UTC).replace(microsecond=0)
    flow_run = current_flow_run(flow)
    run_id = _new_id(flow, as_of, flow_run)
    with exclusive(get_settings(), flow, run_id):
        run = begin(get_settings(), flow, as_of, run_id, alone=True, flow_run=str(flow_run.id))
        own = Session(replace(run, progress=ProgressArtifacts()), owner=True)
        _tokens[run_id] = run.token
        try:
            yield own
        except BaseException:  # a cancellation, too, is no completion
            with contextlib.suppress(Fenced):
                end(run, "failed", datetime.now(UTC))
            raise
        finally:
            del _tokens[run_id]
        end(run, "partial" if own.troubles else "completed", datetime.now(UTC))


def current_flow_run(flow: str) -> FlowRun:
    """The flow run we are in; raises ApexError outside of one."""
    context = FlowRunContext.get()
    if context is None or context.flow_run is None:
        raise ApexError(f"{flow} must be called as a flow.")
    return context.flow_run


def _new_id(flow: str, as_of: datetime, flow_run: FlowRun) -> str:
    """The flow, its ``as_of`` and Prefect's id of the flow run; a retry of that is another run to the catalog."""
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
    """Keep a report that was made elsewhere; what it says it could not do is its trouble, unless one is given."""
    trouble = trouble or left_undone(report)
    report = replace(report, stage=f"{report.stage} {label}".strip())
    record(run, report, seconds)
    counts = ", ".join(f"{value:g} {name.replace('_', ' ')}" for name, value in report.counts.items() if value)
    get_run_logger().info("%s: %s in %.1f s. %s", report.stage, counts or "nothing to do", seconds, report.note)
    if trouble is not None:
        get_run_logger().error(str(trouble))
    return Done(report, seconds, trouble)


def partial(result: R, done: Sequence[Done]) -> R:
    """What a task or flow returns so that its state tells the truth: ``result``, or ``Partial`` when there is trouble.

    Prefect takes a returned state for the run's own. ``Partial`` is a failure by its type, so that it is not green and
    nobody takes it for all of the work; ``finished`` gets the result out of it again.
    """
    troubles = [one.trouble for one in done if one.trouble is not None]
    if not troubles:
        return result
    error = Partly(
        "All that could be done was done, but " + "; ".join(trouble.message for trouble in troubles),
        fix="; ".join(dict.fromkeys(trouble.fix for trouble in troubles if trouble.fix)) or None,
        done=result,
    )
    return cast(R, Failed(name=PARTIAL, message=str(error), data=error))


def finished(state: State[R]) -> R:
    """What a task or flow did, all of it or in part; raises what stopped it."""
    if state.is_completed():
        return state.result()
    error = error_of(state)
    if isinstance(error, Partly):
        return cast(R, error.done)
    raise error


def may_be_partial(task: Task[P, R]) -> Callable[P, R]:
    """Call a task for what it did, whether it ends ``Completed`` or ``Partial``."""

    @functools.wraps(task.fn)
    def call(*args: P.args, **kwargs: P.kwargs) -> R:
        return finished(task(*args, **kwargs, return_state=True))

    return call


def left_undone(report: StageReport) -> ApexError | None:
    """What a stage says it could not do, as a trouble that ends with the command for just that; None: nothing."""
    if not report.failed:
        return None
    first = "; ".join(f"{failure.id}: {failure.reason}" for failure in report.failed[:_TOLD])
    left = int(report.counts.get(LEFT, len(report.failed)))
    more = f"; and {left - _TOLD} more" if left > _TOLD else ""
    return ApexError(f"{report.stage} left {left} undone ({first}{more})", fix=retry_command(report))


def not_done(stage: str, what: str, error: BaseException) -> Done:
    """A stage that did nothing, or did not say what, and stops no other: ``what`` did not happen, in words."""
    failure = trouble(what, error)
    report = StageReport(stage, {LEFT: 1.0}, failed=(Failure(stage.partition(" ")[2], failure.message),))
    failure = ApexError(failure.message, fix="; then ".join(filter(None, [failure.fix, retry_command(report)])))
    get_run_logger().error(str(failure))
    return Done(report, 0.0, failure)


def retry_command(report: StageReport) -> str:
    """The command that tries again what a stage left undone, and nothing else; without ids where they are too many."""
    stage, ids = report.stage.partition(" ")[0], [failure.id for failure in report.failed if failure.id]
    few = int(report.counts.get(LEFT, len(ids))) <= _NAMED
    return shlex.join(["apex", "retry", stage, *(ids if few else ())])


def joined(flow: Flow[P, R], *args: P.args, **kwargs: P.kwargs) -> R:
    """Run a flow inside this one for what it did, whether it ends ``Completed`` or ``Partial``.

    It sends no heartbeats: it lives and dies with this one, whose are heard (``flows.crashed``), and whoever sends
    some waits for up to a second at its end until they have stopped.
    """
    with temporary_settings({PREFECT_FLOWS_HEARTBEAT_FREQUENCY: None}):
        return finished(cast(Any, flow)(*args, **kwargs, return_state=True))


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
