import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import yaml

from apex_core import heads
from apex_core.registry import model_card, publish, stage_artifact, version_name, weights_sha256
from apex_core.storage import Store

from .conftest import AS_OF

METRICS = {
    target: {"n": 31, "mse": 412.5, "mae": 16.0, "pearson": None, "spearman": 0.4321} for target in heads.TARGETS
}
LINEAGE = {
    "window": {"from": "2026-05-01", "to": "2026-11-21"},
    "rows": {"train": 160, "val": 30, "test": 31},
    "training_set_id": "abc",
    "score_definition": {"gamma": 0.5},
}


def _card(encoder_id: str = "mert-v1-95m-12af15f", ceiling: Mapping[str, float] | None = None, **config: Any) -> str:
    described = heads.HeadsConfig(encoder_id=encoder_id, **config).to_json()
    metrics = {target: METRICS[target] for target in described["targets"]}
    return model_card(version="v20261122-1a2b3c4d", config=described, metrics=metrics, lineage=LINEAGE, ceiling=ceiling)


def _flat(text: str) -> str:
    return re.sub(r"\s+", " ", text)


@pytest.mark.parametrize("encoder_id", ["mert-v1-95m-12af15f", "tiny-random-7", "my: 'own' \"encoder\""])
def test_the_header_is_yaml_and_names_licence_tags_and_metrics(encoder_id: str) -> None:
    _, header, _ = _card(encoder_id).split("---\n", 2)
    facts = yaml.safe_load(header)
    assert facts["license"] == "cc-by-nc-4.0"
    assert f"encoder:{encoder_id}" in facts["tags"]
    assert "spearmanr" in facts["metrics"]
    assert "# " in header.splitlines()[0]  # the reason


def test_a_mert_card_says_what_the_licence_comes_from() -> None:
    card = _flat(_card())
    assert "MERT-v1-95M, whose licence is CC-BY-NC-4.0" in card
    assert "not a model for real songs" not in card


def test_a_stand_in_encoder_is_called_one() -> None:
    card = _flat(_card("tiny-random-7"))
    assert "not a model for real songs" in card
    assert "random weights" in card
    assert "whose licence is" not in card


def test_another_encoder_is_not_passed_off_as_mert() -> None:
    assert "The encoder is not MERT-v1-95M" in _card("wav2vec-base")


def test_data_metrics_and_limits_are_there() -> None:
    card = _card()
    for text in (
        "songs created from 2026-05-01 to 2026-11-21",
        "160 train, 30 val, 31 test",
        "training set id: `abc`",
        "| `score_streams` | 31 | 412.5000 | 16.0000 | – | 0.4321 |",
        "clarity of song structure",
        "naturalness of vocal breathing and phrasing",
        "compare ranks or percentiles",
        "## Limits",
    ):
        assert text in card
    assert "best possible" not in card
    assert "score_definition" not in card


def test_a_known_ceiling_stands_beside_what_was_reached() -> None:
    card = _card(ceiling={"score_streams": 0.81, "score_likes": 0.77})
    assert "best possible spearman" in card
    assert "| – | 0.4321 | 0.8100 |" in card
    assert "the noise in `score_streams` and `score_likes` is known" in card


def test_songeval_s_licence_conflict_is_stated_where_its_labels_were_used() -> None:
    full, popularity = _flat(_card()), _flat(_card(task="popularity"))
    assert "CC BY-NC-SA 4.0 while its licence file says Apache-2.0" in full
    assert "SongEval" not in popularity
    assert "Predicts 2 numbers" in popularity


def test_the_card_s_own_recipe_loads_the_model(store: Store, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    config = heads.HeadsConfig(encoder_id="tiny-random-7", hidden=8)
    model = heads.ApexHeads(config)
    weights = model.state_dict()
    version = version_name(AS_OF, weights_sha256(weights))
    card = model_card(version=version, config=config.to_json(), metrics=METRICS, lineage=LINEAGE)
    stage_artifact(tmp_path / "staged", weights, config.to_json(), METRICS, LINEAGE, card)
    publish(store, version, tmp_path / "staged")
    monkeypatch.chdir(store.path(f"models/{version}"))
    (recipe,) = re.findall(r"```python\n(.*?)```", Path("README.md").read_text(), re.DOTALL)
    vectors = np.ones((3, 8), dtype=np.float32)
    scope: dict[str, Any] = {"vectors": vectors}
    exec(recipe.replace("predict(model, vectors)", "found = predict(model, vectors)"), scope)
    np.testing.assert_array_equal(scope["found"], heads.predict(model, vectors))
