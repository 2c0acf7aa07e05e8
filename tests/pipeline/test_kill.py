"""``kill -9`` in the middle of every stage, then a rerun: the catalog of an uninterrupted run."""

import json
import shutil
import signal
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from apex_core.catalog.reader import latest_stamp
from apex_core.sandbox import SandboxServer, World
from apex_core.storage import Store, read_manifest
from tests.pipeline.conftest import SIZE, start_mortal

pytestmark = pytest.mark.slow

# Where to die: the kind of side effect, a part of what it touches, and which of those.
DEATHS = {
    "ingest: page landed, not merged": ("after put", "landing/suno", 0),
    "ingest: merged, not committed": ("before commit", "", 2),
    "ingest: page half written": ("before rename", "landing/udio", 0),
    "audio: file half written": ("before rename", "audio/", 3),
    "audio: fetched, not in the catalog": ("after put_file", "audio/", 9),
    "extract: planned": ("after put", "shard_plans/", 1),
    "extract: shard without manifest": ("after put", "embeddings/", 1),
    "extract: half way through": ("before put", "embeddings/", 4),
    "extract: committed, not adopted": ("after put", "embeddings/", 8),
    "train: rows without manifest": ("after put", "training_sets/", 0),
    "publish: version without manifest": ("after put_file", "models/v", 2),
    "publish: published, not judged": ("before put", "models/decisions/", 0),
    "publish: decided, no alias": ("before put", "models/aliases/", 0),
    "publish: alias, not in the catalog": ("after put", "models/aliases/", 0),
    "predict: not committed": ("before commit", "", -3),
    "snapshot: files without manifest": ("after put_file", "snapshots/", 1),
    "snapshot: manifest, not the latest": ("before put", "snapshots/latest/", 0),
    "backup: none yet": ("before put_file", "backups/", 0),
}

# Whoever dies later does so in a night that goes on from here: what comes before is the same each time, and long.
VECTORS_MADE = "extract: committed, not adopted"


def moment(effects: list[str], kind: str, what: str, place: int) -> int:
    """The number of the side effect that a death names."""
    return [n for n, effect in enumerate(effects) if effect.startswith(kind) and what in effect][place]


@dataclass
class Mortal:
    """The process whose nights can be killed."""

    process: subprocess.Popen[str]
    world: World
    address: str
    folder: Path
    pid: int = 0
    """Of the night that was run last."""

    def run(self, home: Path, run_id: str, last: int = -1, **more: Any) -> tuple[int, list[str], dict[str, str] | None]:
        """Exit status of a night that dies at side effect ``last``, the side effects, the fingerprints it left.

        ``more`` of the job: ``as_of``; settings of the encoder to ``extract`` with, or whom to ``forget``, instead.
        """
        found = self.folder / f"{home.name}-{run_id}.json"
        log = found.with_suffix(".log")
        job: dict[str, Any] = {
            "home": str(home),
            "world": str(self.world.folder),
            "sandbox": SIZE.model_dump(),
            "address": self.address,
            "as_of": self.world.epoch.isoformat(),
            "run_id": run_id,
            "last": last,
            "log": str(log),
            "prints": str(found),
            **more,
        }
        assert self.process.stdin is not None
        assert self.process.stdout is not None
        self.process.stdin.write(json.dumps(job) + "\n")
        self.process.stdin.flush()
        answer = json.loads(self.process.stdout.readline())
        status, self.pid = answer["status"], answer["pid"]
        return status, log.read_text().splitlines(), json.loads(found.read_text()) if found.exists() else None


@pytest.fixture(scope="module")
def mortal(world: World, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Mortal]:
    with (
        SandboxServer(world, faults=False) as server,
        start_mortal("mortal") as process,
    ):
        yield Mortal(process, world, server.address, tmp_path_factory.mktemp("mortal"))


@pytest.fixture(scope="module")
def undisturbed(mortal: Mortal) -> tuple[list[str], dict[str, str]]:
    status, effects, found = mortal.run(mortal.folder / "undisturbed", "n1")
    assert status == 0
    assert found is not None
    return effects, found


@pytest.fixture(scope="module")
def vectors_made(mortal: Mortal, undisturbed: tuple[list[str], dict[str, str]]) -> tuple[Path, list[str]]:
    """A home whose night died with all vectors made, and the side effects of a night that goes on from there."""
    effects, wanted = undisturbed
    home = mortal.folder / "vectors-made"
    assert mortal.run(home, "n1", moment(effects, *DEATHS[VECTORS_MADE]))[0] == signal.SIGKILL
    gone_on = shutil.copytree(home, mortal.folder / "gone-on", symlinks=True)
    status, effects, found = mortal.run(gone_on, "n2")
    assert (status, found) == (0, wanted)
    return home, effects


@pytest.mark.parametrize("death", DEATHS)
def test_a_killed_night_run_again_gives_the_undisturbed_catalog(
    death: str,
    mortal: Mortal,
    undisturbed: tuple[list[str], dict[str, str]],
    vectors_made: tuple[Path, list[str]],
) -> None:
    (effects, wanted), number, run_id = undisturbed, list(DEATHS).index(death), "n1"
    home = mortal.folder / f"home-{number}"
    if number > list(DEATHS).index(VECTORS_MADE):
        begun, effects = vectors_made
        shutil.copytree(begun, home, symlinks=True)
        run_id = "n2"  # as its side effects name it
    last = moment(effects, *DEATHS[death])
    status, until, found = mortal.run(home, run_id, last)
    assert status == signal.SIGKILL
    assert until == effects[: last + 1]
    assert found is None
    status, _, found = mortal.run(home, "n3")
    assert status == 0
    assert found == wanted
    everything_in_the_store_is_whole(Store.open(home / "store"))


def everything_in_the_store_is_whole(store: Store) -> None:
    """Every committed folder has the files its manifest names, and the newest snapshot has its backup."""
    for kind in ("training_sets", "models", "snapshots"):
        for key in store.list(kind):
            if key.endswith("/MANIFEST.json"):
                read_manifest(store, key.removesuffix("/MANIFEST.json"), verify=True)
    assert store.exists(f"backups/{latest_stamp(store)}/catalog.duckdb")


def test_every_kind_of_side_effect_has_its_death(undisturbed: tuple[list[str], dict[str, str]]) -> None:
    effects, _ = undisturbed
    folders = {effect.split()[-1].split("/")[0] for effect in effects if effect.startswith("before put")}
    assert {"landing", "audio", "embeddings", "training_sets", "models", "snapshots", "backups"} <= folders
    tested = " ".join(what for _, what, _ in DEATHS.values())
    assert all(folder in tested for folder in folders), folders
