"""A week in short: PostgreSQL, a server with a password, workers, S3, the sandbox; and what goes wrong in a week.

The same nights and the same backfill, one after the other and with nothing going wrong, end in the same catalog.
"""

import json
import shutil
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any
from uuid import UUID

import httpx
import pytest
from prefect.states import Cancelling

from apex_core.catalog import connect, latest_snapshot
from apex_core.catalog.fingerprint import table_fingerprints
from apex_core.catalog.lock import hold
from apex_core.sandbox import SandboxServer, World
from apex_core.settings import Settings
from flows.backfill import backfill
from flows.nightly import nightly
from tests.flows.conftest import environment, variables
from tests.flows.production import Production, at_work, kill, pid_of, production, until
from tests.postgres import programs

pytestmark = pytest.mark.slow

DAY, OWN = timedelta(days=1), [f"00000000-0000-4000-8000-00000000000{number}" for number in range(2)]


@pytest.fixture(scope="module")
def prefect(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Production]:
    where = programs()
    if where is None:
        pytest.skip("PostgreSQL is not installed")
    with production(where, tmp_path_factory.mktemp("production")) as made:
        yield made


class House:
    """A home, its store on S3, and a sandbox whose clock is its own; own songs of March 2020 lie in a library."""

    def __init__(self, folder: Path, world: World, sandbox: SandboxServer, store: str) -> None:
        self.home, self.world, self.sandbox = folder / "home", world, sandbox
        library = folder.parent / "library"
        if not library.exists():
            (library / "suno").mkdir(parents=True)
            for own, song in zip(OWN, reversed(world.spares), strict=False):
                shutil.copy(world.path(song), library / "suno" / f"{own}.{song.codec}")
        self.dump = folder.parent / "own.jsonl"
        facts = {"status": "complete", "created_at": "2020-03-02T00:00:00Z"}
        lines = ({"id": own, "play_count": 40 * number, **facts} for number, own in enumerate(OWN))
        self.dump.write_text("".join(json.dumps(line) + "\n" for line in lines))
        more = {
            "STORE": store,
            "AUDIO__LIBRARIES": json.dumps([str(library)]),
            # A shard a song, so that it does not matter who encodes what with what; and only who is told to, trains.
            "ENCODER__SHARD_SONGS": "1",
            "ENCODER__RANGE_SHARDS": "16",
            "TRAIN__MIN_NEW_SHARE": "2",
            "TRAIN__MIN_TARGET_MOVE": "100",
        }
        self.environment = variables(self.home, world, sandbox) | {
            f"APEX_{name}": value for name, value in more.items()
        }

    def night(self, number: int) -> dict[str, Any]:
        """The parameters of a night; songs come every day, and the last night trains."""
        return {"as_of": self.world.epoch + number * DAY, "force_training": number == 2}

    def day(self, number: int) -> None:
        self.sandbox.set_clock(self.world.epoch + number * DAY)
        self.sandbox.release()

    @property
    def own_songs(self) -> dict[str, Any]:
        """The parameters of a backfill that takes the own songs in."""
        return {
            "start": "2020-03-01",
            "end": "2020-04-01",
            "platform": "suno",
            "stages": ["ingest", "audio", "extract", "predict"],
            "dry_run": False,
            "files": [str(self.dump)],
            "observed_at": (self.world.epoch + DAY).isoformat(),
        }

    def said(self, settings: Settings) -> dict[str, str]:
        """What the catalog says, a digest a table."""
        with connect(settings, "test") as connection:
            return table_fingerprints(connection)

    def embedded(self, settings: Settings) -> list[str]:
        """Which of the own songs have a vector."""
        query = (
            "SELECT track_id FROM audio JOIN embedding USING (sha256) WHERE track_id IN (SELECT unnest(?)) ORDER BY ALL"
        )
        with connect(settings, "test") as connection:
            return [name for (name,) in connection.execute(query, [OWN]).fetchall()]

    def runs(self, settings: Settings) -> list[tuple[str, str]]:
        with connect(settings, "test") as connection:
            return connection.execute("SELECT flow, state FROM run ORDER BY token").fetchall()


@pytest.fixture
def houses(tmp_path: Path, world: World, s3_url: str) -> Iterator[tuple[House, House]]:
    with SandboxServer(world, faults=False) as one, SandboxServer(world, faults=False) as other:
        yield (
            House(tmp_path / "one", world, one, f"{s3_url}/one"),
            House(tmp_path / "other", world, other, f"{s3_url}/other"),
        )


def undisturbed(house: House) -> dict[str, str]:
    """The same nights and the same backfill, one after the other, in this process."""
    with environment(house.environment) as settings:
        nightly(**house.night(0))
        house.day(1)
        nightly(**house.night(1))
        backfill(**house.own_songs)
        house.day(2)
        nightly(**house.night(2))
        assert {state for _, state in house.runs(settings)} == {"completed"}
        assert house.embedded(settings) == OWN
        return house.said(settings)


def test_whatever_goes_wrong_in_a_week_the_catalog_ends_as_if_it_had_not(
    prefect: Production, houses: tuple[House, House], tmp_path: Path
) -> None:
    assert httpx.get(f"{prefect.server.api_url}/flows/", trust_env=False).status_code == 401
    week, calm = houses
    with prefect.worker(week.environment, tmp_path / "worker") as worker:
        first = prefect.ended(prefect.asked("nightly/nightly", **week.night(0)))
        assert first.state_name == "Completed", first.state
        week.day(1)
        beside(prefect, week)
        week.day(2)
        with hold(week.home / "predicting.lock", "test", 0):  # a night waits there, having trained and published
            cancelled = predicting(prefect, week)
            prefect.client.set_flow_run_state(cancelled, Cancelling())
            assert prefect.ended(cancelled).state_name == "Cancelled"
            crashed = predicting(prefect, week)
            night = pid_of(week.home, "nightly")
            worker.kill()
            kill(night)
    after = prefect.asked("nightly/nightly", **week.night(2))
    with prefect.worker(week.environment, tmp_path / "other-worker"):
        expected = undisturbed(calm)
        assert prefect.ended(crashed).state_name == "Crashed"
        done = prefect.ended(after)
        assert done.state_name == "Completed", done.state
        told = prefect.client.read_deployment_by_name("crashed/automatic")
        until(lambda: any(run.state_name == "Completed" for run in runs_of(prefect, told.id)))
        until(lambda: not going_on(prefect, crashed))  # with the run that called them
    fenced = {run.parameters["flow_run_id"] for run in runs_of(prefect, told.id)}
    ended = {run["id"] for parent in (crashed, cancelled) for run in called_by(prefect, parent)}
    assert str(crashed) in fenced <= {str(crashed), *ended}
    assert not going_on(prefect, cancelled)
    with environment(week.environment) as settings:
        assert sorted(week.runs(settings)) == sorted(
            [("nightly", "completed")] * 3 + [("nightly", "failed"), ("nightly", "crashed"), ("backfill", "completed")]
        )
        assert week.said(settings) == expected
        assert latest_snapshot(settings).as_of == week.world.epoch + 2 * DAY


def beside(prefect: Production, house: House) -> None:
    """The second night, and beside it, once it has scored, a backfill: neither is done before both are at work."""
    with hold(house.home / "snapshot.lock", "test", 0):
        night = prefect.asked("nightly/nightly", **house.night(1))
        until(lambda: has(prefect, {"id": {"any_": [str(night)]}}, "check score", "COMPLETED"))
        fill = prefect.asked("backfill/adhoc", **house.own_songs)
        until(lambda: at_work(house.home, "nightly") and at_work(house.home, "backfill"))
    for run in (night, fill):
        ended = prefect.ended(run)
        assert ended.state_name == "Completed", ended.state


def predicting(prefect: Production, house: House) -> UUID:
    """Ask for the last night, and wait until it predicts."""
    run = prefect.asked("nightly/nightly", **house.night(2))
    until(lambda: has(prefect, {"parent_flow_run_id": {"any_": [str(run)]}}, "predict", "RUNNING"))
    return run


def has(prefect: Production, flow_runs: dict[str, Any], task: str, state: str) -> bool:
    """Has one of these flow runs a task of this name in this state?"""
    tasks = {"name": {"like_": task}, "state": {"type": {"any_": [state]}}}
    found = prefect.client.request("POST", "/task_runs/filter", json={"flow_runs": flow_runs, "task_runs": tasks})
    return bool(found.json())


def called_by(prefect: Production, parent: UUID) -> list[dict[str, Any]]:
    """Flow runs that this one called."""
    called = {"flow_runs": {"parent_flow_run_id": {"any_": [str(parent)]}}}
    found = prefect.client.request("POST", "/flow_runs/filter", json=called).json()
    assert found, "it had called some"
    return list(found)


def going_on(prefect: Production, parent: UUID) -> list[str]:
    """Those of them that have not ended."""
    return [f"{run['name']}: {run['state_name']}" for run in called_by(prefect, parent) if run["end_time"] is None]


def runs_of(prefect: Production, deployment: UUID) -> list[Any]:
    from prefect.client.schemas.filters import DeploymentFilter, DeploymentFilterId

    return prefect.client.read_flow_runs(deployment_filter=DeploymentFilter(id=DeploymentFilterId(any_=[deployment])))
