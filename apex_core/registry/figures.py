"""Figures as people read them, with the interval they may lie in, and the tables of a model card made of them."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from apex_core.registry.gate import TargetMetrics

FIGURES = ("mse", "mae", "pearson", "spearman", "pairwise")
NAMES = {"ridge": "ridge", "duration_age": "duration and age", "mean": "mean"}
"""The baselines as they are shown, by their name in ``metrics.json``."""

Intervals = Mapping[str, Mapping[str, Sequence[float] | None]]
"""By target and figure: low and high."""


def shown(value: float | None, interval: Sequence[float] | None = None) -> str:
    """``0.43 (0.21 to 0.61)``; a dash for what is not defined. Digits follow the value's size."""
    if value is None:
        return "–"
    if isinstance(value, int):
        return f"{value:,}"
    digits = 0 if abs(value) >= 100 else 1 if abs(value) >= 10 else 2
    text = _plain(value, digits)
    return text if interval is None else f"{text} ({_plain(interval[0], digits)} to {_plain(interval[1], digits)})"


def _plain(value: float, digits: int) -> str:
    text = f"{value:,.{digits}f}"
    return text.lstrip("-") if not float(text.replace(",", "")) else text  # no "-0.00"


def interval_of(intervals: Intervals, target: str, figure: str) -> Sequence[float] | None:
    return (intervals.get(target) or {}).get(figure)


def table(header: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """A Markdown table; all but the first column to the right."""
    lines = [f"| {' | '.join(header)} |", "|---|" + "---:|" * (len(header) - 1)]
    return "\n".join([*lines, *(f"| {' | '.join(row)} |" for row in rows)])


def all_figures(metrics: TargetMetrics, intervals: Intervals) -> str:
    """One row a target: every figure with its interval."""
    rows = (
        [f"`{target}`", shown(figures.get("n"))]
        + [shown(figures.get(name), interval_of(intervals, target, name)) for name in FIGURES]
        for target, figures in metrics.items()
    )
    return table(["target", "songs", *FIGURES], rows)


def beside(figure: str, columns: Mapping[str, tuple[TargetMetrics, Intervals]], targets: Iterable[str]) -> str:
    """One row a target: one figure of several models or baselines, each with its interval."""
    rows = (
        [f"`{target}`"]
        + [
            shown((metrics.get(target) or {}).get(figure), interval_of(intervals, target, figure))
            for metrics, intervals in columns.values()
        ]
        for target in targets
    )
    return table(["target", *columns], rows)


def parts(groups: Mapping[str, Any], figure: str, targets: Sequence[str]) -> str:
    """One row a part of the songs (a platform, a model family): one figure of each target, with its interval."""
    rows = (
        [name, shown(part["n"])]
        + [
            shown((part["test"].get(target) or {}).get(figure), interval_of(part["intervals"], target, figure))
            for target in targets
        ]
        for name, part in groups.items()
    )
    return table(["", "songs", *(f"`{target}`" for target in targets)], rows)
