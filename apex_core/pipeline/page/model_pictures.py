"""Pictures of models: how versions ranked over time, and how the champion's predictions hold."""

import math
from collections import defaultdict
from collections.abc import Iterable, Sequence

from matplotlib.axes import Axes

from apex_core.pipeline.page import rows
from apex_core.pipeline.page.canvas import GRID, INK, MUTED, SERIES, Picture, picture
from apex_core.pipeline.page.pictures import MARKS

_POPULARITY = ("score_streams", "score_likes")
# Targets are no platforms, and have none of their colours.
_COLOURS = (*SERIES[2:], INK, MUTED)


def history(models: Sequence[rows.Model], metrics: Sequence[rows.Metric], *, popularity: bool) -> Picture | None:
    """Test Spearman of each target over versions, oldest first; the champion has a ring."""
    places = {model.version: n for n, model in enumerate(models)}
    lines: dict[str, list[tuple[int, float]]] = defaultdict(list)
    for one in metrics:
        if one.version in places and one.spearman is not None and (one.target in _POPULARITY) == popularity:
            lines[one.target].append((places[one.version], one.spearman))
    if not lines:
        return None
    champion = next((places[model.version] for model in models if model.is_champion), None)

    def draw(axes: Axes) -> None:
        for n, (target, points) in enumerate(lines.items()):
            axes.plot(*zip(*points, strict=True), MARKS[n] + "-", color=_COLOURS[n], label=target, ms=4.5, lw=1.5)
            ringed = [point for point in points if point[0] == champion]
            if ringed:
                axes.plot(*ringed[0], "o", ms=11, mfc="none", mec=INK, mew=1.2)
        axes.axhline(0, color=MUTED, linewidth=0.8)
        _versions(axes, models)
        axes.margins(y=0.15)
        figure = axes.get_figure()
        assert figure is not None
        figure.legend(loc="outside upper left", ncols=2 if popularity else 3, columnspacing=1, handletextpad=0.4)

    what = "popularity" if popularity else "aesthetics"
    best = "; ".join(f"{target} {points[-1][1]:.2f}" for target, points in lines.items())
    return picture(
        f"Rank correlation of {what}",
        f"Spearman on each version's own test tracks; a ring marks the champion. Newest: {best}.",
        draw,
    )


def _versions(axes: Axes, models: Sequence[rows.Model]) -> None:
    step = max(1, math.ceil(len(models) / 5))
    shown = range(len(models) - 1, -1, -step)
    axes.set_xticks(list(shown), [f"{models[n].created_at:%b} {models[n].created_at.day}" for n in shown])
    axes.set_xlim(-0.6, len(models) - 0.4)


def calibration(deciles: Iterable[rows.Decile], measure: str, colour: int) -> Picture | None:
    """Mean score against mean prediction, a point a tenth of the test tracks."""
    found = [one for one in deciles if one.measure == measure]
    if not found:
        return None

    def draw(axes: Axes) -> None:
        axes.plot([0, 100], [0, 100], "--", color=MUTED, linewidth=1)
        axes.plot([d.predicted for d in found], [d.score for d in found], "o-", color=_COLOURS[colour], ms=4.5, lw=1.2)
        axes.annotate("perfect", (97, 97), ha="right", va="bottom", color=MUTED, fontsize=9.5)
        axes.set(xlim=(0, 100), ylim=(0, 107), xlabel=f"predicted score_{measure}", ylabel="true score")
        axes.set_xticks(range(0, 101, 20))
        axes.set_yticks(range(0, 101, 20))
        axes.grid(axis="x", color=GRID)

    tracks = sum(one.tracks for one in found)
    return picture(
        f"Calibration of score_{measure}",
        f"{tracks:,} test tracks in tenths by what the champion predicts: mean prediction against mean score.",
        draw,
    )
