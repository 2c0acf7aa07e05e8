"""Runs that waited: a night for more than a day, a run for a slot of a limit; and runs that crashed meanwhile."""

import re
import threading
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
import yaml
from prefect import flow
from prefect.client.orchestration import SyncPrefectClient, get_client
from prefect.client.schemas.actions import GlobalConcurrencyLimitCreate
from prefect.client.schemas.objects import FlowRun, State
from prefect.exceptions import ObjectNotFound
from prefect.flow_engine import run_flow
from prefect.settings.models.flows import FlowsSettings
from prefect.states import Crashed, Running, Scheduled

from apex_core.catalog import connect
from apex_core.errors import Fenced
from apex_core.pipeline.run import begin, exclusive
from apex_core.sandbox import World
from apex_core.settings import Settings
from flows.crashed import crashed
from flows.limits import limited
from flows.local_server import LocalServer
from flows.nightly import nightly
from flows.session import PARTIAL

ROOT = Path(__file__).parents[2]
FOLDER = ROOT / "deploy"


@pytest.fixture
def client(prefect_server: LocalServer) -> Iterator[SyncPrefectClient]:
    with get_client(sync_client=True) as connected:
        yield connected


def waiting(client: SyncPrefectClient, of: Any, since: timedelta, **parameters: Any) -> FlowRun:
    """A run of a deployment that was due so long ago."""
    deployment = client.create_deployment(client.create_flow(of), f"test-{of.name}")
    due = datetime.now(UTC) - since
    return client.create_flow_run_from_deployment(
        deployment, state=Scheduled(scheduled_time=due), parameters=parameters
    )


def started(run: FlowRun, of: Any) -> State[Any]:
    return run_flow(of, flow_run=run, parameters=run.parameters, return_type="state")  # type: ignore[return-value]


def test_a_night_that_waited_for_a_day_is_dropped_before_it_touches_anything(
    client: SyncPrefectClient, settings: Settings
) -> None:
    run = waiting(client, nightly, timedelta(hours=30))
    state = started(run, nightly)
    assert (state.type.value, state.name) == ("CANCELLED", "Skipped")
    assert "waited 30 hours: the next night does its work" in str(state.message)
    assert not settings.home.exists()
    found = client.read_flow_run(run.id)
    assert (found.state_type.value, found.state_name) == ("CANCELLED", "Skipped")  # type: ignore[union-attr]


@pytest.mark.parametrize("moment", [False, True])
def test_a_night_of_today_or_with_a_moment_of_its_own_is_not_dropped(
    client: SyncPrefectClient, settings: Settings, world: World, moment: bool
) -> None:
    parameters = {"as_of": world.epoch.isoformat()} if moment else {}
    run = waiting(client, nightly, timedelta(hours=30 if moment else 23), **parameters)
    held = threading.Event()
    done = threading.Event()

    def other() -> None:
        with exclusive(settings, "nightly", "other"):
            held.set()
            done.wait(60)

    thread = threading.Thread(target=other)
    thread.start()
    try:
        assert held.wait(60)
        state = started(run, nightly)  # it gets as far as the lock
    finally:
        done.set()
        thread.join()
    assert state.is_failed()
    assert "is held by 'other'" in str(state.message)


@flow(name="asks", persist_result=False)
def asks(name: str) -> int:
    with limited(name), get_client(sync_client=True) as client:
        try:
            return client.read_global_concurrency_limit_by_name(name).active_slots
        except ObjectNotFound:
            return 0


def test_a_limit_is_held_by_runs_of_deployments_and_must_exist(client: SyncPrefectClient) -> None:
    client.create_global_concurrency_limit(GlobalConcurrencyLimitCreate(name="test-slots", limit=1))
    held = started(waiting(client, asks, timedelta(), name="test-slots"), asks)
    assert held.result() == 1
    assert client.read_global_concurrency_limit_by_name("test-slots").active_slots == 0
    refused = started(waiting(client, asks, timedelta(), name="test-nobody-has-it"), asks)
    assert refused.is_failed()
    assert "test-nobody-has-it" in str(refused.message)
    assert asks("test-nobody-has-it") == 0, "from a terminal nothing is limited"


def test_a_crashed_flow_run_is_declared_dead_in_the_catalog_and_one_that_goes_on_is_not(
    client: SyncPrefectClient, settings: Settings, world: World
) -> None:
    ours, again = (waiting(client, nightly, timedelta()) for _ in range(2))
    client.set_flow_run_state(ours.id, Crashed(), force=True)
    client.set_flow_run_state(again.id, Running(), force=True)
    zombie = begin(settings, "nightly", world.epoch, "zombie", flow_run=str(ours.id))
    begin(settings, "nightly", world.epoch, "again", flow_run=str(again.id))
    assert crashed(ours.id) == ["zombie"]
    assert crashed(again.id) == []
    with pytest.raises(Fenced), zombie.catalog("test"):
        pass
    with connect(settings, "test") as connection:
        states = dict(connection.execute("SELECT run_id, state FROM run").fetchall())
    assert states == {"zombie": "crashed", "again": "running"}


def automation(name: str) -> dict[str, Any]:
    entries = yaml.safe_load((FOLDER / "automations.yaml").read_text())["automations"]
    return next(entry for entry in entries if entry["name"] == name)


def test_whoever_is_heard_of_no_more_is_ours_and_has_not_ended() -> None:
    """A state's name that the automation does not know would turn a run that ended in it into a crashed one."""
    trigger = automation("apex-unheard-of-is-crashed")["trigger"]
    sources = [path.read_text() for path in (ROOT / "flows").rglob("*.py")]
    own = {name for text in sources for name in re.findall(r'name="([A-Z][A-Za-z]+)"', text)}
    assert {"Skipped"} <= own
    ends = {"Completed", "Failed", "Cancelled", "Crashed", "TimedOut", PARTIAL, *own}
    assert {f"prefect.flow-run.{name}" for name in ends} <= set(trigger["expect"])
    flows = {name for text in sources for name in re.findall(r'@flow\(\s*name="([^"]+)"', text)}
    assert flows - {"crashed"} <= set(trigger["match_related"]["prefect.resource.name"])


def test_that_automation_waits_for_three_heartbeats() -> None:
    heartbeat = FlowsSettings.model_fields["heartbeat_frequency"].default
    assert automation("apex-unheard-of-is-crashed")["trigger"]["within"] == 3 * heartbeat
