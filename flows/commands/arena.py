"""``apex arena``: do predictions agree with what listeners preferred? Needs no catalog and no server."""

import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from apex_core.errors import SettingsError

if TYPE_CHECKING:
    from rich.table import Table

    from apex_core.pipeline.arena import Arena, Report, Row, Subset
    from apex_core.pipeline.predictor import Predictor

_KINDS: dict[str, Literal["json", "html", "png"]] = {".json": "json", ".html": "html", ".png": "png"}
_SHOWN_FAILURES = 5


def arena(
    battles: Annotated[
        list[Path], typer.Argument(help="Battles in Music Arena's columns: JSON, JSON lines, CSV or Parquet.")
    ],
    predictions: Annotated[
        Path | None,
        typer.Option(
            help="Predictions by recording, as apex predict --json writes them; else columns like score_streams_a."
        ),
    ] = None,
    audio: Annotated[
        Path | None, typer.Option(help="The folder that audio_a and audio_b lie in: a model scores them.")
    ] = None,
    model: Annotated[str, typer.Option(help="That model: an alias, a version or a folder of its files.")] = "champion",
    ties: Annotated[Literal["half", "drop"], typer.Option(help="A tie is half a win each, or dropped.")] = "half",
    both_bad: Annotated[
        Literal["half", "drop"], typer.Option("--both-bad", help="The same for battles whose songs were both bad.")
    ] = "drop",
    group_by: Annotated[
        Literal["recording", "prompt", "user"],
        typer.Option(help="What keeps battles in one fold: a recording; that or a prompt; those or a listener."),
    ] = "prompt",
    folds: Annotated[int, typer.Option(min=2, max=100, help="Folds of the trained methods.")] = 10,
    resamples: Annotated[int, typer.Option(min=100, max=100_000, help="Resamples of the intervals.")] = 1000,
    seed: Annotated[int, typer.Option(help="Of folds and resamples.")] = 42,
    as_json: Annotated[bool, typer.Option("--json", help="One JSON object instead of a table.")] = False,
    output: Annotated[
        Path | None, typer.Option("--output", "-o", dir_okay=False, help="Write it to a .json, .html or .png file.")
    ] = None,
    force: Annotated[bool, typer.Option("--force", help="Replace a file of that name.")] = False,
) -> None:
    """Compare predictions with listeners' votes, beside the baseline of knowing which system made a song."""
    _check(predictions, audio, output, force=force)
    from apex_core.pipeline.arena import Policy, run_arena
    from flows.terminal import progress

    policy = Policy(ties, both_bad, group_by, folds, resamples, seed)
    with progress() as report:
        found = run_arena(
            battles,
            policy,
            predictions=predictions,
            audio=audio,
            load=lambda: _predictor(model),
            progress=report,
        )
    if output is not None:
        _write(found, output, force=force)
    if as_json:
        sys.stdout.write(json.dumps(found.to_json(), allow_nan=False) + "\n")
    else:
        _show(found)
    _tell(found, output)


def _predictor(model: str) -> "Predictor":
    from apex_core.pipeline.predictor import Predictor
    from apex_core.settings import get_settings

    return Predictor.load(get_settings(), model)


def _check(predictions: Path | None, audio: Path | None, output: Path | None, *, force: bool) -> None:
    """Before the work rather than after it."""
    from apex_core.storage import check_target

    if predictions is not None and audio is not None:
        raise SettingsError("Predictions come from --predictions or from --audio.", fix="leave one of them out")
    if audio is not None and not audio.is_dir():
        raise SettingsError(f"There is no folder {audio}.", fix="--audio is the folder of the recordings")
    if output is None:
        return
    if output.suffix.lower() not in _KINDS:
        raise SettingsError(f"{output} is none of {', '.join(_KINDS)}.", fix="name a file that ends in one of them")
    check_target(output, replace=force)


def _write(found: "Arena", output: Path, *, force: bool) -> None:
    from apex_core.storage import whole_file

    data = found.written(_KINDS[output.suffix.lower()])
    with whole_file(output, replace=force) as part:
        part.write_bytes(data)


def _show(found: "Arena") -> None:
    from apex_core.pipeline.arena import facts
    from flows.terminal import out, print_table, printable

    report, console = found.report, out()
    print_table(_table(report))
    console.print()
    for line in facts(report):
        console.print(printable(line))


def _table(report: "Report") -> "Table":
    from rich.text import Text

    from apex_core.pipeline.arena import TITLES, estimate
    from flows.terminal import plain_table

    parts: list[Subset] = [name for name, battles in report.subsets.items() if name != "all" and battles]
    table = plain_table()
    table.add_column("judged by", overflow="fold")
    for name in (
        "battles",
        "AUC (95 %)",
        "above system identity",
        "accuracy",
        "F1",
        *(f"AUC {name}" for name in parts),
    ):
        table.add_column(name, justify="right")
    protocol = None
    for row in report.rows:
        if row.protocol != protocol:
            protocol = row.protocol
            table.add_section()
            table.add_row(Text(TITLES[protocol], style="bold"))
        m = row.measures["all"]
        above = "" if row.is_baseline else estimate(m.auc_above, signed=True)
        shown = [f"{m.battles:,}", estimate(m.auc), above, _short(m.accuracy.value), _short(m.f1.value)]
        shown += [_short(row.measures[part].auc.value) for part in parts]
        table.add_row(f"  {_name(row)}", *shown, style="yellow" if row.is_baseline else "")
    return table


def _short(value: float | None) -> str:
    return "–" if value is None else f"{value:.3f}"


def _name(row: "Row") -> str:
    return row.features if row.protocol == "rule" else f"{row.features}, {row.method}"


def _tell(found: "Arena", output: Path | None) -> None:
    from flows.terminal import notice

    for name, reason in found.failed[:_SHOWN_FAILURES]:
        notice(f"{name}: {reason}")
    if len(found.failed) > _SHOWN_FAILURES:
        notice(f"… and {len(found.failed) - _SHOWN_FAILURES:,} more recordings without a score")
    if output is not None:
        notice(f"→ {output}")
