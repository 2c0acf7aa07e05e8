"""A real PostgreSQL for tests: Debian's, on a loopback port that is free, with a password."""

import os
import pwd
import secrets
import shutil
import socket
import subprocess
import tempfile
import time
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path

_PATIENCE_S = 60


def programs() -> Path | None:
    """Where ``initdb`` and ``postgres`` lie; None when PostgreSQL is not installed."""
    found = [*sorted(Path("/usr/lib/postgresql").glob("*/bin"), reverse=True)]
    if (there := shutil.which("initdb")) is not None:
        found.append(Path(there).parent)
    return next((folder for folder in found if (folder / "initdb").exists()), None)


@contextmanager
def postgres(where: Path) -> Generator[str]:
    """Run a server until the context ends; the address of its database for SQLAlchemy with asyncpg."""
    folder, user = Path(tempfile.mkdtemp(prefix="apex-postgres-")), _user()
    password = secrets.token_hex(16)
    (folder / "password").write_text(password)
    if user is not None:  # it refuses to run as root
        for path in (folder, folder / "password"):
            shutil.chown(path, user)
    data, port = folder / "data", _free_port()
    made = [where / "initdb", "-D", data, "-U", "apex", "-A", "scram-sha-256", "--pwfile", folder / "password", "-N"]
    subprocess.run(made, user=user, cwd=folder, check=True, capture_output=True)
    options = {"listen_addresses": "127.0.0.1", "unix_socket_directories": "", "fsync": "off", "shared_buffers": "32MB"}
    command = [
        where / "postgres",
        "-D",
        data,
        "-p",
        str(port),
        *(f"--{name}={value}" for name, value in options.items()),
    ]
    with (folder / "log").open("wb") as log:
        process = subprocess.Popen(command, user=user, cwd=folder, stdout=log, stderr=log, start_new_session=True)
    try:
        _wait(process, where, port, folder / "log")
        yield f"postgresql+asyncpg://apex:{password}@127.0.0.1:{port}/postgres"
    finally:
        process.send_signal(3)  # SIGQUIT: at once
        process.wait()
        shutil.rmtree(folder)


def _user() -> str | None:
    """Whom to run it as, when we are root."""
    if os.geteuid() != 0:
        return None
    names = {entry.pw_name for entry in pwd.getpwall()}
    return "postgres" if "postgres" in names else "nobody"


def _free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as listening:
        return listening.getsockname()[1]


def _wait(process: "subprocess.Popen[bytes]", where: Path, port: int, log: Path) -> None:
    deadline = time.monotonic() + _PATIENCE_S
    while subprocess.run([where / "pg_isready", "-q", "-h", "127.0.0.1", "-p", str(port)], check=False).returncode:
        if process.poll() is not None or time.monotonic() > deadline:
            raise RuntimeError(f"PostgreSQL did not start:\n{log.read_text()[-2000:]}")
        time.sleep(0.1)
