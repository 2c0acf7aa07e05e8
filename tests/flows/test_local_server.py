"""The server of our own: up, quiet, and gone when it should be."""

import contextlib
import os
import select
import subprocess
import sys
from collections.abc import Generator
from pathlib import Path

import pytest

from apex_core.errors import ApexError
from flows.local_server import LocalServer
from tests.flows.pages import get

ROOT = Path(__file__).parents[2]

# Says which process the server is, then waits to be killed.
_KILLED = """
import sys
from pathlib import Path
from flows.local_server import LocalServer
server = LocalServer(Path(sys.argv[1]))
sys.stdout.write(f"{server.pid}\\n")
sys.stdout.flush()
sys.stdin.read()
"""

# A whole command: a server, a flow with logs and events still on their way, the end.
_FLOW = """
import sys
from pathlib import Path
from duckdb import DuckDBPyConnection  # known to the flow's module, as to ours
from flows.local_server import local_server
from prefect import flow, get_run_logger, task

@task
def one(n: int) -> int:
    get_run_logger().info("task %s", n)
    return n

@flow
def several() -> None:
    for n in range(20):
        one(n)

with local_server(Path(sys.argv[1])):
    several()
"""


@contextlib.contextmanager
def parent(home: Path) -> Generator[tuple[subprocess.Popen[str], int]]:
    """A process with a server, and that server's pid."""
    started = subprocess.Popen(
        [sys.executable, "-c", _KILLED, str(home)], cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    with started:
        assert started.stdout is not None
        yield started, int(started.stdout.readline())


def test_it_dies_with_its_parent(tmp_path: Path) -> None:
    with parent(tmp_path) as (process, server):
        watched = os.pidfd_open(server)
        process.kill()
        process.wait()
    try:
        assert select.select([watched], [], [], 10)[0], "ten seconds later it is still there"
    finally:
        os.close(watched)


def test_it_answers_and_knows_of_no_other_home(prefect_server: LocalServer) -> None:
    assert get(prefect_server, "health") is True
    assert (prefect_server.home / "prefect.db").exists()


def test_a_server_that_cannot_start_says_where_to_look(tmp_path: Path) -> None:
    (tmp_path / "prefect.db").mkdir()
    server = LocalServer(tmp_path)
    with pytest.raises(ApexError, match="did not start") as raised:
        server.wait()
    assert str(server.log) in str(raised.value)


@pytest.mark.slow
def test_a_command_ends_without_a_word_of_complaint(tmp_path: Path) -> None:
    ran = subprocess.run(
        [sys.executable, "-c", _FLOW, str(tmp_path)], cwd=ROOT, capture_output=True, text=True, check=False
    )
    assert ran.returncode == 0
    assert "Traceback" not in ran.stdout + ran.stderr
    assert "Error" not in ran.stderr
    assert "leaked" not in ran.stderr
