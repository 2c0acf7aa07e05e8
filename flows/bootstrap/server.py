"""Work pools, global concurrency limits and variables."""

from typing import TYPE_CHECKING, Any

from prefect.client.schemas.actions import (
    GlobalConcurrencyLimitCreate,
    GlobalConcurrencyLimitUpdate,
    VariableCreate,
    WorkPoolCreate,
    WorkPoolUpdate,
)

from apex_core.errors import ApexError
from flows.bootstrap.changes import Change, changed, differing
from flows.bootstrap.files import OURS, Files, Limit, Pool, Server, Variable, Workers

if TYPE_CHECKING:
    from prefect.client.orchestration import SyncPrefectClient
    from prefect.client.schemas.objects import WorkPool
    from prefect.client.schemas.responses import GlobalConcurrencyLimitResponse

GPU_POOL = "apex-gpu"  # its workers may be of another kind than those beside the catalog

_PAGE = 200
_TAGS = [OURS]


def apply_pools(
    client: "SyncPrefectClient", files: Files, workers: Workers, gpu_workers: Workers | None = None
) -> list[Change]:
    """Create the work pools that lack, and give the others what differs. Whether one is paused is not touched."""
    present = {pool.name: pool for pool in client.read_work_pools()}
    kinds: dict[str, Workers] = {GPU_POOL: gpu_workers or workers}
    return [
        _pool(client, files, pool, kinds.get(pool.name, workers), present.get(pool.name))
        for pool in files.server.work_pools
    ]


def _pool(
    client: "SyncPrefectClient", files: Files, pool: Pool, workers: Workers, present: "WorkPool | None"
) -> Change:
    template = files.template(pool, workers) or _default_template(workers)
    wanted: dict[str, Any] = {
        "description": pool.description,
        "concurrency_limit": pool.concurrency_limit,
        "base_job_template": template,
    }
    if present is None:
        client.create_work_pool(WorkPoolCreate(name=pool.name, type=workers, **wanted))
        return Change("work pool", pool.name, "created", f"for {workers} workers")
    if present.type != workers:
        raise ApexError(
            f"The work pool {pool.name} is for {present.type} workers, not for {workers}; a pool's type is for good.",
            fix=f"--workers {present.type}, or, once no run is left in it: prefect work-pool delete {pool.name}",
        )
    differs = differing(wanted, present.model_dump(mode="json"))
    if differs:
        client.update_work_pool(pool.name, WorkPoolUpdate(**{key: wanted[key] for key in differs}))
    return changed("work pool", pool.name, differs)


def _default_template(workers: Workers) -> dict[str, Any]:
    if workers == "process":
        from prefect.workers.process import ProcessWorker

        return ProcessWorker.get_default_base_job_template()
    raise ApexError(f"There is no template for {workers} workers.", fix="pools/<name>.<workers>.json in --folder")


def apply_limits(client: "SyncPrefectClient", server: Server) -> list[Change]:
    """Create the global concurrency limits that lack, and set the others; slots that are taken stay taken."""
    present = _limits(client)
    return [_limit(client, limit, present.get(limit.name)) for limit in server.concurrency_limits]


def _limit(client: "SyncPrefectClient", limit: Limit, present: "GlobalConcurrencyLimitResponse | None") -> Change:
    if present is None:
        client.create_global_concurrency_limit(GlobalConcurrencyLimitCreate(name=limit.name, limit=limit.limit))
        return Change("limit", limit.name, "created", str(limit.limit))
    differs = differing({"limit": limit.limit, "active": True}, present.model_dump())
    if differs:
        update = GlobalConcurrencyLimitUpdate(limit=limit.limit, active=True)
        client.update_global_concurrency_limit(limit.name, update)
    return changed("limit", limit.name, differs)


def apply_variables(client: "SyncPrefectClient", server: Server) -> list[Change]:
    """Create the variables that lack, with their first value."""
    present = {variable.name: variable.value for variable in client.read_variables()}
    return [_variable(client, variable, present) for variable in server.variables]


def _variable(client: "SyncPrefectClient", variable: Variable, present: dict[str, Any]) -> Change:
    if variable.name not in present:
        client.create_variable(VariableCreate(name=variable.name, value=variable.value, tags=_TAGS))
        return Change("variable", variable.name, "created", variable.value)
    value = present[variable.name]
    return Change("variable", variable.name, "unchanged", f"{value} on the server" if value != variable.value else "")


def prune_server(client: "SyncPrefectClient", server: Server) -> list[Change]:
    """Remove limits and variables of ours that the files do not name any more.

    Pools stay: runs may be waiting in one, and whose they are cannot be told.
    """
    limits = {limit.name for limit in server.concurrency_limits}
    variables = {variable.name for variable in server.variables}
    removed: list[Change] = []
    for name in sorted(name for name in _limits(client) if name.startswith(f"{OURS}-") and name not in limits):
        client.delete_global_concurrency_limit_by_name(name)
        removed.append(Change("limit", name, "removed"))
    for variable in client.read_variables():
        if variable.name.startswith(f"{OURS}_") and variable.name not in variables:
            client.delete_variable_by_name(variable.name)
            removed.append(Change("variable", variable.name, "removed"))
    return removed


def _limits(client: "SyncPrefectClient") -> "dict[str, GlobalConcurrencyLimitResponse]":
    found: dict[str, GlobalConcurrencyLimitResponse] = {}
    while True:
        page = client.read_global_concurrency_limits(limit=_PAGE, offset=len(found))
        found |= {limit.name: limit for limit in page}
        if len(page) < _PAGE:
            return found
