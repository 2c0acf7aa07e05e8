"""The deployments as an operator has them: a server, a pool, a worker, a run asked for over the API."""

import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from prefect.client.orchestration import get_client

from apex_core.catalog import latest_snapshot
from apex_core.sandbox import SandboxServer, World
from apex_core.settings import Settings
from flows.bootstrap.whole import bootstrap
from flows.local_server import LocalServer
from tests.flows.conftest import variables
from tests.flows.pages import get, post

ROOT = Path(__file__).parents[2]

pytestmark = pytest.mark.slow


@pytest.fixture
def prefect(tmp_path: Path, world: World, sandbox: SandboxServer, prefect_server: LocalServer) -> "Prefect":
    ours = {"PREFECT_API_URL": prefect_server.api_url, "PREFECT_HOME": str(tmp_path / "prefect")}
    return Prefect(prefect_server, os.environ | variables(tmp_path / "home", world, sandbox) | ours)


class Prefect:
    """The ``prefect`` command, and the API behind it."""

    def __init__(self, server: LocalServer, environment: dict[str, str]) -> None:
        self.server, self._environment = server, environment

    def __call__(self, *arguments: str) -> str:
        ran = subprocess.run(
            [sys.executable, "-m", "prefect", "--no-prompt", *arguments],
            cwd=ROOT,
            env=self._environment,
            capture_output=True,
            text=True,
            check=False,
        )
        assert ran.returncode == 0, ran.stdout + ran.stderr
        return ran.stdout

    def start(self, deployment: str, parameters: dict[str, Any]) -> str:
        """Ask for a run, as the UI does; returns its id."""
        found = get(self.server, f"deployments/name/{deployment}")
        body = {"parameters": parameters, "state": {"type": "SCHEDULED"}}
        return str(post(self.server, f"deployments/{found['id']}/create_flow_run", body)["id"])

    def state(self, flow_run: str) -> tuple[str, str]:
        state = get(self.server, f"flow_runs/{flow_run}")["state"]
        return state["type"], state["message"] or ""


def test_runs_asked_for_over_the_api_are_done_by_a_worker(prefect: Prefect, settings: Settings, world: World) -> None:
    with get_client(sync_client=True) as client:
        bootstrap(client, ROOT / "deploy")
    night = prefect.start("nightly/nightly", {"as_of": world.epoch.isoformat()})
    empty = {"start": "2026-02-01", "end": "2026-01-01"}
    refused = prefect.start("backfill/adhoc", empty)
    prefect("worker", "start", "--pool", "apex-cpu", "--run-once")
    assert prefect.state(night)[0] == "COMPLETED", prefect.state(night)
    assert latest_snapshot(settings).as_of == world.epoch
    assert prefect.state(refused)[0] == "FAILED"
    assert "The window is empty" in prefect.state(refused)[1]
