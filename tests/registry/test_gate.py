import math
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from apex_core.registry import Contest, gate
from apex_core.settings import PromotionSettings

SETTINGS = PromotionSettings()
Metrics = dict[str, dict[str, float | None]]


def _metrics(streams: float | None, likes: float | None, n: int = 30, mse: float | None = 400.0) -> Metrics:
    figures = {"score_streams": streams, "score_likes": likes}
    return {t: {"n": n, "mse": mse, "mae": 15.0, "pearson": s, "spearman": s} for t, s in figures.items()}


GOOD = _metrics(0.5, 0.4)
RIDGE = _metrics(0.4, 0.4)


def _against(candidate: Metrics, champion: Metrics | None) -> Contest:
    return Contest(candidate, champion, ridge=RIDGE, first=champion is None)


@pytest.mark.parametrize(
    ("candidate", "champion", "outcome", "reason"),
    [
        (GOOD, None, "promoted", "first champion; mean test Spearman 0.4500 against ridge regression's 0.4000"),
        (_metrics(0.4, 0.39), None, "refused", "0.3950 against ridge regression's 0.4000: a gain of -0.0050"),
        (_metrics(None, None), None, "refused", "undefined"),
        (_metrics(0.5, 0.4, mse=math.nan), None, "refused", "mse of score_streams is nan"),
        (_metrics(0.5, math.inf), GOOD, "refused", "pearson of score_likes is inf"),
        (_metrics(None, None, n=0, mse=None), None, "refused", "no test row"),
        ({}, None, "refused", "no test row"),
        (GOOD, GOOD, "promoted", "0.4500 against the champion's 0.4500"),
        (_metrics(0.55, 0.45), GOOD, "promoted", "0.5000 against the champion's 0.4500"),
        (_metrics(0.49, 0.40), GOOD, "refused", "a gain of -0.0050, 0 is asked for"),
        (_metrics(0.60, 0.34), GOOD, "refused", "score_likes ranks 0.0600 below the champion's 0.4000, more than 0.05"),
        (_metrics(0.60, 0.36), GOOD, "promoted", "0.4800"),
        (_metrics(None, 0.9), GOOD, "refused", "undefined"),
        (GOOD, _metrics(None, None), "promoted", "the champion's test Spearman is undefined"),
        (_metrics(None, None), _metrics(None, None), "refused", "undefined"),
        (_metrics(0.5, None), _metrics(0.5, None), "promoted", "0.5000"),
        (_metrics(0.5, 0.4, n=29), GOOD, "refused", "not measured on the same test rows"),
    ],
)
def test_the_gate_s_table(candidate: Metrics, champion: Metrics | None, outcome: str, reason: str) -> None:
    decision = gate(_against(candidate, champion), SETTINGS)
    assert decision.outcome == outcome
    assert decision.promote == (outcome == "promoted")
    assert reason in decision.reason


def test_every_fault_is_a_reason() -> None:
    contest = replace(_against(_metrics(0.3, 0.2), GOOD), stale="nothing is new")
    reasons = gate(contest, SETTINGS).reasons
    assert [reason.split(" ")[0] for reason in reasons] == ["mean", "score_streams", "score_likes", "nothing"]


def test_without_automatic_promotion_a_good_candidate_is_held_and_a_bad_one_refused() -> None:
    careful = PromotionSettings(automatic=False)
    held = gate(_against(GOOD, GOOD), careful)
    assert (held.promote, held.outcome) == (False, "held")
    assert "0.4500" in held.reason
    assert gate(_against(GOOD, None), careful).outcome == "held"
    assert gate(_against(_metrics(0.1, 0.1), GOOD), careful).outcome == "refused"


def test_an_obstacle_holds_what_would_be_promoted_and_leaves_what_is_refused() -> None:
    contest = replace(_against(GOOD, GOOD), obstacles=("held by ann: it ranks nonsense",))
    held = gate(contest, SETTINGS)
    assert held.outcome == "held"
    assert held.reasons[0] == "held by ann: it ranks nonsense"
    assert gate(replace(contest, candidate=_metrics(0.1, 0.1)), SETTINGS).outcome == "refused"


def test_what_could_not_be_compared_is_no_first_champion() -> None:
    contest = Contest(_metrics(0.1, 0.1), ridge=RIDGE, obstacles=("not compared",), first=False)
    assert gate(contest, SETTINGS).reasons == ("not compared",)
    assert gate(contest, SETTINGS).outcome == "held"


def test_a_first_champion_without_ridge_s_figures_is_refused() -> None:
    assert "not compared with ridge" in gate(Contest(GOOD), SETTINGS).reason
    assert gate(Contest(GOOD), SETTINGS).outcome == "refused"


def test_aesthetics_do_not_count_for_the_mean_but_none_may_fall_far() -> None:
    champion: Metrics = {**GOOD, "clarity": {"n": 30, "mse": 1.0, "spearman": 0.3}}
    for spearman, outcome in ((-1.0, "refused"), (0.24, "refused"), (0.26, "promoted"), (None, "refused")):
        candidate: Metrics = {**GOOD, "clarity": {"n": 30, "mse": 9.0, "spearman": spearman}}
        assert gate(_against(candidate, champion), SETTINGS).outcome == outcome, spearman
    assert "clarity is not predicted; the champion ranks it (0.3000)" in gate(_against(GOOD, champion), SETTINGS).reason
    lenient = PromotionSettings(max_loss_of={"clarity": 2.0})
    assert gate(_against({**GOOD, "clarity": {"n": 30, "spearman": -1.0}}, champion), lenient).promote
    assert not gate(_against({**GOOD, "clarity": {"n": 30, "mse": math.nan}}, GOOD), SETTINGS).promote


@given(st.floats(-1, 1), st.floats(-1, 1), st.floats(-0.5, 0.5))
def test_the_gain_that_is_asked_for_decides(ours: float, theirs: float, wanted: float) -> None:
    settings = PromotionSettings(min_gain=wanted, max_loss_of_target=2.0)
    decision = gate(_against(_metrics(ours, ours), _metrics(theirs, theirs)), settings)
    if ours - theirs >= wanted:
        assert decision.promote
    if ours - theirs < wanted - 1e-6:
        assert not decision.promote


def test_the_figures_of_every_side_are_kept() -> None:
    figures = gate(_against(GOOD, RIDGE), SETTINGS).figures
    assert set(figures) == {"candidate", "champion", "ridge"}
    assert figures["champion"]["score_likes"] == {"n": 30, "spearman": 0.4}
