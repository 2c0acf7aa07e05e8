"""``kill -9`` of the audio stage at random moments, then a rerun: catalog and store of an undisturbed one."""

import hashlib
import json
import random
import shutil
import signal
import subprocess
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from apex_core.sandbox import AUDIO_HOST, SandboxServer, World
from apex_core.storage import Store
from tests.audio.shelf import Shelf
from tests.pipeline.audio_mortal import settings_of
from tests.pipeline.audio_stage import know
from tests.pipeline.conftest import start_mortal
from tests.pipeline.nights import prints

pytestmark = pytest.mark.slow

TIMES = 20


@dataclass
class Mortal:
    """The process whose stages can be killed; every home has a store of its own."""

    process: subprocess.Popen[str]
    address: str
    folder: Path
    stores: str
    library: Shelf

    def job(self, home: str, run_id: str, killed_after: float | None = None) -> dict[str, Any]:
        places = {"home": str(self.folder / home), "store": f"{self.stores}/{home}", "library": self.library.url}
        return {**places, "address": self.address, "run_id": run_id, "killed_after": killed_after}

    def run(self, home: str, run_id: str, killed_after: float | None = None) -> int:
        """The stage's exit status."""
        assert self.process.stdin is not None
        assert self.process.stdout is not None
        self.process.stdin.write(json.dumps(self.job(home, run_id, killed_after)) + "\n")
        self.process.stdin.flush()
        return int(self.process.stdout.readline())

    def left(self, home: str) -> tuple[dict[str, str], dict[str, str]]:
        """What the catalog says, and what the store holds: keys with the hashes of their bytes."""
        store = Store.open(f"{self.stores}/{home}")
        held = {key: hashlib.sha256(store.read(key)).hexdigest() for key in store.list("audio")}
        return prints(settings_of(self.job(home, ""))), held


@pytest.fixture(scope="module")
def mortal(world: World, s3_endpoint: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Mortal]:
    with (
        SandboxServer(world, faults=False) as server,
        start_mortal("audio_mortal") as process,
    ):
        folder = tmp_path_factory.mktemp("mortal")
        library = Shelf("s3://apex-tests/mortal-library")
        yield Mortal(process, server.address, folder, "s3://apex-tests/mortal-stores", library)


@pytest.fixture(scope="module")
def before(mortal: Mortal, world: World) -> str:
    """A home whose library has changed since its last night: songs were replaced, spoilt, taken away and added."""
    home, songs = "before", [song for song in world.songs if song.platform == "suno"]
    settings = settings_of(mortal.job(home, ""))
    for song in songs[:5]:
        mortal.library.put(song.file_name, world.path(song).read_bytes())
    know(settings, *(("suno", song.track_id, f"http://{AUDIO_HOST}/{song.file_name}") for song in songs[:6]))
    assert mortal.run(home, "n0") == 0
    mortal.library.put(songs[0].file_name, world.path(songs[6]).read_bytes())
    mortal.library.put(songs[1].file_name, b"not audio")
    mortal.library.remove(songs[2].file_name)
    others = [song for song in world.tracks if song not in songs[:6]]
    know(settings, *((song.platform, song.track_id, f"http://{AUDIO_HOST}/{song.file_name}") for song in others))
    for song in [song for song in others if song.sound == "file"][::3]:
        mortal.library.put(song.file_name, world.path(song).read_bytes())
    return home


def copied(mortal: Mortal, before: str, home: str) -> str:
    shutil.copytree(mortal.folder / before, mortal.folder / home)
    source, target = (Store.open(f"{mortal.stores}/{name}") for name in (before, home))
    for key in source.list("audio"):
        target.put(key, source.read(key))
    return home


def test_a_killed_stage_run_again_leaves_what_an_undisturbed_one_leaves(mortal: Mortal, before: str) -> None:
    undisturbed = copied(mortal, before, "undisturbed")
    began = time.monotonic()
    assert mortal.run(undisturbed, "n1") == 0
    took = time.monotonic() - began
    wanted = mortal.left(undisturbed)
    assert len(wanted[1]) > 5
    assert all(digest in key for key, digest in wanted[1].items())
    moments, killed = random.Random(8), 0
    for number in range(TIMES):
        home = copied(mortal, before, f"killed-{number}")
        moment = moments.uniform(0, took)
        killed += mortal.run(home, "n1", moment) == signal.SIGKILL
        assert mortal.run(home, "n2") == 0
        assert mortal.left(home) == wanted, f"killed after {moment:.3f} s of {took:.3f} s"
    assert killed, "not one was killed before its end"
