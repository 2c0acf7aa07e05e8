"""The week's upkeep: what is old goes, the catalog's file shrinks, and what is kept is looked at before it is needed.

Why it is shaped like this: it begins with a snapshot, which holds the whole catalog against its checks and backs it
up, so that nothing is removed beside a broken one, and what is rehearsed is today's backup. What it finds altered or
missing stops nothing: it ends as ``Partial`` and says which. Each week reads one part of the store, in turn.
"""

import time
from collections.abc import Callable
from typing import Annotated

from prefect import flow, task
from prefect.cache_policies import NO_CACHE
from pydantic import Field

from apex_core.errors import ApexError
from apex_core.pipeline.run import Run, StageReport
from flows.artifacts import reported
from flows.session import Done, keep, keep_report, may_be_partial, partial, session
from flows.stages import snapshot

_WEEK_DAYS = 7

_Flag = Annotated[bool, Field()]
_Share = Annotated[float, Field(ge=0, le=1)]
_Parts = Annotated[int, Field(ge=1, le=104)]


@task(name="collect", cache_policy=NO_CACHE, persist_result=False)
def _collect(run: Run) -> Done:
    from apex_core.pipeline.upkeep import run_collect

    return keep(run, lambda: run_collect(run))


@task(name="compact", cache_policy=NO_CACHE, persist_result=False)
def _compact(run: Run, most_free: float) -> Done:
    from apex_core.pipeline.upkeep import run_compact

    return keep(run, lambda: run_compact(run, most_free))


@may_be_partial
@task(name="verify", cache_policy=NO_CACHE, persist_result=False)
def _verify(run: Run, parts: int) -> Done:
    from apex_core.pipeline.upkeep import run_verify

    part = run.as_of.toordinal() // _WEEK_DAYS % parts
    return _kept(run, lambda: run_verify(run, part, parts))


@may_be_partial
@task(name="rehearse a restore", cache_policy=NO_CACHE, persist_result=False)
def _rehearse(run: Run) -> Done:
    from apex_core.pipeline.upkeep import run_rehearsal

    return _kept(run, lambda: run_rehearsal(run))


def _kept(run: Run, stage: Callable[[], tuple[StageReport, ApexError | None]]) -> Done:
    started = time.monotonic()
    report, trouble = stage()
    done = keep_report(run, report, time.monotonic() - started, trouble=trouble)
    return partial(done, [done])


@flow(name="maintenance", persist_result=False)
def maintenance(
    collect: _Flag = True, most_free: _Share = 0.1, verify_parts: _Parts = 8, rehearse_restore: _Flag = True
) -> list[Done]:
    """Check and back the catalog up, remove what is old, compact, read a part of the store again, rehearse a restore.

    Args:
        collect: Remove what killed runs have left for a day, and old model versions that nothing names.
        most_free: Write the catalog's file anew when a larger share of it than this is free.
        verify_parts: How many weeks it takes to read the whole store again; 1: all of it now.
        rehearse_restore: Build the catalog that a restore would make, beside the live one, and compare them.
    """
    with session("maintenance", None) as own, reported(own, "maintenance"):
        own.add(snapshot(own.run))
        if collect:
            own.add(_collect(own.run))
        own.add(_compact(own.run, most_free))
        own.add(_verify(own.run, verify_parts))
        if rehearse_restore:
            own.add(_rehearse(own.run))
    return own.outcome()
