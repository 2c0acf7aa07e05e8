import numpy as np
import pytest
from numpy.typing import NDArray

from apex_core.heads import Scored, SongFacts
from apex_core.heads.figures import FIGURES, measure
from apex_core.heads.intervals import LEAST_GROUPS, draw_figures, drawn, gains, intervals

Values = NDArray[np.float64]


def facts_of(groups: NDArray[np.int64]) -> SongFacts:
    unknown = np.full(len(groups), np.nan)
    words = np.full(len(groups), "")
    return SongFacts(words, words, groups.astype(str), unknown, unknown)


def songs(n: int = 60, groups: int = 25, *, seed: int = 0, missing: float = 0.2, steps: float = 0.5) -> Scored:
    """Two targets; predictions and labels are rounded, so that there are ties, and some labels are missing."""
    random = np.random.default_rng(seed)
    wanted = random.normal(size=(n, 2))
    predicted = np.round((0.6 * wanted + random.normal(size=(n, 2))) / steps) * steps
    wanted = np.round(wanted / steps) * steps
    wanted[random.random((n, 2)) < missing] = np.nan
    return Scored(("one", "other"), np.arange(n), predicted, wanted, facts_of(np.arange(n) % groups))


def resampled(scored: Scored, draw: int, draws: int, column: int) -> dict[str, float | None]:
    """The figures of a draw, with its songs truly repeated; the draw is told from how often groups are in it."""
    random = np.random.default_rng(42)
    count, place = np.unique(scored.facts.group if scored.facts else scored.names, return_inverse=True)
    often = random.multinomial(len(count), np.full(len(count), 1 / len(count)), size=draws)[draw][place]
    rows = np.repeat(np.arange(len(scored.names)), often)
    return measure(scored.predicted[rows, column], scored.wanted[rows, column])


def test_every_draw_is_what_measuring_the_drawn_songs_gives() -> None:
    scored = songs()
    found = draw_figures(scored, 40)
    for column, target in enumerate(scored.targets):
        for draw in range(40):
            wanted = resampled(scored, draw, 40, column)
            for figure in FIGURES:
                assert found[target][figure][draw] == pytest.approx(wanted[figure], abs=1e-9), (target, figure)


def test_of_many_songs_pairs_are_summed_a_song_with_hardly_a_difference() -> None:
    scored = songs(1500, 700, missing=0)
    found = draw_figures(scored, 30)["one"]["pairwise"]
    exact = [resampled(scored, draw, 30, 0)["pairwise"] for draw in range(30)]
    np.testing.assert_allclose(found, np.array(exact, dtype=float), atol=0.004)
    assert np.corrcoef(found, np.array(exact, dtype=float))[0, 1] > 0.98


def test_intervals_hold_the_truth_about_as_often_as_they_say() -> None:
    """Songs of a group are alike: whoever draws songs alone is far too sure."""
    held = {"groups": 0, "songs": 0}
    for seed in range(120):
        random = np.random.default_rng(seed)
        group = np.repeat(np.arange(30), 8)
        wanted = random.normal(size=240) * 0.2 + random.normal(size=30)[group]
        one = Scored(("t",), np.arange(240), np.zeros((240, 1)), wanted[:, None] + 5, facts_of(group))
        for name, scored in (("groups", one), ("songs", Scored(one.targets, one.names, one.predicted, one.wanted))):
            low, high = intervals(draw_figures(scored, 150))["t"]["mae"] or (0.0, 0.0)
            held[name] += low <= 5 <= high
    assert held["groups"] > 0.85 * 120
    assert held["songs"] < 0.75 * 120


def test_draws_are_repeatable_and_shared_by_models() -> None:
    scored = songs()
    again, better = songs(), songs()
    better.predicted[:] = np.nan_to_num(better.wanted)
    assert intervals(draw_figures(scored, 100)) == intervals(draw_figures(again, 100))
    gain = gains(draw_figures(better, 100), draw_figures(scored, 100))["one"]["spearman"]
    assert gain is not None
    assert gain[0] > 0
    nothing = gains(draw_figures(scored, 100), draw_figures(again, 100))["one"]["mse"]
    assert nothing == (0.0, 0.0)


def test_few_groups_fall_back_to_songs_and_few_songs_to_nothing() -> None:
    assert drawn(songs(60, 25)) == ("groups", 25)
    assert drawn(songs(60, LEAST_GROUPS - 1)) == ("songs", 60)
    assert draw_figures(songs(LEAST_GROUPS - 1, 3), 50) == {}
    assert draw_figures(songs(), 0) == {}


def test_a_figure_that_is_mostly_undefined_has_no_interval() -> None:
    scored = songs()
    scored.predicted[:, 0] = 1.0
    found = intervals(draw_figures(scored, 50))["one"]
    assert found["spearman"] is None
    assert found["pearson"] is None
    assert found["pairwise"] == (0.5, 0.5)
    assert found["mae"] is not None


def test_a_target_without_labels_has_no_intervals() -> None:
    scored = songs()
    scored.wanted[:, 1] = np.nan
    assert set(intervals(draw_figures(scored, 20))["other"].values()) == {None}
