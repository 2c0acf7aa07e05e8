"""What a night needs around it, as processes of their own: a sandbox with songs, a Prefect server, a worker.

``python -m tests.bench.nightly_world FOLDER SONGS SECONDS`` serves a world until its standard input ends; before that
it says where.
"""

import contextlib
import json
import os
import subprocess
import sys
import time
from collections.abc import Generator, Mapping
from datetime import datetime
from pathlib import Path
from typing import IO, Any, cast

import httpx

from apex_core.sandbox import SandboxServer, World, build_world
from apex_core.settings import SandboxSettings
from flows.commands.demo_home import variables
from flows.local_server import LocalServer

ROOT = Path(__file__).parents[2]
_POLL_S, _TRIES = 0.05, 10


def world(folder: Path, songs: int, seconds: float) -> World:
    """Songs of equal length, in mp3 and other formats; rendered once a folder."""
    wanted = SandboxSettings(songs=songs, min_seconds=seconds, max_seconds=seconds, workers=os.cpu_count() or 1)
    return build_world(wanted, folder)


@contextlib.contextmanager
def sandbox(folder: Path, songs: int, seconds: float) -> Generator[tuple[dict[str, str], datetime]]:
    """A sandbox that offers the songs: the ``APEX_*`` variables that lead to it, and its virtual time."""
    command = [sys.executable, "-m", "tests.bench.nightly_world", str(folder), str(songs), str(seconds)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, cwd=ROOT) as child:
        said = json.loads(cast(IO[str], child.stdout).readline())
        yield said["variables"], datetime.fromisoformat(said["clock"])
        cast(IO[str], child.stdin).close()


@contextlib.contextmanager
def prefect(home: Path) -> Generator[LocalServer]:
    """A running Prefect server, on SQLite."""
    server = LocalServer(home)
    try:
        server.wait()
        yield server
    finally:
        server.stop()


@contextlib.contextmanager
def worker(environment: Mapping[str, str]) -> Generator[None]:
    """The server as ``apex bootstrap`` sets it up, and a worker of the pool that the nightly is for."""
    apex("bootstrap", environment=environment)
    command = [sys.executable, "-m", "prefect", "worker", "start", "--pool", "apex-cpu", "--name", "bench"]
    quiet: dict[str, Any] = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
    with subprocess.Popen(command, env=dict(environment), cwd=ROOT, **quiet) as running:
        try:
            yield
        finally:
            running.terminate()


def apex(*words: str, environment: Mapping[str, str]) -> float:
    """Run the command line as a process of its own; seconds from its start to its end."""
    started = time.perf_counter()
    done = subprocess.run(
        [sys.executable, "-m", "flows.cli", *words], env=dict(environment), cwd=ROOT, capture_output=True, text=True,
        check=False,
    )  # fmt: skip
    if done.returncode:
        raise RuntimeError(f"apex {' '.join(words)} ended with {done.returncode}: {done.stderr[-2000:]}")
    return time.perf_counter() - started


class Api:
    """What the Prefect server says about runs."""

    def __init__(self, url: str) -> None:
        self._http = httpx.Client(base_url=f"{url}/", timeout=60, trust_env=False)

    def ask(self, path: str, body: object = None) -> Any:
        answer = httpx.Response(503)
        for _ in range(_TRIES):  # as Prefect's own client: a database that is busy has done nothing
            answer = self._http.get(path) if body is None else self._http.post(path, json=body)
            if answer.status_code != 503:
                break
            time.sleep(1)
        answer.raise_for_status()
        return answer.json()

    def run(self, deployment: str, parameters: Mapping[str, object]) -> dict[str, Any]:
        """Let a worker carry out a run now; the run when it has ended."""
        found = self.ask(f"deployments/name/{deployment}")
        wanted = {"parameters": dict(parameters), "state": {"type": "SCHEDULED"}}
        run = self.ask(f"deployments/{found['id']}/create_flow_run", wanted)
        while run["state_type"] not in ("COMPLETED", "FAILED", "CRASHED", "CANCELLED"):
            time.sleep(_POLL_S)
            run = self.ask(f"flow_runs/{run['id']}")
        if run["state_type"] != "COMPLETED":
            raise RuntimeError(f"{deployment} ended {run['state_name']}: {run['state']['message']}")
        return run

    def flow_runs(self, since: datetime) -> list[dict[str, Any]]:
        """Every flow run that began after a moment, oldest first; names of flows as ``flow``."""
        names = {flow["id"]: flow["name"] for flow in self.ask("flows/filter", {})}
        chosen = {"flow_runs": {"start_time": {"after_": since.isoformat()}}, "sort": "START_TIME_ASC"}
        return [{**run, "flow": names[run["flow_id"]]} for run in self.ask("flow_runs/filter", chosen)]

    def task_runs(self, flow_run_id: str) -> list[dict[str, Any]]:
        """The task runs of a flow run, when the server has written down that they have ended."""
        while True:
            chosen = {"flow_runs": {"id": {"any_": [flow_run_id]}}}
            found = self.ask("task_runs/filter", chosen)  # at most 200, which is the bound
            if all(run["state_type"] not in ("PENDING", "RUNNING") for run in found):
                return found
            time.sleep(_POLL_S)


def _serve(folder: str, songs: str, seconds: str) -> None:
    with SandboxServer(world(Path(folder), int(songs), float(seconds))) as server:
        told = variables(server.base_url, server.address, server.token)
        print(json.dumps({"variables": told, "clock": server.clock.isoformat()}), flush=True)
        sys.stdin.read()


if __name__ == "__main__":
    _serve(*sys.argv[1:])
