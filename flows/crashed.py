"""What an automation has run when a flow run has crashed: the catalog comes to know that it is dead.

Why it is shaped like this: Prefect says "crashed" of a run that it has not heard of for nine minutes. Most such runs
are gone; one whose network was cut goes on. So its run is declared dead in the catalog, whereupon it can write nothing
more, here or in the store, and the next one does not wait for it. Flows that it had called in its process died with it:
nobody listens for them, so they are said to have crashed here.
"""

from datetime import UTC, datetime
from uuid import UUID

from prefect import flow, get_run_logger
from prefect.client.orchestration import get_client
from prefect.client.schemas.filters import (
    FlowRunFilter,
    FlowRunFilterParentFlowRunId,
    FlowRunFilterState,
    FlowRunFilterStateType,
)
from prefect.client.schemas.objects import StateType
from prefect.states import Crashed

from apex_core.pipeline.run import declare_crashed
from apex_core.settings import get_settings


@flow(name="crashed", persist_result=False, retries=10, retry_delay_seconds=60)
def crashed(flow_run_id: UUID) -> list[str]:
    """Declare the run of a crashed flow run dead in the catalog. An automation starts it; nothing to start by hand.

    Args:
        flow_run_id: Which; of one that is not crashed (any more, if somebody has started it again) nothing is said.
    """
    with get_client(sync_client=True) as client:
        state = client.read_flow_run(flow_run_id).state
        if state is None or not state.is_crashed():
            get_run_logger().info("%s is %s, not crashed.", flow_run_id, state.name if state else "without a state")
            return []
        declared = declare_crashed(get_settings(), str(flow_run_id), datetime.now(UTC))
        get_run_logger().info("Declared dead in the catalog: %s.", ", ".join(declared) or "nothing, it had ended there")
        for called in client.read_flow_runs(flow_run_filter=_called_by(flow_run_id)):
            if called.deployment_id is None:  # one that has a deployment is a process of its own
                client.set_flow_run_state(called.id, Crashed(message="The flow run that called it crashed."))
    return declared


def _called_by(flow_run_id: UUID) -> FlowRunFilter:
    """Flow runs that this one called and that have not ended."""
    going_on = [StateType.SCHEDULED, StateType.PENDING, StateType.RUNNING]
    return FlowRunFilter(
        parent_flow_run_id=FlowRunFilterParentFlowRunId(any_=[flow_run_id]),
        state=FlowRunFilterState(type=FlowRunFilterStateType(any_=going_on)),
    )
