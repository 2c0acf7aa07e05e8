"""Extraction on the GPU pool: a server, a worker on either pool, flow runs that die, that fail, that are cancelled."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import pytest
from prefect import flow
from prefect.client.orchestration import get_client
from prefect.deployments import run_deployment

from apex_core.errors import ApexError, EncoderError, SettingsError
from apex_core.pipeline.extract import Plan
from apex_core.sandbox import World
from apex_core.settings import EncoderSettings, RaySettings, Settings
from flows.bootstrap.whole import bootstrap
from flows.local_server import LocalServer, local_server
from tests.flows.family import descendants, gone_within
from tests.flows.pages import get, post
from tests.flows.pool_extraction import extraction
from tests.flows.shards import encoded_alone, library_songs, planned, vectors

ROOT = Path(__file__).parents[2]
ENCODER = {"source": "tiny-random", "device": "cpu", "decode_workers": 0}
PATIENCE_S = 240


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LocalServer]:
    """A server of its own, on which nothing waits but what these tests ask for; bootstrapped as an operator does it."""
    with local_server(tmp_path_factory.mktemp("prefect")) as server:
        with get_client(sync_client=True) as client:
            bootstrap(client, ROOT / "deploy")
            client.create_deployment(
                client.create_flow_from_name("pool-extraction"),
                "test",
                entrypoint="tests/flows/pool_extraction.py:extraction",
                pull_steps=[{"prefect.deployments.steps.set_working_directory": {"directory": str(ROOT)}}],
                work_pool_name="apex-cpu",
            )
        yield server


@pytest.fixture(scope="module")
def workers(server: LocalServer, tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, int]]:
    """A worker on either pool, its pid by the pool's name; that with the GPU has one, and knows no other's folders."""
    started: dict[str, subprocess.Popen[bytes]] = {}
    for pool, limit in (("apex-cpu", "4"), ("apex-gpu", "1")):
        folder = tmp_path_factory.mktemp(pool)
        own = {"PREFECT_API_URL": server.api_url, "PREFECT_HOME": str(folder / "prefect"), "APEX_HOME": str(folder)}
        own |= {"APEX_ENCODER__DEVICE": "cpu", "APEX_ENCODER__DECODE_WORKERS": "0", "PREFECT_WORKER_QUERY_SECONDS": "1"}
        command = [sys.executable, "-m", "prefect", "worker", "start", "--pool", pool, "--limit", limit]
        with (folder / "log").open("wb") as log:
            started[pool] = subprocess.Popen(
                command, cwd=folder, env=os.environ | own, stdout=log, stderr=log, start_new_session=True
            )
    try:
        yield {pool: process.pid for pool, process in started.items()}
    finally:
        for process in started.values():
            family = descendants(process.pid)
            process.terminate()
            try:
                process.wait(20)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()
            for pid in family:
                if not gone_within(5, {pid}):
                    os.kill(pid, signal.SIGKILL)


def asked(home: Path, plan: Plan, **pool: Any) -> dict[str, Any]:
    given = {"shared_folders": True, "run_shards": 2, "runs": 2, **pool}
    return {"home": str(home), "encoder": ENCODER, "pool": given, "plan": asdict(plan)}


def ask(parameters: dict[str, Any]) -> str:
    """Ask for an extraction, as a schedule does; the flow run's id."""
    asked: Any = run_deployment("pool-extraction/test", parameters=parameters, timeout=0, as_subflow=False)
    return str(asked.id)


def state(server: LocalServer, flow_run: str) -> dict[str, Any]:
    return get(server, f"flow_runs/{flow_run}")["state"]


def ended(server: LocalServer, flow_run: str) -> dict[str, Any]:
    deadline = time.monotonic() + PATIENCE_S
    while (found := state(server, flow_run))["type"] not in ("COMPLETED", "FAILED", "CRASHED", "CANCELLED"):
        assert time.monotonic() < deadline, found
        time.sleep(0.5)
    return found


def parts(server: LocalServer, flow_run: str) -> list[dict[str, Any]]:
    """The flow runs that a flow run asked for."""
    return list(post(server, "flow_runs/filter", {"flow_runs": {"parent_flow_run_id": {"any_": [flow_run]}}}))


def at_once(runs: list[dict[str, Any]]) -> int:
    """The most of ``runs`` that had been asked for and not ended, at any moment."""
    return max(sum(o["created"] <= r["created"] < o["end_time"] for o in runs) for r in runs)


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return Settings(home=tmp_path / "home", encoder=EncoderSettings.model_validate(ENCODER))


@pytest.mark.slow
def test_a_pool_without_workers_costs_the_time_that_was_set(
    server: LocalServer, settings: Settings, world: World
) -> None:
    plan = planned(settings, library_songs(world), 4)
    given = asked(settings.home, plan, wait_s=3, runs=3)
    run = extraction(**given, return_state=True)
    error = run.result(raise_on_failure=False)
    assert isinstance(error, ApexError)
    assert "No worker has taken" in error.message
    assert "prefect worker start --pool apex-gpu" in str(error.fix)
    mine = parts(server, str(run.state_details.flow_run_id))
    assert [part["state_type"] for part in mine] == ["CANCELLED"] * 3
    with pytest.raises(ApexError, match="no deployment encode/nowhere") as caught:
        extraction(**asked(settings.home, plan, deployment="encode/nowhere"))
    assert "apex bootstrap" in str(caught.value.fix)
    with pytest.raises((SettingsError, EncoderError, ApexError), match="cannot read folders of this host") as caught:
        extraction(**asked(settings.home, plan, shared_folders=False))
    assert "APEX_GPU_POOL__SHARED_FOLDERS" in str(caught.value.fix)


@flow(name="asks-and-leaves")
def asks_and_leaves() -> str:
    """Ask for an encoding and end."""
    told = {"told": {}, "encoder_id": "nobody-waits", "shards": []}
    return str(run_deployment("encode/on-gpu", parameters=told, timeout=0).id)  # pyright: ignore


@pytest.mark.slow
def test_ranges_are_encoded_where_the_gpus_are_whatever_becomes_of_some(
    server: LocalServer, workers: dict[str, int], settings: Settings, world: World, tmp_path: Path
) -> None:
    orphan = asks_and_leaves()
    plan = planned(settings, library_songs(world), 6)
    assert len(plan.shards) == 5
    wrong = replace(plan, shards=(*plan.shards, "never-planned"), sizes=(*plan.sizes, (1, 2.5)))
    night = ask(asked(settings.home, wrong))
    deadline = time.monotonic() + PATIENCE_S
    while not any(part["state_type"] == "RUNNING" for part in parts(server, night)):
        assert time.monotonic() < deadline, "no encoding was begun"
        time.sleep(0.2)
    victims = descendants(workers["apex-gpu"], "prefect.engine")
    assert victims, "it was over before it could die"
    for victim in victims:
        os.kill(victim, signal.SIGKILL)
    end = ended(server, night)
    assert end["type"] == "FAILED"
    assert "never-planned" in end["message"]
    assert vectors(settings, plan.encoder_id) == encoded_alone(
        settings.model_copy(update={"home": tmp_path / "alone"}), plan.encoder_id, replanned(tmp_path, world)
    )
    runs = parts(server, night)
    assert sorted(run["state_type"] for run in runs) == ["COMPLETED", "COMPLETED", "CRASHED", "FAILED"]
    assert [run["state_name"] for run in runs if run["state_type"] == "FAILED"] == ["Partial"]
    assert at_once(runs) == 2
    assert state(server, orphan)["type"] == "CANCELLED"


def replanned(folder: Path, world: World) -> tuple[str, ...]:
    alone = Settings(home=folder / "alone", encoder=EncoderSettings.model_validate(ENCODER))
    return planned(alone, library_songs(world), 6).shards


@pytest.mark.slow
def test_who_cancels_the_extraction_cancels_its_encodings(
    server: LocalServer, workers: dict[str, int], settings: Settings, world: World
) -> None:
    night = ask(asked(settings.home, planned(settings, library_songs(world), 2)))
    deadline = time.monotonic() + PATIENCE_S
    while len(begun := parts(server, night)) < 2 or not any(part["state_type"] == "RUNNING" for part in begun):
        assert time.monotonic() < deadline, "no encoding was begun"
        time.sleep(0.1)
    post(server, f"flow_runs/{night}/set_state", {"state": {"type": "CANCELLING"}})
    assert ended(server, night)["type"] == "CANCELLED"
    runs = parts(server, night)
    assert len(runs) == 2
    assert [ended(server, run["id"])["type"] for run in runs] == ["CANCELLED"] * 2
    assert gone_within(10, descendants(workers["apex-gpu"]))


def test_an_extraction_has_one_place(settings: Settings) -> None:
    there = settings.encoder.model_copy(update={"place": "deployment"})
    with pytest.raises(ValueError, match="two places"):
        Settings(ray=RaySettings(address="auto"), encoder=there)
