"""Extraction on a Ray cluster of two nodes, one of which dies in the middle of it."""

import contextlib
import os
import subprocess
import sys
import time
from collections.abc import Iterator
from importlib.util import find_spec
from pathlib import Path

import pytest

from apex_core.catalog import connect
from apex_core.pipeline.audio import run_audio
from apex_core.pipeline.live import ingest_platform
from apex_core.pipeline.run import begin, end
from apex_core.sandbox import SandboxServer, World
from apex_core.settings import PLATFORMS, Settings
from apex_core.storage import Store
from flows.local_server import LocalServer
from tests.flows.conftest import environment, variables
from tests.flows.family import gone_within
from tests.flows.ray_nodes import Cluster, ray_cluster
from tests.flows.shards import encoded_alone, vectors

ENCODER = "apex_core.pipeline.encoder_process"
PATIENCE_S = 240

_EXTRACT = """
from flows.extract import extract
extract()
"""


@pytest.fixture
def on_s3(tmp_path: Path, world: World, sandbox: SandboxServer, s3_url: str) -> Iterator[dict[str, str]]:
    """The environment of a run whose songs lie on S3, fetched and not yet embedded."""
    given = variables(tmp_path / "home", world, sandbox) | {
        "APEX_STORE": s3_url,
        "APEX_ENCODER__SHARD_SONGS": "3",
        "APEX_ENCODER__RANGE_SHARDS": "1",
    }
    with environment(given) as settings:
        run = begin(settings, "ingest", world.epoch, "ingest")
        for platform in PLATFORMS:
            ingest_platform(run, platform)
        assert run_audio(run).counts["available"] > 20
        end(run, "completed", world.epoch)
        yield given


@pytest.fixture
def cluster(prefect_server: LocalServer, s3_endpoint: str) -> Iterator[Cluster]:
    """Two nodes; which one encoded a shard is told by what its environment calls the device."""
    aws = {name: value for name, value in os.environ.items() if name.startswith("AWS_")}
    with ray_cluster() as cluster:
        for name, device in (("a", "cpu"), ("b", "cpu:0")):
            own = {"APEX_ENCODER__DEVICE": device, "APEX_ENCODER__DECODE_WORKERS": "1"}
            cluster.start(name, {**aws, **own, "PREFECT_API_URL": prefect_server.api_url})
        cluster.wait()
        yield cluster


@contextlib.contextmanager
def driver(
    folder: Path, given: dict[str, str], cluster: Cluster, server: LocalServer
) -> Iterator[subprocess.Popen[bytes]]:
    """The flow in a process of its own, with its own folders, too."""
    own = {"PREFECT_HOME": str(folder / "prefect"), "TMPDIR": str(folder), "PREFECT_API_URL": server.api_url}
    settings = {**given, "APEX_RAY__ADDRESS": cluster.address}
    with subprocess.Popen(
        [sys.executable, "-c", _EXTRACT], cwd=folder, env={**os.environ, **cluster.access, **settings, **own}
    ) as process:
        try:
            yield process
        finally:
            process.kill()


@pytest.mark.slow
@pytest.mark.skipif(find_spec("ray") is None, reason="Ray has no wheel for this Python")
def test_a_node_that_dies_changes_nothing_in_the_embeddings(
    tmp_path: Path,
    world: World,
    on_s3: dict[str, str],
    cluster: Cluster,
    prefect_server: LocalServer,
) -> None:
    with environment(on_s3) as settings:
        store = Store.open(settings.store_url)
        folder = tmp_path / "driver"
        folder.mkdir()
        with driver(folder, on_s3, cluster, prefect_server) as process:
            wait_for_both(store, process)
            committed = done_on(store)
            orphans = cluster.nodes[1].kill()
            assert process.poll() is None, "it was over before the node died"
            assert gone_within(10, orphans)
            assert process.wait(PATIENCE_S) == 0
        [encoder_id] = {key.split("/")[1] for key in store.list("embeddings")}
        found = vectors(settings, encoder_id)
        assert len(found) > sum(map(len, committed.values())), "nothing was left to do when the node died"
        assert found == undisturbed(tmp_path / "undisturbed", settings, encoder_id)
        with connect(settings, "test") as connection:
            [(adopted,)] = connection.execute("SELECT count(DISTINCT shard_id) FROM embedding").fetchall()
        assert adopted == len(found)
        assert not list((folder / "prefect").glob("storage/*")), "results are facts that go to nobody's disk"


def wait_for_both(store: Store, process: subprocess.Popen[bytes]) -> None:
    """Wait until both nodes have committed something."""
    deadline = time.monotonic() + PATIENCE_S
    while len(done_on(store)) < 2:
        assert process.poll() is None, "the run was over before both had done anything"
        assert time.monotonic() < deadline
        time.sleep(0.2)


def done_on(store: Store) -> dict[str, list[str]]:
    """The committed shards by the device that encoded them."""
    found: dict[str, list[str]] = {}
    for key in store.list("embeddings"):
        if key.endswith(".json"):
            found.setdefault(store.read_json(key)["device"], []).append(key)
    return found


def undisturbed(home: Path, settings: Settings, encoder_id: str) -> dict[str, list[str]]:
    """What one process makes of the same plan, in a store of its own."""
    ours, theirs = settings.model_copy(update={"home": home, "store": ""}), Store.open(settings.store_url)
    store = Store.open(ours.store_url)
    keys = [key for key in theirs.list(f"shard_plans/{encoder_id}") if not key.endswith(".absent.json")]
    for key in keys:
        songs = theirs.read_json(key)
        store.put_json(key, songs)
        for song in songs:
            store.put(song["uri"], theirs.read(song["uri"]))
    return encoded_alone(ours, encoder_id, [Path(key).stem for key in keys])
