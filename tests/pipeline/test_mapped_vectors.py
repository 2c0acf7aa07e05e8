"""Vectors in a mapped file are those in memory, and heads trained on them the same to the last bit."""

from pathlib import Path

import numpy as np
import pytest
import torch

from apex_core import heads
from apex_core.pipeline import training_set as sets
from apex_core.pipeline.mapped_vectors import load_within
from apex_core.settings import TrainSettings
from apex_core.storage import Store
from tests.pipeline.frozen_sets import ENCODER, freeze


@pytest.mark.parametrize("layer_mix", ["AUTHORS_LAYER_MIX", "learned"])
@pytest.mark.parametrize("mode", ["song", "segment"])
def test_heads_learn_the_same_from_a_file(tmp_path: Path, mode: str, layer_mix: str) -> None:
    store = Store.open(tmp_path / "store")
    chosen = sets.read(store, freeze(store))
    settings = TrainSettings.model_validate(
        {"mode": mode, "layer_mix": layer_mix, "epochs": 2, "batch_size": 16, "device": "cpu"}
    )
    held = sets.load_data(store, chosen, mode, layer_mix)
    read = sets.load_data(store, chosen, mode, layer_mix, resident_mb=0, folder=tmp_path / "mapped")
    assert isinstance(load_within(store, ENCODER, chosen.rows, mode, layer_mix, 0, tmp_path).values, np.memmap)
    assert not isinstance(load_within(store, ENCODER, chosen.rows, mode, layer_mix, 1, tmp_path).values, np.memmap)
    np.testing.assert_array_equal(read.vectors, held.vectors)
    np.testing.assert_array_equal(read.groups, held.groups)
    one = heads.train(held, settings).model.state_dict()
    other = heads.train(read, settings.model_copy(update={"resident_mb": 0})).model.state_dict()
    assert all(torch.equal(one[name], other[name]) for name in one)
    assert not list((tmp_path / "mapped").iterdir())
