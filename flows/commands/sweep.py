"""``apex sweep``: all conditions on one training set, beside one another."""

import secrets
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from apex_core.errors import SettingsError

if TYPE_CHECKING:
    from apex_core.pipeline.run import Progress
    from apex_core.pipeline.sweep import Sweep
    from apex_core.pipeline.sweep_table import Record
    from apex_core.pipeline.training_set import TrainingSet
    from apex_core.settings import Settings

_SUFFIXES = (".md", ".csv", ".json")


def sweep(
    conditions: Annotated[
        str, typer.Option(help="Only conditions of such a name (mode/task/loss/shared), like 'song/*'.")
    ] = "*",
    epochs: Annotated[
        int | None, typer.Option(min=1, help="Train this long. [default: as published, 50; ours as in the settings]")
    ] = None,
    batch_size: Annotated[
        int | None, typer.Option(min=2, help="Instead of the published 512, which may be more than there is.")
    ] = None,
    seed: Annotated[int | None, typer.Option(help="Instead of the published 42.")] = None,
    training_set: Annotated[
        str | None, typer.Option(help="A training set that the store has. [default: as the catalog stands]")
    ] = None,
    output: Annotated[
        Path | None,
        typer.Option("--output", "-o", dir_okay=False, help="Write it to a .md, .csv or .json file."),
    ] = None,
    force: Annotated[bool, typer.Option("--force", help="Replace a file of that name.")] = False,
) -> None:
    """Train the 24 published conditions and ours on one training set, and compare them; nothing is published.

    Each is kept in the store when it is done: a sweep that was interrupted goes on where it was.
    """
    _check(output, force=force)
    from apex_core.pipeline import sweep as sweeps
    from apex_core.pipeline.run import exclusive
    from apex_core.settings import get_settings
    from apex_core.storage import Store
    from flows.terminal import notice, progress

    settings = get_settings()
    store = Store.open(settings.store_url)
    with exclusive(settings, "sweep"), progress() as show:
        show("sweep", 0, 0, "reading the training set")
        chosen = _chosen(settings, training_set, show)
        given = {"epochs": epochs, "batch_size": batch_size, "seed": seed}
        named = {name: value for name, value in given.items() if value is not None}
        wanted = sweeps.conditions(settings.train, chosen.training_set_id, conditions, named)
        found = sweeps.run_sweep(store, chosen, wanted, settings.cache, show)
    _show(found.records)
    if output is not None:
        _write(found, output, force=force)
    new = len(found.records) - found.found
    before = f", {found.found} were there before" if found.found else ""
    notice(f"{new} trained{before}; kept in {settings.store_url}/sweeps/{found.training_set_id}")


def _check(output: Path | None, *, force: bool) -> None:
    """Before the work rather than after it."""
    from apex_core.storage import check_target

    if output is None:
        return
    if output.suffix.lower() not in _SUFFIXES:
        raise SettingsError(f"{output} is none of {', '.join(_SUFFIXES)}.", fix="name a file that ends in one of them")
    check_target(output, replace=force)


def _chosen(settings: "Settings", training_set: str | None, show: "Progress") -> "TrainingSet":
    from dataclasses import replace

    from apex_core.pipeline import training_set as sets
    from apex_core.pipeline.run import begin, end
    from apex_core.pipeline.sweep import current_set
    from apex_core.storage import Store

    if training_set is not None:
        return sets.read(Store.open(settings.store_url), training_set)
    as_of = datetime.now(UTC).replace(microsecond=0)
    run = begin(settings, "sweep", as_of, f"sweep-{as_of:%Y%m%dT%H%M%S}-{secrets.token_hex(3)}", alone=True)
    try:
        chosen = current_set(replace(run, progress=show))
    except BaseException:
        end(run, "failed", datetime.now(UTC))
        raise
    end(run, "completed", datetime.now(UTC))
    return chosen


def _show(records: "list[Record]") -> None:
    from rich.text import Text

    from apex_core.pipeline import sweep_table
    from flows.terminal import notice, plain_table, print_table

    table = plain_table()
    table.add_column("condition")
    table.add_column("best epoch")
    for column in sweep_table.COLUMNS:
        table.add_column(column.title, justify="right")
    tops = [sweep_table.best(records, column) for column in sweep_table.COLUMNS]
    for record in records:
        values = [column.value(record) for column in sweep_table.COLUMNS]
        cells = [
            Text(sweep_table.shown(value), style="bold green" if value is not None and value == top else "")
            for value, top in zip(values, tops, strict=True)
        ]
        table.add_row(record["condition"], sweep_table.epochs(record), *cells)
    print_table(table)
    notice(sweep_table.caption(records))


def _write(found: "Sweep", output: Path, *, force: bool) -> None:
    from apex_core.pipeline.sweep_table import WRITERS
    from apex_core.storage import whole_file

    with whole_file(output, replace=force) as part:
        part.write_text(WRITERS[output.suffix.lower()](found.records), encoding="utf-8")
