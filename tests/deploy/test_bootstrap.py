"""Bootstrap and the operator's three commands, on a real server: what is there afterwards, not what was called."""

import os
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
import yaml
from prefect.client.orchestration import SyncPrefectClient, get_client
from prefect.client.schemas.actions import VariableUpdate
from prefect.states import Scheduled
from typer.testing import CliRunner

from apex_core.errors import ApexError, SettingsError
from flows.bootstrap.changes import Change
from flows.bootstrap.whole import bootstrap
from flows.cli import app
from flows.local_server import LocalServer, local_server
from tests.flows.pages import get, post

ROOT = Path(__file__).parents[2]
NIGHTLY = "nightly/nightly"
ALL = (
    NIGHTLY, "ingest/hourly", "backfill/adhoc", "retrain/adhoc", "predict/adhoc", "publish/promote",
    "publish/rollback", "maintenance/weekly",
)  # fmt: skip

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LocalServer]:
    with local_server(tmp_path_factory.mktemp("bootstrap")) as running:
        yield running


@pytest.fixture
def client(server: LocalServer) -> Iterator[SyncPrefectClient]:
    with get_client(sync_client=True) as connected:
        yield connected


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A copy of ``deploy/`` that a test may change."""
    shutil.copytree(ROOT / "deploy", tmp_path / "deploy")
    (tmp_path / "flows").symlink_to(ROOT / "flows")
    return tmp_path / "deploy"


def outcomes(changes: list[Change]) -> set[str]:
    return {change.outcome for change in changes}


def held(server: LocalServer) -> dict[str, Any]:
    """All that bootstrap is about, as the server has it, with the times of its last change."""
    everything = {
        kind: post(server, f"{kind}/filter", {})
        for kind in ("deployments", "work_pools", "automations", "variables", "v2/concurrency_limits")
    }
    volatile = ("status", "last_polled", "active_slots")
    return {
        kind: sorted(({k: v for k, v in one.items() if k not in volatile} for one in found), key=lambda one: one["id"])
        for kind, found in everything.items()
    }


def edit(path: Path, change: Any) -> None:
    written = yaml.safe_load(path.read_text())
    change(written)
    path.write_text(yaml.safe_dump(written))


def command(*words: str) -> str:
    ran = CliRunner(env={"COLUMNS": "200"}).invoke(app, list(words))
    assert ran.exit_code == 0, ran.output
    return ran.output


def nights(server: LocalServer) -> list[dict[str, Any]]:
    """What the schedule has made, in order, after it was asked to make some, as the scheduler asks every minute."""
    id = get(server, f"deployments/name/{NIGHTLY}")["id"]
    post(server, f"deployments/{id}/schedule", {"min_runs": 3})
    asked = {"flow_runs": {"deployment_id": {"any_": [id]}}, "sort": "EXPECTED_START_TIME_ASC"}
    return [run for run in post(server, "flow_runs/filter", asked) if run["auto_scheduled"]]


def test_one_that_was_killed_is_made_good_and_the_next_changes_nothing(server: LocalServer) -> None:
    env = os.environ | {"PREFECT_API_URL": server.api_url}
    command = [sys.executable, "-m", "flows.cli", "bootstrap"]
    killed = subprocess.Popen(command, cwd=ROOT, env=env, stderr=subprocess.DEVNULL)
    with killed:
        while killed.poll() is None and not post(server, "deployments/filter", {}):
            time.sleep(0.01)
        killed.kill()
    assert len(post(server, "deployments/filter", {})) < len(ALL), "it was not killed half way"

    with get_client(sync_client=True) as client:
        again = bootstrap(client, ROOT / "deploy")
        before = held(server)
        second = bootstrap(client, ROOT / "deploy")
    assert {change.name for change in again if change.kind == "deployment"} >= set(ALL)
    assert {"created", "unchanged"} <= outcomes(again)
    assert not [change for change in second if change.outcome not in ("unchanged", "left out")]
    assert held(server) == before


def test_what_differs_is_set_and_what_is_gone_is_removed(
    server: LocalServer, client: SyncPrefectClient, folder: Path
) -> None:
    def with_more(written: dict[str, Any]) -> None:
        written["concurrency_limits"].append({"name": "apex-old", "limit": 1})
        written["variables"].append({"name": "apex_old", "value": "1"})

    def with_automation(written: dict[str, Any]) -> None:
        trigger = {"type": "event", "posture": "Reactive", "expect": ["never"], "threshold": 1, "within": 0}
        run = {"type": "run-deployment", "source": "selected", "deployment_id": "${deployment:predict/adhoc}"}
        written["automations"].append({"name": "apex-old", "trigger": trigger, "actions": [run]})

    def with_deployment(written: dict[str, Any]) -> None:
        [weekly] = [one for one in written["deployments"] if one["name"] == "weekly"]
        written["deployments"].append({**weekly, "name": "old", "schedules": []})
        weekly["schedules"].append({"slug": "old", "cron": "0 1 * * *", "timezone": "Etc/UTC"})

    edit(folder / "server.yaml", with_more)
    edit(folder / "automations.yaml", with_automation)
    edit(folder / "prefect.yaml", with_deployment)
    bootstrap(client, folder)
    assert {"apex-old"} == {one["name"] for one in post(server, "automations/filter", {}) if one["name"] == "apex-old"}
    assert len(get(server, "deployments/name/maintenance/weekly")["schedules"]) == 2

    client.update_variable(VariableUpdate(name="apex_nightly_cron", value="0 4 * * *"))
    changes = bootstrap(client, ROOT / "deploy")
    removed = {(change.kind, change.name) for change in changes if change.outcome == "removed"}
    assert removed == {
        ("limit", "apex-old"), ("variable", "apex_old"), ("automation", "apex-old"), ("deployment", "maintenance/old"),
    }  # fmt: skip
    [weekly] = get(server, "deployments/name/maintenance/weekly")["schedules"]
    assert weekly["slug"] == "weekly"
    [nightly] = get(server, f"deployments/name/{NIGHTLY}")["schedules"]
    assert nightly["schedule"]["cron"] == "0 4 * * *", "a variable that was set on the server counts"
    client.update_variable(VariableUpdate(name="apex_nightly_cron", value="0 3 * * *"))
    assert "updated" in outcomes(bootstrap(client, ROOT / "deploy"))


def test_a_night_that_is_skipped_stays_so_though_bootstrap_changes_its_deployment(
    server: LocalServer, client: SyncPrefectClient, folder: Path
) -> None:
    bootstrap(client, ROOT / "deploy")
    tonight, following = nights(server)[:2]
    assert "skipped: the nightly of" in command("skip")
    assert "was skipped already" in command("skip")
    edit(folder / "prefect.yaml", lambda written: written["deployments"][0].update(description="another"))
    changes = bootstrap(client, folder, code=ROOT)
    assert [change.detail for change in changes if change.name == NIGHTLY] == ["description"]
    first, second = nights(server)[:2]
    assert (first["id"], first["state_name"]) == (tonight["id"], "Skipped")
    assert (second["expected_start_time"], second["state_name"]) == (following["expected_start_time"], "Scheduled")
    assert "takes place after all" in command("skip", "--undo")
    assert nights(server)[0]["state_type"] == "SCHEDULED"


def test_during_a_pause_nothing_begins_and_what_a_schedule_missed_is_skipped(
    server: LocalServer, client: SyncPrefectClient
) -> None:
    bootstrap(client, ROOT / "deploy")

    def given() -> set[str]:
        """What a worker would get now."""
        soon = datetime.now(UTC) + timedelta(seconds=10)
        found = client.get_scheduled_flow_runs_for_work_pool("apex-cpu", scheduled_before=soon)
        return {str(one.flow_run.id) for one in found}

    predict = client.read_deployment_by_name("predict/adhoc")
    asked = str(client.create_flow_run_from_deployment(predict.id).id)
    missed = nights(server)[0]["id"]
    past = datetime.now(UTC) - timedelta(hours=1)
    assert asked in given()
    assert "paused: apex-cpu;" in command("pause"), "a run that goes on may ask for GPUs"
    assert "was paused already" in command("pause")
    client.set_flow_run_state(missed, Scheduled(scheduled_time=past), force=True)
    assert given() == set()
    bootstrap(client, ROOT / "deploy")
    assert given() == set(), "bootstrap lets a pause be"
    said = command("resume")
    assert "resumed: apex-cpu" in said
    assert "skipped, since its time passed meanwhile: nightly/nightly" in said
    assert given() == {asked}
    assert get(server, f"flow_runs/{missed}")["state_name"] == "Skipped"
    assert "nothing was paused" in command("resume")


def test_what_is_wrong_with_the_files_is_said_before_the_server_is_touched(
    server: LocalServer, client: SyncPrefectClient, folder: Path
) -> None:
    before = held(server)
    edit(folder / "prefect.yaml", lambda written: written["deployments"][0].pop("entrypoint"))
    with pytest.raises(SettingsError, match=r"prefect\.yaml: entrypoint"):
        bootstrap(client, folder)
    assert held(server) == before


def test_a_pool_of_another_kind_is_not_taken_over(client: SyncPrefectClient) -> None:
    bootstrap(client, ROOT / "deploy")
    with pytest.raises(ApexError, match="is for process workers, not for docker"):
        bootstrap(client, ROOT / "deploy", "docker")
