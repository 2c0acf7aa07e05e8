"""A published version as the hub's own library reads it, without a network: its folder is a model repository."""

import hashlib
from pathlib import Path

import numpy as np
import pytest
from huggingface_hub import ModelCard, hf_hub_download, load_state_dict_from_file, snapshot_download

from apex_core import heads
from apex_core.registry import load_artifact, model_card, publish, stage_artifact, version_name, weights_sha256
from apex_core.storage import Store

from .conftest import AS_OF

REPOSITORY, REVISION = "somebody/apex-heads", "0" * 40


@pytest.fixture
def model() -> heads.ApexHeads:
    return heads.ApexHeads(heads.HeadsConfig(encoder_id="tiny-random-7", hidden=8)).eval()


@pytest.fixture
def folder(store: Store, tmp_path: Path, model: heads.ApexHeads) -> Path:
    """A published version, with a picture."""
    weights, config = model.state_dict(), model.config.to_json()
    version = version_name(AS_OF, weights_sha256(weights))
    figures = {"n": 31, "mse": 412.5, "mae": 16.0, "pearson": None, "spearman": 0.4, "pairwise": 0.6}
    metrics = {"test": dict.fromkeys(heads.TARGETS, figures)}
    card = model_card(version=version, config=config, metrics=metrics, lineage={}, plots=["plots/calibration.png"])
    staged = tmp_path / "staged"
    stage_artifact(staged, weights, config, metrics, {}, card)
    (staged / "plots").mkdir()
    (staged / "plots" / "calibration.png").write_bytes(b"\x89PNG")
    publish(store, version, staged)
    return Path(store.path(f"models/{version}"))


@pytest.fixture
def cache(folder: Path, tmp_path: Path) -> Path:
    """What the hub's library keeps of an uploaded folder: blobs by hash, and a snapshot that links to them."""
    place = tmp_path / "hub" / f"models--{REPOSITORY.replace('/', '--')}"
    (place / "refs").mkdir(parents=True)
    (place / "refs" / "main").write_text(REVISION)
    for file in (path for path in folder.rglob("*") if path.is_file()):
        data = file.read_bytes()
        blob = place / "blobs" / hashlib.sha256(data).hexdigest()
        blob.parent.mkdir(exist_ok=True)
        blob.write_bytes(data)
        link = place / "snapshots" / REVISION / file.relative_to(folder)
        link.parent.mkdir(parents=True, exist_ok=True)
        link.symlink_to(blob)
    return place.parent


def test_a_downloaded_version_is_verified_and_predicts_the_same(cache: Path, model: heads.ApexHeads) -> None:
    local = Path(snapshot_download(REPOSITORY, cache_dir=cache, local_files_only=True))
    artifact = load_artifact(local)
    loaded = heads.build_model(heads.HeadsConfig.from_json(artifact.config), artifact.weights)
    vectors = np.random.default_rng(0).normal(size=(5, 8)).astype(np.float32)
    np.testing.assert_array_equal(heads.predict(loaded, vectors), heads.predict(model, vectors))
    assert (local / "plots" / "calibration.png").is_file()


def test_the_hub_s_loaders_read_weights_config_and_card(cache: Path, model: heads.ApexHeads) -> None:
    def file(name: str) -> Path:
        return Path(hf_hub_download(REPOSITORY, name, cache_dir=cache, local_files_only=True))

    weights = load_state_dict_from_file(file("model.safetensors"))
    assert {name: tensor.shape for name, tensor in weights.items()} == {
        name: tensor.shape for name, tensor in model.state_dict().items()
    }
    assert '"encoder_id": "tiny-random-7"' in file("config.json").read_text()
    card = ModelCard.load(file("README.md"))
    assert card.data.license == "cc-by-nc-4.0"
    assert card.data.eval_results
    assert "plots/calibration.png" in card.text
