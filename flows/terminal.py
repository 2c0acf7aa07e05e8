"""What the commands look like: messages, tables, bars, progress.

Results go to standard output, everything about them (errors, notices, progress) to standard error, so that output can
be piped. Texts of foreign platforms are never taken as markup, nor are their control characters passed on.
"""

import contextlib
from collections.abc import Generator, Iterable, Sequence
from datetime import datetime
from functools import cache
from typing import Protocol

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, SpinnerColumn, TaskID, TextColumn, TimeElapsedColumn
from rich.table import Column, Table
from rich.text import Text

_BAR_WIDTH, _NARROW_BAR = 24, 8
_NARROW = 100  # columns of a terminal
_PLAIN_WIDTH = 100  # of running text when the output is no terminal
_ENDLESS = 100_000
_WIDEST_CELL = 100
_DECIMALS = 4


class Report(Protocol):
    """Called with what is being done, how many are done, of how many, and what else there is to say of it."""

    def __call__(self, what: str, done: int, total: int, detail: str = "", /) -> None: ...


def out() -> Console:
    """The console of results."""
    console = _console(None)
    return console if console.is_terminal else _console(_PLAIN_WIDTH)


def _console(width: int | None) -> Console:
    return Console(highlight=False, markup=False, emoji=False, width=width)


@cache
def err() -> Console:
    """The console of everything else; one, so that a message does not run into a moving bar."""
    return Console(stderr=True, highlight=False, markup=False, emoji=False, soft_wrap=True)


def complain(message: str, fix: str | None = None) -> None:
    """Say what went wrong, and what to do about it."""
    console = err()
    console.print(Text.assemble(("error: ", "bold red"), printable(message, lines=True)))
    if fix:
        console.print(Text.assemble(("  → ", "bold"), printable(fix, lines=True)))


def notice(message: str) -> None:
    """Say something about a result, beside it."""
    err().print(Text(printable(message, lines=True), style="dim"))


def printable(text: str, *, lines: bool = False) -> str:
    """``text`` without characters that could steer the terminal; ``lines`` lets line breaks through."""
    return "".join(c if c.isprintable() or (lines and c == "\n") else "\N{REPLACEMENT CHARACTER}" for c in text)


def cell(value: object) -> Text:
    """One value as people read it."""
    if value is None:
        return Text("null", style="dim")
    if isinstance(value, float):
        return Text(f"{value:.{_DECIMALS}f}".rstrip("0").rstrip(".") if abs(value) < 1e15 else f"{value:g}")
    if isinstance(value, datetime):
        return Text(value.isoformat(sep=" ", timespec="seconds").removesuffix("+00:00"))
    return Text(printable(str(value), lines=True))


def rows_table(names: Sequence[str], rows: Iterable[Sequence[object]]) -> Table:
    """Rows under their column names, numbers to the right."""
    rows = list(rows)
    table = plain_table()
    for n, name in enumerate(names):
        numeric = any(isinstance(row[n], int | float) and not isinstance(row[n], bool) for row in rows)
        side = "right" if numeric else "left"
        table.add_column(Text(printable(name)), justify=side, overflow="fold", max_width=_WIDEST_CELL)
    for row in rows:
        table.add_row(*map(cell, row))
    return table


def print_table(table: Table) -> None:
    """Print a table; where there is no terminal, as wide as it needs to be."""
    console = out()
    (console if console.is_terminal else _console(natural_width(table))).print(table)


def natural_width(table: Table) -> int:
    """How wide a table is when nothing has to be folded."""
    console = _console(_ENDLESS)
    return console.measure(table).maximum


def print_rows(names: Sequence[str], rows: Sequence[Sequence[object]]) -> None:
    """Print rows as a table, or, where a terminal is too narrow for it, one record below the other."""
    table = rows_table(names, rows)
    console = out()
    if not console.is_terminal or len(names) < 4 or natural_width(table) <= console.width:
        print_table(table)
        return
    for number, row in enumerate(rows, start=1):
        console.print(Text(f"─ record {number} ".ljust(min(console.width, 60), "─"), style="dim"))
        console.print(_record(names, row))


def _record(names: Sequence[str], row: Sequence[object]) -> Table:
    table = Table(box=None, show_header=False, pad_edge=False)
    table.add_column(style="bold", no_wrap=True)
    table.add_column(overflow="fold")
    for name, value in zip(names, row, strict=True):
        table.add_row(Text(printable(name)), cell(value))
    return table


def plain_table(title: str | None = None) -> Table:
    """An empty table in the house's look: no frame, a bold head."""
    return Table(title=title, title_justify="left", title_style="bold", box=None, pad_edge=False, header_style="bold")


def bar(done: float, total: float, width: int = _BAR_WIDTH) -> Text:
    """A bar of ``width`` characters, filled by ``done`` of ``total``; what is there is seen, and what is missing."""
    share = done / total if total else 0.0
    filled = min(width - int(done < total), max(int(done > 0), round(share * width)))
    return Text.assemble(("█" * filled, "green"), ("░" * (width - filled), "dim"))


def _whole() -> Column:
    """A column that is never cut short."""
    return Column(no_wrap=True)


@contextlib.contextmanager
def progress() -> Generator[Report]:
    """Show bars on a terminal while the block lasts; a report names what is done, how many are, and of how many."""
    console = err()
    narrow = console.width < _NARROW
    with Progress(
        SpinnerColumn(),
        TextColumn("{task.description}"),
        BarColumn(_NARROW_BAR if narrow else _BAR_WIDTH, table_column=_whole()),
        MofNCompleteColumn(table_column=_whole()),
        *([] if narrow else [TimeElapsedColumn(table_column=_whole())]),
        # The detail has what room is left: its end is what can be missed.
        TextColumn("{task.fields[detail]}", style="dim", table_column=Column(no_wrap=True, ratio=1)),
        console=console,
        expand=True,
        transient=True,
        disable=not console.is_terminal,
    ) as display:
        tasks: dict[str, TaskID] = {}

        def report(what: str, done: int, total: int, detail: str = "", /) -> None:
            if what not in tasks:
                tasks[what] = display.add_task(what, total=total or None, detail="")
            display.update(tasks[what], completed=done, total=total or None, detail=detail)

        yield report
