"""A catalog that has seen two encoders: what is made of one's vectors never meets what is made of the other's."""

import json
from collections.abc import Iterator
from dataclasses import asdict
from datetime import timedelta
from pathlib import Path

import numpy as np
import polars as pl
import pytest
import torch
from safetensors.torch import save_file

from apex_core import heads
from apex_core.catalog import Connection, connect, latest_snapshot, open_snapshot
from apex_core.errors import EncoderError
from apex_core.mert import describe_encoder, song_vectors, tiny
from apex_core.pipeline.predictor import Predictor
from apex_core.pipeline.publish import build
from apex_core.pipeline.similar import similar
from apex_core.registry import load_artifact, resolve_alias
from apex_core.sandbox import SandboxServer, World
from apex_core.settings import Settings
from apex_core.storage import Store
from tests.pipeline.nights import night, settings_for


@pytest.fixture(scope="module")
def other(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A checkpoint of the stand-in's shape whose vectors mean something else."""
    folder = tmp_path_factory.mktemp("other-encoder")
    (folder / "config.json").write_text(json.dumps({"model_type": "hubert", **asdict(tiny.ARCHITECTURE)}))
    (folder / "preprocessor_config.json").write_text('{"do_normalize": true, "sampling_rate": 24000}')
    weights = {name: torch.from_numpy(values) for name, values in tiny.weights().items()}
    weights["feature_projection.projection.weight"] = -weights["feature_projection.projection.weight"]
    save_file(weights, folder / "model.safetensors")
    return folder


@pytest.fixture(scope="module")
def nights(world: World, tmp_path_factory: pytest.TempPathFactory, other: Path) -> Iterator[tuple[Settings, Settings]]:
    """Settings of a first night with the stand-in and of a second with the other encoder, both over."""
    threads = torch.get_num_threads()
    torch.set_num_threads(1)  # such small matrices are not worth sharing
    with SandboxServer(world) as server:
        yield _two_nights(tmp_path_factory.mktemp("apart"), world, server, other)
    torch.set_num_threads(threads)


def _two_nights(home: Path, world: World, server: SandboxServer, other: Path) -> tuple[Settings, Settings]:
    first = settings_for(home, world, server)
    second = first.model_copy(update={"encoder": first.encoder.model_copy(update={"source": str(other)})})
    night(first, world.epoch, "n1")
    night(second, world.epoch + timedelta(days=1), "n2")
    return first, second


def encoder_id(settings: Settings) -> str:
    return describe_encoder(settings.encoder, settings.cache)[0]


def rows(connection: Connection, query: str) -> list[tuple[str, ...]]:
    return connection.execute(query).fetchall()


@pytest.mark.slow
def test_two_encoders_in_one_catalog_never_mix(nights: tuple[Settings, Settings]) -> None:
    first, second = nights
    one, two = encoder_id(first), encoder_id(second)
    assert one != two
    store = Store.open(first.store_url)
    with connect(first, "test") as connection:
        embedded = dict(rows(connection, "SELECT encoder_id, list(sha256 ORDER BY sha256) FROM embedding GROUP BY 1"))
        versions = dict(rows(connection, "SELECT version, encoder_id FROM model_version"))
        predictions = pl.DataFrame(connection.sql("FROM prediction").to_arrow_table())
        shards = dict(rows(connection, "SELECT encoder_id, list(DISTINCT shard_id) FROM embedding GROUP BY 1"))
    assert embedded[one] == embedded[two], "each made vectors of all songs"
    assert set(versions.values()) == {one, two}

    # Every prediction is what its model says of its own encoder's vectors, and not of the other's.
    for version, its in versions.items():
        kept = predictions.filter(pl.col("version") == version).sort("sha256")
        model = build(load_artifact(store, version))
        assert model.config.encoder_id == its
        said = {each: _said(store, each, shards[each], model, kept["sha256"].to_list()) for each in (one, two)}
        stored = kept["score_streams"].to_numpy()
        assert len(stored) == len(embedded[its])
        np.testing.assert_allclose(stored, said[its], atol=1e-3)
        assert np.abs(stored - said[two if its == one else one]).max() > 1e-2

    champion = resolve_alias(store, "champion")
    assert champion is not None
    assert versions[champion.version] == two
    with open_snapshot(latest_snapshot(first)) as snapshot:
        shown = rows(snapshot, "SELECT DISTINCT encoder_id FROM scored_catalog WHERE encoder_id IS NOT NULL")
        assert shown == [(two,)]
        track = rows(snapshot, "SELECT platform || '/' || track_id FROM scored_catalog WHERE predicted_streams > 0")
        assert similar(snapshot, track[0][0], 5).encoder_id == two


def _said(store: Store, encoder: str, shards: list[str], model: heads.ApexHeads, songs: list[str]) -> np.ndarray:
    table = pl.DataFrame(song_vectors(store, encoder, shards, ("sha256", "mixed")))
    wanted = pl.DataFrame({"sha256": songs}).join(table, on="sha256", maintain_order="left")
    return heads.predict(model, wanted["mixed"].to_numpy())[:, model.config.targets.index("score_streams")]


@pytest.mark.slow
def test_training_sets_are_of_one_encoder(nights: tuple[Settings, Settings]) -> None:
    store = Store.open(nights[0].store_url)
    sets = [store.read_json(key) for key in store.list("training_sets") if key.endswith("MANIFEST.json")]
    assert {each["facts"]["encoder_id"] for each in sets} == {encoder_id(settings) for settings in nights}


@pytest.mark.slow
def test_a_model_takes_no_other_encoders_vectors(nights: tuple[Settings, Settings]) -> None:
    first, second = nights
    store = Store.open(first.store_url)
    champion = resolve_alias(store, "champion")
    assert champion is not None
    # The champion's encoder was a folder; the settings name another one.
    with pytest.raises(EncoderError, match=f"trained on vectors of {encoder_id(second)}, this encoder is"):
        Predictor.load(first).encoder  # noqa: B018  had when it is first asked for
    found = Predictor.load(second)
    assert (found.version, found.encoder.encoder_id) == (champion.version, encoder_id(second))
