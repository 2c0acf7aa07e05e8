"""Models from elsewhere: registered as versions that predict what their authors' code predicts, and written back."""

import hashlib
import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from apex_core.errors import ArtifactError
from apex_core.heads.foreign import read_checkpoint
from apex_core.mert import AUTHORS_LAYER_MIX, mix
from apex_core.pipeline.artifact_model import predict_with
from apex_core.pipeline.model_export import export_checkpoint, export_folder
from apex_core.pipeline.model_import import Wanted, import_model
from apex_core.registry import describe_version, list_versions, load_artifact, newest_decision
from apex_core.settings import EncoderSettings, Settings
from apex_core.storage import Store
from tests.heads.test_foreign import SHAPES, draw, restated

AT = datetime(2026, 11, 22, tzinfo=UTC)
ENCODER = "mert-v1-95m-0123456789ab"


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return Settings(home=tmp_path / "home", encoder=EncoderSettings(source="tiny-random"))


@pytest.fixture
def checkpoint(tmp_path: Path) -> Path:
    return _saved(tmp_path / "best_model.pt", draw(1, 2, "full"))


def _saved(path: Path, value: Any) -> Path:
    path.parent.mkdir(exist_ok=True)
    torch.save(value, path)
    return path


def _import(settings: Settings, source: Path | str, **wanted: Any) -> str:
    return import_model(settings, Wanted(str(source), **{"encoder_id": ENCODER, **wanted}), "ann", AT)


def _hub(folder: Path, **config: Any) -> Path:
    """The hub's layout: bare weights, and a config that says how the vectors were made (FACTS §3)."""
    state = draw(3, 2, "full")["model_state"]
    state["aggregator.weight"] = torch.tensor(AUTHORS_LAYER_MIX.weights).reshape(1, 4, 1)
    state["aggregator.bias"] = torch.tensor([AUTHORS_LAYER_MIX.bias])
    _saved(folder / "pytorch_model.bin", state)
    told = {"layer_indices": [2, 5, 8, -1], "segment_sec": 30, "seed": 42, "epoch": 50, "val_loss": 398.778}
    (folder / "config.json").write_text(json.dumps(told | config))
    return folder


@pytest.mark.parametrize(("shared", "task"), SHAPES)
def test_from_layer_means_to_seven_numbers_it_is_what_the_authors_compute(
    settings: Settings, tmp_path: Path, shared: int, task: str
) -> None:
    drawn = draw(shared, shared, task)
    version = _import(settings, _saved(tmp_path / "best_model.pt", drawn))
    artifact = load_artifact(Store.open(settings.store_url), version)
    assert artifact.config["encoder_id"] == ENCODER
    segments = torch.randn(40, 3, 4, 768, generator=torch.Generator().manual_seed(2)) * 0.5
    # FACTS §2: a weighted sum of the layers and one bias, then the plain mean over a song's segments.
    weights = torch.tensor(AUTHORS_LAYER_MIX.weights, dtype=torch.float64)
    vectors = torch.einsum("nslh,l->nsh", segments.double(), weights).mean(dim=1) + AUTHORS_LAYER_MIX.bias
    wanted = restated(drawn["model_state"], shared, task, vectors).numpy()
    got = predict_with(artifact, mix(segments.numpy()).mean(axis=1))
    np.testing.assert_allclose(got, wanted, rtol=0, atol=1e-4)


def test_a_checkpoint_becomes_a_version_that_waits_for_a_person_s_word(settings: Settings, checkpoint: Path) -> None:
    version = _import(settings, checkpoint)
    store = Store.open(settings.store_url)
    found, decision = describe_version(store, version), newest_decision(store, version)
    assert found.lineage["imported"] == {
        "file": "best_model.pt",
        "sha256": hashlib.sha256(checkpoint.read_bytes()).hexdigest(),
        "epoch": 12,
        "val_loss": 398.5,
        "train_loss": 401.25,
        "trained_mode": "song",
    }
    assert found.config["condition"] == "song/full/uncertainty/2"
    assert decision is not None
    assert (decision.outcome, decision.decided_by) == ("held", "ann")
    before = store.list("models")
    assert _import(settings, checkpoint) == version
    assert store.list("models") == before
    with pytest.raises(ArtifactError, match=f"published as heads for {ENCODER}"):
        _import(settings, checkpoint, encoder_id="another")


def test_the_hub_s_layout(settings: Settings, tmp_path: Path) -> None:
    version = _import(settings, _hub(tmp_path / "hub"))
    lineage = describe_version(Store.open(settings.store_url), version).lineage
    assert (lineage["imported"]["epoch"], lineage["imported"]["val_loss"]) == (50, 398.778)


@pytest.mark.parametrize(
    ("config", "message"),
    [
        ({"layer_indices": [3, 6, 9, 12]}, r"layer_indices \[3, 6, 9, 12\]"),
        ({"segment_sec": 10}, "segment_sec 10"),
        ({"seed": 7}, "seed 7"),
        ({"layer_indices": None}, "layer_indices None"),
    ],
)
def test_heads_for_other_vectors_are_refused(
    settings: Settings, tmp_path: Path, config: dict[str, Any], message: str
) -> None:
    with pytest.raises(ArtifactError, match=message):
        _import(settings, _hub(tmp_path / "hub", **config))
    assert list_versions(Store.open(settings.store_url)) == []


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("aggregator.weight", "mixes the layers by other weights"),
        ("aggregator.scale", "mixes the layers by other weights"),
        ("mert.bias", "no heads"),
    ],
)
def test_weights_that_are_no_heads_are_looked_at(settings: Settings, tmp_path: Path, name: str, message: str) -> None:
    folder = _hub(tmp_path / "hub")
    state = torch.load(folder / "pytorch_model.bin", weights_only=True)
    _saved(folder / "pytorch_model.bin", {**state, name: torch.ones(1, 5, 1)})
    with pytest.raises(ArtifactError, match=message):
        _import(settings, folder)


def test_a_promised_hash_is_checked(settings: Settings, checkpoint: Path) -> None:
    sha256 = hashlib.sha256(checkpoint.read_bytes()).hexdigest()
    for wrong, message in (("0" * 64, "has sha256"), ("1234", "not a sha256")):
        with pytest.raises(ArtifactError, match=message):
            _import(settings, checkpoint, sha256=wrong)
    assert _import(settings, checkpoint, sha256=sha256[:16]) == _import(settings, checkpoint, sha256=sha256)


def test_a_hub_id_must_be_pinned_and_what_is_nothing_is_said_so(settings: Settings) -> None:
    with pytest.raises(ArtifactError, match="what lies there may change"):
        _import(settings, "amaai-lab/apex")
    with pytest.raises(ArtifactError, match="no file, folder or hub id"):
        _import(settings, "nothing here.pt")


def test_without_a_named_encoder_the_settings_encoder_must_fit(settings: Settings, checkpoint: Path) -> None:
    with pytest.raises(ArtifactError, match="width 768; tiny-random"):
        _import(settings, checkpoint, encoder_id=None)


def test_what_is_exported_comes_back_as_the_same_version(settings: Settings, checkpoint: Path, tmp_path: Path) -> None:
    store = Store.open(settings.store_url)
    version = _import(settings, checkpoint)
    export_checkpoint(store, version, tmp_path / "out.pt")
    ours, theirs = read_checkpoint(tmp_path / "out.pt"), read_checkpoint(checkpoint)
    assert all(torch.equal(ours.weights[name], theirs.weights[name]) for name in theirs.weights)
    assert ours.facts == theirs.facts
    assert import_model(settings, Wanted(str(tmp_path / "out.pt")), "ann", AT) == version  # it knows its encoder


def test_a_version_s_folder_goes_to_another_store_and_is_the_same_there(
    settings: Settings, checkpoint: Path, tmp_path: Path
) -> None:
    version = _import(settings, checkpoint)
    export_folder(Store.open(settings.store_url), version, tmp_path / "carried")
    with pytest.raises(ArtifactError, match="not an empty folder"):
        export_folder(Store.open(settings.store_url), version, tmp_path / "carried")
    (tmp_path / "carried" / ".cache").write_text("the hub's client leaves such things there")
    other = settings.model_copy(update={"home": tmp_path / "other"})
    assert _import(other, tmp_path / "carried") == version
    assert describe_version(Store.open(other.store_url), version).files == (
        describe_version(Store.open(settings.store_url), version).files
    )
    (tmp_path / "carried" / "config.json").write_text("{}")
    with pytest.raises(ArtifactError, match="altered"):
        _import(settings.model_copy(update={"home": tmp_path / "third"}), tmp_path / "carried")
