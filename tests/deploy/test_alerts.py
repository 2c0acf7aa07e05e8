"""The shipped alerts, by a real server's triggers and actions, to a webhook and a mailbox."""

import queue
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml
from prefect.client.orchestration import SyncPrefectClient, get_client
from prefect.client.schemas.objects import State, StateType

from flows.bootstrap.whole import bootstrap
from flows.local_server import LocalServer
from tests.deploy.receivers import mailbox, webhook

ROOT = Path(__file__).parents[2]
UI = "http://prefect.example.com"
PATIENCE_S = 60

Received = tuple[SyncPrefectClient, "queue.Queue[Any]", "queue.Queue[Any]"]


@pytest.fixture
def alerted(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Received]:
    """A server as ``deploy/`` wants it, only that a missing snapshot is told after 10 seconds."""
    folder = tmp_path / "deploy"
    shutil.copytree(ROOT / "deploy", folder)
    (tmp_path / "flows").symlink_to(ROOT / "flows")  # entrypoints are looked for beside the folder
    written = yaml.safe_load((folder / "automations.yaml").read_text())
    stale = [entry for entry in written["automations"] if entry["name"].startswith("apex-stale-")]
    assert [entry["trigger"]["within"] for entry in stale] == [26 * 3600] * 2
    for entry in stale:
        entry["trigger"] = {**entry["trigger"], "within": 10}
    (folder / "automations.yaml").write_text(yaml.safe_dump(written))
    services = {"PREFECT_SERVER_SERVICES_TRIGGERS_ENABLED": "true", "PREFECT_UI_URL": UI}
    server = LocalServer(tmp_path / "prefect", services)
    try:
        with webhook() as (address, posted), mailbox() as (port, mailed), server.connected():
            monkeypatch.setenv("APEX_ALERT_WEBHOOK", address)
            monkeypatch.setenv("APEX_ALERT_MAIL", f"mailto://127.0.0.1:{port}?from=apex@example.com&to=me@example.com")
            with get_client(sync_client=True) as client:
                bootstrap(client, folder, code=ROOT)
                yield client, posted, mailed
    finally:
        server.stop()


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore:'imghdr' is deprecated:DeprecationWarning")  # apprise, of Python's own module
def test_what_goes_wrong_and_what_does_not_come_is_told(alerted: Received) -> None:
    client, posted, mailed = alerted
    deployment = client.read_deployment_by_name("nightly/nightly")
    run = client.create_flow_run_from_deployment(deployment.id)
    said = State(type=StateType.FAILED, name="Partial", message='audio left 2 "songs" undone')
    client.set_flow_run_state(run.id, said, force=True)
    page = f"{UI}/runs/flow-run/{run.id}"

    kind, told = posted.get(timeout=PATIENCE_S)
    assert kind == "application/json"
    assert told == {"text": f'apex nightly/nightly: Partial. audio left 2 "songs" undone {page}'}
    mail = mailed.get(timeout=PATIENCE_S)
    assert (mail["To"], mail["Subject"]) == ("me@example.com", "apex nightly/nightly: Partial")
    text = "".join(str(part.get_payload(decode=True)) for part in mail.walk() if not part.is_multipart())
    assert "undone" in text
    assert page in text

    _, told = posted.get(timeout=PATIENCE_S)
    assert told["text"].startswith("apex: no snapshot for 26 hours")
    mail = mailed.get(timeout=PATIENCE_S)
    assert (mail["To"], mail["Subject"]) == ("me@example.com", "apex: no snapshot for 26 hours")
