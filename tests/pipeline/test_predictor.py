"""A model learnt from one machine's vectors scores on another, whose arithmetic is another: DESIGN §4."""

from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import pytest
import soundfile
from numpy.typing import NDArray

from apex_core import heads
from apex_core.mert import mix
from apex_core.pipeline.embedder import Embedder
from apex_core.pipeline.predictor import Predictor
from apex_core.registry import publish, stage_artifact, version_name
from apex_core.settings import EncoderSettings, Settings, TrainSettings
from apex_core.storage import Store

AS_OF = datetime(2026, 11, 1, tzinfo=UTC)
RATE = 24_000
SONGS = 20
# What bfloat16, with its 8 bits, may move: in points of 100, and of 1 to 5.
POINTS = {"score_streams": 1.5, "score_likes": 1.5, "clarity": 0.06}
ENCODER = EncoderSettings(source="tiny-random", device="cpu", decode_workers=0)


@pytest.fixture(scope="module")
def songs(tmp_path_factory: pytest.TempPathFactory) -> list[Path]:
    """Songs that go from low and clear to high and noisy."""
    folder = tmp_path_factory.mktemp("scale")
    random, seconds = np.random.default_rng(4), np.arange(3 * RATE) / RATE
    for n in range(SONGS):
        tone = 0.4 * np.sin(2 * np.pi * 110 * 2 ** (n / 4) * seconds)
        noise = 0.004 * (1 + n) * random.standard_normal(len(seconds))
        soundfile.write(folder / f"{n:02}.wav", (tone + noise).astype(np.float32), RATE)
    return sorted(folder.iterdir())


def embedder(home: Path, precision: str) -> Embedder:
    encoder = EncoderSettings.model_validate(ENCODER.model_dump() | {"precision": precision})
    return Embedder.load(Settings(home=home, encoder=encoder))


def vectors(made_by: Embedder, songs: Sequence[Path]) -> NDArray[np.float32]:
    return np.stack([mix(one.means).mean(axis=0) for one in made_by.embed(songs) if one.means is not None])


def train(values: NDArray[np.float32], encoder_id: str, folder: Path) -> tuple[heads.ApexHeads, str]:
    """Heads that have learnt the scale from these vectors, and the folder they are published in."""
    place = np.linspace(0, 1, SONGS, dtype=np.float32)[:, None]
    targets = np.concatenate([np.repeat(100 * place, 2, axis=1), np.repeat(1 + 4 * place, 5, axis=1)], axis=1)
    split = (np.arange(SONGS) % 5 == 3).astype(np.int8) + 2 * (np.arange(SONGS) % 5 == 4).astype(np.int8)
    data = heads.TrainingData(values, np.arange(SONGS), targets, split, encoder_id)
    settings = TrainSettings(epochs=60, batch_size=12, learning_rate=5e-3, device="cpu")
    model = heads.train(data, settings).model
    described = {**model.config.to_json(), "encoder": {"source": "tiny-random", "revision": "tiny-1"}}
    sha256 = stage_artifact(folder / "staged", model.state_dict(), described, {"test": {}}, {}, "# card\n")
    store, version = Store.open(folder / "store"), version_name(AS_OF, sha256)
    publish(store, version, folder / "staged")
    return model, store.path(f"models/{version}")


@pytest.mark.slow
def test_a_model_of_a_gpu_box_scores_on_a_laptop(songs: list[Path], tmp_path: Path) -> None:
    """The GPU's arithmetic, which a CPU can do as well."""
    box = embedder(tmp_path / "box", "bf16")
    learnt_from = vectors(box, songs)
    model, published = train(learnt_from, box.encoder.encoder_id, tmp_path / "model")
    there = heads.predict(model, learnt_from)
    laptop = Predictor.load(Settings(home=tmp_path / "laptop", encoder=ENCODER), published)
    assert (box.encoder.precision, laptop.encoder.precision) == ("bf16", "fp32")
    assert box.encoder.encoder_id == laptop.encoder.encoder_id, "precision is an attribute, and no other meaning"
    scores = list(laptop.score(songs))
    for target, points in POINTS.items():
        here = np.array([one.values[target] for one in scores if one.values is not None])
        at = model.config.targets.index(target)
        assert np.ptp(there[:, at]) > 20 * points, "the model tells the songs apart"
        np.testing.assert_allclose(here, there[:, at], atol=points)
        order = np.corrcoef(np.argsort(np.argsort(here)), np.argsort(np.argsort(there[:, at])))[0, 1]
        assert order > 0.99
    exact = vectors(Embedder(laptop.encoder, laptop.settings), songs[:3])
    assert np.abs(learnt_from[:3] - exact).max() > 1e-4, "and yet the vectors differ"
