"""Secrets are changed in the order of the operations page, and who still has the old one is told so."""

import subprocess
import sys
from pathlib import Path
from tomllib import loads

import pytest
from prefect.client.schemas.actions import WorkPoolCreate
from prefect.settings import PREFECT_API_AUTH_STRING, PREFECT_API_URL, temporary_settings

from apex_core.errors import ApexError
from apex_core.storage import Store
from flows.commands.operate import pause, resume
from flows.commands.server import connected
from flows.local_server import LocalServer
from tests.s3_server import NEXT_ACCESS_KEY, NEXT_SECRET_KEY

ROOT = Path(__file__).parents[2]
OLD, NEW = "operator:old-one", "operator:new-one"


@pytest.mark.slow
def test_prefects_password_is_changed_during_a_pause(tmp_path: Path) -> None:
    server = LocalServer(tmp_path, {"PREFECT_SERVER_API_AUTH_STRING": OLD})
    try:
        server.wait()
        with temporary_settings({PREFECT_API_URL: server.api_url, PREFECT_API_AUTH_STRING: OLD}):
            with connected() as client:
                client.create_work_pool(WorkPoolCreate(name="apex-cpu", type="process"))
            pause()
    finally:
        server.stop()
    server = LocalServer(tmp_path, {"PREFECT_SERVER_API_AUTH_STRING": NEW})
    try:
        server.wait()
        with temporary_settings({PREFECT_API_URL: server.api_url, PREFECT_API_AUTH_STRING: OLD}):
            with pytest.raises(ApexError, match="answers 401") as refused:
                resume()
            assert "PREFECT_API_AUTH_STRING" in str(refused.value.fix)
        with temporary_settings({PREFECT_API_URL: server.api_url, PREFECT_API_AUTH_STRING: NEW}):
            with connected() as client:
                assert client.read_work_pool("apex-cpu").is_paused, "it is the same server, still paused"
            resume()
            with connected() as client:
                assert not client.read_work_pool("apex-cpu").is_paused
    finally:
        server.stop()


def test_a_second_s3_key_opens_the_store_of_the_first(s3_url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    store = Store.open(s3_url)
    store.put("a", b"1")
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", NEXT_ACCESS_KEY)
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", NEXT_SECRET_KEY)
    code = f"from apex_core.storage import Store; s = Store.open({s3_url!r}); s.put('b', s.read('a'))"
    subprocess.run([sys.executable, "-c", code], check=True, cwd=ROOT)
    assert store.read("b") == b"1", "who is at work goes on with the first"


def test_a_box_makes_a_secret_anew_that_was_deleted_and_no_other(tmp_path: Path) -> None:
    command = [sys.executable, str(ROOT / "deploy" / "first_start.py"), str(tmp_path)]
    subprocess.run(command, check=True)
    before = _said(tmp_path)
    (tmp_path / "server" / "login").unlink()
    subprocess.run(command, check=True)
    after = _said(tmp_path)
    assert after["server"] != before["server"]
    assert (after["server"], after["database"], after["s3"]) == (after["client"], before["database"], before["s3"])


def _said(folder: Path) -> dict[str, str]:
    server = loads((folder / "server" / "profiles.toml").read_text())["profiles"]["server"]
    client = loads((folder / "client" / "profiles.toml").read_text())["profiles"]["client"]
    return {
        "server": server["PREFECT_SERVER_API_AUTH_STRING"],
        "client": client["PREFECT_API_AUTH_STRING"],
        "database": server["PREFECT_SERVER_DATABASE_PASSWORD"],
        "s3": (folder / "s3" / "secret").read_text(),
    }
