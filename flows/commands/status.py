"""``apex status``: where the catalog stands, from its newest snapshot."""

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from apex_core.catalog.reader import Snapshot

Row = dict[str, Any]


def status() -> None:
    """Show coverage by platform and stage, totals, the champion and the newest snapshot."""
    from apex_core.catalog import latest_snapshot
    from apex_core.pipeline.report import overview
    from apex_core.settings import get_settings

    settings = get_settings()
    snapshot = latest_snapshot(settings)
    show(overview(settings), snapshot)


def show(sections: dict[str, list[Row]], snapshot: "Snapshot") -> None:
    """Print the overview's sections."""
    from flows.terminal import out

    console = out()
    print_coverage(sections["coverage"])
    console.print()
    print_rejects(sections["rejects"])
    console.print()
    _print_totals(sections["totals"][0])
    _print_champion(sections["totals"][0]["champion"], sections["models"], sections["metrics"])
    console.print(f"snapshot  {snapshot.stamp}, as of {snapshot.as_of:%Y-%m-%d %H:%M} UTC")
    console.print(f"          {snapshot.folder}", soft_wrap=True)


def print_coverage(coverage: list[Row]) -> None:
    """A bar for every platform and stage, and why tracks did not get there."""
    from flows.terminal import bar, cell, plain_table, print_table

    table = plain_table()
    for name in ("platform", "stage", "", "tracks", "missing", "most frequent reason"):
        table.add_column(name, justify="right" if name in ("tracks", "missing") else "left")
    platform = None
    for row in coverage:
        if platform not in (None, row["platform"]):
            table.add_section()
        name = row["platform"] if row["platform"] != platform else ""
        platform = row["platform"]
        total = row["tracks"] + row["missing"]
        reason = row["main_reason"] if row["missing"] else ""
        cells = (name, row["stage"], bar(row["tracks"], total), row["tracks"], row["missing"], reason or "")
        table.add_row(*(part if part is cells[2] else cell(part) for part in cells))
    print_table(table)


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
    out().print("totals    " + ", ".join(f"{totals[name]:,} {name}" for name in names))


def _print_champion(champion: str | None, models: list[Row], metrics: list[Row]) -> None:
    from flows.terminal import out, print_rows

    if champion is None:
        reason = f"; newest candidate {models[0]['version']}: {models[0]['reason']}" if models else ""
        out().print(f"champion  none yet{reason}")
        return
    out().print(f"champion  {champion}, on its test tracks:\n")
    print_rows(list(metrics[0]), [list(row.values()) for row in metrics])
    out().print()
