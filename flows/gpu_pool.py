"""Ranges of shards as flow runs of a deployment, on the work pool with GPUs (deploy/README.md).

Why it is shaped like this: what passes between the machines is small JSON (settings, ids of shards) one way and nothing
but states the other; vectors go through the store, and what counts are the shards that were committed. A few flow runs
at a time are asked for, so that a pool without workers is not filled; how many of them run is for the pool's workers to
say. A run that crashed, as when its machine went away, is asked for once more; one that failed has tried for itself.
Whoever ends this one ends them, and the server does it should this process be killed.
"""

import contextlib
import logging
import time
from collections import deque
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any, cast
from uuid import UUID

import httpx
from prefect.client.orchestration import SyncPrefectClient, get_client
from prefect.client.schemas.filters import FlowRunFilter, FlowRunFilterId
from prefect.client.schemas.objects import FlowRun
from prefect.deployments import run_deployment
from prefect.exceptions import ObjectNotFound, PrefectException
from prefect.states import Cancelling

from apex_core.errors import EncoderError
from apex_core.pipeline.run import Run
from apex_core.settings import GpuPoolSettings
from flows.elsewhere import told_elsewhere

if TYPE_CHECKING:
    from apex_core.pipeline.extract import Plan

_EVERY_S = 2.0
_SHOWN_EVERY_S = 30.0
_TRIES = 2

_log = logging.getLogger(__name__)


def encode_on_pool(run: Run, planned: "Plan") -> Iterator[BaseException]:
    """Encode every range by flow runs of the deployment; what went wrong with some, as it is found.

    Raises ApexError when nothing can be done there at all.
    """
    from apex_core.pipeline.encoders import ranges
    from apex_core.pipeline.extract import show_reached

    pool = run.settings.gpu_pool
    told = told_elsewhere(
        run.settings, "Workers of the GPU pool", "APEX_GPU_POOL__SHARED_FOLDERS", is_shared=pool.shared_folders
    )
    sizes = dict(zip(planned.shards, planned.sizes, strict=True))
    cut = ranges(run.settings, planned.shards, pool.runs, pool.run_shards)
    started = shown = time.monotonic()
    with _Asked(pool, {"told": told, "encoder_id": planned.encoder_id}) as asked:
        left = deque(([(shard_id, *sizes[shard_id]) for shard_id in shards], 1) for shards in cut)
        while left or asked.open:
            while left and len(asked.open) < pool.runs:
                asked.ask(*left.popleft())
            time.sleep(_EVERY_S)
            ended = list(asked.ended())
            if ended or time.monotonic() - shown > _SHOWN_EVERY_S:
                show_reached(run, planned, time.monotonic() - started)
                shown = time.monotonic()
            for flow_run, shards, tried in ended:
                state = flow_run.state
                if state and state.is_crashed() and tried < _TRIES:
                    left.append((shards, tried + 1))
                elif not (state and state.is_completed()):
                    yield _failure(flow_run)


Shards = list[tuple[str, int, float]]


class _Asked:
    """The flow runs that were asked for and have not ended; those that are left at the end are cancelled."""

    def __init__(self, pool: GpuPoolSettings, given: dict[str, Any]) -> None:
        self._pool, self._given = pool, given
        self.open: dict[UUID, tuple[Shards, int]] = {}
        self._moved = time.monotonic()
        self._stack = contextlib.ExitStack()
        self._client: SyncPrefectClient

    def __enter__(self) -> "_Asked":
        self._client = self._stack.enter_context(get_client(sync_client=True))
        self._stack.callback(self._cancel)
        return self

    def __exit__(self, *raised: Any) -> None:  # noqa: ANN401  whatever was raised
        self._stack.__exit__(*raised)

    def ask(self, shards: Shards, tried: int) -> None:
        """Ask for a flow run that encodes ``shards``; it is a part of ours."""
        name = f"{shards[0][0][:12]} and {len(shards) - 1} more" + (", again" if tried > 1 else "")
        try:
            asked = run_deployment(
                self._pool.deployment,
                parameters={**self._given, "shards": shards},
                timeout=0,
                flow_run_name=name,
                tags=["apex"],
            )
        except ObjectNotFound as error:
            raise EncoderError(
                f"The Prefect server has no deployment {self._pool.deployment}.",
                fix="apex bootstrap makes it; or encode here (APEX_ENCODER__PLACE=here)",
            ) from error
        if not self.open:
            self._moved = time.monotonic()
        self.open[cast(FlowRun, asked).id] = (shards, tried)

    def ended(self) -> Iterator[tuple[FlowRun, Shards, int]]:
        """Those that have ended since. Raises EncoderError when none has been at work for too long."""
        found = self._read()
        over = [flow_run for flow_run in found if flow_run.state and flow_run.state.is_final()]
        if over or any(flow_run.state and flow_run.state.is_running() for flow_run in found):
            self._moved = time.monotonic()
        elif time.monotonic() - self._moved > self._pool.wait_s:
            raise EncoderError(
                f"No worker has taken a run of {self._pool.deployment} for {self._pool.wait_s:g} s.",
                fix="prefect worker start --pool apex-gpu, where the GPUs are; is the pool paused? "
                "(APEX_GPU_POOL__WAIT_S says how long to wait)",
            )
        for flow_run in over:
            yield flow_run, *self.open.pop(flow_run.id)

    def _read(self) -> Sequence[FlowRun]:
        wanted = FlowRunFilter(id=FlowRunFilterId(any_=list(self.open)))
        # A server that does not answer for a while costs nothing but time: runs and shards are where they were.
        try:
            return self._client.read_flow_runs(flow_run_filter=wanted)
        except (httpx.HTTPError, PrefectException) as error:
            _log.warning("Flow runs of %s cannot be looked at: %s", self._pool.deployment, error)
            return []

    def _cancel(self) -> None:
        for flow_run_id in self.open:
            with contextlib.suppress(httpx.HTTPError, PrefectException):
                state = Cancelling(message="The run that asked for this has ended.")
                self._client.set_flow_run_state(flow_run_id, state)


def _failure(flow_run: FlowRun) -> EncoderError:
    state = flow_run.state
    said = f"{state.name}: {state.message}" if state and state.message else str(state and state.name)
    return EncoderError(
        f"Flow run {flow_run.name} is {' '.join(said.split())}",
        fix="its page in Prefect says more; the next run does what is left",
    )
