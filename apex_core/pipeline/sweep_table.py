"""A sweep's records as a table for people, and in full as CSV or JSON."""

import csv
import io
import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from statistics import fmean
from typing import Any

from apex_core.heads import AESTHETICS, POPULARITY, SPLITS, TARGETS

Record = dict[str, Any]
_FIGURES = ("n", "mse", "mae", "pearson", "spearman", "pairwise")


@dataclass(frozen=True, slots=True)
class Column:
    """A figure of the test songs: its title, how it is read off a record, and whether more of it is better."""

    title: str
    value: Callable[[Record], float | None]
    more: bool


def _figure(record: Record, targets: Sequence[str], figure: str) -> float | None:
    """The mean over the targets that have the figure."""
    test = record.get("metrics", {}).get("test", {})
    values = [test[target][figure] for target in targets if test.get(target, {}).get(figure) is not None]
    return fmean(values) if values else None


def _column(title: str, targets: Sequence[str], figure: str) -> Column:
    return Column(title, lambda record: _figure(record, targets, figure), figure != "mae")


COLUMNS = tuple(
    _column(f"{name} {sign}", targets, figure)
    for figure, sign in (("spearman", "ρ"), ("mae", "MAE"))
    for name, targets in (("streams", POPULARITY[:1]), ("likes", POPULARITY[1:]), ("aesthetics", AESTHETICS))
)


def best(records: Sequence[Record], column: Column) -> float | None:
    """The best value of a column; None without any."""
    values = [value for record in records if (value := column.value(record)) is not None]
    return (max if column.more else min)(values) if values else None


def shown(value: float | None) -> str:
    """A figure as people read it."""
    return "–" if value is None else f"{value:.3f}"


def epochs(record: Record) -> str:
    """The epoch that was chosen, of those that were trained; or why there is none."""
    return f"{record['best_epoch']}/{record['epochs']}" if "epochs" in record else record["reason"]


def as_markdown(records: Sequence[Record]) -> str:
    """The table, each column's best in bold, with what one must know to read it."""
    titles = ["condition", "best epoch", *(column.title for column in COLUMNS)]
    lines = [f"| {' | '.join(titles)} |", f"|{'---|' * 2}{'--:|' * len(COLUMNS)}"]
    tops = [best(records, column) for column in COLUMNS]
    for record in records:
        values = [column.value(record) for column in COLUMNS]
        cells = [
            f"**{shown(value)}**" if value is not None and value == top else shown(value)
            for value, top in zip(values, tops, strict=True)
        ]
        lines.append(f"| {' | '.join([record['condition'], epochs(record), *cells])} |")
    return "\n".join([*lines, "", caption(records), ""])


def caption(records: Sequence[Record]) -> str:
    """What the figures are of."""
    sides = next((record["rows"] for record in records if "rows" in record), {})
    counted = ", ".join(f"{sides.get(side, 0):,} {side}" for side in SPLITS)
    return (
        f"Spearman's ρ and mean absolute error on the test songs, aesthetics as the mean of five; training set "
        f"{records[0]['training_set_id']} ({counted} rows). A difference within "
        "the intervals of a model's card may be chance."
    )


def as_csv(records: Sequence[Record]) -> str:
    """Everything in a row a condition: facts, then every figure of every target on the test songs."""
    sink = io.StringIO()
    names = [f"{target}_{figure}" for target in TARGETS for figure in _FIGURES]
    facts = ("condition", "training_set_id", "parameters", "epochs", "best_epoch", "val_loss", "seconds", "reason")
    writer = csv.writer(sink, lineterminator="\n")
    writer.writerow([*facts, *names])
    for record in records:
        test = record.get("metrics", {}).get("test", {})
        figures = [test.get(target, {}).get(figure) for target in TARGETS for figure in _FIGURES]
        writer.writerow([*(record.get(fact) for fact in facts), *figures])
    return sink.getvalue()


def as_json(records: Sequence[Record]) -> str:
    """The records as the store has them."""
    return json.dumps(list(records), indent=1, ensure_ascii=False) + "\n"


WRITERS: dict[str, Callable[[Sequence[Record]], str]] = {".md": as_markdown, ".csv": as_csv, ".json": as_json}
