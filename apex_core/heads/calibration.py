"""Do predictions mean what they say: predicted against actual, in bins of songs that are predicted alike."""

from typing import Any

import numpy as np

from apex_core.heads.evaluation import Scored
from apex_core.heads.figures import Values

BINS = 10
LEAST_SONGS = 10
"""Songs a bin holds at least, and that any figure of a part of the songs rests on."""


def calibration(scored: Scored) -> dict[str, dict[str, Any]]:
    """By target: bins of about equally many songs, the line through all songs, and the expected calibration error.

    ``bins``: songs, mean prediction, mean label, and the standard error of that mean. ``slope`` and ``intercept``: of
    labels by predictions, least squares; 1 and 0 are perfect, a slope below 1 means predictions that lie too far
    apart. ``error``: mean distance, in points, of a bin's mean label from its mean prediction. A target with fewer
    than two bins' songs has none of it.
    """
    columns = zip(scored.targets, scored.predicted.T, scored.wanted.T, strict=True)
    found = ((target, _calibrated(predicted, wanted)) for target, predicted, wanted in columns)
    return {target: facts for target, facts in found if facts}


def _calibrated(predicted: Values, wanted: Values) -> dict[str, Any]:
    known = ~np.isnan(wanted)
    a, b = predicted[known], wanted[known]
    bins = min(BINS, len(a) // LEAST_SONGS)
    if bins < 2:
        return {}
    order = np.argsort(a, kind="stable")
    parts = [(a[part], b[part]) for part in np.array_split(order, bins)]
    slope, intercept = _line(a, b)
    distances = [len(p) / len(a) * abs(p.mean() - w.mean()) for p, w in parts]
    return {
        "bins": [
            {
                "n": len(p),
                "predicted": float(p.mean()),
                "wanted": float(w.mean()),
                "standard_error": float(w.std(ddof=1) / np.sqrt(len(w))),
            }
            for p, w in parts
        ],
        "slope": slope,
        "intercept": intercept,
        "error": float(sum(distances)),
    }


def _line(a: Values, b: Values) -> tuple[float | None, float | None]:
    """Slope and intercept of the least squares line of b over a; None where a is constant."""
    spread = np.square(a - a.mean()).sum()
    if np.ptp(a) == 0 or spread == 0:
        return None, None
    slope = float(((a - a.mean()) * (b - b.mean())).sum() / spread)
    return slope, float(b.mean() - slope * a.mean())
