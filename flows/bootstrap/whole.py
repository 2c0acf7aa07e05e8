"""All of it in order: what others lean on first, what is gone last."""

from pathlib import Path
from typing import TYPE_CHECKING

from flows.bootstrap.automations import apply_automations, prune_automations
from flows.bootstrap.changes import Change
from flows.bootstrap.deployments import apply_deployments, prune_deployments
from flows.bootstrap.files import Workers, read_files
from flows.bootstrap.server import apply_limits, apply_pools, apply_variables, prune_server

if TYPE_CHECKING:
    from prefect.client.orchestration import SyncPrefectClient


def bootstrap(
    client: "SyncPrefectClient",
    folder: Path,
    workers: Workers = "process",
    code: Path | None = None,
    gpu_workers: Workers | None = None,
) -> list[Change]:
    """Let the server hold what ``folder`` says; what became of each thing.

    ``gpu_workers``: of the pool apex-gpu, where they are of another kind than the others.

    ``code``: the repository's root as workers see it, else the folder above ``folder``.
    """
    files = read_files(folder.absolute())
    changes = [
        *apply_variables(client, files.server),
        *apply_pools(client, files, workers, gpu_workers),
        *apply_limits(client, files.server),
    ]
    deployments, ids = apply_deployments(client, files, code or files.folder.parent)
    changes += deployments
    changes += apply_automations(client, files.automations, ids)
    return [
        *changes,
        *prune_automations(client, files.automations),
        *prune_deployments(client, ids),
        *prune_server(client, files.server),
    ]
