import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from apex_core.registry import gate
from apex_core.settings import PromotionSettings

SETTINGS = PromotionSettings()
Metrics = dict[str, dict[str, float | None]]


def _metrics(streams: float | None, likes: float | None, n: int = 30, mse: float | None = 400.0) -> Metrics:
    figures = {"score_streams": streams, "score_likes": likes}
    return {t: {"n": n, "mse": mse, "mae": 15.0, "pearson": s, "spearman": s} for t, s in figures.items()}


GOOD = _metrics(0.5, 0.4)


@pytest.mark.parametrize(
    ("candidate", "champion", "outcome", "reason"),
    [
        (GOOD, None, "promoted", "first champion"),
        (_metrics(None, None), None, "promoted", "first champion"),
        (_metrics(0.5, 0.4, mse=math.nan), None, "refused", "mse of score_streams is nan"),
        (_metrics(0.5, math.inf), GOOD, "refused", "pearson of score_likes is inf"),
        (_metrics(None, None, n=0, mse=None), None, "refused", "no test row"),
        ({}, None, "refused", "no test row"),
        (GOOD, GOOD, "promoted", "0.4500 against the champion's 0.4500"),
        (_metrics(0.55, 0.45), GOOD, "promoted", "0.5000 against the champion's 0.4500"),
        (_metrics(0.48, 0.38), GOOD, "promoted", "0.4300"),
        (_metrics(0.47, 0.38), GOOD, "refused", "more than 0.02 below"),
        (_metrics(0.60, 0.24), GOOD, "refused", "0.4200"),
        (_metrics(None, 0.9), GOOD, "refused", "undefined"),
        (GOOD, _metrics(None, None), "promoted", "champion's test Spearman is undefined"),
        (_metrics(None, None), _metrics(None, None), "refused", "undefined"),
        (_metrics(0.5, None), _metrics(0.5, None), "promoted", "0.5000"),
        (_metrics(0.5, 0.4, n=29), GOOD, "refused", "not measured on the same test rows"),
    ],
)
def test_the_gate_s_table(candidate: Metrics, champion: Metrics | None, outcome: str, reason: str) -> None:
    decision = gate(candidate, champion, SETTINGS)
    assert decision.outcome == outcome
    assert decision.promote == (outcome == "promoted")
    assert reason in decision.reason


def test_without_automatic_promotion_a_good_candidate_is_held_and_a_bad_one_refused() -> None:
    careful = PromotionSettings(automatic=False)
    held = gate(GOOD, GOOD, careful)
    assert (held.promote, held.outcome) == (False, "held")
    assert "0.4500" in held.reason
    assert gate(GOOD, None, careful).outcome == "held"
    assert gate(_metrics(0.1, 0.1), GOOD, careful).outcome == "refused"


@given(st.floats(-1, 1), st.floats(-1, 1), st.floats(0, 0.5))
def test_better_is_never_refused_and_much_worse_never_promoted(ours: float, theirs: float, allowed: float) -> None:
    settings = PromotionSettings(max_loss_of_spearman=allowed)
    decision = gate(_metrics(ours, ours), _metrics(theirs, theirs), settings)
    if ours >= theirs:
        assert decision.promote
    if ours < theirs - allowed - 1e-6:
        assert not decision.promote


def test_aesthetic_targets_do_not_decide_but_must_be_finite() -> None:
    poor = {**GOOD, "clarity": {"n": 30, "mse": 9.0, "spearman": -1.0}}
    assert gate(poor, GOOD, SETTINGS).promote
    assert not gate({**GOOD, "clarity": {"n": 30, "mse": math.nan}}, GOOD, SETTINGS).promote
