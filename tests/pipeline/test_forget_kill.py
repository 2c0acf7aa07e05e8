"""``kill -9`` at moments all over a forgetting: the same command again ends where an undisturbed one does."""

import shutil
import signal
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from apex_core.catalog import connect, require_checks
from apex_core.sandbox import SandboxServer, World
from apex_core.settings import Settings
from apex_core.storage import Store
from tests.pipeline.conftest import start_mortal
from tests.pipeline.nights import prints, settings_for
from tests.pipeline.test_forget import MARK, Song, songs
from tests.pipeline.test_kill import Mortal, everything_in_the_store_is_whole
from tests.pipeline.traces import traces

pytestmark = pytest.mark.slow

DEATHS = 24


@dataclass(frozen=True)
class House:
    """A house after one night, the process that can be killed in copies of it, and whom it forgets."""

    mortal: Mortal
    home: Path
    server: SandboxServer
    song: Song

    def copy(self, name: str) -> Settings:
        home = shutil.copytree(self.home, self.mortal.folder / name, symlinks=True)
        return settings_for(Path(home), self.mortal.world, self.server)

    def forget(self, settings: Settings, run_id: str, last: int = -1) -> tuple[int, list[str]]:
        """Forget an hour later for each number in ``run_id``; exit status and side effects."""
        as_of = (self.mortal.world.epoch + timedelta(hours=int(run_id[1:]))).isoformat()
        whom: Any = [self.song.platform, "creator", [self.song.creator_id]]
        status, effects, _ = self.mortal.run(settings.home, run_id, last, as_of=as_of, forget=whom)
        return status, effects


@pytest.fixture(scope="module")
def house(world: World, tmp_path_factory: pytest.TempPathFactory) -> Iterator[House]:
    with (
        SandboxServer(world, faults=False) as server,
        start_mortal("mortal") as process,
    ):
        mortal = Mortal(process, world, server.address, tmp_path_factory.mktemp("mortal"))
        home = mortal.folder / "night"
        assert mortal.run(home, "n1")[0] == 0
        yield House(mortal, home, server, songs(settings_for(home, world, server))[0])


@pytest.fixture(scope="module")
def undisturbed(house: House) -> tuple[list[str], dict[str, str], dict[str, Any]]:
    """The side effects of a whole forgetting, what it left, and its receipt."""
    settings = house.copy("undisturbed")
    status, effects = house.forget(settings, "f1")
    assert status == 0
    return effects, prints(settings), receipt_of(settings)


def receipt_of(settings: Settings) -> dict[str, Any]:
    store = Store.open(settings.store_url)
    (key,) = store.list("receipts")
    return store.read_json(key)


@pytest.mark.parametrize("death", range(DEATHS))
def test_a_killed_forgetting_done_again_ends_like_an_undisturbed_one(
    death: int, house: House, undisturbed: tuple[list[str], dict[str, str], dict[str, Any]]
) -> None:
    effects, wanted, receipt = undisturbed
    last = death * (len(effects) - 1) // (DEATHS - 1)
    settings = house.copy(f"home-{death}")
    status, until = house.forget(settings, "f1", last)
    assert status == signal.SIGKILL
    assert until == effects[: last + 1]
    with connect(settings, "test") as connection:
        require_checks(connection)
    assert house.forget(settings, "f2")[0] == 0
    assert prints(settings) == wanted
    found = receipt_of(settings)
    same = ("platform", "asked", "tracks", "remains")
    assert {name: found[name] for name in same} == {name: receipt[name] for name in same}
    # A snapshot that the killed one left half published is one more to remove.
    assert found["removed"].pop("snapshots")["files"] in (1, 2)
    assert found["removed"] == {name: counts for name, counts in receipt["removed"].items() if name != "snapshots"}
    store = Store.open(settings.store_url)
    backups = {f"{key}:forgotten" for key in store.list("backups")}
    assert traces(settings, house.song.creator_id) - backups == {MARK, found["receipt"]}
    assert traces(settings, house.song.sha256, house.song.title) == set()
    assert store.delete_leftovers() == 0
    everything_in_the_store_is_whole(store)


def test_the_moments_are_of_every_kind(undisturbed: tuple[list[str], dict[str, str], dict[str, Any]]) -> None:
    effects, _, _ = undisturbed
    kinds = {" ".join(effect.split()[:2]) for effect in effects}
    assert {"before put", "before delete", "before commit", "after commit", "before rewrite"} <= kinds
    places = {effect.split()[-1].split("/")[0] for effect in effects if effect.startswith("before delete")}
    assert {"landing", "audio", "embeddings", "shard_plans", "training_sets", "snapshots", "backups"} <= places
