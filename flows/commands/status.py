"""``apex status``: where the catalog stands, from its newest snapshot, and how its runs ended."""

import json
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Annotated, Any

import typer

if TYPE_CHECKING:
    from apex_core.catalog.reader import Snapshot
    from apex_core.settings import Settings

Row = dict[str, Any]
_NO_RUN = timedelta(days=1)
_DIMENSIONS = ("coherence", "musicality", "memorability", "clarity", "naturalness")
_NO_LABELS = "none to train on: heads learn popularity alone"
_NARROW = 100  # columns; below, bars are half as long
_STYLES = {
    "completed": "green",
    "running": "yellow",
    "partial": "bold red",
    "failed": "bold red",
    "crashed": "bold red",
}


def status(
    as_json: Annotated[bool, typer.Option("--json", help="One JSON object for programs.")] = False,
) -> None:
    """Show coverage by platform and stage, rejects, checks, runs, the champion and the newest snapshot."""
    from apex_core.catalog import latest_snapshot
    from apex_core.pipeline.report import last_runs, overview
    from apex_core.settings import get_settings

    settings = get_settings()
    snapshot = latest_snapshot(settings)
    sections = overview(settings)
    runs, busy = last_runs(settings)
    if as_json:
        facts = {"stamp": snapshot.stamp, "as_of": snapshot.as_of, "folder": str(snapshot.folder)}
        everything = {"snapshot": facts, **sections, "runs": runs, "busy": busy}
        typer.echo(json.dumps(everything, default=_iso, ensure_ascii=False))
    else:
        show(sections, snapshot)
        _print_runs(runs, busy)
        _print_hold(settings)


def _iso(value: object) -> str:
    return value.isoformat() if isinstance(value, datetime) else str(value)


def show(sections: dict[str, list[Row]], snapshot: "Snapshot") -> None:
    """Print the overview's sections."""
    from flows.terminal import out

    console = out()
    print_coverage(sections["coverage"])
    console.print()
    if sections["rejects"]:
        print_rejects(sections["rejects"])
        console.print()
    _print_totals(sections["totals"][0])
    _print_extraction(sections["extraction"])
    _print_labels(sections["labels"])
    _print_champion(sections["totals"][0]["champion"], sections["models"], sections["metrics"])
    _print_checks(sections["checks"])
    age = _ago(datetime.now(UTC) - snapshot.as_of)
    console.print(f"snapshot  {snapshot.stamp}, as of {snapshot.as_of:%Y-%m-%d %H:%M} UTC ({age})")
    console.print(f"          {snapshot.folder}", soft_wrap=True)


def print_coverage(coverage: list[Row]) -> None:
    """A bar for every platform and stage, and why tracks did not get there."""
    from flows.terminal import bar, cell, out, plain_table, print_table

    table = plain_table()
    for name in ("platform", "stage", "", "tracks", "share", "missing", "most frequent reason"):
        is_number = name in ("tracks", "share", "missing")
        table.add_column(name, justify="right" if is_number else "left", no_wrap=name != "most frequent reason")
    width = 12 if out().width < _NARROW else 24
    platform = None
    for row in coverage:
        if platform not in (None, row["platform"]):
            table.add_section()
        name = row["platform"] if row["platform"] != platform else ""
        platform = row["platform"]
        total = row["tracks"] + row["missing"]
        reason = (row["main_reason"] or "") if row["missing"] else ""
        shares = (f"{row['tracks']:,}", _share(row["tracks"], total), f"{row['missing']:,}")
        table.add_row(cell(name), cell(row["stage"]), bar(row["tracks"], total, width), *shares, cell(reason))
    print_table(table)


def _share(part: int, total: int) -> str:
    """A percentage that is 100 only where nothing is missing, and 0 only where nothing is there."""
    if not total:
        return "–"
    share = 100 * part / total
    rounded = f"{share:.0f} %"
    if rounded in ("0 %", "100 %") and 0 < part < total:
        return "<1 %" if share < 1 else ">99 %"
    return rounded


def print_rejects(rejects: list[Row]) -> None:
    """Open rejects by source and reason."""
    from flows.terminal import cell, plain_table, print_table

    if not rejects:
        return
    table = plain_table()
    for name in ("rejected", "source", "reason"):
        table.add_column(name, justify="right" if name == "rejected" else "left")
    for row in rejects:
        table.add_row(cell(row["records"]), cell(row["source"]), cell(row["reason"]))
    print_table(table)


def _print_totals(totals: Row) -> None:
    from flows.terminal import out

    names = ("tracks", "observations", "scored", "embedded", "predicted", "rejects")
    _entry(out().width, "totals", ", ".join(f"{totals[name]:,} {name}" for name in names))


def _entry(width: int, name: str, text: str) -> None:
    """A named line; what does not fit goes on below itself."""
    import textwrap

    from flows.terminal import out, printable

    lines = textwrap.wrap(printable(text), max(20, width - 10)) or [""]
    out().print(f"{name:<10}" + "\n          ".join(lines), soft_wrap=True)


def _print_extraction(extraction: list[Row]) -> None:
    """How much audio is encoded and how fast that was, of the encoder used last."""
    from apex_core.pipeline.extract_pace import hours_of_audio
    from flows.terminal import out

    for row in extraction[:1]:
        said = [f"{row['songs']:,} songs", hours_of_audio(3_600 * row["audio_hours"])]
        if row["failed"]:
            said.append(f"{row['failed']:,} failed")
        if row["real_time_factor"]:
            said.append(f"{row['real_time_factor']:,.0f}× real time an encoder")
            said.append(f"{row['feed_share']:.0%} of it waiting for audio")
        _entry(out().width, "encoded", f"{', '.join(said)} ({row['encoder_id']})")


def _print_labels(labels: list[Row]) -> None:
    """How many tracks each labeller has labelled, what is short of a dimension, and whose labels train."""
    from apex_core.settings import get_settings
    from flows.terminal import out

    said = [_labelled(row) for row in labels]
    trains = [name for name in get_settings().aesthetics.trained_on if name in {row["labeller"] for row in labels}]
    said.append(f"{' and '.join(trains)} train{'s' if len(trains) == 1 else ''}" if trains else _NO_LABELS)
    _entry(out().width, "labels", "; ".join(said))


def _labelled(row: Row) -> str:
    total = row["tracks"] + row["missing"]
    short = [f"{name} {row[name]:,}" for name in _DIMENSIONS if row[name] < row["tracks"]]
    lacking = f" (of these {', '.join(short)})" if short else ""
    return f"{row['labeller']} {row['tracks']:,} of {total:,} eligible tracks, {_share(row['tracks'], total)}{lacking}"


def _print_champion(champion: str | None, models: list[Row], metrics: list[Row]) -> None:
    from flows.terminal import out, print_rows

    if champion is None:
        reason = f"; newest candidate {models[0]['version']}: {models[0]['reason']}" if models else ""
        _entry(out().width, "champion", f"none yet{reason}")
        return
    out().print(f"champion  {champion}, on its test tracks:\n")
    print_rows(list(metrics[0]), [list(row.values()) for row in metrics])
    out().print()


def _print_hold(settings: "Settings") -> None:
    from apex_core.pipeline.models_shown import hold_in_words, standing
    from apex_core.storage import Store
    from flows.terminal import notice

    if held := hold_in_words(standing(Store.open(settings.store_url))["hold"]):
        notice(f"{held} (apex models hold --release)")


def _print_checks(checks: list[Row]) -> None:
    """How many checks passed, and each that found something."""
    from flows.terminal import out

    if not checks:
        return
    found = [row for row in checks if row["verdict"] != "passed"]
    summary = f"{len(checks) - len(found)} of {len(checks)} passed"
    _entry(out().width, "checks", summary + ("; apex check NAME lists what violates one" if found else ""))
    for row in found:
        first = f": {row['first'][0]}" if row["first"] else ""
        _entry(
            out().width, "", f"{row['verdict']} {row['check_name']}, {row['violations']:,} after {row['moment']}{first}"
        )


def _print_runs(runs: list[Row], busy: str | None) -> None:
    from rich.text import Text

    from flows.terminal import cell, out, plain_table, print_table

    if busy:
        _entry(out().width, "runs", busy)
    if not runs:
        return
    table = plain_table()
    for name in ("last run", "state", "as of", "ended", "took"):
        table.add_column(name)
    for row in runs:
        state = Text(row["state"], style=_STYLES.get(row["state"], ""))
        moments = [f"{row[name]:%Y-%m-%d %H:%M}" if row[name] else "" for name in ("as_of", "ended_at")]
        table.add_row(cell(row["flow"]), state, *moments, _took(row))
    out().print()
    print_table(table)


def _took(row: Row) -> str:
    """How long a run took, reckoned from its ``as_of``; nothing where that cannot have been its start."""
    took = row["ended_at"] - row["as_of"] if row["ended_at"] else _NO_RUN
    return str(timedelta(seconds=round(took.total_seconds()))) if timedelta(0) <= took < _NO_RUN else ""


def _ago(age: timedelta) -> str:
    """An age in one unit; a moment of the sandbox's clock may lie ahead."""
    seconds = age.total_seconds()
    if seconds < 0:
        return "ahead of this machine's clock"
    for unit, length in (("day", 86_400), ("hour", 3_600), ("minute", 60)):
        if seconds >= 2 * length:
            return f"{seconds / length:.0f} {unit}s ago"
    return "just now"
