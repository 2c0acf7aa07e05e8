"""``apex pause``, ``apex resume``, ``apex skip``: what an operator says to the schedule, one command each.

Why it is shaped like this: a pause is the work pools', so it holds for every run, asked for or scheduled, on every
machine that has the catalog, and leaves alone what somebody has switched off by itself. A skipped night is a cancelled
run that the schedule has made already; it makes none anew for the same moment.
"""

from typing import TYPE_CHECKING, Annotated

import typer

from apex_core.errors import ApexError

if TYPE_CHECKING:
    from collections.abc import Sequence
    from uuid import UUID

    from prefect.client.orchestration import SyncPrefectClient
    from prefect.client.schemas.objects import FlowRun, WorkPool

_NIGHTLY = "nightly/nightly"
_GPU_POOL = "apex-gpu"


def pause() -> None:
    """Let no run begin any more, scheduled or asked for, until `apex resume`. What runs goes on."""
    from prefect.client.schemas.objects import StateType

    from flows.commands.server import connected
    from flows.commands.server_runs import deployments, runs_in
    from flows.terminal import notice

    with connected() as client:
        # Extractions alone ask for runs on GPUs: one that goes on is to get them.
        pools = [pool for pool in _pools(client) if pool.name != _GPU_POOL]
        _switch(client, pools, paused=True)
        running, names = runs_in(client, StateType.PENDING, StateType.RUNNING), deployments(client)
    _say(f"paused: {_listed(pools)}; no run begins until: apex resume")
    if all(pool.is_paused for pool in pools):
        notice("it was paused already")
    for run in running:
        notice(f"goes on: {_named(run, names)}; to end it: prefect flow-run cancel {run.id}")


def resume() -> None:
    """Let runs begin again after `apex pause`. Scheduled ones whose time has passed meanwhile are skipped."""
    from prefect.client.schemas.objects import StateType

    from flows.commands.server import connected
    from flows.commands.server_runs import deployments, missed_runs, runs_in, skip_run
    from flows.terminal import notice

    with connected() as client:
        pools = _pools(client)
        paused = [pool for pool in pools if pool.is_paused]
        missed = missed_runs(client) if paused else []  # else it is late for another reason, and still to be done
        for run in missed:
            skip_run(client, run, "its time passed during a pause")
        _switch(client, pools, paused=False)
        coming, names = runs_in(client, StateType.SCHEDULED), deployments(client)
    _say(f"resumed: {_listed(paused)}" if paused else f"nothing was paused: {_listed(pools)}")
    for run in missed:
        notice(f"skipped, since its time passed meanwhile: {_named(run, names)}")
    for name in sorted({name for run in missed if (name := _name(run, names))}):
        notice(f"to make up for it: prefect deployment run {name}")
    first = {_name(run, names): run for run in reversed(coming)}
    for run in coming:
        if first.get(_name(run, names)) is run:
            notice(f"next: {_named(run, names)}")


def skip(
    undo: Annotated[bool, typer.Option("--undo", help="Let the night that was skipped take place after all.")] = False,
) -> None:
    """Skip tonight's nightly, and only that. Given twice, it is skipped once."""
    from flows.commands.server import connected
    from flows.commands.server_runs import SKIPPED, skip_run
    from flows.terminal import notice

    with connected() as client:
        nights = _nights(client)
        if undo:
            _undo(client, nights)
            return
        tonight = nights[0]
        was_skipped = tonight.state_name == SKIPPED
        if not was_skipped:
            skip_run(client, tonight, f"skipped by {_user()}")
    _say(f"{'was skipped already' if was_skipped else 'skipped'}: the nightly of {_time(tonight)}")
    for following in [night for night in nights[1:] if night.state_name != SKIPPED][:1]:
        notice(f"the next one: {_time(following)}")
    notice("to take it back: apex skip --undo")


def _undo(client: "SyncPrefectClient", nights: "Sequence[FlowRun]") -> None:
    from flows.commands.server_runs import SKIPPED, unskip_run

    skipped = next((night for night in nights if night.state_name == SKIPPED), None)
    if skipped is None:
        raise ApexError("No night that is still to come was skipped.", fix="apex skip skips the next one")
    unskip_run(client, skipped)
    _say(f"takes place after all: the nightly of {_time(skipped)}")


def _pools(client: "SyncPrefectClient") -> "list[WorkPool]":
    """Our pools, as they are. Raises ApexError where bootstrap has made none."""
    pools = [pool for pool in client.read_work_pools() if pool.name.startswith("apex-")]
    if not pools:
        raise ApexError(f"There is no work pool of apex on {client.api_url}.", fix="apex bootstrap")
    return sorted(pools, key=lambda pool: pool.name)


def _switch(client: "SyncPrefectClient", pools: "Sequence[WorkPool]", *, paused: bool) -> None:
    from prefect.client.schemas.actions import WorkPoolUpdate

    for pool in pools:
        if pool.is_paused != paused:
            client.update_work_pool(pool.name, WorkPoolUpdate(is_paused=paused))


def _nights(client: "SyncPrefectClient") -> "list[FlowRun]":
    """The nights the schedule has made and that have not begun, also the skipped ones, the next first."""
    from flows.commands.server_runs import deployments, scheduled_runs

    id = next((id for id, name in deployments(client).items() if name == _NIGHTLY), None)
    if id is None:
        raise ApexError(f"There is no deployment {_NIGHTLY} on {client.api_url}.", fix="apex bootstrap")
    nights = scheduled_runs(client, id)
    if not nights:
        raise ApexError(
            "No night is scheduled.",
            fix="a new schedule's nights are there within a minute; is it, or the deployment, switched off?",
        )
    return nights


def _named(run: "FlowRun", names: "dict[UUID, str]") -> str:
    return f"{_name(run, names) or 'a run'} of {_time(run)} ({run.name})"


def _name(run: "FlowRun", names: "dict[UUID, str]") -> str | None:
    return names.get(run.deployment_id) if run.deployment_id else None


def _time(run: "FlowRun") -> str:
    from datetime import UTC

    from flows.commands.server_runs import moment

    return f"{moment(run).astimezone(UTC):%Y-%m-%d %H:%M} UTC"


def _listed(pools: "Sequence[WorkPool]") -> str:
    return ", ".join(pool.name for pool in pools)


def _user() -> str:
    import getpass

    try:
        return getpass.getuser()
    except (OSError, KeyError):
        return "an operator"


def _say(text: str) -> None:
    from flows.terminal import out

    out().print(text, soft_wrap=True)
