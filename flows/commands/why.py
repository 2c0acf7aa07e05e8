"""``apex why``: where one track stands in each stage, why, and what would move it on."""

import json
from dataclasses import asdict
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from apex_core.catalog.reader import Snapshot
    from apex_core.pipeline.why import StageFact, Why

_MARKS = {"done": ("✓", "green"), "waits": ("…", "yellow"), "needs": ("!", "red"), "ends": ("–", "dim")}


def why(
    track: Annotated[str, typer.Argument(help="suno/ID or udio/ID, an id alone, or the link it is shared by.")],
    as_json: Annotated[bool, typer.Option("--json", help="One JSON object for programs.")] = False,
) -> None:
    """Say for each stage what state a track is in, why, and what would move it on."""
    from apex_core.catalog import latest_snapshot, open_snapshot
    from apex_core.pipeline import why as reasons
    from apex_core.pipeline.naming import alike, find_track, named
    from apex_core.settings import get_settings

    snapshot = latest_snapshot(get_settings())
    with open_snapshot(snapshot) as connection:
        name = find_track(connection, track)
        found = reasons.why(connection, *name) if name else reasons.why_unknown(connection, track, named(track)[1])
        guesses = [] if name else alike(connection, track)
    if as_json:
        typer.echo(json.dumps({**_plain(found), "as_of": snapshot.as_of.isoformat()}, ensure_ascii=False))
    else:
        _show(found, guesses, snapshot)


def _plain(found: "Why") -> dict[str, object]:
    """The facts for programs: what was said, not the row it was said of."""
    facts: dict[str, object] = {"track": found.track, "known": found.row is not None}
    stages = [asdict(fact) for fact in found.stages]
    return json.loads(json.dumps({**facts, "stages": stages, "rejects": found.rejects}, default=_iso))


def _iso(value: object) -> str:
    return getattr(value, "isoformat", lambda: str(value))()


def _show(found: "Why", guesses: list[str], snapshot: "Snapshot") -> None:
    from rich.text import Text

    from flows.terminal import notice, out, printable

    title = f"  {found.row['title']}" if found.row and found.row["title"] else ""
    creator = f" by {found.row['creator_name']}" if found.row and found.row["creator_name"] else ""
    out().print(Text.assemble((printable(found.track), "bold"), printable(title + creator)))
    for fact in found.stages:
        _show_stage(fact)
    if guesses:
        notice(f"these begin alike: {', '.join(guesses)}")
    for reject in found.rejects if found.row else ():
        seen = f"{reject['last_seen']:%Y-%m-%d}"
        notice(f"an open reject names it: {reject['source']}, {reject['reason']} (last seen {seen})")
    notice(f"as of the snapshot of {snapshot.as_of:%Y-%m-%d %H:%M} UTC")


def _show_stage(fact: "StageFact") -> None:
    """The stage's line, and below it what would move the track on; long ones go on below themselves."""
    from rich.table import Table
    from rich.text import Text

    from flows.terminal import out, printable

    mark, colour = _MARKS[fact.standing]
    since = f" (since {fact.since:%Y-%m-%d})" if fact.since else ""
    says = Text(printable(fact.says + since))
    if fact.next:
        says.append(f"\n→ {printable(fact.next)}", style="bold" if fact.standing == "needs" else "dim")
    line = Table.grid(padding=(0, 1))
    line.add_column(width=1)
    line.add_column(width=9)
    line.add_column(overflow="fold")
    line.add_row(Text(mark, style=colour), Text(fact.stage), says)
    out().print(line)
