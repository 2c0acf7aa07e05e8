"""The report as a picture: every method's AUC with its interval, by subset."""

import io
from itertools import groupby
from typing import Any, Literal

import matplotlib as mpl
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from apex_core.arena.evaluation import Report, Row, Subset
from apex_core.arena.methods import TITLES

# Okabe and Ito's palette, told apart by all common kinds of colour vision.
_INK, _MUTED, _GRID = "#1c2024", "#5d666f", "#dfe3e7"
_COLOURS = {"rule": "#0072b2", "grouped": "#d55e00", "unseen systems": "#009e73"}
_BASELINE = "#8a6d00"
_STYLE: Any = {  # its keys have a type of their own
    "font.family": "sans-serif",
    "font.sans-serif": ["DejaVu Sans"],
    "font.size": 10,
    "text.color": _INK,
    "axes.edgecolor": _MUTED,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.spines.left": False,
    "xtick.color": _MUTED,
    "ytick.left": False,
    "svg.fonttype": "none",
    "svg.hashsalt": "apex-arena",
}


def draw(report: Report, kind: Literal["png", "svg"]) -> bytes:
    """A forest plot. The same report gives the same bytes."""
    subsets: list[Subset] = [name for name, battles in report.subsets.items() if battles]
    with mpl.rc_context(_STYLE):
        height = 1.1 + 0.27 * (len(report.rows) + 1.3 * len({row.protocol for row in report.rows}))
        figure = Figure(figsize=(5.2 + 2.1 * len(subsets), height), layout="constrained")
        axes = figure.subplots(1, len(subsets), sharey=True, sharex=True, squeeze=False)[0]
        for axis, subset in zip(axes, subsets, strict=True):
            _panel(axis, report, subset)
        _names(axes[0], report)
        figure.suptitle(f"AUC on {report.used:,} battles, with 95 % intervals; 0.5 is chance", x=0.01, ha="left")
        sink = io.BytesIO()
        metadata = {"Software": None} if kind == "png" else {"Date": None, "Creator": None}
        figure.savefig(sink, format=kind, dpi=150, metadata=metadata)
    return sink.getvalue()


def _places(report: Report) -> list[tuple[float, str | Row]]:
    """What stands at which height, from the top down: a heading for each protocol, then its rows."""
    found: list[tuple[float, str | Row]] = []
    at = 0.0
    for protocol, rows in groupby(report.rows, key=lambda row: row.protocol):
        found.append((at, TITLES[protocol]))
        for row in rows:
            at += 1
            found.append((at, row))
        at += 1.3
    return found


def _panel(axis: Axes, report: Report, subset: Subset) -> None:
    axis.axvline(0.5, color=_MUTED, linewidth=1)
    for at, what in _places(report):
        if isinstance(what, str) or subset not in what.measures:
            continue
        auc = what.measures[subset].auc
        if auc.value is None:
            continue
        colour = _BASELINE if what.is_baseline else _COLOURS[what.protocol]
        if auc.low is not None and auc.high is not None:
            axis.plot([auc.low, auc.high], [at, at], color=colour, linewidth=2, solid_capstyle="butt")
        axis.plot([auc.value], [at], marker="D" if what.is_baseline else "o", color=colour, markersize=5.5)
    axis.set_title(f"{subset} ({report.subsets[subset]:,})", fontsize=10, color=_MUTED, loc="left")
    axis.grid(axis="x", color=_GRID, linewidth=0.8)
    axis.set_axisbelow(True)


def _names(axis: Axes, report: Report) -> None:
    places = _places(report)
    axis.set_yticks([at for at, _ in places], [_name(what) for _, what in places])
    axis.set_ylim(places[-1][0] + 0.7, -0.8)
    for label, (_, what) in zip(axis.get_yticklabels(), places, strict=True):
        if isinstance(what, str):
            label.set_fontweight("bold")
        elif what.is_baseline:
            label.set_color(_BASELINE)


def _name(what: str | Row) -> str:
    if isinstance(what, str):
        return what
    return what.features if what.protocol == "rule" else f"{what.features}, {what.method}"
