import io
import math
from pathlib import Path
from typing import Any

import matplotlib as mpl
import numpy as np
import pytest
from matplotlib.image import imread

from apex_core.heads import RANGES, TARGETS
from apex_core.registry.plots import Drawable, draw_plots

ALL = ["plots/learning_curves.png", "plots/predicted_against_actual.png", "plots/calibration.png"]
ALL.append("plots/by_platform.png")


def drawable(songs: int = 40, epochs: int = 6, **changes: Any) -> Drawable:
    random = np.random.default_rng(0)
    points: dict[str, Any] = {}
    for target in TARGETS:
        low, high = RANGES[target]
        wanted = random.uniform(low, high, songs)
        wanted[::5] = math.nan
        points[target] = (random.uniform(low, high, songs), wanted)
    figures = {"n": songs, "mse": 1.0, "mae": 1.0, "pearson": 0.1, "spearman": 0.3, "pairwise": 0.6}
    spans = {target: {"spearman": [0.1, 0.5]} for target in TARGETS}
    test = dict.fromkeys(TARGETS, figures)
    bins = [{"n": 20, "predicted": 2.0 + n, "wanted": 2.5 + n, "standard_error": 0.2} for n in range(2)]
    metrics: dict[str, Any] = {
        "test": test,
        "baselines": {"ridge": test},
        "intervals": {"test": spans, "baselines": {"ridge": spans}},
        "groups": {"platform": {"suno": {"n": songs, "test": test, "intervals": spans}}},
        "calibration": {t: {"bins": bins, "slope": None, "intercept": None, "error": 0.5} for t in TARGETS},
    }
    history = [
        {"epoch": n, "train_loss": 5.0 / n, "val_loss": 6.0 / n, "val_losses": dict.fromkeys(TARGETS, 1.0 / n)}
        for n in range(1, epochs + 1)
    ]
    return Drawable(metrics={**metrics, **changes}, history=history, best_epoch=3, points=points, ranges=RANGES)


def test_every_picture_is_drawn_and_none_is_blank(tmp_path: Path) -> None:
    assert draw_plots(tmp_path, drawable()) == ALL
    for name in ALL:
        pixels = imread(tmp_path / name)[..., :3]
        assert (pixels < 0.7).any(axis=2).mean() > 0.005, name
        assert min(pixels.shape[:2]) > 300


def test_the_same_numbers_give_the_same_bytes_whatever_was_set_before(tmp_path: Path) -> None:
    draw_plots(tmp_path / "one", drawable())
    with mpl.rc_context({"font.size": 22, "figure.facecolor": "red", "savefig.dpi": 30}):
        draw_plots(tmp_path / "two", drawable())
    for name in ALL:
        data = (tmp_path / "one" / name).read_bytes()
        assert data == (tmp_path / "two" / name).read_bytes(), name
        assert b"Software" not in data
        assert b"Date" not in data


@pytest.mark.parametrize("songs", [1600, 3])
def test_many_songs_and_few_are_drawn(songs: int, tmp_path: Path) -> None:
    assert "plots/predicted_against_actual.png" in draw_plots(tmp_path, drawable(songs))


def test_what_there_is_nothing_to_show_of_is_left_out(tmp_path: Path) -> None:
    assert draw_plots(tmp_path, drawable(0, 1, test={}, calibration={}, groups={}, baselines={}, intervals={})) == []
    undefined = dict.fromkeys(TARGETS, {"n": 2, "spearman": None})  # noqa: RUF024  read, never written
    assert "plots/by_platform.png" not in draw_plots(tmp_path, drawable(4, test=undefined))


def test_one_target_alone_is_drawn(tmp_path: Path) -> None:
    whole = drawable()
    points = {"score_likes": whole.points["score_likes"]}
    one = Drawable(whole.metrics, whole.history, 3, points, RANGES)
    assert "plots/predicted_against_actual.png" in draw_plots(tmp_path, one)
    assert io.BytesIO((tmp_path / "plots/predicted_against_actual.png").read_bytes()).read(4) == b"\x89PNG"
