"""A Ray cluster of nodes that share nothing by accident: each has its own folders and its own environment."""

import contextlib
import os
import shutil
import signal
import socket
import subprocess
import sysconfig
import tempfile
import time
import uuid
from collections.abc import Generator, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from tests.flows.family import command, descendants, gone_within

ROOT = Path(__file__).parents[2]
_MARK = "APEX_TEST_CLUSTER"
_PATIENCE_S = 120
# Passed on to nodes; of the rest of our environment they know nothing.
_COMMON = ("PATH", "LANG", "LD_LIBRARY_PATH", "SYSTEMROOT")


@dataclass
class Node:
    """A node: its folder and the process that started all others of it."""

    folder: Path
    process: subprocess.Popen[bytes]

    def running(self, module: str) -> set[int]:
        """Processes of the node that run ``module``."""
        return descendants(self.process.pid, module)

    def kill(self) -> set[int]:
        """``kill -9`` of all that is Ray's; what our own code had started there, and has to go by itself."""
        family = descendants(self.process.pid)
        ours = {pid for pid in family if "apex_core" in command(pid)}
        for pid in (self.process.pid, *(family - ours)):
            _kill(pid)
        self.process.wait()
        return ours

    @property
    def log(self) -> str:
        return (self.folder / "ray.log").read_text()


@dataclass
class Cluster:
    """``address`` is what a driver on this host connects to; ``access`` what its environment needs for that."""

    port: int
    mark: str
    access: dict[str, str]
    folder: Path
    nodes: list[Node] = field(default_factory=list[Node])

    @property
    def address(self) -> str:
        return f"127.0.0.1:{self.port}"

    def start(self, name: str, variables: Mapping[str, str]) -> Node:
        """Start a node with one CPU; the first one is the head."""
        folder = self.folder / name
        for part in ("home", "tmp", "prefect", "apex", "work"):
            (folder / part).mkdir(parents=True)
        own = {"HOME": "home", "TMPDIR": "tmp", "PREFECT_HOME": "prefect", "APEX_HOME": "apex"}
        environment = {name: os.environ[name] for name in _COMMON if name in os.environ}
        environment |= {name: str(folder / part) for name, part in own.items()}
        environment |= {"PYTHONPATH": str(ROOT), _MARK: self.mark, **self.access, **variables}
        with (folder / "ray.log").open("wb") as log:
            process = subprocess.Popen(
                [*_command(self, folder)], cwd=folder / "work", env=environment, stdout=log, stderr=log
            )
        self.nodes.append(Node(folder, process))
        return self.nodes[-1]

    def wait(self) -> None:
        """Wait until every node is up."""
        deadline = time.monotonic() + _PATIENCE_S
        for node in self.nodes:
            while "Ray runtime started" not in node.log:
                if node.process.poll() is not None or time.monotonic() > deadline:
                    raise RuntimeError(f"A Ray node did not start:\n{node.log[-3000:]}")
                time.sleep(0.1)

    def end(self) -> set[int]:
        """End whatever is left of it; returns what could not be ended."""
        deadline = time.monotonic() + 10
        while (left := self._left()) and time.monotonic() < deadline:
            for pid in left:
                _kill(pid)
            for node in self.nodes:
                node.process.poll()
            gone_within(0.5, left)
        for node in self.nodes:
            node.process.wait(10)
        return left

    def _left(self) -> set[int]:
        """Every process that inherited the cluster's mark, wherever Ray has put it."""
        marked = f"{_MARK}={self.mark}".encode()
        found: set[int] = set()
        for environ in Path("/proc").glob("[0-9]*/environ"):
            with contextlib.suppress(OSError):
                if marked in environ.read_bytes():
                    found.add(int(environ.parent.name))
        return found


def _command(cluster: Cluster, folder: Path) -> list[str]:
    head = [f"--port={cluster.port}", f"--ray-client-server-port={free_port()}", "--include-dashboard=false"]
    return [
        str(shutil.which("ray", path=sysconfig.get_path("scripts"))),
        "start",
        *(["--head", *head] if not cluster.nodes else [f"--address={cluster.address}"]),
        "--node-ip-address=127.0.0.1",
        "--num-cpus=1",
        "--num-gpus=0",
        "--object-store-memory=80000000",
        "--min-worker-port=0",
        "--max-worker-port=0",
        f"--temp-dir={folder / 'ray'}",
        "--include-log-monitor=false",
        "--disable-usage-stats",
        "--block",
    ]


@contextlib.contextmanager
def ray_cluster() -> Generator[Cluster]:
    """An empty cluster; whatever of it runs when the block is left is ended."""
    token = uuid.uuid4().hex * 2
    # Whoever reaches its ports could run code: with the token, nobody else can.
    access = {"RAY_AUTH_MODE": "token", "RAY_AUTH_TOKEN": token, "RAY_USAGE_STATS_ENABLED": "0"}
    folder = Path(tempfile.mkdtemp(prefix="apex-", dir="/tmp"))  # short: Unix sockets have short names
    cluster = Cluster(free_port(), uuid.uuid4().hex, access, folder)
    try:
        yield cluster
    finally:
        left = cluster.end()
        shutil.rmtree(folder, ignore_errors=True)
        assert not left, f"still there: {[command(pid) for pid in left]}"


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as held:
        return held.getsockname()[1]


def _kill(pid: int) -> None:
    with contextlib.suppress(ProcessLookupError):
        os.kill(pid, signal.SIGKILL)
