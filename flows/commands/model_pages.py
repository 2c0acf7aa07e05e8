"""What ``apex models`` prints: a model, how two differ, rows, JSON."""

import json
import sys
from collections.abc import Sequence
from typing import Any

Row = dict[str, Any]

_WIDEST = 60


def print_model(found: Row) -> None:
    """All there is about a version."""
    from apex_core.pipeline.models_shown import figures_shown

    say(f"{found['version']}, {found['config'].get('condition')}, for vectors of {found['config']['encoder_id']}")
    figures = figures_shown(found["metrics"], found["config"]["targets"])
    if figures:
        _heading("On its test songs, with 95 % intervals")
        print_dicts(figures)
    _heading("Decisions, newest first")
    for record in reversed(found["decisions"]):
        against = f", against {record['champion']}" if record["champion"] else ""
        say(f"{record['decided_at'][:16]}  {record['outcome']} by {record['decided_by']}{against}")
        for reason in record["reasons"]:
            say(f"    {reason}")
    _heading("Aliases that named it")
    print_dicts(
        [{name: row[name] for name in ("alias", "n", "set_at", "set_by", "reason")} for row in found["aliases"]]
    )
    _heading("Made from")
    print_dicts([{"what": name, "value": short(value)} for name, value in found["lineage"].items()])
    _heading("Files")
    print_dicts([{"file": name, "bytes": e["bytes"], "sha256": e["sha256"][:16]} for name, e in found["files"].items()])


def print_difference(found: Row) -> None:
    """How one version differs from another."""
    from flows.terminal import notice

    say(f"before  {found['versions'][0]}\nafter   {found['versions'][1]}\n")
    print_dicts([{**row, "before": short(row["before"]), "after": short(row["after"])} for row in found["differing"]])
    if found["training_sets"]:
        sets = found["training_sets"]
        rows = f"{sets['rows_before']:,} and {sets['rows_after']:,} rows, {sets['new_share']:.1%} came or went"
        say(f"\ntraining sets: {rows}, targets moved {sets['target_move']:.2f} points")
    _heading("On their test songs")
    print_dicts(found["metrics"])
    if not found["same_test_songs"]:
        notice("each was measured on its own test songs: these figures do not say which ranks better")


def print_dicts(rows: Sequence[Row]) -> None:
    """Rows with equal keys as a table; nothing for none."""
    from flows.terminal import print_rows

    if rows:
        print_rows(list(rows[0]), [tuple(row.values()) for row in rows])


def print_json(value: object) -> None:
    """For programs."""
    sys.stdout.write(json.dumps(value, indent=1, ensure_ascii=False) + "\n")


def say(text: str) -> None:
    """A line, however wide."""
    from flows.terminal import out

    out().print(text, soft_wrap=True)


def _heading(text: str) -> None:
    from rich.text import Text

    from flows.terminal import out

    out().print(Text(f"\n{text}\n", style="bold"))


def short(value: object) -> object:
    """A value as it fits into a cell; --json has all of it."""
    if isinstance(value, float | int) or value is None:
        return value
    text = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
    return text if len(text) <= _WIDEST else f"{text[:_WIDEST]}…"
