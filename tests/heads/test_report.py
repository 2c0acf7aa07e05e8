import json
from dataclasses import replace

import numpy as np
import pytest

from apex_core.heads import (
    POPULARITY,
    TARGETS,
    ApexHeads,
    HeadsConfig,
    Scored,
    SongFacts,
    TrainingData,
    compared,
    measured,
    score,
)
from apex_core.heads.calibration import calibration
from apex_core.heads.report import extremes, rounded
from apex_core.heads.time_split import by_time, time_split

from .conftest import Make


def facts_of(data: TrainingData, *, groups: int = 80, families: int = 3) -> SongFacts:
    song = data.groups.astype(np.int64)
    family = np.array(["v3", "v4", ""])[song % families]
    return SongFacts(
        np.where(song % 3 == 0, "udio", "suno"),
        family,
        (song % groups).astype(str),
        1.6e9 + song * 86_400.0,
        60.0 + song,
    )


def by_side(make_data: Make, songs: int = 400) -> TrainingData:
    """Groups lie on one side each, as the split gives it."""
    data = make_data(songs)
    sides = np.random.default_rng(2).choice(3, 80, p=[0.6, 0.15, 0.25]).astype(np.int8)
    facts = facts_of(data)
    return replace(data, facts=facts, split=sides[data.groups.astype(np.int64) % 80])


def scored_of(data: TrainingData) -> Scored:
    return score(ApexHeads(HeadsConfig(hidden=16)), data)


def test_everything_is_measured_as_plain_json(make_data: Make) -> None:
    data = by_side(make_data)
    found = measured(scored_of(data), data, 30)
    assert json.loads(json.dumps(found, allow_nan=False)) == found
    assert found["intervals"]["draws"] == 30
    assert found["intervals"]["drawn"] == "groups"
    assert set(found["baselines"]) == {"mean", "ridge", "duration_age"}
    assert set(found["intervals"]["gain"]) == set(found["baselines"])
    low, high = found["intervals"]["gain"]["ridge"]["score_streams"]["spearman"]
    assert high < 0, "untrained heads are worse than ridge on what is linear"
    assert low >= -2


def test_parts_are_the_figures_of_their_songs_alone(make_data: Make) -> None:
    data = by_side(make_data)
    scored = scored_of(data)
    found = measured(scored, data, 0)["groups"]["platform"]
    assert sum(part["n"] for part in found.values()) == len(scored.names)
    assert scored.facts is not None
    alone = scored[scored.facts.platform == "udio"].metrics()
    assert found["udio"]["test"]["clarity"] == rounded(alone["clarity"])


def test_small_parts_are_counted_and_not_judged(make_data: Make) -> None:
    data = by_side(make_data)
    assert data.facts is not None
    family = np.where(data.rows("test"), "common", "")
    family[np.flatnonzero(data.rows("test"))[:4]] = "rare"
    some = replace(data, facts=replace(data.facts, model_family=family))
    found = measured(scored_of(some), some, 20)["groups"]["model_family"]
    assert found["rare"]["n"] == 4
    assert found["rare"]["test"]["score_likes"] == {
        "n": 4, **dict.fromkeys(("mse", "mae", "pearson", "spearman", "pairwise"))
    }  # fmt: skip
    assert found["rare"]["intervals"] == {}
    assert found["common"]["test"]["score_likes"]["spearman"] is not None


def test_an_unknown_family_is_called_so(make_data: Make) -> None:
    data = by_side(make_data)
    assert "unknown" in measured(scored_of(data), data, 0)["groups"]["model_family"]


def labelled(predicted: np.ndarray, wanted: np.ndarray) -> Scored:
    return Scored(("score_likes",), np.arange(len(wanted)), predicted[:, None], wanted[:, None])


def test_perfect_predictions_are_calibrated() -> None:
    x = np.random.default_rng(0).uniform(0, 100, 500)
    found = calibration(labelled(x, x))["score_likes"]
    assert (found["slope"], found["intercept"], found["error"]) == pytest.approx((1, 0, 0), abs=1e-9)
    assert [one["n"] for one in found["bins"]] == [50] * 10


def test_calibration_tells_shifted_and_stretched_predictions() -> None:
    x = np.random.default_rng(0).uniform(40, 60, 500)
    shifted = calibration(labelled(x + 7, x))["score_likes"]
    assert (shifted["slope"], shifted["intercept"], shifted["error"]) == pytest.approx((1, -7, 7))
    stretched = calibration(labelled(50 + 2 * (x - 50), x))["score_likes"]
    assert (stretched["slope"], stretched["intercept"]) == pytest.approx((0.5, 25))
    assert stretched["error"] == pytest.approx(np.abs(x - 50).mean(), abs=0.1)


def test_few_songs_are_no_calibration_and_constant_predictions_no_line() -> None:
    assert calibration(labelled(np.arange(19.0), np.arange(19.0))) == {}
    found = calibration(labelled(np.full(40, 3.0), np.arange(40.0)))["score_likes"]
    assert (found["slope"], found["intercept"]) == (None, None)
    assert len(found["bins"]) == 4


def test_extremes_are_the_ten_ends_of_predictions_and_labels() -> None:
    random = np.random.default_rng(1)
    predicted, wanted = random.permutation(100).astype(float), random.permutation(100).astype(float)
    wanted[predicted == 99] = np.nan  # no label: nothing to show
    found = extremes(labelled(predicted, wanted))["score_likes"]
    assert [one["predicted"] for one in found["highest_predicted"]] == [98 - n for n in range(10)]
    assert [one["predicted"] for one in found["lowest_predicted"]] == list(range(10))
    assert [one["wanted"] for one in found["lowest_actual"]] == sorted(wanted[~np.isnan(wanted)])[:10]
    song = found["highest_actual"][0]
    assert predicted[int(song["song"])] == song["predicted"]


def test_no_song_is_among_the_highest_and_the_lowest() -> None:
    found = extremes(labelled(np.arange(7.0), np.arange(7.0)))["score_likes"]
    assert [one["song"] for one in found["highest_predicted"]] == ["6", "5", "4"]
    assert [one["song"] for one in found["lowest_predicted"]] == ["0", "1", "2"]


def test_two_models_are_compared_song_by_song_whatever_their_order(make_data: Make) -> None:
    data = by_side(make_data)
    one = other = scored_of(data)
    backwards = other[np.arange(len(other.names))[::-1]]
    assert compared(one, backwards, 20)["gain"]["clarity"]["mse"] == [0.0, 0.0]
    with pytest.raises(ValueError, match="same songs"):
        compared(one, other[np.arange(len(other.names)) > 0], 20)


def test_the_time_split_tests_on_newer_songs_and_leaves_everyone_on_his_side(make_data: Make) -> None:
    data = by_side(make_data)
    assert data.facts is not None
    cut = float(np.median(data.facts.created))
    found = by_time(data, cut)
    assert found.facts is not None
    test = found.rows("test")
    assert (found.facts.created[test] >= cut).all()
    assert (found.facts.created[~test] < cut).all()
    side = dict(zip(data.groups.tolist(), data.split.tolist(), strict=True))
    assert [side[name] for name in found.groups.tolist()] == found.split.tolist()
    assert not set(found.facts.group[test]) & set(found.facts.group[~test])


def test_the_time_split_measures_what_was_learnt_from_older_songs(make_data: Make) -> None:
    data, seen = by_side(make_data), list[TrainingData]()
    model = ApexHeads(HeadsConfig(hidden=16))

    def learn(older: TrainingData) -> ApexHeads:
        seen.append(older)
        return model

    found = time_split(data, learn, model, 20)
    (older,) = seen
    assert found["rows"] == {split: int(older.rows(split).sum()) for split in ("train", "val", "test")}  # type: ignore[arg-type]
    assert found["test"] == found["same_songs"]
    assert set(found["test"]) == set(TARGETS)
    assert found["cut"].startswith("20")
    assert set(found["baselines"]) == {"mean", "ridge", "duration_age"}


def test_too_few_songs_are_not_split_by_time(make_data: Make) -> None:
    def learn(older: TrainingData) -> ApexHeads:
        raise AssertionError("nothing is learnt")

    model = ApexHeads(HeadsConfig(hidden=16))
    few = by_side(make_data, 30)
    assert "too few songs" in time_split(few, learn, model, 20)["reason"]
    assert "no creation times" in time_split(make_data(30), learn, model, 20)["reason"]


def test_popularity_heads_are_measured_on_their_targets(make_data: Make) -> None:
    data = by_side(make_data)
    found = measured(score(ApexHeads(HeadsConfig(hidden=16, task="popularity")), data), data, 20)
    assert set(found["baselines"]["ridge"]) == set(POPULARITY)
    assert set(found["extremes"]) == set(POPULARITY)
