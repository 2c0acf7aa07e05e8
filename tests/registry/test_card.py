import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import yaml
from huggingface_hub import ModelCard

from apex_core import heads
from apex_core.registry import model_card, publish, stage_artifact, version_name, weights_sha256
from apex_core.registry.figures import shown
from apex_core.storage import Store

from .conftest import AS_OF

FIGURES = {"n": 31, "mse": 412.5, "mae": 16.0, "pearson": None, "spearman": 0.4321, "pairwise": 0.651}
SPANS = {"mse": [380.1, 451.9], "mae": [14.04, 18.1], "spearman": [-0.012, 0.6], "pairwise": [0.5, 0.8]}
RIDGE = {**FIGURES, "spearman": 0.30}
LINEAGE = {
    "window": {"from": "2026-05-01", "to": "2026-11-21"},
    "rows": {"train": 160, "val": 30, "test": 31},
    "training_set_id": "abc",
    "score_definition": {"gamma": 0.5},
}


def measured(targets: tuple[str, ...] = heads.TARGETS) -> dict[str, Any]:
    """As ``metrics.json`` has it."""
    spans = dict.fromkeys(targets, SPANS)
    return {
        "test": dict.fromkeys(targets, FIGURES),
        "baselines": {"ridge": dict.fromkeys(targets, RIDGE)},
        "intervals": {
            "level": 0.95, "draws": 300, "drawn": "groups", "of": 17, "test": spans,
            "baselines": {"ridge": spans},
            "gain": {"ridge": {target: {"spearman": [0.02, 0.2]} for target in targets}},
        },
        "groups": {
            "platform": {
                "suno": {"n": 28, "test": dict.fromkeys(targets, FIGURES), "intervals": spans},
                "udio": {"n": 3, "test": {target: {"n": 3, "spearman": None} for target in targets}, "intervals": {}},
            }
        },
        "calibration": {target: {"bins": [], "slope": 0.8, "intercept": 3.0, "error": 11.2} for target in targets},
        "segment_song": {
            "songs": 31, "song": dict.fromkeys(targets, FIGURES), "segment": dict.fromkeys(targets, RIDGE)
        },
        "time_split": {"reason": "too few songs on a side: 8 test"},
    }  # fmt: skip


def _card(
    encoder_id: str = "mert-v1-95m-12af15f",
    ceiling: Mapping[str, float] | None = None,
    metrics: dict[str, Any] | None = None,
    rival: dict[str, Any] | None = None,
    source: str | None = "m-a-p/MERT-v1-95M",
    **config: Any,
) -> str:
    described = heads.HeadsConfig(encoder_id=encoder_id, **config).to_json()
    return model_card(
        version="v20261122-1a2b3c4d",
        config={**described, "encoder": {"source": source}},
        metrics=measured(tuple(described["targets"])) if metrics is None else metrics,
        lineage=LINEAGE,
        ceiling=ceiling,
        rival=rival,
        plots=["plots/calibration.png"],
    )


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
        "| `score_streams` | 31 | 412 (380 to 452) | 16.0 (14.0 to 18.1) | – | 0.43 (-0.01 to 0.60) | 0.65 (0.50 to",
        "300 draws of the 17 groups",
        "| `clarity` | 0.43 (-0.01 to 0.60) | 0.30 (-0.01 to 0.60) |",
        "| `clarity` | 0.13 (0.02 to 0.20) |",
        "| suno | 28 | 0.43 (-0.01 to 0.60) | 0.43 (-0.01 to 0.60) |",
        "| udio | 3 | – | – |",
        "| `score_likes` | 0.80 | 3.00 | 11.2 |",
        "Not measured: too few songs on a side: 8 test.",
        "| `score_streams` | 0.43 | 0.30 |",
        "(plots/calibration.png)",
        "clarity of song structure",
        "naturalness of vocal breathing and phrasing",
        "compare ranks or percentiles",
        "## Limits",
    ):
        assert text in card
    assert "best possible" not in card
    assert "plots/by_platform.png" not in card, "a picture that is not there is not shown"
    assert "score_definition" not in card


def test_a_known_ceiling_stands_beside_what_was_reached() -> None:
    card = _card(ceiling={"score_streams": 0.81, "score_likes": 0.77})
    assert "best possible Spearman" in card
    assert "`score_streams` 0.81, `score_likes` 0.77" in card


def test_the_champion_stands_beside() -> None:
    better = {**FIGURES, "spearman": 0.51}
    spans = dict.fromkeys(heads.TARGETS, SPANS)
    gain = {target: {"spearman": [-0.2, 0.05]} for target in heads.TARGETS}
    test = dict.fromkeys(heads.TARGETS, better)
    card = _card(rival={"name": "v20261101-aaaaaaaa", "test": test, "intervals": spans, "gain": gain})
    assert "| target | this model | v20261101-aaaaaaaa | ridge |" in card
    assert "| `clarity` | 0.43 (-0.01 to 0.60) | 0.51 (-0.01 to 0.60) | 0.30 (-0.01 to 0.60) |" in card
    assert "| `clarity` | -0.08 (-0.20 to 0.05) | 0.13 (0.02 to 0.20) |" in card


def test_newer_songs_are_told_of_where_they_were_measured() -> None:
    metrics = measured()
    found = dict.fromkeys(heads.TARGETS, FIGURES)
    spans = {"test": dict.fromkeys(heads.TARGETS, SPANS), "baselines": {"ridge": {}}}
    metrics["time_split"] = {
        "cut": "2026-09-22T18:21:33+00:00", "rows": {"train": 1086, "val": 30, "test": 12}, "test": found,
        "same_songs": found, "baselines": {"ridge": found}, "intervals": spans,
    }  # fmt: skip
    card = _card(metrics=metrics)
    assert "trained on 1,086 songs created before 2026-09-22 and tested on 12 songs" in card
    assert "| `score_likes` | 0.43 (-0.01 to 0.60) | 0.43 | 0.43 |" in card


def test_a_model_from_elsewhere_is_not_said_to_be_measured() -> None:
    card = _card(metrics={})
    assert "Nothing was measured" in card
    assert "model-index" not in card


def test_the_hub_reads_the_header() -> None:
    data = ModelCard(_card()).data
    assert (data.license, data.library_name, data.base_model) == ("cc-by-nc-4.0", "apex", "m-a-p/MERT-v1-95M")
    found = {(one.metric_name, one.metric_type): one.metric_value for one in data.eval_results}
    assert found["spearman of score_streams", "spearmanr"] == 0.4321
    assert len(found) == 7 * 3, "an undefined figure is left out"
    assert {one.dataset_split for one in data.eval_results} == {"test"}
    assert ModelCard(_card("tiny-random-7", source="tiny-random")).data.base_model is None


@pytest.mark.parametrize(
    ("value", "interval", "text"),
    [
        (None, (1.0, 2.0), "–"),
        (0.4321, None, "0.43"),
        (-0.001, (-0.2, 0.2), "0.00 (-0.20 to 0.20)"),
        (16.04, (14.06, 18.0), "16.0 (14.1 to 18.0)"),
        (1396.2, (870.6, 1906.4), "1,396 (871 to 1,906)"),
        (12345, None, "12,345"),
    ],
)
def test_figures_are_written_as_people_read_them(
    value: float | None, interval: tuple[float, float] | None, text: str
) -> None:
    assert shown(value, interval) == text


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
    card = model_card(version=version, config=config.to_json(), metrics=measured(), lineage=LINEAGE)
    stage_artifact(tmp_path / "staged", weights, config.to_json(), measured(), LINEAGE, card)
    publish(store, version, tmp_path / "staged")
    monkeypatch.chdir(store.path(f"models/{version}"))
    (recipe,) = re.findall(r"```python\n(.*?)```", Path("README.md").read_text(), re.DOTALL)
    vectors = np.ones((3, 8), dtype=np.float32)
    scope: dict[str, Any] = {"vectors": vectors}
    exec(recipe.replace("predict(model, vectors)", "found = predict(model, vectors)"), scope)
    np.testing.assert_array_equal(scope["found"], heads.predict(model, vectors))
