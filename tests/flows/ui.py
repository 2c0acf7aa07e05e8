"""A Prefect server with its user interface, a worker, and a browser that looks at them."""

import os
import shutil
import socket
import subprocess
import sys
import time
from collections.abc import Generator, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx
import pytest

ROOT = Path(__file__).parents[2]
_PATIENCE_S = 300.0
_SERVER = {
    "DO_NOT_TRACK": "1",
    "PREFECT_SERVER_ANALYTICS_ENABLED": "false",
    "PREFECT_SERVER_UI_V2_ENABLED": "false",
    "PREFECT_SERVER_SERVICES_SCHEDULER_ENABLED": "false",  # nothing runs that was not asked for
}


class UiServer:
    """A server on a port of its own; ``environment`` is what its clients have."""

    def __init__(self, home: Path) -> None:
        with socket.create_server(("127.0.0.1", 0)) as listening:
            port: int = listening.getsockname()[1]
        self.url = f"http://127.0.0.1:{port}"
        self.environment = os.environ | _SERVER | {"PREFECT_HOME": str(home), "PREFECT_API_URL": f"{self.url}/api"}
        command = [sys.executable, "-m", "prefect", "server", "start", "--host", "127.0.0.1", "--port", str(port)]
        own = {**self.environment, "PREFECT_SERVER_UI_API_URL": f"{self.url}/api"}
        home.mkdir(parents=True)
        with (home / "server.log").open("w") as log:
            self.process = subprocess.Popen(command, env=own, stdout=log, stderr=log, start_new_session=True)

    def ask(self, path: str, body: dict[str, Any] | None = None) -> Any:
        """The answer of the API; a ``body`` is posted."""
        method = "GET" if body is None else "POST"
        answer = httpx.request(method, f"{self.url}/api/{path}", json=body, trust_env=False, timeout=30)
        answer.raise_for_status()
        return answer.json()

    def wait(self) -> None:
        deadline = time.monotonic() + _PATIENCE_S
        while time.monotonic() < deadline and self.process.poll() is None:
            try:
                return self.ask("health")
            except httpx.HTTPError:
                time.sleep(0.2)
        raise AssertionError("the server did not start")


@contextmanager
def ui_server(home: Path) -> Generator[UiServer]:
    """A server that answers, for as long as the block lasts."""
    server = UiServer(home)
    try:
        server.wait()
        yield server
    finally:
        end(server.process)


@contextmanager
def worker(server: UiServer, environment: dict[str, str], log: Path) -> Generator[None]:
    """A process worker of the pool apex-cpu, with the ``APEX_*`` settings in ``environment``."""
    command = [sys.executable, "-m", "prefect", "worker", "start", "--pool", "apex-cpu", "--type", "process"]
    with log.open("w") as out:
        own = {**server.environment, **environment, "PREFECT_WORKER_QUERY_SECONDS": "1"}
        process = subprocess.Popen(command, cwd=ROOT, env=own, stdout=out, stderr=out, start_new_session=True)
    try:
        yield
    finally:
        end(process)


def end(process: "subprocess.Popen[Any]") -> None:
    process.terminate()
    try:
        process.wait(20)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()


def bootstrapped(server: UiServer) -> None:
    """Let the server hold what ``deploy/`` says."""
    command = [sys.executable, "-m", "flows.cli", "bootstrap"]
    ran = subprocess.run(command, cwd=ROOT, env=server.environment, capture_output=True, text=True, check=False)
    assert ran.returncode == 0, ran.stdout + ran.stderr


def browser_page() -> Iterator[Any]:
    """A page of a headless Chromium; skips where there is none."""
    playwright = pytest.importorskip("playwright.sync_api", reason="playwright is not installed")
    chromium = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
    if chromium is None:
        pytest.skip("Chromium is not installed")
    with playwright.sync_playwright() as driver:
        browser = driver.chromium.launch(executable_path=chromium, args=["--no-sandbox"])
        page = browser.new_page(viewport={"width": 1200, "height": 1700})
        page.set_default_timeout(180_000)  # of a machine that has much else to do
        yield page
        browser.close()
