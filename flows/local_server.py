"""A Prefect server of our own, for as long as a command needs one.

Why it is shaped like this: Prefect's ephemeral server writes tracebacks to the terminal when it is torn down with
events pending, and outlives a parent that was killed. This one is a process by itself: it keeps its database in a
folder (so a later ``prefect server start`` with that PREFECT_HOME shows the runs), logs to a file, is not reached by
the terminal's Ctrl-C before the flow has ended, and dies with its parent, however that goes.
"""

import contextlib
import os
import socket
import subprocess
import sys
import time
from collections.abc import Generator, Mapping
from pathlib import Path
from types import MappingProxyType

import httpx

from apex_core.errors import ApexError
from apex_core.lifeline import die_with

_START_S, _STOP_S, _POLL_S = 180.0, 5.0, 0.1

# Only what records and shows runs: nothing here is scheduled, late, or worth reporting to anybody.
_SERVER = {
    "DO_NOT_TRACK": "1",
    "PREFECT_SERVER_ANALYTICS_ENABLED": "false",
    "PREFECT_SERVER_UI_ENABLED": "false",
    "PREFECT_SERVER_UI_SHOW_PROMOTIONAL_CONTENT": "false",
    "PREFECT_SERVER_SERVICES_SCHEDULER_ENABLED": "false",
    "PREFECT_SERVER_SERVICES_LATE_RUNS_ENABLED": "false",
    "PREFECT_SERVER_SERVICES_TRIGGERS_ENABLED": "false",
    # In memory, as it is by default, a restart would forget who has a slot of a limit, and the slot stay taken.
    "PREFECT_SERVER_CONCURRENCY_LEASE_STORAGE": "prefect.server.concurrency.lease_storage.filesystem",
}


class LocalServer:
    """A server process; started at once, so that other work can be done until ``connected`` waits for it.

    ``environment``: more of Prefect's settings, for a server that is to do more than record. ``port`` 0: a free one.
    """

    def __init__(self, home: Path, environment: Mapping[str, str] = MappingProxyType({}), port: int = 0) -> None:
        home.mkdir(parents=True, exist_ok=True)
        self.home = home.absolute()
        self.log = self.home / "server.log"
        with socket.create_server(("127.0.0.1", port)) as listening:
            self._port: int = listening.getsockname()[1]
            listening.set_inheritable(True)
            with self.log.open("ab") as log:
                self._process = subprocess.Popen(
                    [sys.executable, "-P", "-m", "flows.local_server", str(listening.fileno()), str(os.getpid())],
                    pass_fds=(listening.fileno(),),
                    stdin=subprocess.DEVNULL,
                    stdout=log,
                    stderr=log,
                    env=os.environ
                    | _SERVER
                    | {**environment, "PREFECT_HOME": str(self.home), "PYTHONPATH": search_path()},
                    start_new_session=True,  # out of reach of the terminal's Ctrl-C
                )

    @property
    def api_url(self) -> str:
        """What PREFECT_API_URL is to be."""
        return f"http://127.0.0.1:{self._port}/api"

    @property
    def pid(self) -> int:
        return self._process.pid

    @property
    def is_up(self) -> bool:
        """Is the process there?"""
        return self._process.poll() is None

    @contextlib.contextmanager
    def connected(self) -> Generator[None]:
        """Wait until the server answers; inside the block, flows of this process report to it."""
        from prefect.settings import (
            PREFECT_API_URL,
            PREFECT_FLOWS_HEARTBEAT_FREQUENCY,
            PREFECT_HOME,
            temporary_settings,
        )

        self.wait()
        # Nobody here waits for heartbeats, and every flow waits a second for them to stop.
        quiet = {PREFECT_FLOWS_HEARTBEAT_FREQUENCY: None}
        with temporary_settings({PREFECT_API_URL: self.api_url, PREFECT_HOME: self.home, **quiet}):
            try:
                yield
            finally:
                _flush()

    def wait(self) -> None:
        """Wait until the server answers; raises ApexError when it does not."""
        deadline = time.monotonic() + _START_S
        while not self._answers():
            if self._process.poll() is not None or time.monotonic() > deadline:
                self.stop()
                raise ApexError("The local Prefect server did not start.", fix=f"read {self.log}")
            time.sleep(_POLL_S)

    def _answers(self) -> bool:
        # The socket listens before the server does: a request then waits for it instead of being refused.
        try:
            return httpx.get(f"{self.api_url}/health", timeout=2, trust_env=False).status_code == 200
        except httpx.HTTPError:
            return False

    def stop(self) -> None:
        """End the server and wait until it is gone."""
        stop(self._process)


def stop(process: subprocess.Popen[bytes]) -> None:
    """End a process, patiently at first, and wait until it is gone."""
    process.terminate()
    try:
        process.wait(_STOP_S)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()


@contextlib.contextmanager
def local_server(home: Path) -> Generator[LocalServer]:
    """Run a server with its files in ``home`` and connect this process to it, while the block lasts."""
    server = LocalServer(home)
    try:
        with server.connected():
            yield server
    finally:
        server.stop()


def _flush() -> None:
    """Send what is still queued: once the server is gone it could only be complained about."""
    from prefect.events.worker import EventsWorker
    from prefect.logging.handlers import APILogWorker

    APILogWorker.drain_all()
    EventsWorker.drain_all()


def search_path() -> str:
    """PYTHONPATH for a process that is to find what this one finds."""
    return os.pathsep.join(entry or os.getcwd() for entry in sys.path)


def _serve(descriptor: int, parent: int) -> None:
    """The server process: serve on a socket that is open already, until told to stop or ``parent`` is gone."""
    die_with(parent)
    import uvicorn
    from prefect.server.api.server import create_app

    config = uvicorn.Config(create_app(final=True), log_level="error", lifespan="on", timeout_graceful_shutdown=2)
    uvicorn.Server(config).run([socket.socket(fileno=descriptor)])


if __name__ == "__main__":
    _serve(int(sys.argv[1]), int(sys.argv[2]))
