"""``apex check``: hold the live catalog against its rules, now: of a night that was blocked there is no snapshot."""

import csv
import sys
from typing import TYPE_CHECKING, Annotated, Literal

import typer

if TYPE_CHECKING:
    from collections.abc import Sequence

    from apex_core.catalog.checks import Found
    from apex_core.settings import Settings

_TABLE_ROWS = 100
_STYLES = {"passed": "green", "warned": "yellow", "blocked": "bold red"}


def check(
    name: Annotated[str | None, typer.Argument(help="A check, to see all that violates it; without it, all.")] = None,
    format: Annotated[Literal["table", "csv"], typer.Option(help="table for people, csv for programs.")] = "table",
) -> None:
    """Look for what keeps the catalog from being published. Writes nothing; waits while a run is at the catalog."""
    from apex_core.settings import get_settings

    found = _one(get_settings(), name, format) if name else _all(get_settings(), format)
    if any(one.verdict() == "blocked" for one in found):
        raise typer.Exit(1)


def _all(settings: "Settings", format: str) -> "tuple[Found, ...]":
    from apex_core.pipeline.check import look
    from flows.terminal import notice

    seen = look(settings)
    found = tuple(sorted(seen.found, key=lambda one: [*_STYLES].index(one.verdict()), reverse=True))
    if format == "csv":
        rows = [(one.check.name, one.check.severity, one.verdict(), one.violations) for one in found]
        _write_csv(("check", "severity", "verdict", "violations"), rows)
    else:
        _print_all(found)
    wrong = sum(one.violations > 0 for one in found)
    more = f"; {wrong} found something, apex check NAME lists all of it" if wrong else ""
    notice(f"{len(found)} checks as of run {seen.run_id}{more}")
    return found


def _print_all(found: "tuple[Found, ...]") -> None:
    from rich.text import Text

    from flows.terminal import plain_table, print_table, printable

    table = plain_table()
    for head in ("", "check", "violations", "first offenders"):
        table.add_column(head, overflow="fold", justify="right" if head == "violations" else "left")
    for one in found:
        text = Text(printable("; ".join(one.first)))
        if one.violations:
            text.append(f"\n→ {printable(one.check.fix)}", style="bold")
        verdict = one.verdict()
        table.add_row(Text(verdict, style=_STYLES[verdict]), one.check.name, str(one.violations), text)
    print_table(table)


def _one(settings: "Settings", name: str, format: str) -> "tuple[Found, ...]":
    from apex_core.pipeline.check import look_closely
    from flows.terminal import notice, print_rows

    seen = look_closely(settings, name)
    head = ("what", "which", "detail")
    rows = [(*row, *[""] * (len(head) - len(row))) for row in seen.offenders]
    if format == "csv":
        _write_csv(head, rows)
    elif rows:
        print_rows(head, rows[:_TABLE_ROWS])
    rule = seen.found[0].check
    shown = f", the first {_TABLE_ROWS} are shown, --format csv gives all" if len(rows) > _TABLE_ROWS else ""
    notice(f"{rule.rule}\n{rule.severity}; {len(rows)} found as of run {seen.run_id}{shown}")
    if rows:
        notice(f"→ {rule.fix}")
    return seen.found


def _write_csv(head: tuple[str, ...], rows: "Sequence[Sequence[object]]") -> None:
    writer = csv.writer(sys.stdout, lineterminator="\n")
    writer.writerow(head)
    writer.writerows(rows)
