"""The promotion gate: may a candidate take the champion's place?

Every rule is asked, and every answer that counts against the candidate is a reason, so that who reads the decision need
not try again to hear the next one.
"""

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from statistics import fmean
from typing import Any, Literal

from apex_core.settings import PromotionSettings

RANKED = ("score_streams", "score_likes")
"""The targets whose mean test Spearman decides; for the others only a bound holds."""

TargetMetrics = Mapping[str, Mapping[str, float | None]]
"""By target: n, mse, mae, pearson, spearman …; None where undefined."""

_ROUNDING = 1e-9

Outcome = Literal["promoted", "refused", "held"]


@dataclass(frozen=True, slots=True)
class Decision:
    """What becomes of a candidate, every reason, the figures it rests on. ``held``: only a person's word is missing."""

    outcome: Outcome
    reasons: tuple[str, ...]
    figures: Mapping[str, Any] = field(default_factory=dict[str, Any])

    @property
    def promote(self) -> bool:
        return self.outcome == "promoted"

    @property
    def reason(self) -> str:
        """All reasons on one line."""
        return "; ".join(self.reasons)


@dataclass(frozen=True, slots=True)
class Contest:
    """What the gate decides on. All metrics are measured on the same test rows.

    champion: of the champion, scored again on the candidate's test rows; None where there is none, or it cannot be.
    ridge: of a ridge regression on the same embeddings, which a first champion must beat; None: not measured.
    stale: why there is too little new to learn, in words. obstacles: why no automatic promotion may follow, however
    good the candidate (a hold, a champion that could not be compared). remarks: what else belongs to the reasons.
    """

    candidate: TargetMetrics
    champion: TargetMetrics | None = None
    ridge: TargetMetrics | None = None
    stale: str | None = None
    obstacles: tuple[str, ...] = ()
    remarks: tuple[str, ...] = ()
    first: bool = True


def gate(contest: Contest, settings: PromotionSettings) -> Decision:
    """Refuse for any fault, hold for any obstacle, else promote."""
    faults, merits = _weighed(contest, settings)
    obstacles = list(contest.obstacles)
    if not settings.automatic:
        obstacles.append("held for a person's word: promotion.automatic is off")
    outcome: Outcome = "refused" if faults else "held" if obstacles else "promoted"
    reasons = faults + (obstacles if faults else obstacles + merits) + list(contest.remarks)
    return Decision(outcome, tuple(reasons), _figures_of(contest))


def _weighed(contest: Contest, settings: PromotionSettings) -> tuple[list[str], list[str]]:
    """What counts against the candidate, and what for it."""
    broken = list(_broken(contest.candidate))
    if broken:
        return broken, []  # comparing what is not finite says nothing
    faults, merits = list[str](), list[str]()
    for found in _rules(contest, settings):
        (merits if found.startswith("+") else faults).append(found.removeprefix("+"))
    return faults, merits


def _rules(contest: Contest, settings: PromotionSettings) -> Iterator[str]:
    """A sentence a rule that has something to say; one that begins with + is a merit."""
    if contest.champion is not None:
        yield from _compared(contest.candidate, contest.champion, "the champion", settings.min_gain)
        yield from _bounds(contest.candidate, contest.champion, settings)
    elif contest.first:
        yield "+first champion"
        yield from _against_ridge(contest, settings)
    if contest.stale:
        yield contest.stale


def _broken(metrics: TargetMetrics) -> Iterator[str]:
    for target, figures in metrics.items():
        for name, value in figures.items():
            if value is not None and not math.isfinite(value):
                yield f"{name} of {target} is {value}"
    if not any(_figure(metrics, target, "n") for target in RANKED):
        yield "no test row with a popularity label: nothing is known about its predictions"


def _against_ridge(contest: Contest, settings: PromotionSettings) -> Iterator[str]:
    if contest.ridge is None:
        yield "it was not compared with ridge regression, which a first champion must beat"
    else:
        yield from _compared(contest.candidate, contest.ridge, "ridge regression", settings.min_gain_over_ridge)


def _compared(ours: TargetMetrics, theirs: TargetMetrics, who: str, wanted: float) -> Iterator[str]:
    """By the mean Spearman over the popularity targets for which the other's is defined."""
    if any(_figure(ours, target, "n") != _figure(theirs, target, "n") for target in RANKED):
        yield f"it and {who} were not measured on the same test rows"
        return
    known = [target for target in RANKED if _figure(theirs, target, "spearman") is not None]
    mine = [_figure(ours, target, "spearman") for target in known or RANKED]
    values = [value for value in mine if value is not None]
    if not values or (known and len(values) < len(known)):
        yield "its test Spearman is undefined: constant predictions or too few rows"
        return
    if not known:
        yield f"+{who}'s test Spearman is undefined, its own is not"
        return
    mean, other = fmean(values), fmean(_figure(theirs, target, "spearman") or 0.0 for target in known)
    said = f"mean test Spearman {mean:.4f} against {who}'s {other:.4f}"
    if mean - other < wanted - _ROUNDING:
        yield f"{said}: a gain of {mean - other:+.4f}, {wanted:g} is asked for"
    else:
        yield f"+{said}"


def _bounds(ours: TargetMetrics, theirs: TargetMetrics, settings: PromotionSettings) -> Iterator[str]:
    for target in theirs:
        other, mine = _figure(theirs, target, "spearman"), _figure(ours, target, "spearman")
        if other is None:
            continue
        if mine is None:
            lacks = "is undefined" if target in ours else "is not predicted"
            yield f"{target} {lacks}; the champion ranks it ({other:.4f})"
            continue
        allowed = settings.max_loss_of.get(target, settings.max_loss_of_target)
        if other - mine > allowed + _ROUNDING:
            yield f"{target} ranks {other - mine:.4f} below the champion's {other:.4f}, more than {allowed:g}"


def _figures_of(contest: Contest) -> dict[str, Any]:
    """The Spearman of each side, by target, and on how many test rows."""
    sides = {"candidate": contest.candidate, "champion": contest.champion, "ridge": contest.ridge}
    return {
        side: {
            target: {name: _finite(figures.get(name)) for name in ("n", "spearman")} for target, figures in m.items()
        }
        for side, m in sides.items()
        if m is not None
    }


def _finite(value: float | None) -> float | None:
    return value if value is not None and math.isfinite(value) else None


def _figure(metrics: TargetMetrics, target: str, name: str) -> float | None:
    return metrics.get(target, {}).get(name)
