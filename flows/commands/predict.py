"""``apex predict``: seven numbers a song from audio alone; needs a model, and no catalog, server or settings."""

import json
import sys
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from flows.commands.audio_files import audio_files

if TYPE_CHECKING:
    from apex_core.pipeline.predictor import Scores

_NARROWEST_NAME = 16


def predict(
    paths: Annotated[list[Path], typer.Argument(help="Audio files, or folders of them.")],
    model: Annotated[
        str, typer.Option(help="An alias or version in the store, or a folder with a model's files.")
    ] = "champion",
    as_json: Annotated[bool, typer.Option("--json", help="An object a line instead of a table.")] = False,
) -> None:
    """Predict plays and likes (0 to 100) and five aesthetic dimensions (1 to 5) of songs."""
    files = list(audio_files(paths))
    from apex_core.pipeline.predictor import Predictor
    from apex_core.settings import get_settings
    from flows.terminal import notice

    predictor = Predictor.load(get_settings(), model)
    scored = _with_progress(predictor.score(files), len(files))
    if as_json:
        failed = _print_lines(scored, predictor.version)
    else:
        failed = _print_table(list(scored), predictor.model.config.targets)
    tail = f", {failed} could not be scored" if failed else ""
    notice(f"{len(files)} file{'' if len(files) == 1 else 's'} by model {predictor.version}{tail}")
    if failed:
        raise typer.Exit(1)


def _with_progress(scored: "Iterable[Scores]", total: int) -> "Iterator[Scores]":
    from flows.terminal import progress

    with progress() as report:
        report("predict", 0, total)
        for done, one in enumerate(scored, start=1):
            report("predict", done, total)
            yield one


def _print_lines(scored: "Iterable[Scores]", version: str) -> int:
    failed = 0
    for one in scored:
        line = {"path": str(one.path), "model": version, **(one.values or {"error": one.error})}
        sys.stdout.write(json.dumps(line, ensure_ascii=False) + "\n")
        sys.stdout.flush()
        failed += one.values is None
    return failed


def _print_table(scored: "Sequence[Scores]", targets: Sequence[str]) -> int:
    from rich.text import Text

    from flows.terminal import out, plain_table, print_table, printable

    table = plain_table()
    table.add_column("file", overflow="fold")
    for target in targets:
        table.add_column(target, justify="right")
    console = out()
    taken = sum(len(target) + 2 for target in targets)
    room = max(_NARROWEST_NAME, console.width - taken) if console.is_terminal else None
    for one in scored:
        name = Text(_ending(printable(str(one.path)), room))
        if one.values is None:
            table.add_row(Text.assemble(name, "\n  ", (printable(one.error or "no reason given"), "red")))
        else:
            table.add_row(name, *(f"{one.values[target]:.2f}" for target in targets))
    print_table(table)
    return sum(one.values is None for one in scored)


def _ending(name: str, room: int | None) -> str:
    """The end of a name, which tells files apart, where there is no room for all of it."""
    return name if room is None or len(name) <= room else f"…{name[1 - room :]}"
