"""The other test: heads trained on what is older and tested on what is newest, as a model is used in life."""

from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import numpy as np

from apex_core.heads.evaluation import score
from apex_core.heads.model import ApexHeads
from apex_core.heads.report import judged, measured, rounded
from apex_core.heads.training_data import SPLITS, TrainingData

_NEWEST = 0.4
_LEAST = {"train": 20, "val": 5, "test": 10}

Learn = Callable[[TrainingData], ApexHeads]


def time_split(data: TrainingData, learn: Learn, model: ApexHeads, draws: int) -> dict[str, Any]:
    """Measure heads that ``learn`` makes of the older songs on the newest ones; they are thrown away then.

    Returns where the cut is, how many songs lie on which side, figures with intervals and baselines, and what
    ``model``, which knows newer songs of others, reaches on the same songs; or a ``reason`` where there are too few.
    """
    if data.facts is None or np.isnan(data.facts.created).all():
        return {"reason": "no creation times are known"}
    cut = float(np.nanquantile(data.facts.created, 1 - _NEWEST))
    older = by_time(data, cut)
    rows = {split: len(np.unique(older.groups[older.rows(split)])) for split in SPLITS}
    facts = {"cut": datetime.fromtimestamp(cut, UTC).isoformat(timespec="seconds"), "rows": rows}
    short = [f"{rows[split]} {split}" for split in SPLITS if rows[split] < _LEAST[split]]
    if short:
        return {**facts, "reason": f"too few songs on a side: {', '.join(short)}"}
    scored = score(learn(older), older)
    found = measured(scored, older, draws)
    figures = {"test": judged(scored.metrics()), "same_songs": judged(score(model, older).metrics())}
    rivals = {name: judged(metrics) for name, metrics in found["baselines"].items()}
    return {**facts, **rounded(figures), "baselines": rivals, "intervals": found["intervals"]}


def by_time(data: TrainingData, cut: float) -> TrainingData:
    """Of the train and validation rows those created before ``cut``, of the test rows those created since.

    Everything keeps the side its group was given, so that nobody is on both. Rows without a known creation are left
    out. ``cut`` in seconds since 1970.
    """
    assert data.facts is not None
    is_new, is_test = data.facts.created >= cut, data.rows("test")
    kept = np.where(is_test, is_new, data.facts.created < cut)
    return replace(
        data,
        vectors=data.vectors[kept],
        groups=data.groups[kept],
        targets=data.targets[kept],
        split=data.split[kept],
        facts=data.facts[kept],
    )
