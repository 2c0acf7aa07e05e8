"""AUC, accuracy, F1 and their intervals, against scikit-learn and against arithmetic."""

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.metrics import accuracy_score, f1_score, roc_auc_score

from apex_core.arena import FEATURES, Policy, contest, read_battles
from apex_core.arena.measures import Measures, measure
from apex_core.arena.methods import rules
from tests.arena.votes import Record, predicted, record, write

SCORES = st.integers(-3, 3).map(float)  # many are equal


def of(scores: list[float], outcome: list[float], groups: list[int] | None = None, resamples: int = 0) -> Measures:
    places = np.arange(len(scores)) if groups is None else np.array(groups)
    return measure([np.array(scores)], np.array(outcome), places, resamples, 1)[0]


@settings(max_examples=100, deadline=None)
@given(st.lists(st.tuples(SCORES, st.sampled_from([0.0, 0.5, 1.0])), min_size=2, max_size=30))
def test_auc_is_scikit_learn_s_with_half_wins_as_half_rows(rows: list[tuple[float, float]]) -> None:
    scores, outcome = map(list, zip(*rows, strict=True))
    won, lost = np.array(outcome), 1 - np.array(outcome)
    found = of(scores, outcome).auc.value
    if not won.sum() or not lost.sum():
        assert found is None
        return
    labels = np.repeat([1, 0], len(rows))
    wanted = roc_auc_score(labels, np.tile(scores, 2), sample_weight=np.concatenate([won, lost]))
    assert found == pytest.approx(wanted)
    # Were the higher score to lose, it would be as far on the other side of chance.
    assert of([-score for score in scores], outcome).auc.value == pytest.approx(1 - wanted)


@settings(max_examples=100, deadline=None)
@given(st.lists(st.tuples(st.sampled_from([-2.0, -0.5, 1.0]), st.sampled_from([0.0, 1.0])), min_size=1, max_size=30))
def test_accuracy_and_f1_are_scikit_learn_s(rows: list[tuple[float, float]]) -> None:
    scores, outcome = map(np.array, zip(*rows, strict=True))
    found = of(list(scores), list(outcome))
    assert found.accuracy.value == pytest.approx(accuracy_score(outcome, scores > 0))
    if (scores > 0).any() or outcome.any():
        assert found.f1.value == pytest.approx(f1_score(outcome, scores > 0))
    else:
        assert found.f1.value is None


def test_a_score_of_nothing_is_a_toss_up() -> None:
    assert of([0.0, 0.0, 0.0], [1, 0, 0.5]).accuracy.value == pytest.approx(0.5)


def published(auc: float, battles: int = 1000) -> list[Record]:
    """Battles in which the song of the higher predicted streams wins with this AUC: those that side a lost are spread
    out, those that it won stand at one place among them."""
    below = round(auc * battles)
    margins = [*((n - below + 0.5) / battles for n in range(battles)), 0.0, 0.0]
    said = ["B"] * battles + ["A"] * 2
    return [
        record(n, preference, **predicted([50 + margin], [50], FEATURES[:1]))
        for n, (margin, preference) in enumerate(zip(margins, said, strict=True))
    ]


@pytest.mark.parametrize(("reversed_", "corrected"), [(0.557, 0.443), (0.518, 0.482), (0.535, 0.465)])
def test_published_rules_have_the_corrected_sign(reversed_: float, corrected: float, tmp_path: Path) -> None:
    """FACTS §7: the authors' rule rows have the sign reversed; streams, likes and all, the right way round."""
    battles = read_battles([write(tmp_path / "b.json", published(corrected))]).battles
    made = contest(battles, [battle.given for battle in battles], Policy())
    (rule,) = rules(made)
    assert of(list(rule.scores), list(made.outcome)).auc.value == pytest.approx(corrected)
    assert of(list(-rule.scores), list(made.outcome)).auc.value == pytest.approx(reversed_)


def test_intervals_are_as_wide_as_the_chance_of_the_draw() -> None:
    """Against the standard error of an AUC of continuous scores (Hanley and McNeil)."""
    rng = np.random.default_rng(3)
    outcome = np.repeat([1.0, 0.0], 200)
    scores = rng.normal(size=400) + 0.8 * outcome
    found = of(list(scores), list(outcome), resamples=2000).auc
    assert found.value is not None
    assert found.low is not None
    assert found.high is not None
    a = found.value
    q1, q2 = a / (2 - a), 2 * a * a / (1 + a)
    error = np.sqrt((a * (1 - a) + 199 * (q1 - a * a) + 199 * (q2 - a * a)) / 200**2)
    assert (found.high - found.low) / (2 * 1.96 * error) == pytest.approx(1, abs=0.15)
    assert found.low < a < found.high


def test_battles_that_belong_together_are_drawn_together() -> None:
    """Four copies of each battle know no more than one; as battles of their own they would halve the interval."""
    rng = np.random.default_rng(4)
    outcome = np.tile((rng.random(100) < 0.5).astype(float), 4)
    scores = np.tile(rng.normal(size=100), 4)
    together = of(list(scores), list(outcome), [*range(100)] * 4, 1000).accuracy
    apart = of(list(scores), list(outcome), None, 1000).accuracy
    widths = [(one.high or 0) - (one.low or 0) for one in (together, apart)]
    assert widths[0] / widths[1] == pytest.approx(2, abs=0.3)


def test_battles_without_a_score_are_not_counted() -> None:
    found = of([1.0, float("nan"), -1.0], [1, 0, 0])
    assert (found.battles, found.auc.value, found.accuracy.value) == (2, 1.0, 1.0)
    nothing = of([float("nan")] * 3, [1, 0, 0], resamples=10)
    assert (nothing.battles, nothing.auc.value, nothing.auc.low) == (0, None, None)


def test_a_method_against_itself_is_no_different_in_any_draw() -> None:
    rng = np.random.default_rng(5)
    scores, outcome = rng.normal(size=60), (rng.random(60) < 0.5).astype(float)
    same, better = measure([scores, 2 * outcome - 1], outcome, np.arange(60), 100, 1, baseline=0)
    assert (same.auc_above.value, same.auc_above.low, same.auc_above.high) == (0, 0, 0)
    assert better.auc_above.value == pytest.approx(1 - (same.auc.value or 0))
    assert (better.auc_above.low or 0) > 0


def test_more_battles_than_fit_at_once_are_drawn_in_parts(monkeypatch: pytest.MonkeyPatch) -> None:
    rng = np.random.default_rng(6)
    scores, outcome = rng.normal(size=50), (rng.random(50) < 0.5).astype(float)
    whole = measure([scores], outcome, np.arange(50), 200, 1)
    monkeypatch.setattr("apex_core.arena.measures._AT_ONCE", 333)
    assert measure([scores], outcome, np.arange(50), 200, 1) == whole
