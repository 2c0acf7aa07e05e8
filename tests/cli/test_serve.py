"""`apex serve`: there together, and gone together, however it ends and whatever is at work."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx
import pytest

ROOT = Path(__file__).parents[2]
PATIENCE_S, GONE_S = 240.0, 10.0

pytestmark = [pytest.mark.slow, pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")]


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("serve") / "home"


class Serving:
    """`apex serve` as it runs: its process, its API, and who else is there because of it."""

    def __init__(self, process: "subprocess.Popen[str]", address: str) -> None:
        self.process, self.api = process, f"{address.removesuffix('/deployments')}/api"

    def get(self, path: str) -> Any:
        return httpx.get(f"{self.api}/{path}", trust_env=False, timeout=60).raise_for_status().json()

    def begin_a_night(self) -> str:
        """A nightly at work, its process in the table of processes; the run's id."""
        id = self.get("deployments/name/nightly/nightly")["id"]
        asked = httpx.post(f"{self.api}/deployments/{id}/create_flow_run", json={}, trust_env=False, timeout=60)
        run = str(asked.raise_for_status().json()["id"])
        wait_until(lambda: self.get(f"flow_runs/{run}")["state_type"] == "RUNNING")
        assert len(self.others()) >= 2, "a worker and a run"
        return run

    def others(self) -> set[int]:
        """Processes that are told to end with this one."""
        return {pid for pid in everybody() if f"APEX_SERVING={self.process.pid}" in environment_of(pid)}


def everybody() -> set[int]:
    return {int(path.name) for path in Path("/proc").iterdir() if path.name.isdigit()}


def environment_of(pid: int) -> list[str]:
    try:
        return Path(f"/proc/{pid}/environ").read_bytes().decode("utf-8", "replace").split("\0")
    except OSError:
        return []


def children_of(pid: int) -> set[int]:
    return {other for other in everybody() if f"PPid:\t{pid}\n" in status_of(other)}


def status_of(pid: int) -> str:
    try:
        return Path(f"/proc/{pid}/status").read_text()
    except OSError:
        return ""


def wait_until(true: Callable[[], bool], seconds: float = PATIENCE_S) -> None:
    deadline = time.monotonic() + seconds
    while not true():
        assert time.monotonic() < deadline, "waited in vain"
        time.sleep(0.2)


@contextmanager
def serving(home: Path) -> Iterator[Serving]:
    command = [sys.executable, "-m", "flows.cli", "serve", "--songs", "8", "--home", str(home), "--port", "0"]
    env = {name: value for name, value in os.environ.items() if not name.startswith(("APEX_", "PREFECT_"))}
    with subprocess.Popen(command, cwd=ROOT, env=env, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as up:
        assert up.stdout is not None
        try:
            yield Serving(up, up.stdout.readline().strip())
        finally:
            up.kill()


def test_ctrl_c_stops_all_of_it_and_says_what_became_of_a_run(home: Path) -> None:
    with serving(home) as it:
        assert httpx.get(it.api.removesuffix("/api"), trust_env=False, timeout=60).status_code == 200, "the interface"
        assert it.get("admin/settings")["server"]["analytics_enabled"] is False
        assert {pool["name"] for pool in httpx.post(f"{it.api}/work_pools/filter", json={}).json()} >= {"apex-cpu"}
        it.begin_a_night()
        family = it.others() | children_of(it.process.pid)
        it.process.send_signal(signal.SIGINT)
        _, said = it.process.communicate(timeout=60)
        assert it.process.returncode == 0, said
        assert "cancelled: " in said
        assert "nothing is left running" in said
        assert "Traceback" not in said
        wait_until(lambda: not family & everybody(), GONE_S)


def test_killed_it_leaves_nothing_after_ten_seconds(home: Path) -> None:
    with serving(home) as it:
        it.begin_a_night()
        family = it.others() | children_of(it.process.pid)
        assert len(family) >= 3, "a server, a worker and a run"
        it.process.kill()
        it.process.wait()
        wait_until(lambda: not {pid for pid in family if "State:\tZ" not in status_of(pid)} & everybody(), GONE_S)
