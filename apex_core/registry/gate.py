"""The promotion gate: may a candidate take the champion's place?"""

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from statistics import fmean
from typing import Literal

from apex_core.settings import PromotionSettings

RANKED = ("score_streams", "score_likes")
"""The targets whose test Spearman decides."""

TargetMetrics = Mapping[str, Mapping[str, float | None]]
"""By target: n, mse, mae, pearson, spearman; None where undefined."""

_ROUNDING = 1e-9

Outcome = Literal["promoted", "refused", "held"]


@dataclass(frozen=True, slots=True)
class Decision:
    """Whether to promote, and why. ``held`` means that only a person's word is missing."""

    promote: bool
    reason: str
    outcome: Outcome


def gate(candidate: TargetMetrics, champion: TargetMetrics | None, settings: PromotionSettings) -> Decision:
    """Decide on test metrics of candidate and champion, measured on the same rows."""
    fault = _fault(candidate)
    if fault is not None:
        return Decision(False, fault, "refused")
    first = Decision(True, "first champion", "promoted")
    verdict = first if champion is None else _compare(candidate, champion, settings)
    if verdict.promote and not settings.automatic:
        return Decision(False, f"held for a person's word: {verdict.reason}", "held")
    return verdict


def _fault(metrics: TargetMetrics) -> str | None:
    for target, name, value in _figures(metrics):
        if value is not None and not math.isfinite(value):
            return f"{name} of {target} is {value}"
    if not any(_figure(metrics, target, "n") for target in RANKED):
        return "no test row with a popularity label: nothing is known about its predictions"
    return None


def _figures(metrics: TargetMetrics) -> Iterator[tuple[str, str, float | None]]:
    for target, figures in metrics.items():
        for name, value in figures.items():
            yield target, name, value


def _compare(candidate: TargetMetrics, champion: TargetMetrics, settings: PromotionSettings) -> Decision:
    if any(_figure(candidate, target, "n") != _figure(champion, target, "n") for target in RANKED):
        return Decision(False, "candidate and champion were not measured on the same test rows", "refused")
    ours, theirs = _spearmans(candidate), _spearmans(champion)
    if not ours or theirs.keys() - ours.keys():
        return Decision(False, "its test Spearman is undefined: constant predictions or too few rows", "refused")
    if not theirs:
        return Decision(True, "the champion's test Spearman is undefined, the candidate's is not", "promoted")
    return _rank({target: ours[target] for target in theirs}, theirs, settings.max_loss_of_spearman)


def _rank(ours: dict[str, float], theirs: dict[str, float], allowed: float) -> Decision:
    mine, champions = fmean(ours.values()), fmean(theirs.values())
    compared = f"mean test Spearman {mine:.4f} against the champion's {champions:.4f}"
    if champions - mine > allowed + _ROUNDING:
        return Decision(False, f"{compared}, more than {allowed:g} below", "refused")
    return Decision(True, compared, "promoted")


def _spearmans(metrics: TargetMetrics) -> dict[str, float]:
    found = {target: _figure(metrics, target, "spearman") for target in RANKED}
    return {target: value for target, value in found.items() if value is not None}


def _figure(metrics: TargetMetrics, target: str, name: str) -> float | None:
    return metrics.get(target, {}).get(name)
