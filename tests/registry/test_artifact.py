import hashlib
import json
import math
import shutil
from datetime import datetime, timedelta, timezone
from pathlib import Path

import numpy as np
import pytest
import torch
from numpy.typing import NDArray

from apex_core.errors import ArtifactError
from apex_core.registry import (
    Artifact,
    load_artifact,
    publish,
    read_staged,
    stage_artifact,
    verify_artifact,
    version_name,
    weights_sha256,
)
from apex_core.registry.artifact import FILES
from apex_core.storage import Store

from .conftest import AS_OF, CONFIG, Stage

VECTORS = np.arange(12, dtype=np.float32).reshape(3, 4)


def _predict(artifact: Artifact, vectors: NDArray[np.float32]) -> NDArray[np.float32]:
    return vectors @ artifact.weights["layer.weight"].numpy().T


def _bytes(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in folder.iterdir()}


def test_a_version_is_named_after_the_utc_day_and_the_weights() -> None:
    assert version_name(AS_OF, "1a2b3c4d" + "0" * 56) == "v20261122-1a2b3c4d"
    late = datetime(2026, 11, 22, 23, tzinfo=timezone(timedelta(hours=-5)))
    assert version_name(late, "1a2b3c4d" + "0" * 56) == "v20261123-1a2b3c4d"


def test_equal_input_is_staged_as_equal_bytes(stage: Stage) -> None:
    a, b = stage(folder="a"), stage(folder="b")
    assert _bytes(a.folder) == _bytes(b.folder)
    assert set(_bytes(a.folder)) == set(FILES)


def test_the_weights_hash_is_that_of_the_file(stage: Stage) -> None:
    staged = stage()
    data = (staged.folder / "model.safetensors").read_bytes()
    assert weights_sha256(staged.weights) == hashlib.sha256(data).hexdigest()


def test_the_order_of_the_weights_does_not_matter(stage: Stage) -> None:
    weights = stage().weights
    assert weights_sha256(weights) == weights_sha256(dict(reversed(weights.items())))


def test_transposed_views_are_kept_as_they_look(tmp_path: Path) -> None:
    weights = {"w": torch.arange(6.0).reshape(2, 3).T}
    stage_artifact(tmp_path / "s", weights, CONFIG, {}, {}, "")
    assert torch.equal(read_staged(tmp_path / "s").weights["w"], weights["w"])


def test_the_libraries_are_named_in_the_config(stage: Stage) -> None:
    assert set(read_staged(stage().folder).config["libraries"]) == {"torch", "safetensors", "numpy"}


@pytest.mark.parametrize("value", [math.nan, math.inf])
def test_weights_that_are_not_finite_are_not_kept(tmp_path: Path, value: float) -> None:
    with pytest.raises(ArtifactError, match=r"Weights w are not finite"):
        stage_artifact(tmp_path, {"w": torch.tensor([1.0, value])}, CONFIG, {}, {}, "")


def test_metrics_that_json_cannot_hold_are_refused(tmp_path: Path) -> None:
    with pytest.raises(ArtifactError, match=r"metrics\.json cannot be written"):
        stage_artifact(tmp_path, {}, CONFIG, {"mse": math.nan}, {}, "")


def test_a_config_must_name_encoder_and_targets(tmp_path: Path) -> None:
    with pytest.raises(ArtifactError, match="lacks targets"):
        stage_artifact(tmp_path, {}, {"encoder_id": "x"}, {}, {}, "")


def test_a_published_version_loads_as_it_was_staged(store: Store, stage: Stage) -> None:
    staged = stage()
    publish(store, staged.version, staged.folder)
    artifact = load_artifact(store, staged.version)
    assert artifact.version == staged.version
    assert artifact.weights.keys() == staged.weights.keys()
    assert all(torch.equal(artifact.weights[name], staged.weights[name]) for name in staged.weights)
    assert artifact.config.items() >= CONFIG.items()
    assert artifact.lineage == {"training_set_id": "t"}


def test_a_copied_folder_loads_wherever_it_lies(store: Store, stage: Stage, tmp_path: Path) -> None:
    staged = stage()
    publish(store, staged.version, staged.folder)
    copied = shutil.copytree(store.path(f"models/{staged.version}"), tmp_path / "my copy (1)")
    assert load_artifact(copied).version == staged.version
    (copied / "README.md").write_text("other")
    with pytest.raises(ArtifactError, match="altered"):
        load_artifact(copied)


@pytest.mark.parametrize("name", FILES)
def test_an_altered_or_missing_file_is_refused(store: Store, stage: Stage, name: str) -> None:
    staged = stage()
    publish(store, staged.version, staged.folder)
    key = f"models/{staged.version}/{name}"
    data = bytearray(store.read(key))
    data[-1] ^= 1
    store.put(key, bytes(data), replace=True)
    with pytest.raises(ArtifactError, match=f"{name} was altered"):
        load_artifact(store, staged.version)
    store.delete(key)
    with pytest.raises(ArtifactError, match=f"{name} is named by its manifest but missing"):
        load_artifact(store, staged.version)


def test_a_folder_under_another_version_s_name_is_refused(store: Store, stage: Stage) -> None:
    staged = stage()
    publish(store, staged.version, staged.folder)
    shutil.copytree(store.path(f"models/{staged.version}"), store.path("models/v20261122-00000000"))
    with pytest.raises(ArtifactError, match="holds version"):
        load_artifact(store, "v20261122-00000000")


@pytest.mark.parametrize("text", ["", "[]", "{}", '{"files": {"x": {"odd": 1}}, "facts": {}}', '{"files": 1}'])
def test_a_manifest_that_cannot_be_read_is_refused(store: Store, stage: Stage, text: str) -> None:
    version = stage().version
    store.put(f"models/{version}/MANIFEST.json", text.encode())
    with pytest.raises(ArtifactError, match="cannot be read"):
        load_artifact(store, version)


def test_a_manifest_that_names_too_little_is_refused(store: Store, stage: Stage) -> None:
    version = stage().version
    store.put_json(f"models/{version}/MANIFEST.json", {"files": {}, "facts": {"version": version}})
    with pytest.raises(ArtifactError, match="does not name"):
        load_artifact(store, version)


@pytest.mark.parametrize("version", ["../secrets", "v1", "aliases", "v20261122-XYZ00000", ""])
def test_only_a_version_s_name_becomes_a_path(store: Store, version: str) -> None:
    with pytest.raises(ArtifactError, match="not a model version"):
        load_artifact(store, version)


def test_a_store_wants_a_version(store: Store) -> None:
    with pytest.raises(ArtifactError, match="Which version"):
        load_artifact(store)


def test_weights_that_are_not_safetensors_are_refused(stage: Stage) -> None:
    folder = stage().folder
    (folder / "model.safetensors").write_bytes(b"\x80\x04pickle")
    with pytest.raises(ArtifactError, match="cannot be read"):
        read_staged(folder)


def test_verification_passes_what_predicts_the_same(stage: Stage) -> None:
    verify_artifact(stage(2.0).folder, VECTORS, VECTORS @ np.full((4, 2), 2.0, dtype=np.float32), _predict)


def test_verification_refuses_what_does_not(stage: Stage) -> None:
    folder = stage(2.0).folder
    right = VECTORS @ np.full((4, 2), 2.0, dtype=np.float32)
    for expected, message in (
        (right + 0.01, "differ by up to 0.01"),
        (right[:, :1], "shape"),
        (np.where(right > 50, np.nan, right), "not finite"),
    ):
        with pytest.raises(ArtifactError, match=message):
            verify_artifact(folder, VECTORS, expected.astype(np.float32), _predict)


def test_a_staged_folder_with_a_missing_file_is_not_verified(stage: Stage) -> None:
    folder = stage().folder
    (folder / "lineage.json").unlink()
    with pytest.raises(ArtifactError, match=r"lacks lineage\.json"):
        verify_artifact(folder, VECTORS, VECTORS, _predict)


def test_files_are_canonical_json(stage: Stage) -> None:
    text = (stage().folder / "config.json").read_text()
    assert list(json.loads(text)) == sorted(json.loads(text))
