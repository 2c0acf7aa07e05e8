"""The check that blocks: nothing of what is tested on was trained on, nor anything related to it."""

from collections.abc import Mapping

import polars as pl

from apex_core.errors import TrainingError

_MOST_NAMED = 5
# What may lie on one side only: songs of one group, remakes of one song, one recording under two names.
_TOGETHER = {"group_id": "group", "root_id": "root", "sha256": "recording"}
_KEY = ["platform", "track_id"]


def check_sides(rows: pl.DataFrame, former: Mapping[str, pl.DataFrame]) -> None:
    """Look at the rows of a training set before anything learns from them.

    ``former``: rows of training sets that are compared with, by id: a track stays on the side it was given there, or
    else a model that learnt from it would be tested on it. Raises TrainingError naming tracks.
    """
    for column, what in _TOGETHER.items():
        if column in rows.columns:
            _check_together(rows, column, what)
    for training_set_id, before in former.items():
        _check_kept(rows, before, training_set_id)


def _check_together(rows: pl.DataFrame, column: str, what: str) -> None:
    torn = rows.filter(pl.col("split").n_unique().over(column) > 1).sort(column, *_KEY)
    if torn.height:
        first = torn.filter(pl.col(column) == torn[column][0])
        raise TrainingError(
            f"{torn[column].n_unique()} of the training set's {what}s lie on two sides of the split, the first with "
            f"{_named(first)}: what is tested on would have been learnt from.",
            fix="put the newest good backups/<stamp>/catalog.duckdb of the store in the catalog's place and run again",
        )


def _check_kept(rows: pl.DataFrame, before: pl.DataFrame, training_set_id: str) -> None:
    both = rows.join(before.select(*_KEY, "split"), on=_KEY, suffix="_before")
    moved = both.filter(pl.col("split") != pl.col("split_before")).sort(_KEY)
    if moved.height:
        raise TrainingError(
            f"{moved.height} tracks were on another side of the split in training set {training_set_id}: "
            f"{_named(moved.with_columns(split=pl.format('{} after {}', 'split', 'split_before')))}. "
            "A model made from that set would be tested on what it learnt from.",
            fix="put a backups/<stamp>/catalog.duckdb from before the sides changed in the catalog's place",
        )


def _named(rows: pl.DataFrame) -> str:
    one = [f"{platform}/{track_id} ({split})" for platform, track_id, split in rows.select(*_KEY, "split").rows()]
    more = f" and {len(one) - _MOST_NAMED} more" if len(one) > _MOST_NAMED else ""
    return ", ".join(one[:_MOST_NAMED]) + more
