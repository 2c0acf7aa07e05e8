"""A person's word about models: promote a version, or roll back to the champion before. The catalog follows at once.

Why it is shaped like this: one flow with two forms, since both end alike. The alias is set first and for good, by a new
record; predictions, snapshot and report only follow, and a run that is cut short in them is made good by
``predict/adhoc`` or the next night. A reason must be given: it is kept beside the record.
"""

from functools import partial
from typing import Annotated

from prefect import flow, task
from prefect.cache_policies import NO_CACHE
from pydantic import Field

from apex_core.pipeline.run import Run, StageReport
from flows.artifacts import reported
from flows.session import Done, Session, keep, session
from flows.stages import predict, report, snapshot

_NAME = r"^[A-Za-z0-9][A-Za-z0-9._-]*$"

_Version = Annotated[str, Field(min_length=1, max_length=64, pattern=_NAME, json_schema_extra={"position": 0})]
_Earlier = Annotated[str | None, Field(min_length=1, max_length=64, pattern=_NAME, json_schema_extra={"position": 1})]
_Reason = Annotated[str, Field(min_length=1, max_length=500)]
_By = Annotated[str, Field(max_length=100, json_schema_extra={"position": 2})]


@task(name="promote", cache_policy=NO_CACHE, persist_result=False)
def _promoted(run: Run, version: str, reason: str, by: str) -> Done:
    from apex_core.pipeline import models

    def stage() -> StageReport:
        found = models.find_version(run.store, version)
        by_whom = by or models.operator(run.settings)
        commit = partial(run.committing, "promote")
        record = models.promote(run.settings, found, reason, by_whom, run.as_of, commit)
        held = "; automatic promotion stays held" if models.is_held(run.store) else ""
        said = f"champion: {record.version} (record {record.n}, by {record.set_by}){held}"
        return StageReport("promote", {"record": record.n}, said)

    return keep(run, stage)


@task(name="roll back", cache_policy=NO_CACHE, persist_result=False)
def _rolled_back(run: Run, to: str | None, reason: str, by: str) -> Done:
    from apex_core.pipeline import models

    def stage() -> StageReport:
        target = models.find_version(run.store, to) if to else None
        by_whom = by or models.operator(run.settings)
        commit = partial(run.committing, "roll back")
        record, held = models.roll_back(run.settings, target, reason, by_whom, run.as_of, commit)
        said = (
            f"champion: {record.version} (record {record.n}, by {record.set_by}); automatic promotion is held by "
            f"{held.set_by} until: apex models hold --release"
        )
        return StageReport("rollback", {"record": record.n}, said)

    return keep(run, stage)


@flow(name="publish", flow_run_name="promote {version}", persist_result=False)
def promote(
    version: _Version,
    reason: Annotated[_Reason, Field(json_schema_extra={"position": 1})],
    by: _By = "",
) -> list[Done]:
    """Make a version champion by a person's word, whatever the gate said; predictions and a snapshot follow.

    Args:
        version: A version, how only one begins or ends, or an alias; `apex models list` shows them.
        reason: Why; it is kept.
        by: Who says so; empty: APEX_PROMOTION__OPERATOR, else the worker's user.
    """
    with session("publish", None) as own, reported(own, "publish"):
        own.add(_promoted(own.run, version, reason, by))
        _follow(own)
    return own.outcome()


@flow(name="publish", flow_run_name="rollback", persist_result=False)
def rollback(
    reason: Annotated[_Reason, Field(json_schema_extra={"position": 0})], to: _Earlier = None, by: _By = ""
) -> list[Done]:
    """Go back to the champion before and hold automatic promotion; predictions and a snapshot follow.

    Args:
        reason: Why; it is kept.
        to: An earlier champion; empty: the one before the present one.
        by: Who says so; empty: APEX_PROMOTION__OPERATOR, else the worker's user.
    """
    with session("publish", None) as own, reported(own, "publish"):
        own.add(_rolled_back(own.run, to, reason, by))
        _follow(own)
    return own.outcome()


def _follow(own: Session) -> None:
    own.add(predict(own.run))
    own.add(snapshot(own.run))
    own.add(report(own.run))
