"""Runs of our deployments on the Prefect server, and what an operator does to them."""

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from prefect.client.schemas.filters import (
    DeploymentFilter,
    DeploymentFilterTags,
    FlowRunFilter,
    FlowRunFilterDeploymentId,
    FlowRunFilterState,
    FlowRunFilterStateName,
    FlowRunFilterStateType,
)
from prefect.client.schemas.objects import FlowRun, State, StateType
from prefect.client.schemas.sorting import FlowRunSort
from prefect.states import Cancelled, Scheduled

from apex_core.errors import ApexError

if TYPE_CHECKING:
    from uuid import UUID

    from prefect.client.orchestration import SyncPrefectClient

SKIPPED = "Skipped"

# Asks again every half a minute, each time as if it were due then.
_AT_THE_DOOR = ("AwaitingConcurrencySlot", "AwaitingRetry")
_OURS = DeploymentFilter(tags=DeploymentFilterTags(all_=["apex"]))
_PAGE = 200


def deployments(client: "SyncPrefectClient") -> "dict[UUID, str]":
    """``flow/name`` of our deployments, by id."""
    found = client.read_deployments(deployment_filter=_OURS)
    flows = {flow.id: flow.name for flow in client.read_flows(deployment_filter=_OURS)}
    return {deployment.id: f"{flows[deployment.flow_id]}/{deployment.name}" for deployment in found}


def runs_in(client: "SyncPrefectClient", *states: StateType) -> list[FlowRun]:
    """Runs of our deployments in one of these states, in the order of their times."""
    return _read(client, FlowRunFilter(state=FlowRunFilterState(type=FlowRunFilterStateType(any_=list(states)))))


def missed_runs(client: "SyncPrefectClient") -> list[FlowRun]:
    """Runs that a schedule made, not begun, and whose time has passed; none that has come and waits to be let in."""
    now = datetime.now(UTC)
    waiting = runs_in(client, StateType.SCHEDULED)
    return [run for run in waiting if run.auto_scheduled and moment(run) < now and run.state_name not in _AT_THE_DOOR]


def scheduled_runs(client: "SyncPrefectClient", deployment: "UUID") -> list[FlowRun]:
    """What the deployment's schedule has made and has not begun, and what was skipped of what is still to come."""
    only = FlowRunFilterDeploymentId(any_=[deployment])
    waiting = FlowRunFilterState(type=FlowRunFilterStateType(any_=[StateType.SCHEDULED]))
    skipped = FlowRunFilterState(name=FlowRunFilterStateName(any_=[SKIPPED]))
    now = datetime.now(UTC)
    found = _read(client, FlowRunFilter(deployment_id=only, state=waiting))
    found += [run for run in _read(client, FlowRunFilter(deployment_id=only, state=skipped)) if moment(run) > now]
    return sorted((run for run in found if run.auto_scheduled), key=moment)


def _read(client: "SyncPrefectClient", which: FlowRunFilter) -> list[FlowRun]:
    found: list[FlowRun] = []
    while True:
        page = client.read_flow_runs(
            deployment_filter=_OURS,
            flow_run_filter=which,
            sort=FlowRunSort.EXPECTED_START_TIME_ASC,
            limit=_PAGE,
            offset=len(found),
        )
        found += page
        if len(page) < _PAGE:
            return found


def moment(run: FlowRun) -> datetime:
    """When a run is, or was, to begin."""
    return run.next_scheduled_start_time or run.expected_start_time or run.created or datetime.now(UTC)


def skip_run(client: "SyncPrefectClient", run: FlowRun, message: str) -> None:
    """Let a scheduled run not take place. Raises ApexError when it has begun meanwhile."""
    state: State[Any] = Cancelled(name=SKIPPED, message=message)
    state_now = client.read_flow_run(run.id).state
    if state_now is not None and state_now.is_scheduled():
        client.set_flow_run_state(run.id, state)
    elif state_now is None or state_now.name != SKIPPED:
        raise ApexError(f"The run {run.name} has begun.", fix=f"prefect flow-run cancel {run.id}")


def unskip_run(client: "SyncPrefectClient", run: FlowRun) -> None:
    """Let a skipped run take place after all."""
    state: State[Any] = Scheduled(scheduled_time=moment(run), message="the skipping was taken back")
    client.set_flow_run_state(run.id, state, force=True)


def cancel_run(client: "SyncPrefectClient", run: FlowRun, message: str) -> None:
    """Say of a run whose process is about to end that it was cancelled."""
    state: State[Any] = Cancelled(message=message)
    client.set_flow_run_state(run.id, state, force=True)
