"""``apex sql``: questions to the newest snapshot, read-only and hardened; never waits for a running pipeline."""

import sys
from pathlib import Path
from typing import Annotated

import typer

from flows.commands.answers import (
    ForceOption,
    FormatOption,
    LimitOption,
    OutputOption,
    TimeoutOption,
    Wish,
    answer,
)


def sql(
    query: Annotated[
        str | None, typer.Argument(help="The query; without it, --file, standard input, or on a terminal a prompt.")
    ] = None,
    file: Annotated[Path | None, typer.Option("--file", "-f", exists=True, dir_okay=False, help="From a file.")] = None,
    format: FormatOption = None,
    limit: LimitOption = None,
    timeout: TimeoutOption = None,
    output: OutputOption = None,
    force: ForceOption = False,
) -> None:
    """Query the scored catalog's newest snapshot with SQL (DuckDB); without a query, at a prompt."""
    wish = Wish(format, limit, timeout, output, force)
    if query is None and file is None and sys.stdin.isatty():
        _prompt(wish)
    else:
        answer(_text(query, file), wish)


def _prompt(wish: Wish) -> None:
    if wish.output is not None or not sys.stdout.isatty():
        raise typer.BadParameter('give a query: apex sql "SELECT ...", -f FILE, or one on standard input')
    from flows.commands.prompt import converse

    converse(wish)


def _text(query: str | None, file: Path | None) -> str:
    if query is not None and file is not None:
        raise typer.BadParameter("give a query or --file, not both")
    text = query if query is not None else file.read_text(encoding="utf-8") if file else sys.stdin.read()
    if not text.strip():
        raise typer.BadParameter("the query is empty")
    return text
