"""``apex scores``: score runs, from the newest snapshot and the store; never waits for a running pipeline."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Annotated, Any, Literal

import typer

from apex_core.errors import CatalogError

if TYPE_CHECKING:
    from apex_core.pipeline.score_runs import Difference, ScoreRun
    from apex_core.settings import ScoreSettings

Row = dict[str, Any]
Format = Literal["table", "csv", "json"]
_Format = Annotated[Format, typer.Option(help="table for people; csv or json (an object a line) for programs.")]
_Run = Annotated[str, typer.Argument(help="A score run's id, or how it begins.")]

scores = typer.Typer(help="List, explain, compare and replay score runs; place counts on one.", no_args_is_help=True)


@scores.command(name="list")
def list_(format: _Format = "table") -> None:
    """List score runs, newest first: what they scored, how, and where their rows lie."""
    from apex_core.pipeline.score_runs import list_runs, reading
    from apex_core.settings import get_settings

    with reading(get_settings()) as (connection, store):
        runs = list_runs(connection, store)
    shown = [
        {
            "score_run": run.score_run_id,
            "as_of": run.as_of,
            "tracks": run.tracks,
            "cohorts": run.cohorts,
            "rows_in": "snapshot" if run.here else "store",
            "definition": in_words(run.settings),
        }
        for run in runs
    ]
    _write(shown, format, list(shown[0]) if shown else ["score_run"])


@scores.command()
def show(run: _Run, format: _Format = "table") -> None:
    """Show a run's definition, whom it compared, and which counts reach which scores."""
    from apex_core.pipeline.score_runs import describe_run, find_run, list_runs, reading
    from apex_core.settings import get_settings
    from flows.terminal import out

    with reading(get_settings()) as (connection, store):
        found = find_run(list_runs(connection, store), run)
        cohorts, quantiles = describe_run(connection, store, found)
    if format != "table":
        _write(_joined(cohorts, quantiles), format)
        return
    out().print(_line(found))
    out().print(f"{in_words(found.settings)}\n")
    _write(_lean(cohorts), format)
    out().print("\nCounts that 10, 50, 90 and 99 of 100 tracks do not exceed, and scores there\n")
    _write(quantiles, format)


@scores.command()
def diff(
    before: Annotated[str | None, typer.Argument(help="The earlier run. [default: the previous one]")] = None,
    after: Annotated[str | None, typer.Argument(help="The later run. [default: the current one]")] = None,
    limit: Annotated[int, typer.Option(min=0, help="Most movers to list.")] = 10,
    format: _Format = "table",
) -> None:
    """Compare two score runs: who came, went and moved. With csv or json the movers come out."""
    from apex_core.pipeline.score_runs import compare_runs, find_run, list_runs, reading
    from apex_core.settings import get_settings

    with reading(get_settings()) as (connection, store):
        runs = list_runs(connection, store)
        pair = find_run(runs, before, 1), find_run(runs, after)
        found = compare_runs(connection, store, *pair, limit)
    if format == "table":
        _print_difference(found)
    else:
        _write(found.movers, format)


@scores.command()
def replay(run: _Run) -> None:
    """Score a stored run's inputs again and compare with what is stored; exit code 1 when a bit differs."""
    from apex_core.pipeline.score_runs import find_run, list_runs, reading, replay_run
    from apex_core.settings import get_settings
    from flows.terminal import complain, out

    with reading(get_settings()) as (connection, store):
        found = find_run(list_runs(connection, store), run)
        parts = replay_run(connection, store, found)
    for part in parts:
        state = "equal to the bit" if not part.differ else f"{part.differ:,} differ"
        out().print(f"{part.part:8} {part.rows:>12,} rows  {state}")
    if any(part.differ for part in parts):
        complain(f"Score run {found.score_run_id} is not what its inputs give.", "restore a backup, or score anew")
        raise typer.Exit(1)


@scores.command()
def place(
    platform: Annotated[str, typer.Option(help="suno or udio.")],
    plays: Annotated[int | None, typer.Option(min=0, help="Plays (streams) of the song.")] = None,
    likes: Annotated[int | None, typer.Option(min=0, help="Likes of the song.")] = None,
    age_days: Annotated[float | None, typer.Option(help="Its age, where cohorts are by age.")] = None,
    model_family: Annotated[str | None, typer.Option(help="Its model family, where cohorts are by family.")] = None,
    run: Annotated[str | None, typer.Option(help="On which run. [default: the current one]")] = None,
    format: _Format = "table",
) -> None:
    """Say what score counts of any song would have, without scoring anything: its place on a run's CDF."""
    from apex_core.pipeline.score_runs import find_run, list_runs, place_counts, reading
    from apex_core.settings import get_settings

    if plays is None and likes is None:
        raise typer.BadParameter("give --plays, --likes or both")
    counts: Row = {
        "platform": platform, "plays": plays, "likes": likes, "age_days": age_days, "model_family": model_family,
    }  # fmt: skip
    with reading(get_settings()) as (connection, store):
        found = find_run(list_runs(connection, store), run)
        _check_asked(found.settings, counts)
        placed = place_counts(connection, store, found, [counts])
    _write([{"score_run": found.score_run_id} | placed for placed in _lean(placed)], format)


def in_words(definition: "ScoreSettings") -> str:
    """A definition on one line."""
    zeros = {"zero": "zeros score 0", "midrank": "zeros rank as any count", "exclude": "zeros have no score"}
    words = [f"100·p^{definition.gamma:g}", definition.percentile, zeros[definition.zeros]]
    words.append("by " + ", ".join(name.replace("_", " ") for name in definition.cohort))
    if "age_band" in definition.cohort:
        words.append("ages " + "/".join(f"{edge:g}" for edge in definition.age_band_days) + " d")
    if definition.min_age_days:
        words.append(f"from {definition.min_age_days:g} d of age")
    if definition.kinds:
        words.append(f"kinds {', '.join(definition.kinds)}")
    if definition.max_stale_days is not None:
        words.append(f"counts of at most {definition.max_stale_days:g} d")
    return "; ".join(words)


def _check_asked(definition: "ScoreSettings", counts: Row) -> None:
    for dimension, option in (("age_band", "age_days"), ("model_family", "model_family")):
        if dimension in definition.cohort and counts[option] is None:
            raise CatalogError(
                f"This run's cohorts are by {dimension.replace('_', ' ')}.", fix=f"give --{option.replace('_', '-')}"
            )


def _print_difference(found: "Difference") -> None:
    from flows.terminal import out

    console, totals = out(), found.totals
    console.print(f"before  {_line(found.before)}\nafter   {_line(found.after)}")
    for name, (one, other) in found.definition.items():
        console.print(f"        {name}: {one} → {other}")
    words = ", ".join(f"{totals[name]:,} {name.replace('_', ' ')}" for name in totals)
    console.print(f"tracks  {words}\n")
    if found.cohorts:
        _write(found.cohorts, "table")
    if found.movers:
        console.print("\nThose that moved furthest\n")
        _write(found.movers, "table")


def _line(run: "ScoreRun") -> str:
    where = "" if run.here else ", rows in the store"
    return f"{run.score_run_id}, as of {run.as_of:%Y-%m-%d %H:%M} UTC, {run.tracks:,} tracks{where}"


def _joined(cohorts: list[Row], quantiles: list[Row]) -> list[Row]:
    """A row a cohort and measure with everything about it."""
    by_key = {(row["cohort"], row["measure"]): row for row in quantiles}
    lacking = dict.fromkeys(quantiles[0]) if quantiles else {}
    return [row | {**lacking, **by_key.get((row["cohort"], row["measure"]), {}), **_key(row)} for row in cohorts]


def _key(row: Row) -> Row:
    return {"cohort": row["cohort"], "measure": row["measure"]}


def _lean(rows: list[Row]) -> list[Row]:
    """Without the columns that say nothing in any row."""
    kept = [name for name in (rows[0] if rows else ()) if any(row[name] is not None for row in rows)]
    return [{name: row[name] for name in kept} for row in rows]


def _write(rows: list[Row], format: Format, names: Sequence[str] = ()) -> None:
    from flows.commands.formats import WRITERS

    columns = [(name, "") for name in (rows[0] if rows else names)]
    WRITERS[format](columns, iter([tuple(row.values()) for row in rows]))
