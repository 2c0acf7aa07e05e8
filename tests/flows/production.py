"""What an operator runs: PostgreSQL, a Prefect server that asks who is there, what ``deploy/`` holds, and workers."""

import json
import os
import secrets
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Generator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from uuid import UUID

import yaml
from prefect.client.orchestration import SyncPrefectClient, get_client
from prefect.client.schemas.objects import FlowRun
from prefect.settings import PREFECT_API_AUTH_STRING, temporary_settings

from apex_core.catalog.lock import holder_of
from flows.bootstrap.whole import bootstrap
from flows.local_server import LocalServer
from tests.flows.family import descendants
from tests.postgres import postgres

ROOT = Path(__file__).parents[2]
PATIENCE_S = 240.0
_HEARTBEAT_S, _UNHEARD_OF_S = 30, 40  # the shortest there is, and what would be 540 of 180
_SERVICES = {
    "PREFECT_SERVER_SERVICES_TRIGGERS_ENABLED": "true",
    "PREFECT_SERVER_CONCURRENCY_MAXIMUM_CONCURRENCY_SLOT_WAIT_SECONDS": "1",
}


@dataclass(frozen=True, slots=True)
class Production:
    """The server, its client, and the word that it asks for."""

    server: LocalServer
    client: SyncPrefectClient
    auth: str

    def asked(self, deployment: str, **parameters: Any) -> UUID:
        """Ask for a run, as the UI does; its id."""
        found = self.client.read_deployment_by_name(deployment)
        return self.client.create_flow_run_from_deployment(found.id, parameters=parameters).id

    def ended(self, run: UUID) -> FlowRun:
        """Wait until a run is over."""
        until(lambda: (state := self.client.read_flow_run(run).state) is not None and state.is_final())
        return self.client.read_flow_run(run)

    @contextmanager
    def worker(self, environment: dict[str, str], folder: Path) -> "Generator[subprocess.Popen[bytes]]":
        """A process worker of the pool apex-cpu; at the end it and all of its runs are killed."""
        own = {
            "PREFECT_API_URL": self.server.api_url,
            "PREFECT_API_AUTH_STRING": self.auth,
            "PREFECT_HOME": str(folder / "prefect"),
            "PREFECT_WORKER_QUERY_SECONDS": "1",
            "PREFECT_FLOWS_HEARTBEAT_FREQUENCY": str(_HEARTBEAT_S),
        }
        command = [sys.executable, "-m", "prefect", "worker", "start", "--pool", "apex-cpu", "--type", "process"]
        folder.mkdir()
        with (folder / "log").open("wb") as log:
            process = subprocess.Popen(
                command, cwd=folder, env=os.environ | environment | own, stdout=log, stderr=log, start_new_session=True
            )
        try:
            yield process
        finally:
            family = descendants(process.pid)
            process.kill()
            process.wait()
            for pid in family:
                kill(pid)


@contextmanager
def production(programs: Path, folder: Path) -> Generator[Production]:
    """A bootstrapped server. Only that it takes 40 seconds, not nine minutes, until nothing was heard of a run."""
    deploy, auth = folder / "deploy", f"apex:{secrets.token_hex(16)}"
    shutil.copytree(ROOT / "deploy", deploy)
    written = yaml.safe_load((deploy / "automations.yaml").read_text())
    [unheard_of] = [entry for entry in written["automations"] if entry["name"] == "apex-unheard-of-is-crashed"]
    unheard_of["trigger"]["within"] = _UNHEARD_OF_S
    (deploy / "automations.yaml").write_text(yaml.safe_dump(written))
    (folder / "flows").symlink_to(ROOT / "flows")  # entrypoints are looked for beside the folder
    with postgres(programs) as database:
        own = {"PREFECT_API_DATABASE_CONNECTION_URL": database, "PREFECT_SERVER_API_AUTH_STRING": auth}
        server = LocalServer(folder / "prefect", _SERVICES | own)
        try:
            word = temporary_settings({PREFECT_API_AUTH_STRING: auth})
            with word, server.connected(), get_client(sync_client=True) as client:
                bootstrap(client, deploy, code=ROOT)
                yield Production(server, client, auth)
        finally:
            server.stop()


def until(is_so: Callable[[], bool]) -> None:
    """Wait until it is so."""
    deadline = time.monotonic() + PATIENCE_S
    while not is_so():
        assert time.monotonic() < deadline, "it was waited for in vain"
        time.sleep(0.2)


def at_work(home: Path, flow: str) -> bool:
    """Is a process of the host running the flow?"""
    return holder_of(home / f"{flow}.lock") is not None


def pid_of(home: Path, flow: str) -> int:
    """The process that runs the flow."""
    return int(json.loads((home / f"{flow}.lock").read_text())["pid"])


def kill(pid: int) -> None:
    """As the kernel does it when memory is short."""
    try:
        os.kill(pid, signal.SIGKILL)
    except ProcessLookupError:
        return
