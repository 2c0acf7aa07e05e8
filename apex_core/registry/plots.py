"""The pictures of a model card, as PNG. The same numbers give the same bytes.

Places are given in inches instead of found by matplotlib's layout, which draws everything twice.
"""

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import matplotlib as mpl
import numpy as np
from matplotlib.axes import Axes
from matplotlib.colors import LogNorm
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator
from numpy.typing import NDArray

FOLDER = "plots"

Values = NDArray[np.float64]
Points = Mapping[str, tuple[Values, Values]]
"""By target: predictions and labels of the test songs, NaN where a label is missing."""

_INK, _MUTED, _GRID = "#1c2024", "#5d666f", "#dfe3e7"
# Okabe and Ito's colours, told apart by all common kinds of colour vision.
_COLOURS = ("#0072b2", "#d55e00", "#009e73", "#cc79a7", "#a67c00", "#56b4e9", "#1c2024")
_STYLE: Any = {  # its keys have a type of their own
    "font.family": "sans-serif",
    "font.sans-serif": ["DejaVu Sans"],
    "font.size": 9,
    "text.color": _INK,
    "axes.edgecolor": _MUTED,
    "axes.labelcolor": _MUTED,
    "axes.titlesize": 10,
    "axes.titlelocation": "left",
    "axes.grid": True,
    "axes.axisbelow": True,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "grid.color": _GRID,
    "xtick.color": _MUTED,
    "ytick.color": _MUTED,
    "legend.frameon": False,
    "savefig.dpi": 130,
}
_MANY = 1500  # points that hide one another: from here on their density is drawn
_LEAST_POINTS = 2


@dataclass(frozen=True, slots=True)
class Drawable:
    """What there is to draw of a model: ``metrics.json``, epochs as plain values, test predictions and labels."""

    metrics: Mapping[str, Any]
    history: Sequence[Mapping[str, Any]]
    best_epoch: int
    points: Points
    ranges: Mapping[str, tuple[float, float]]


def draw_plots(folder: Path, what: Drawable) -> list[str]:
    """Draw every picture there is something to show in, below ``folder``; returns their names relative to it."""
    drawn: list[str] = []
    (folder / FOLDER).mkdir(parents=True, exist_ok=True)
    with mpl.rc_context():
        mpl.rcdefaults()  # whatever a user has set for his own pictures
        mpl.rcParams.update(_STYLE)
        for name, draw in _PICTURES.items():
            figure = draw(what)
            if figure is not None:
                figure.savefig(folder / FOLDER / f"{name}.png", metadata={"Software": None})
                drawn.append(f"{FOLDER}/{name}.png")
    return drawn


def _figure(width: float, height: float, left: float, bottom: float, right: float, top: float) -> Figure:
    """An empty figure of that size and with those margins, in inches."""
    figure = Figure(figsize=(width, height))
    figure.subplots_adjust(left / width, bottom / height, 1 - right / width, 1 - top / height)
    return figure


def _panels(count: int) -> tuple[Figure, list[Axes]]:
    """A figure of ``count`` square pictures with two lines of title, up to four side by side."""
    columns = min(4, count)
    rows = math.ceil(count / columns)
    side, gap, titles = 2.2, 0.55, 0.75
    width, height = columns * (side + gap) + 0.35, rows * (side + titles) + 0.45
    figure = _figure(width, height, 0.75, 0.6, 0.15, 0.6)
    found: Any = figure.subplots(rows, columns, gridspec_kw={"wspace": gap / side, "hspace": titles / side})
    axes: list[Axes] = list(np.atleast_1d(found).flat)
    for spare in axes[count:]:
        spare.set_axis_off()
    return figure, axes[:count]


def _titled(axes: Axes, title: str, told: str) -> None:
    axes.set_title(f"{title}\n", fontweight="bold")
    axes.annotate(told, (0, 1.04), xycoords="axes fraction", color=_MUTED, fontsize=8.5)


def _labelled(figure: Figure, below: str, beside: str) -> None:
    inches = 0.08 / figure.get_figheight(), 0.08 / figure.get_figwidth()
    figure.text(0.5, inches[0], below, ha="center", va="bottom", color=_MUTED)
    figure.text(inches[1], 0.5, beside, ha="left", va="center", rotation="vertical", color=_MUTED)


def learning_curves(what: Drawable) -> Figure | None:
    """Left the loss that is trained on, right each target's error on the validation songs."""
    if len(what.history) < 2:
        return None
    figure = _figure(9.6, 3.5, 0.5, 0.5, 1.5, 0.35)
    left, right = (figure.add_subplot(1, 2, place) for place in (1, 2))
    epochs = [facts["epoch"] for facts in what.history]
    for name, label, colour in (("train_loss", "training", _COLOURS[0]), ("val_loss", "validation", _COLOURS[1])):
        left.plot(epochs, [facts[name] for facts in what.history], color=colour, lw=1.6, label=label)
    left.set(title=f"Loss (dotted: epoch {what.best_epoch}, which is kept)", xlabel="epoch")
    left.legend()
    targets = list(what.history[0]["val_losses"])
    for target, colour in zip(targets, _COLOURS, strict=False):
        losses = np.array([facts["val_losses"].get(target, math.nan) for facts in what.history])
        right.plot(epochs, losses / losses[0] * 100, color=colour, lw=1.4, label=target)
    right.set(title="Validation error, first epoch = 100", xlabel="epoch")
    for axes in (left, right):
        axes.axvline(what.best_epoch, color=_MUTED, lw=1, ls=":")
        axes.xaxis.set_major_locator(MaxNLocator(integer=True))
    right.legend(loc="center left", bbox_to_anchor=(1.02, 0.5))
    return figure


def predicted_against_actual(what: Drawable) -> Figure | None:
    """A panel a target: every test song, or how many where there are too many to see."""
    shown = {t: pair for t, pair in what.points.items() if (~np.isnan(pair[1])).sum() >= _LEAST_POINTS}
    if not shown:
        return None
    figure, panels = _panels(len(shown))
    for axes, (target, (predicted, wanted)) in zip(panels, shown.items(), strict=True):
        known = ~np.isnan(wanted)
        _cloud(axes, predicted[known], wanted[known], what.ranges[target])
        figures = what.metrics["test"][target]
        rank = figures["spearman"]
        says = "" if rank is None else f", Spearman {rank:.2f}"
        _titled(axes, target, f"{figures['n']:,} songs{says}")
    _labelled(figure, "predicted", "actual")
    return figure


def _cloud(axes: Axes, predicted: Values, wanted: Values, limits: tuple[float, float]) -> None:
    low, high = limits
    margin = 0.03 * (high - low)
    axes.plot(limits, limits, "--", color=_MUTED, lw=1)
    if len(wanted) > _MANY:
        axes.hexbin(
            predicted,
            wanted,
            gridsize=36,
            extent=(low, high, low, high),
            mincnt=1,
            cmap="Blues",
            lw=0,
            norm=LogNorm(vmin=0.2),
        )
    else:
        size, alpha = (16, 0.75) if len(wanted) < 200 else (7, 0.4)
        axes.scatter(predicted, wanted, s=size, alpha=alpha, color=_COLOURS[0], linewidths=0)
    axes.set(xlim=(low - margin, high + margin), ylim=(low - margin, high + margin), aspect="equal")
    ticks = np.linspace(low, high, 5)
    axes.set_xticks(ticks, [f"{tick:g}" for tick in ticks])
    axes.set_yticks(ticks, [f"{tick:g}" for tick in ticks])


def calibration(what: Drawable) -> Figure | None:
    """A panel a target: mean label of songs that are predicted alike, with the interval of that mean."""
    shown: Mapping[str, Any] = what.metrics.get("calibration") or {}
    if not shown:
        return None
    figure, panels = _panels(len(shown))
    for axes, (target, facts) in zip(panels, shown.items(), strict=True):
        predicted, wanted, error = (
            np.array([one[name] for one in facts["bins"]]) for name in ("predicted", "wanted", "standard_error")
        )
        low, high = what.ranges[target]
        axes.plot((low, high), (low, high), "--", color=_MUTED, lw=1)
        axes.errorbar(predicted, wanted, 1.96 * error, fmt="o", ms=4.5, lw=1.2, capsize=2, color=_COLOURS[0])
        spread = np.concatenate([predicted, wanted - 1.96 * error, wanted + 1.96 * error])
        margin = 0.05 * (np.ptp(spread) or high - low)
        window = (max(low, spread.min()) - margin, min(high, spread.max()) + margin)
        axes.set(xlim=window, ylim=window, aspect="equal")
        ticks = MaxNLocator(4).tick_values(*window)
        for axis in (axes.xaxis, axes.yaxis):
            axis.set_ticks([tick for tick in ticks if window[0] <= tick <= window[1]])
        slope = "" if facts["slope"] is None else f", slope {facts['slope']:.2f}"
        _titled(axes, target, f"error {facts['error']:.2g}{slope}")
    _labelled(figure, "mean prediction of a bin", "mean actual, 95 % interval")
    return figure


def by_platform(what: Drawable) -> Figure | None:
    """Rank correlation of each target, over all test songs and by platform, with intervals; ridge over all beside."""
    rows = _series(what.metrics)
    targets = list(what.metrics.get("test") or {})
    if not targets or not any(figures.get("spearman") is not None for figures in what.metrics["test"].values()):
        return None
    figure = _figure(7.4, 1.0 + len(targets) * (0.22 + 0.12 * len(rows)), 1.15, 0.5, 0.15, 0.45)
    axes = figure.add_subplot()
    step = 0.72 / len(rows)
    for n, one in enumerate(rows):
        _spans(axes, one, targets, -0.36 + (n + 0.5) * step)
    axes.axvline(0, color=_MUTED, lw=1)
    axes.set_yticks(range(len(targets)), targets)
    axes.set_ylim(len(targets) - 0.5, -0.5)
    axes.grid(axis="y", visible=False)
    axes.tick_params(axis="y", length=0)
    axes.set_xlabel("Spearman, with 95 % interval")
    for edge in range(1, len(targets)):
        axes.axhline(edge - 0.5, color=_GRID, lw=0.8)
    axes.legend(loc="lower left", bbox_to_anchor=(0, 1.0), ncols=4, handletextpad=0.3, columnspacing=1.2)
    return figure


@dataclass(frozen=True, slots=True)
class _Series:
    """One row of each target: what it is of, its look, its figures and their intervals."""

    label: str
    colour: str
    mark: str
    metrics: Mapping[str, Any]
    intervals: Mapping[str, Any]


def _series(metrics: Mapping[str, Any]) -> list[_Series]:
    intervals = metrics.get("intervals") or {}
    rows = [_Series("all songs", _INK, "o", metrics.get("test") or {}, intervals.get("test") or {})]
    platforms = (metrics.get("groups") or {}).get("platform") or {}
    for (name, part), colour in zip(sorted(platforms.items()), _COLOURS, strict=False):
        rows.append(_Series(f"{name} ({part['n']:,})", colour, "o", part["test"], part["intervals"]))
    ridge = (metrics.get("baselines") or {}).get("ridge")
    if ridge:
        spans = (intervals.get("baselines") or {}).get("ridge") or {}
        rows.append(_Series("ridge, all songs", _MUTED, "D", ridge, spans))
    return rows


def _spans(axes: Axes, one: _Series, targets: Sequence[str], offset: float) -> None:
    """A point a target with its interval, ``offset`` off the target's line."""
    places = [(place + offset, target) for place, target in enumerate(targets)]
    values = [((one.metrics.get(target) or {}).get("spearman"), place) for place, target in places]
    known = [(value, place) for value, place in values if value is not None]
    for place, target in places:
        span = (one.intervals.get(target) or {}).get("spearman")
        if span is not None:
            axes.plot(span, (place, place), color=one.colour, lw=1.6, solid_capstyle="butt")
    face = one.colour if one.mark == "o" else "white"
    where = ([value for value, _ in known], [place for _, place in known])
    axes.plot(*where, one.mark, color=one.colour, mfc=face, ms=5, label=one.label)


_PICTURES: Mapping[str, Callable[[Drawable], Figure | None]] = {
    "learning_curves": learning_curves,
    "predicted_against_actual": predicted_against_actual,
    "calibration": calibration,
    "by_platform": by_platform,
}
