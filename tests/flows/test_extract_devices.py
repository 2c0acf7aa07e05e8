"""Several devices: an encoder process each. CPUs stand for them, as a process does not know the difference."""

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from prefect import flow, runtime

from apex_core.errors import EncoderDied, EncoderError, NotFound, ShardsFailed
from apex_core.pipeline.encoders import Encoders, encoder_devices, ranges
from apex_core.pipeline.extract import Plan
from apex_core.pipeline.run import Run
from apex_core.sandbox import World
from apex_core.settings import EncoderSettings, Settings
from flows.artifacts import ProgressArtifacts, watched
from flows.encoding import encode_all
from flows.local_server import LocalServer
from tests.flows.family import descendants, gone_within
from tests.flows.pages import settled
from tests.flows.shards import encoded_alone, library_songs, planned, vectors

ROOT = Path(__file__).parents[2]
ENCODER, DECODER = "apex_core.pipeline.encoder_process", "apex_core.audio.decoder"

# A whole extraction of a plan, in a process that can be killed.
_FLOW = """
import json, sys
from datetime import UTC, datetime
from pathlib import Path
from prefect import flow
from apex_core.pipeline.extract import Plan
from apex_core.pipeline.run import Run
from apex_core.settings import EncoderSettings, Settings
from flows.encoding import encode_all

given = json.loads(sys.argv[1])
encoder = EncoderSettings(**given["encoder"])

@flow
def extraction():
    run = Run(Settings(home=Path(given["home"]), encoder=encoder), "night", datetime(2026, 1, 1, tzinfo=UTC))
    assert encode_all(run, Plan(*given["plan"])) is None

extraction()
"""


def on(home: Path, *devices: str, **others: int) -> Settings:
    encoder = EncoderSettings(
        source="tiny-random", device="cpu", devices=devices, range_shards=1, decode_workers=others.pop("workers", 0)
    )
    return Settings(home=home, encoder=encoder)


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return on(tmp_path / "home", "cpu", "cpu")


@pytest.fixture
def plan(settings: Settings, world: World) -> Plan:
    return planned(settings, library_songs(world), 4)


@pytest.fixture(scope="session")
def undisturbed(tmp_path_factory: pytest.TempPathFactory, world: World) -> dict[str, list[str]]:
    """What one process makes of the same songs, by itself."""
    settings = on(tmp_path_factory.mktemp("undisturbed"))
    plan = planned(settings, library_songs(world), 4)
    return encoded_alone(settings, plan.encoder_id, plan.shards)


def task_runs(server: LocalServer, flow_run: str) -> list[dict[str, Any]]:
    """Those that encode."""
    asked = {"flow_runs": {"id": {"any_": [flow_run]}}, "task_runs": {"name": {"like_": "encode"}}}
    return list(settled(server, "task_runs/filter", asked))


@pytest.mark.slow
def test_a_dead_encoder_process_costs_a_retry_of_its_range_and_the_vectors_are_those_of_one_process(
    settings: Settings, world: World, plan: Plan, prefect_server: LocalServer, undisturbed: dict[str, list[str]]
) -> None:
    seen: list[tuple[int, int]] = []
    victims: list[int] = []

    def kill_one(what: str, done: int, total: int, detail: str = "", /) -> None:
        seen.append((done, total))
        encoders = descendants(os.getpid(), ENCODER)
        if not victims and done and len(encoders) == 2:
            victims.append(encoders.pop())
            os.kill(victims[0], signal.SIGKILL)

    @flow
    def extraction() -> str:
        run = Run(settings, "night", world.epoch, ProgressArtifacts())
        with watched(kill_one):
            assert encode_all(run, plan) is None
        return str(runtime.flow_run.id)

    flow_run = extraction()
    assert victims, "there were never two at work"
    assert vectors(settings, plan.encoder_id) == undisturbed
    assert (seen[-1], seen) == ((plan.songs, plan.songs), sorted(seen))
    runs = task_runs(prefect_server, flow_run)
    assert sorted(run["run_count"] for run in runs) == [1] * (len(plan.shards) - 1) + [2]
    assert descendants(os.getpid(), ENCODER) == set()


@pytest.mark.slow
def test_an_encoder_process_that_died_is_replaced_and_the_other_goes_on(
    settings: Settings, plan: Plan, undisturbed: dict[str, list[str]]
) -> None:
    def kill(what: str, done: int, total: int, detail: str = "", /) -> None:
        for pid in descendants(os.getpid(), ENCODER):
            os.kill(pid, signal.SIGKILL)

    with Encoders(settings, ("cpu",)) as encoders:
        with pytest.raises(EncoderDied, match=r"encoder process on cpu died \(SIGKILL\)"):
            encoders.encode(plan.encoder_id, plan.shards, kill)
        encoders.encode(plan.encoder_id, plan.shards[:1])
        [first] = descendants(os.getpid(), ENCODER)
        with pytest.raises((NotFound, ShardsFailed), match="never-planned") as caught:
            encoders.encode(plan.encoder_id, ["never-planned"])
        assert caught.value.fix
        assert encoders.encode(plan.encoder_id, plan.shards)["shards"] >= len(plan.shards) - 2
        assert descendants(os.getpid(), ENCODER) == {first}, "one that said what is wrong goes on"
    assert gone_within(10, {first})
    assert vectors(settings, plan.encoder_id) == undisturbed


@pytest.mark.slow
def test_a_device_that_does_not_work_fails_no_range_while_there_is_another(
    settings: Settings, plan: Plan, undisturbed: dict[str, list[str]]
) -> None:
    with Encoders(settings, ("cuda:7", "cuda:8")) as encoders:
        for shard_id in plan.shards[:2]:
            with pytest.raises(EncoderError, match="cuda"):
                encoders.encode(plan.encoder_id, [shard_id])
    with Encoders(settings, ("cuda:7", "cpu")) as encoders:
        for shard_id in plan.shards:
            assert encoders.encode(plan.encoder_id, [shard_id])["shards"] == 1
    assert vectors(settings, plan.encoder_id) == undisturbed


@pytest.mark.slow
def test_nothing_of_a_dead_flow_is_left_ten_seconds_later(
    tmp_path: Path, world: World, prefect_server: LocalServer
) -> None:
    settings = on(tmp_path / "home", "cpu", "cpu", workers=1)
    plan = planned(settings, library_songs(world), 1)
    given = {"home": str(settings.home), "encoder": settings.encoder.model_dump(mode="json")}
    told = (plan.encoder_id, plan.shards, plan.songs, plan.audio_s, plan.sizes)
    process = subprocess.Popen(
        [sys.executable, "-c", _FLOW, json.dumps({**given, "plan": told})],
        cwd=ROOT,
        env=os.environ | {"PREFECT_API_URL": prefect_server.api_url},
        stdout=subprocess.DEVNULL,
    )
    with process:
        while len(descendants(process.pid, ENCODER)) < 2 or len(descendants(process.pid, DECODER)) < 2:
            assert process.poll() is None, "it ended before both were at work"
            time.sleep(0.02)
        family = descendants(process.pid)
        process.kill()
    assert gone_within(10, family)


def test_devices_are_those_named_else_the_one_there_is() -> None:
    assert encoder_devices(EncoderSettings(devices=("cuda:1", "cuda:3"))) == ("cuda:1", "cuda:3")
    assert encoder_devices(EncoderSettings(device="cpu")) == ("cpu",)
    assert encoder_devices(EncoderSettings(device="cuda:2")) == ("cuda:2",)


@given(st.integers(0, 700), st.integers(1, 9), st.integers(1, 12), st.integers(1, 180))
def test_ranges_are_all_shards_in_order_and_leave_no_encoder_idle(
    count: int, encoders: int, least: int, most: int
) -> None:
    shards = [f"shard{n}" for n in range(count)]
    settings = Settings(encoder=EncoderSettings(range_shards=least, max_tasks=most))
    cut = ranges(settings, shards, encoders)
    assert [shard for some in cut for shard in some] == shards
    assert len(cut) <= most
    assert len(cut) >= min(encoders, most, count)
    assert max(map(len, cut), default=0) - min(map(len, cut), default=0) <= 1
