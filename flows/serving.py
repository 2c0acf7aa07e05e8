"""A Prefect server, a worker and the sandbox, to try the user interface; they are there together or not at all.

Why it is shaped like this: the worker is a process by itself, out of reach of the terminal's Ctrl-C, and dies with us;
the runs it starts are its children, not ours, and are told whom to end with by a variable. The sandbox lives in this
process, so its address is the worker's environment.
"""

import contextlib
import os
import subprocess
import sys
from collections.abc import Generator
from pathlib import Path
from typing import IO

from apex_core.lifeline import die_with
from flows.local_server import search_path, stop

SERVING = "APEX_SERVING"  # as flows/__init__.py reads it
POOL = "apex-cpu"


@contextlib.contextmanager
def worker(api_url: str, home: Path, environment: dict[str, str]) -> Generator[subprocess.Popen[bytes]]:
    """A worker of the pool, with its log in ``home``, while the block lasts."""
    ours = {"PREFECT_API_URL": api_url, "PREFECT_HOME": str(home), SERVING: str(os.getpid())}
    with (home / "worker.log").open("ab") as log:
        process = _started(log, {**os.environ, **environment, **ours, "PYTHONPATH": search_path()})
    try:
        yield process
    finally:
        stop(process)


def _started(log: IO[bytes], environment: dict[str, str]) -> subprocess.Popen[bytes]:
    return subprocess.Popen(
        [sys.executable, "-P", "-m", "flows.serving", str(os.getpid())],
        stdin=subprocess.DEVNULL,
        stdout=log,
        stderr=log,
        env=environment,
        start_new_session=True,
    )


def _work(parent: int) -> None:
    """The worker process: work until told to stop, or ``parent`` is gone."""
    die_with(parent)
    from prefect.cli import app

    sys.argv = ["prefect", "worker", "start", "--pool", POOL, "--name", "serve"]
    app()


if __name__ == "__main__":
    _work(int(sys.argv[1]))
