"""``kill -9`` at moments all over an extraction with decoders: the rerun's shards are those of an undisturbed one."""

import shutil
import signal
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from apex_core.mert import committed_shards, segment_vectors, song_vectors
from apex_core.pipeline.audio import run_audio
from apex_core.pipeline.live import ingest_platform
from apex_core.pipeline.run import begin, end
from apex_core.sandbox import SandboxServer, World
from apex_core.settings import PLATFORMS
from apex_core.storage import Store
from tests.pipeline.conftest import start_mortal
from tests.pipeline.nights import settings_for
from tests.pipeline.test_kill import Mortal

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(not Path("/proc/self/cmdline").exists(), reason="looks for processes in /proc"),
]

DEATHS = 6
ENCODER = {"decode_workers": 2, "shard_songs": 5}


@dataclass(frozen=True)
class House:
    """A house with audio and no vectors, and the process that extracts, and can be killed, in copies of it."""

    mortal: Mortal
    home: Path

    def extract(self, home: Path, run_id: str, last: int = -1) -> tuple[int, list[str], dict[str, str] | None]:
        if not home.exists():
            shutil.copytree(self.home, home, symlinks=True)
        return self.mortal.run(home, run_id, last, extract=ENCODER)


@pytest.fixture(scope="module")
def house(world: World, tmp_path_factory: pytest.TempPathFactory) -> Iterator[House]:
    folder = tmp_path_factory.mktemp("extract-kill")
    with (
        SandboxServer(world, faults=False) as server,
        start_mortal("mortal") as process,
    ):
        settings = settings_for(folder / "heard", world, server)
        run = begin(settings, "nightly", world.epoch, "n0")
        for platform in PLATFORMS:
            ingest_platform(run, platform)
        run_audio(run)
        end(run, "completed", world.epoch)
        yield House(Mortal(process, world, server.address, folder), settings.home)


def tables(home: Path) -> dict[str, bytes]:
    store = Store.open(home / "store")
    return {key: store.read(key) for key in store.list("embeddings") if key.endswith(".parquet")}


def decoders_of(pid: int) -> list[str]:
    """Decoder processes that know ``pid`` as their parent."""
    found: list[str] = []
    for path in Path("/proc").glob("[0-9]*/cmdline"):
        try:
            words = path.read_bytes().split(b"\0")
        except OSError:  # gone meanwhile
            continue
        if b"apex_core.audio.decoder" in words and str(pid).encode() in words:
            found.append(str(path))
    return found


def everything_committed_is_whole(home: Path) -> None:
    """Every shard with a manifest can be read, hashes checked."""
    store = Store.open(home / "store")
    for encoder_id in {key.split("/")[1] for key in store.list("embeddings")}:
        shards = committed_shards(store, encoder_id)
        assert song_vectors(store, encoder_id, shards).num_rows <= segment_vectors(store, encoder_id, shards).num_rows


def test_a_killed_extraction_run_again_gives_the_undisturbed_shards(house: House) -> None:
    folder = house.mortal.folder
    status, effects, wanted = house.extract(folder / "undisturbed", "n1")
    assert status == 0
    shards = sum(effect.startswith("after put embeddings/") and effect.endswith(".json") for effect in effects)
    assert shards >= 4
    untouched = tables(folder / "undisturbed")
    assert len(untouched) == 2 * shards
    for death in range(DEATHS):
        last = (len(effects) - 1) * death // (DEATHS - 1)
        home: Any = folder / f"home-{death}"
        status, until, _ = house.extract(home, "n1", last)
        killed = house.mortal.pid
        assert status == signal.SIGKILL
        assert until == effects[: last + 1]
        everything_committed_is_whole(home)
        done = {key: Path(home / "store" / key).stat().st_ino for key in tables(home) if is_committed(home, key)}
        deadline = time.monotonic() + 10
        while decoders_of(killed) and time.monotonic() < deadline:
            time.sleep(0.05)
        assert decoders_of(killed) == []
        status, _, found = house.extract(home, "n2")
        assert (status, found) == (0, wanted), effects[last]
        assert tables(home) == untouched, effects[last]
        assert {key: Path(home / "store" / key).stat().st_ino for key in done} == done, "what was committed is kept"


def is_committed(home: Path, key: str) -> bool:
    return Path(home / "store" / f"{key.partition('.')[0]}.json").exists()
