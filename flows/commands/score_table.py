"""Scores as a table for people."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from apex_core.pipeline.predictor import Scores

_NARROWEST_NAME = 16


def print_scores(scored: "Sequence[Scores]", targets: Sequence[str]) -> None:
    """Print a row a song; ``p83`` beside a score: above 83 % of the songs the model was made from."""
    from rich.text import Text

    from flows.terminal import out, plain_table, print_table, printable

    table = plain_table()
    table.add_column("file", overflow="fold")
    for target in targets:
        table.add_column(target, justify="right")
    console = out()
    cells = [[_cell(one, target) for target in targets] for one in scored]
    taken = sum(2 + max(len(target), *(len(row[n]) for row in cells), 0) for n, target in enumerate(targets))
    room = max(_NARROWEST_NAME, console.width - taken) if console.is_terminal else None
    for one, row in zip(scored, cells, strict=True):
        name = Text(ending(printable(str(one.path)), room))
        if one.values is None:
            table.add_row(Text.assemble(name, "\n  ", (printable(one.error or "no reason given"), "red")))
        else:
            table.add_row(name, *row)
    print_table(table)


def ending(name: str, room: int | None) -> str:
    """The end of a name, which tells files apart, where there is no room for all of it."""
    return name if room is None or len(name) <= room else f"…{name[1 - room :]}"


def _cell(scores: "Scores", target: str) -> str:
    if scores.values is None:
        return ""
    placed = f" p{scores.percentiles[target]:.0f}" if scores.percentiles else ""
    return f"{scores.values[target]:.2f}{placed}"
