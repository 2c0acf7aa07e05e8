"""``apex cookbook``: the questions analysts ask, and their answers from the newest snapshot."""

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


def cookbook(
    name: Annotated[str | None, typer.Argument(help="A recipe; without it, all are listed.")] = None,
    show: Annotated[bool, typer.Option("--show", help="Print the SQL instead of its answer.")] = False,
    format: FormatOption = None,
    limit: LimitOption = None,
    timeout: TimeoutOption = None,
    output: OutputOption = None,
    force: ForceOption = False,
) -> None:
    """Ask the newest snapshot what analysts ask; --show prints the SQL, to change it."""
    if name is None:
        _list()
        return
    from apex_core.catalog.recipes import recipe
    from flows.terminal import notice

    chosen = recipe(name)
    if show:
        typer.echo(chosen.text.rstrip())
        return
    notice(chosen.question)
    answer(chosen.text, Wish(format, limit, timeout, output, force))


def _list() -> None:
    from apex_core.catalog.recipes import recipes
    from flows.terminal import cell, notice, plain_table, print_table

    table = plain_table()
    table.add_column("recipe")
    table.add_column("question")
    for one in recipes():
        table.add_row(cell(one.name), cell(one.question))
    print_table(table)
    notice("apex cookbook RECIPE answers it; --show prints its SQL, to paste and change")
