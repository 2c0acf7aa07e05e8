from dataclasses import replace

import numpy as np
import pytest

from apex_core.heads import TARGETS, SongFacts, TrainingData
from apex_core.heads.baselines import Ridge, baselines

from .conftest import Make


def with_facts(data: TrainingData, duration: np.ndarray, created: np.ndarray) -> TrainingData:
    n = len(data.vectors)
    words = np.full(n, "x")
    return replace(data, facts=SongFacts(words, words, data.groups.astype(str), created, duration))


def test_the_mean_is_that_of_the_train_songs(make_data: Make) -> None:
    data = make_data(300, aesthetics=0.5)
    found = baselines(data)["mean"]["coherence"]
    labels = data.targets[:, TARGETS.index("coherence")]
    train, test = (labels[data.rows(split)] for split in ("train", "test"))
    wanted = test[~np.isnan(test)].astype(np.float64)
    assert found["n"] == len(wanted)
    assert found["mae"] == pytest.approx(np.abs(wanted - np.nanmean(train.astype(np.float64))).mean())
    assert found["spearman"] is None
    assert found["pairwise"] == 0.5


@pytest.mark.parametrize(("songs", "hidden"), [(300, 16), (60, 200)])
def test_ridge_is_the_regression_that_normal_equations_give(songs: int, hidden: int) -> None:
    """Whichever is smaller, rows or features."""
    random = np.random.default_rng(1)
    features = random.normal(size=(songs, hidden)).astype(np.float32) * 5 + 3
    features[:, 0] = 7  # never changes: no feature
    wanted = random.normal(size=songs)
    found = Ridge.of(features).solve(features, wanted)
    standard = (features.astype(np.float64) - features.mean(axis=0, dtype=np.float64)) / np.where(
        features.std(axis=0, dtype=np.float64) > 0, features.std(axis=0, dtype=np.float64), 1
    )
    for column, penalty in ((0, 1e-4), (8, 1.0), (16, 1e4)):
        left = standard.T @ standard + songs * penalty * np.eye(hidden)
        exact = np.linalg.solve(left, standard.T @ (wanted - wanted.mean()))
        np.testing.assert_allclose(found[:, column], exact, atol=1e-7)


def test_ridge_finds_what_is_linear_and_does_not_invent(make_data: Make) -> None:
    data = make_data(400)
    assert (baselines(data)["ridge"]["score_likes"]["spearman"] or 0) > 0.98
    noise = np.random.default_rng(0).uniform(0, 100, data.targets.shape).astype(np.float32) / 100 * 4 + 1
    found = baselines(replace(data, targets=noise))
    assert found["ridge"]["clarity"]["mse"] == pytest.approx(found["mean"]["clarity"]["mse"], rel=0.1)


def test_the_penalty_is_chosen_on_the_validation_songs(make_data: Make) -> None:
    """Labels of the validation songs alone decide between learning all and learning nothing."""
    data = make_data(200, hidden=120)
    truth = baselines(data)["ridge"]["score_streams"]["mse"] or 0
    misled = data.targets.copy()
    val = data.rows("val")
    misled[val] = np.random.default_rng(3).permutation(misled[val])
    nothing = baselines(replace(data, targets=misled))
    assert (nothing["ridge"]["score_streams"]["mse"] or 0) > 1.5 * truth


def test_test_labels_are_never_looked_at(make_data: Make) -> None:
    data = make_data(200)
    changed = data.targets.copy()
    changed[data.rows("test")] = 3.0
    before, after = baselines(data)["ridge"], baselines(replace(data, targets=changed))["ridge"]
    assert before["clarity"]["mse"] != after["clarity"]["mse"]
    shifted = data.targets.copy()
    shifted[data.rows("test"), 2:] = 5.0 - shifted[data.rows("test"), 2:] + 1.0
    mirrored = baselines(replace(data, targets=shifted))["ridge"]
    assert mirrored["clarity"]["spearman"] == pytest.approx(-(before["clarity"]["spearman"] or 0))


def test_segments_are_averaged_before_anything_is_learnt(make_data: Make) -> None:
    data = make_data(150, segments=4)
    found = baselines(data)["ridge"]["score_streams"]
    assert found["n"] == len(np.unique(data.groups[data.rows("test")]))
    assert (found["spearman"] or 0) > 0.95


def test_layers_stand_side_by_side(make_data: Make) -> None:
    data = make_data(300)
    layers = np.zeros((300, 4, 16), dtype=np.float32)
    layers[:, 2] = data.vectors
    found = baselines(replace(data, vectors=layers))["ridge"]["score_streams"]
    assert found["spearman"] == pytest.approx(baselines(data)["ridge"]["score_streams"]["spearman"], abs=1e-6)


def test_duration_and_age_explain_what_they_can_and_hear_nothing(make_data: Make) -> None:
    data = make_data(800)
    random = np.random.default_rng(5)
    duration = random.uniform(20, 240, 800)
    duration[::7] = np.nan
    created = random.uniform(1.6e9, 1.7e9, 800)
    targets = data.targets.copy()
    targets[:, 0] = np.where(np.isnan(duration), 90, np.abs(np.nan_to_num(duration) - 120) / 2)  # no straight line
    targets[:, 1] = (created - 1.6e9) / 1e8 * 100
    found = baselines(with_facts(replace(data, targets=targets), duration, created))["duration_age"]
    assert (found["score_streams"]["spearman"] or 0) > 0.9
    assert (found["score_likes"]["spearman"] or 0) > 0.9
    assert abs(found["clarity"]["spearman"] or 0) < 0.3
    assert "duration_age" not in baselines(data)


def test_targets_nobody_labelled_have_no_figures(make_data: Make) -> None:
    found = baselines(make_data(60, aesthetics=0))
    assert found["ridge"]["clarity"] == {"n": 0, **dict.fromkeys(("mse", "mae", "pearson", "spearman", "pairwise"))}
    assert found["ridge"]["score_likes"]["n"]
