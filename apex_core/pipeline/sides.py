"""The check that blocks: nothing of what is tested on was trained on, nor anything related to it."""

from collections.abc import Iterable

import polars as pl

from apex_core.errors import TrainingError

_MOST_NAMED = 5
# What may lie on one side only: songs of one group, remakes of one song, one recording under two names.
_TOGETHER = {"group_id": "group", "root_id": "root", "sha256": "recording"}
_KEY = ["platform", "track_id"]


def check_sides(rows: pl.DataFrame) -> None:
    """Look at the rows of a training set before anything learns from them.

    Raises TrainingError naming tracks when a group, the remakes of a song, or a recording is on two sides.
    """
    for column, what in _TOGETHER.items():
        torn = rows.filter(pl.col("split").n_unique().over(column) > 1).sort(column, *_KEY)
        if torn.height:
            first = torn.filter(pl.col(column) == torn[column][0])
            raise TrainingError(
                f"{torn[column].n_unique()} of the training set's {what}s lie on two sides of the split, the first "
                f"with {named(first)}: what is tested on would be learnt from.",
                fix="go back to a good backup (apex restore --backup STAMP --yes --set-aside), run again",
            )


def moved_since(rows: pl.DataFrame, former: Iterable[pl.DataFrame]) -> pl.DataFrame:
    """The rows that were on another side in a former training set: a model made from that has learnt from them.

    A side is given once; it is given anew when the catalog has forgotten it, after an old backup was restored, and
    lineage has come since.
    """
    sides = [before.select(*_KEY, pl.col("split").alias("before")) for before in former]
    if not sides:
        return rows.clear()
    both = rows.join(pl.concat(sides).unique(), on=_KEY)
    return both.filter(pl.col("split") != pl.col("before")).unique(_KEY).sort(_KEY).select(rows.columns)


def named(rows: pl.DataFrame) -> str:
    """Tracks in words, the first five by name."""
    one = [f"{platform}/{track_id} ({split})" for platform, track_id, split in rows.select(*_KEY, "split").rows()]
    more = f" and {len(one) - _MOST_NAMED} more" if len(one) > _MOST_NAMED else ""
    return ", ".join(one[:_MOST_NAMED]) + more
