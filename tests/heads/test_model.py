import re

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from apex_core.errors import ArtifactError, TrainingError
from apex_core.heads import (
    CONDITIONS,
    POPULARITY,
    TARGETS,
    ApexHeads,
    HeadsConfig,
    build_model,
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
