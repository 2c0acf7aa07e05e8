"""The other test: heads trained on what is older and tested on what is newest, as a model is used in life."""

from dataclasses import replace
from typing import Any

import numpy as np
import polars as pl

from apex_core import heads
from apex_core.pipeline.training_set import TrainingSet
from apex_core.settings import TrainSettings

_NEWEST = 0.15  # share of the songs that are tested on: as much as the other split has
_LEAST = {"train": 20, "val": 5, "test": 10}
# A song with one of these in common with a song that is tested on is no stranger to it.
_RELATED = ("group_id", "root_id", "sha256")


def time_split(chosen: TrainingSet, data: heads.TrainingData, settings: TrainSettings) -> dict[str, Any]:
    """Train anew on the older songs and measure on the newest ones; the model itself is thrown away.

    Returns the moment of the cut, how many songs lie where, figures with intervals, baselines and gains over them;
    or only a ``reason`` where there is too little to split by time.
    """
    sides = by_time(chosen.rows)
    counts = dict(sides["side"].drop_nulls().value_counts().iter_rows())
    rows = {split: counts.get(split, 0) for split in heads.SPLITS}
    short = [f"{rows[split]} {split}" for split in heads.SPLITS if rows[split] < _LEAST[split]]
    facts = {"rows": rows, "dropped": int(sides["side"].null_count())}
    if short:
        return {**facts, "reason": f"too few songs once related ones are set apart: {', '.join(short)}"}
    older = restricted(data, sides)
    model = heads.train(older, settings).model
    scored = heads.score(model, older, "test")
    measured = heads.measured(scored, older, settings.bootstrap_draws)
    kept = {name: measured[name] for name in ("baselines", "intervals")}
    cut = sides.filter(pl.col("side") == "test")["created_at"].min()
    return {**facts, "cut": str(cut), "test": heads.rounded(scored.metrics()), **kept}


def by_time(rows: pl.DataFrame) -> pl.DataFrame:
    """The rows of a training set with a ``side``: the newest songs are tested on, whatever side they had.

    Older songs that are related to one of those, or are tested on in the other split, and songs whose creation is not
    known, are used in nothing (null). The others keep their side.
    """
    if "created_at" not in rows.columns or rows["created_at"].null_count() == rows.height:
        return rows.with_columns(side=pl.lit(None, pl.String))
    cut = rows["created_at"].quantile(1 - _NEWEST, "higher")
    newest = rows.filter(pl.col("created_at") >= cut)
    related = pl.any_horizontal(pl.col(name).is_in(newest[name].unique().to_list()) for name in _RELATED)
    older = (pl.col("created_at") < cut) & ~related & (pl.col("split") != "test")
    return rows.with_columns(
        side=pl.when(pl.col("created_at") >= cut).then(pl.lit("test")).when(older).then(pl.col("split"))
    )


def restricted(data: heads.TrainingData, sides: pl.DataFrame) -> heads.TrainingData:
    """The rows of ``data`` whose song has a ``side``, on that side."""
    names = sides.select(pl.format("{}/{}", "platform", "track_id")).to_series().to_list()
    codes = {name: heads.SPLITS.index(side) for name, side in zip(names, sides["side"], strict=True) if side}
    split = np.array([codes.get(str(name), -1) for name in data.groups], dtype=np.int8)
    kept = split >= 0
    return replace(
        data,
        vectors=data.vectors[kept],
        groups=data.groups[kept],
        targets=data.targets[kept],
        split=split[kept],
        facts=None if data.facts is None else data.facts[kept],
    )
