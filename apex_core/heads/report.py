"""Everything that is measured of a model beside the figures of its splits, as plain values for ``metrics.json``.

Small parts are counted and not judged: a platform or model family with fewer than ten labelled songs gets its number
of songs and no figure.
"""

from collections.abc import Mapping
from typing import Any

import numpy as np

from apex_core.heads.baselines import by_song, predictions
from apex_core.heads.calibration import LEAST_SONGS, calibration
from apex_core.heads.config import TARGETS
from apex_core.heads.evaluation import Metrics, Scored
from apex_core.heads.figures import Values
from apex_core.heads.intervals import LEVEL, Draws, draw_figures, drawn, gains, intervals
from apex_core.heads.training_data import TrainingData

_MOST_FAMILIES = 12
_EXTREMES = 10
_DIGITS = 6

Facts = dict[str, Any]


def measured(scored: Scored, data: TrainingData, draws: int) -> Facts:
    """What is known of predictions on the test rows of ``data``, beside their figures.

    ``baselines``: their figures by name and target. ``intervals``: of the figures (``test``), of those of the
    baselines, and of the gain over each baseline, song by song and draw by draw. ``groups``: by platform and by model
    family. ``calibration``, ``extremes``: see there.
    """
    ours, (what, parts) = draw_figures(scored, draws), drawn(scored)
    rivals = _baselines(scored, data)
    theirs = {name: draw_figures(rival, draws) for name, rival in rivals.items()}
    return rounded(
        {
            "baselines": {name: rival.metrics() for name, rival in rivals.items()},
            "intervals": {
                "level": LEVEL,
                "draws": _count(ours),
                "drawn": what,
                "of": parts,
                "test": intervals(ours),
                "baselines": {name: intervals(values) for name, values in theirs.items()},
                "gain": {name: gains(ours, values) for name, values in theirs.items()},
            },
            "groups": _groups(scored, draws),
            "calibration": calibration(scored),
            "extremes": extremes(scored),
        }
    )


def compared(scored: Scored, rival: Scored, draws: int) -> Facts:
    """Another model on the same songs: its figures, their intervals, and the interval of the gain over it.

    Raises ValueError when they are not the same songs.
    """
    places = {name: place for place, name in enumerate(rival.names.tolist())}
    if len(places) != len(scored.names) or places.keys() != set(scored.names.tolist()):
        raise ValueError("The two models were not measured on the same songs.")
    rival = rival[np.array([places[name] for name in scored.names.tolist()])]  # draws go by place
    ours, theirs = draw_figures(scored, draws), draw_figures(rival, draws)
    return rounded({"test": rival.metrics(), "intervals": intervals(theirs), "gain": gains(ours, theirs)})


def _count(found: Draws) -> int:
    return max((len(values) for figures in found.values() for values in figures.values()), default=0)


def _baselines(scored: Scored, data: TrainingData) -> dict[str, Scored]:
    songs = by_song(data)
    test = songs.rows("test")
    columns = [TARGETS.index(target) for target in scored.targets]
    found: dict[str, Scored] = {}
    for name, predicted in predictions(songs).items():
        chosen = predicted[:, columns]
        wanted = np.where(np.isnan(chosen), np.nan, songs.targets[test][:, columns])
        facts = None if songs.facts is None else songs.facts[test]
        found[name] = Scored(scored.targets, songs.names[test], chosen, wanted, facts)
    return found


def _groups(scored: Scored, draws: int) -> Facts:
    if scored.facts is None:
        return {}
    kinds = {"platform": scored.facts.platform, "model_family": scored.facts.model_family}
    found: Facts = {}
    for kind, values in kinds.items():
        names, counts = np.unique(values, return_counts=True)
        largest = names[np.argsort(-counts, kind="stable")][:_MOST_FAMILIES]
        found[kind] = {str(name) or "unknown": _part(scored[values == name], draws) for name in largest}
    return found


def _part(scored: Scored, draws: int) -> Facts:
    metrics = judged(scored.metrics())
    known = intervals(draw_figures(scored, draws))
    return {
        "n": len(scored.names),
        "test": metrics,
        "intervals": {target: known[target] for target in known if metrics[target]["mse"] is not None},
    }


def judged(metrics: Metrics) -> Metrics:
    """Figures without those that rest on fewer than ten songs: of these only the number is left."""
    return {
        target: figures if (figures["n"] or 0) >= LEAST_SONGS else {**dict.fromkeys(figures), "n": figures["n"]}
        for target, figures in metrics.items()
    }


def extremes(scored: Scored) -> Facts:
    """By target, the ten songs of the highest and the lowest prediction, and of the highest and the lowest label.

    Fewer where there are fewer than twenty: no song is among the highest and the lowest.
    """
    return {target: _extremes(scored, column) for column, target in enumerate(scored.targets)}


def _extremes(scored: Scored, column: int) -> Facts:
    known = np.flatnonzero(~np.isnan(scored.wanted[:, column]))
    most = min(_EXTREMES, len(known) // 2)

    def listed(values: Values, sign: int) -> list[Facts]:
        return [
            {
                "song": str(scored.names[row]),
                "predicted": float(scored.predicted[row, column]),
                "wanted": float(scored.wanted[row, column]),
            }
            for row in known[np.argsort(sign * values[known, column], kind="stable")][:most]
        ]

    return {
        "highest_predicted": listed(scored.predicted, -1),
        "lowest_predicted": listed(scored.predicted, 1),
        "highest_actual": listed(scored.wanted, -1),
        "lowest_actual": listed(scored.wanted, 1),
    }


def rounded(value: Any) -> Any:  # noqa: ANN401  any JSON
    """Floats to six digits after the point: what is below that hangs on how many threads summed up."""
    if isinstance(value, Mapping):
        return {key: rounded(inner) for key, inner in value.items()}
    if isinstance(value, list | tuple):
        return [rounded(inner) for inner in value]
    return round(value, _DIGITS) if isinstance(value, float) else value
