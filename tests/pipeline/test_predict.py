"""The champion's predictions of the whole catalog: all of them at once, none of them twice."""

import hashlib
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest
import torch
from numpy.typing import NDArray

from apex_core import heads
from apex_core.catalog import connect
from apex_core.errors import ArtifactError
from apex_core.heads.prediction import exact
from apex_core.mert.shards import ShardSong, write_shard
from apex_core.pipeline.predict import run_predict
from apex_core.pipeline.predicted_shards import predicted
from apex_core.pipeline.predictor import Predictor
from apex_core.pipeline.publish import CHAMPION
from apex_core.pipeline.run import Run, begin
from apex_core.registry import publish, set_alias, stage_artifact, version_name
from apex_core.settings import Settings
from apex_core.storage import Store

AS_OF = datetime(2026, 11, 1, tzinfo=UTC)
ENCODER, HIDDEN = "e" * 12, 16
FACTS = {"precision": "fp32", "device": "cpu", "torch": torch.__version__, "hidden": HIDDEN}


def champion(store: Store, staging: Path, seed: int = 1, **condition: Any) -> heads.ApexHeads:
    """Publish random heads and make them champion."""
    torch.manual_seed(seed)
    config = heads.HeadsConfig(encoder_id=ENCODER, hidden=HIDDEN, **condition)
    model = heads.ApexHeads(config)
    sha256 = stage_artifact(staging, model.state_dict(), config.to_json(), {"test": {}}, {}, "# card\n")
    version = version_name(AS_OF, sha256)
    publish(store, version, staging)
    set_alias(store, CHAMPION, version, "test", "test", AS_OF)
    return model.eval()


def shard(store: Store, number: int, songs: int = 2, segments: int = 1) -> dict[str, NDArray[np.float32]]:
    """Commit a shard of so many songs; their layer means."""
    random = np.random.default_rng(number)
    means = random.standard_normal((songs, segments, 4, HIDDEN), dtype=np.float32)
    made = {hashlib.sha256(f"{number}/{n}".encode()).hexdigest(): one for n, one in enumerate(means)}
    rows = [ShardSong(sha256, one, None, 30.0 * segments) for sha256, one in made.items()]
    write_shard(store, ENCODER, f"{number:08x}", rows, FACTS)
    return made


def shards(settings: Settings, store: Store, numbers: Sequence[int]) -> dict[str, NDArray[np.float32]]:
    """Commit shards, and let the catalog know them."""
    made = {number: shard(store, number) for number in numbers}
    rows = [[ENCODER, sha256, f"{number:08x}"] for number, songs in made.items() for sha256 in songs]
    with connect(settings, "test") as connection:
        connection.executemany("INSERT INTO embedding VALUES (?, ?, ?, 'embedded', NULL, 1)", rows)
    return {sha256: means for songs in made.values() for sha256, means in songs.items()}


def stored(settings: Settings) -> dict[str, tuple[float, ...]]:
    with connect(settings, "test") as connection:
        rows = connection.execute("SELECT sha256, * EXCLUDE (version, sha256) FROM prediction").fetchall()
    assert len({row[0] for row in rows}) == len(rows), "a song is there twice"
    return {row[0]: row[1:] for row in rows}


def alter(store: Store, number: int) -> Path:
    path = Path(store.path(f"embeddings/{ENCODER}/{number:08x}.songs.parquet"))
    path.write_bytes(path.read_bytes()[::-1])
    return path


@pytest.fixture
def run(settings: Settings, tmp_path: Path) -> Run:
    champion(Store.open(settings.store_url), tmp_path / "staged")
    return begin(settings, "test", AS_OF, "r1")


def test_what_is_new_is_predicted_once(settings: Settings, run: Run, tmp_path: Path) -> None:
    seen: list[tuple[int, int]] = []
    run = Run(settings, run.run_id, AS_OF, lambda what, done, total, _="": seen.append((done, total)))
    made = shards(settings, run.store, range(3))
    assert run_predict(run).counts["songs"] == 6
    assert seen == [(0, 6), (6, 6)]
    assert stored(settings).keys() == made.keys()
    assert run_predict(run).counts["songs"] == 0
    made |= shards(settings, run.store, [3])
    alter(run.store, 0)  # nobody reads it again
    assert run_predict(run).counts["songs"] == 2
    assert stored(settings).keys() == made.keys()
    assert not (settings.cache / "predicting").exists()


def test_a_run_that_was_cut_short_goes_on_where_it_was(settings: Settings, run: Run) -> None:
    """Sixty-four shards were predicted, the next cannot be read."""
    made = shards(settings, run.store, range(66))
    broken = alter(run.store, 65)
    with pytest.raises(ArtifactError, match="was altered"):
        run_predict(run)
    assert stored(settings) == {}, "all of it or nothing"
    broken.write_bytes(broken.read_bytes()[::-1])
    alter(run.store, 0)  # what was predicted before is not read again
    forgotten = next(iter(made))
    with connect(settings, "test") as connection:
        connection.execute("DELETE FROM embedding WHERE sha256 = ?", [forgotten])
    assert run_predict(run).counts["songs"] == 131
    assert stored(settings).keys() == made.keys() - {forgotten}


def test_what_another_champion_left_is_not_taken(settings: Settings, run: Run, tmp_path: Path) -> None:
    made = shards(settings, run.store, range(66))
    broken = alter(run.store, 65)
    with pytest.raises(ArtifactError):
        run_predict(run)
    broken.write_bytes(broken.read_bytes()[::-1])
    second = champion(run.store, tmp_path / "second", seed=2)
    assert run_predict(run).counts["songs"] == 132
    check(second, made, stored(settings))


def check(model: heads.ApexHeads, made: dict[str, NDArray[np.float32]], found: dict[str, tuple[float, ...]]) -> None:
    """What the catalog holds is what the predictor says of the same songs, to the last decimal."""
    alone = Predictor("v", exact(model), None, Settings(), {})
    wanted = {one.path.name: one.values for one in alone.score_means([(Path(name), m) for name, m in made.items()])}
    assert len(wanted) == len(made)
    for name, values in wanted.items():
        assert values is not None
        assert found[name] == tuple(values.values())


@pytest.mark.parametrize(
    "condition",
    [
        {},
        {"mode": "segment"},
        {"layer_mix": "learned", "members": 2},
        {"mode": "segment", "layer_mix": "learned", "task": "popularity"},
    ],
    ids=str,
)
def test_the_catalog_says_what_the_predictor_says(condition: dict[str, Any], tmp_path: Path) -> None:
    store = Store.open(tmp_path / "store")
    model = champion(store, tmp_path / "staged", **condition)
    made = shard(store, 1, songs=5, segments=3)
    rows = predicted(store, exact(model), f"{1:08x}")
    assert rows["shard_id"].unique().to_list() == [f"{1:08x}"]
    check(model, made, {row[0]: row[1:] for row in rows.drop("shard_id").rows()})


def test_a_prediction_does_not_depend_on_its_company(tmp_path: Path) -> None:
    """Nor on how many threads compute it."""
    model = exact(heads.ApexHeads(heads.HeadsConfig(hidden=HIDDEN)))
    vectors = np.random.default_rng(1).standard_normal((500, HIDDEN)).astype(np.float32)
    together = pl.Series(heads.predict(model, vectors).ravel()).cast(pl.Float64).round(4)
    alone = np.concatenate([heads.predict(model, vectors[n : n + 1]) for n in range(len(vectors))])
    threads = torch.get_num_threads()
    try:
        torch.set_num_threads(2 if threads == 1 else 1)
        others = heads.predict(model, vectors)
    finally:
        torch.set_num_threads(threads)
    assert pl.Series(alone.ravel()).cast(pl.Float64).round(4).equals(together)
    assert pl.Series(others.ravel()).cast(pl.Float64).round(4).equals(together)
