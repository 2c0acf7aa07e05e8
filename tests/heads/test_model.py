import json
import re
from dataclasses import replace

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from apex_core.errors import ArtifactError, TrainingError
from apex_core.heads import (
    CONDITIONS,
    OWN_CONDITIONS,
    POPULARITY,
    RANGES,
    TARGETS,
    ApexHeads,
    HeadsConfig,
    build_model,
    join,
    predict,
    with_condition,
)
from apex_core.heads.config import Shared, Task
from apex_core.settings import TrainSettings


@pytest.mark.parametrize(
    ("shared", "task", "parameters"), [(2, "full", 817_799), (2, "popularity", 609_794), (3, "full", 982_791)]
)
def test_parameter_counts_are_the_published_ones(shared: Shared, task: Task, parameters: int) -> None:
    model = ApexHeads(HeadsConfig(shared=shared, task=task))
    assert sum(p.numel() for p in model.parameters()) == parameters


def test_state_dict_has_the_published_names() -> None:
    names = set(ApexHeads(HeadsConfig()).state_dict())
    norm = ("weight", "bias", "running_mean", "running_var", "num_batches_tracked")
    block = [f"0.{leaf}" for leaf in ("weight", "bias")] + [f"1.{leaf}" for leaf in norm]
    expected = {f"shared.{i}.block.{leaf}" for i in (0, 1) for leaf in block}
    for target in TARGETS:
        expected |= {f"branch_{target}.branch.{i}.block.{leaf}" for i in (0, 1) for leaf in block}
        expected |= {f"branch_{target}.branch.2.{leaf}" for leaf in ("weight", "bias")}
    assert names == expected


@settings(max_examples=25, deadline=None)
@given(scale=st.floats(1e-3, 1e4), seed=st.integers(0, 2**31))
def test_predictions_stay_on_the_published_scales(scale: float, seed: int) -> None:
    model = ApexHeads(HeadsConfig(hidden=8)).eval()
    x = torch.randn(5, 8, generator=torch.Generator().manual_seed(seed)) * scale
    with torch.inference_mode():
        out = model(x)
    assert out.shape == (5, 7)
    assert ((out[:, :2] >= 0) & (out[:, :2] <= 100)).all()
    assert ((out[:, 2:] >= 1) & (out[:, 2:] <= 5)).all()


def test_there_are_24_conditions_by_name() -> None:
    assert len(set(CONDITIONS)) == 24
    assert HeadsConfig().condition == "song/full/uncertainty/2"
    changed = with_condition(TrainSettings(), "segment/popularity/equal/3")
    assert HeadsConfig.of(changed, hidden=8).condition == "segment/popularity/equal/3"
    assert HeadsConfig.of(changed, hidden=8).targets == POPULARITY
    with pytest.raises(TrainingError, match="No condition"):
        with_condition(TrainSettings(), "song/full/uncertainty/4")


def test_a_config_survives_json_and_what_others_add_to_it() -> None:
    config = HeadsConfig(encoder_id="e", hidden=96, task="popularity", shared=3)
    assert HeadsConfig.from_json({**config.to_json(), "libraries": {"torch": "2"}}) == config


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"shared": 4}, "no known kind"),
        ({"task": "aesthetics"}, "no known kind"),
        ({"hidden": 0}, "no known kind"),
        ({"targets": ["score_streams"]}, "targets"),
        ({"members": 0}, "no known kind"),
        ({"layer_mix": "mean"}, "no known kind"),
        ({"loss": "standardised"}, "lacks the statistics"),
        ({"target_means": [1.0]}, "statistics of 1 targets"),
    ],
)
def test_a_config_of_other_heads_is_refused(change: dict[str, object], message: str) -> None:
    with pytest.raises(ArtifactError, match=message):
        HeadsConfig.from_json({**HeadsConfig().to_json(), **change})


def test_a_config_with_a_missing_key_is_refused() -> None:
    with pytest.raises(ArtifactError, match=re.escape("lacks encoder_id")):
        HeadsConfig.from_json({k: v for k, v in HeadsConfig().to_json().items() if k != "encoder_id"})


def test_a_rebuilt_model_predicts_the_same_and_leaves_the_random_state_alone() -> None:
    model = ApexHeads(HeadsConfig(hidden=8)).eval()
    before = torch.random.get_rng_state()
    again = build_model(model.config, model.state_dict())
    assert torch.equal(torch.random.get_rng_state(), before)
    x = torch.ones(3, 8)
    assert torch.equal(model(x), again(x))


def test_weights_of_other_heads_are_refused() -> None:
    model = ApexHeads(HeadsConfig(hidden=8))
    with pytest.raises(ArtifactError, match="do not fit"):
        build_model(HeadsConfig(hidden=9), model.state_dict())
    with pytest.raises(ArtifactError, match="do not fit"):
        build_model(HeadsConfig(hidden=8, task="popularity"), model.state_dict())


@pytest.mark.parametrize("condition", CONDITIONS)
def test_a_published_condition_brings_the_authors_hyper_parameters(condition: str) -> None:
    strange = TrainSettings(
        learning_rate=0.5, weight_decay=0.1, epochs=3, patience=2, batch_size=7, clip_norm=9.0, seed=1, ensemble=3,
        layer_mix="learned",
    )  # fmt: skip
    found = with_condition(strange, condition)
    assert (found.learning_rate, found.weight_decay, found.clip_norm) == (1e-4, 1e-4, 1.0)
    assert (found.epochs, found.patience, found.batch_size, found.seed) == (50, 20, 512, 42)
    assert (found.ensemble, found.layer_mix) == (1, "AUTHORS_LAYER_MIX")
    assert found == TrainSettings(mode=found.mode, task=found.task, loss=found.loss, shared=found.shared)


def test_our_condition_keeps_our_hyper_parameters_and_never_takes_published_ones_along() -> None:
    mine = TrainSettings(learning_rate=0.5)
    assert with_condition(mine, "segment/full/standardised/3").learning_rate == 0.5
    published = with_condition(mine, CONDITIONS[0])
    back = with_condition(published, OWN_CONDITIONS[0])
    assert back.learning_rate == TrainSettings().learning_rate


STATISTICS = ((40.0, 60.0, 3.0, 3.1, 3.2, 3.3, 3.4), (20.0, 21.0, 0.5, 0.6, 0.7, 0.8, 0.9))

SHAPES = [
    TrainSettings(),
    TrainSettings(layer_mix="learned"),
    TrainSettings(ensemble=3),
    TrainSettings(ensemble=2, layer_mix="learned", task="popularity", shared=3),
]


def _config(settings: TrainSettings) -> HeadsConfig:
    return HeadsConfig.of(settings, hidden=8, encoder_id="e", statistics=STATISTICS)


def _vectors(config: HeadsConfig, rows: int, seed: int = 0) -> NDArray[np.float32]:
    layers = (4,) if config.layer_mix == "learned" else ()
    return np.random.default_rng(seed).normal(size=(rows, *layers, config.hidden)).astype(np.float32)


@pytest.mark.parametrize("settings", SHAPES, ids=["default", "mix", "members", "mix-members"])
def test_config_and_weights_are_all_there_is_to_a_model(settings: TrainSettings) -> None:
    """Through JSON and a flat state dict, as an artifact holds them, and to the last bit."""
    model = ApexHeads(_config(settings)).eval()
    again = build_model(HeadsConfig.from_json(json.loads(json.dumps(model.config.to_json()))), model.state_dict())
    assert again.config == model.config
    vectors = _vectors(model.config, 5)
    assert np.array_equal(predict(again, vectors), predict(model, vectors))


@pytest.mark.parametrize("settings", SHAPES, ids=["default", "mix", "members", "mix-members"])
def test_a_song_s_numbers_do_not_depend_on_its_batch(settings: TrainSettings) -> None:
    model = ApexHeads(_config(settings)).eval()
    vectors = _vectors(model.config, 70)
    whole = predict(model, vectors)
    assert np.array_equal(np.concatenate([predict(model, vectors[n : n + 1]) for n in range(70)]), whole)
    assert np.array_equal(predict(model, vectors, batch_rows=9), whole)


def test_members_are_named_and_their_mean_is_predicted() -> None:
    single = replace(_config(TrainSettings()), members=1)
    members = [ApexHeads(single).eval() for _ in range(3)]
    joined = join(members)
    assert joined.config.members == 3
    assert set(joined.state_dict()) == {f"member_{n}.{name}" for n in range(3) for name in members[0].state_dict()}
    vectors = _vectors(single, 6)
    expected = np.mean([predict(member, vectors) for member in members], axis=0)
    np.testing.assert_allclose(predict(joined, vectors), expected, rtol=1e-6)
    assert join(members[:1]) is members[0]


def test_a_learned_mix_begins_as_the_mean_of_the_layers() -> None:
    model = ApexHeads(_config(TrainSettings(layer_mix="learned"))).eval()
    assert {"mix.weight", "mix.bias"} < set(model.state_dict())
    layers = torch.randn(5, 4, 8, generator=torch.Generator().manual_seed(1))
    plain = build_model(_config(TrainSettings()), {k: v for k, v in model.state_dict().items() if "mix" not in k})
    assert torch.allclose(model(layers), plain(layers.mean(dim=1)), atol=1e-5)


def test_standardised_heads_begin_near_the_mean_of_their_labels() -> None:
    model = ApexHeads(_config(TrainSettings()))
    for target, mean in zip(TARGETS, STATISTICS[0], strict=True):
        low, high = RANGES[target]
        bias = model.get_submodule(f"branch_{target}.branch.2").bias
        assert isinstance(bias, torch.Tensor)
        assert torch.sigmoid(bias).item() * (high - low) + low == pytest.approx(mean, rel=1e-4)


def test_standardised_heads_have_the_published_names() -> None:
    assert set(ApexHeads(_config(TrainSettings())).state_dict()) == set(ApexHeads(HeadsConfig(hidden=8)).state_dict())


def test_a_config_of_before_the_new_keys_is_read() -> None:
    old = {
        "encoder_id": "e", "hidden": 96, "mode": "song", "task": "full", "loss": "uncertainty", "shared": 2,
        "seed": 42, "layer_mix": "AUTHORS_LAYER_MIX", "targets": list(TARGETS), "condition": "song/full/uncertainty/2",
    }  # fmt: skip
    assert HeadsConfig.from_json(old) == HeadsConfig(encoder_id="e", hidden=96)
