"""``apex similar``: the songs that sound most like one."""

from typing import TYPE_CHECKING, Annotated

import typer

from flows.commands.formats import WRITERS, Format

if TYPE_CHECKING:
    from apex_core.pipeline.similar import Neighbours

_COLUMNS = (
    "similarity",
    "platform",
    "track_id",
    "title",
    "creator_name",
    "score_streams",
    "score_likes",
    "predicted_streams",
    "predicted_likes",
)


def similar(
    track: Annotated[str, typer.Argument(help="suno/ID or udio/ID, an id alone, or the link it is shared by.")],
    number: Annotated[int, typer.Option("--number", "-n", min=1, max=10_000, help="How many.")] = 10,
    format: Annotated[Format, typer.Option(help="table for people; csv or json (an object a line).")] = "table",
) -> None:
    """List the tracks whose song vectors are nearest to a track's (cosine; 1 is the same direction)."""
    from apex_core.catalog import latest_snapshot, open_snapshot
    from apex_core.pipeline.similar import similar as nearest
    from apex_core.settings import get_settings
    from flows.terminal import notice

    if format == "parquet":
        raise typer.BadParameter("table, csv or json")
    settings = get_settings()
    snapshot = latest_snapshot(settings)
    memory, threads = settings.sql.memory_limit, settings.threads
    with open_snapshot(snapshot, memory_limit=memory, threads=threads) as connection:
        found = nearest(connection, track, number)
    _show(found, format)
    notice(f"under {found.encoder_id}, from the snapshot of {snapshot.as_of:%Y-%m-%d %H:%M} UTC")


def _show(found: "Neighbours", format: Format) -> None:
    from flows.terminal import notice

    if not found.nearest:
        notice("No other eligible track has a vector of this encoder.")
    else:
        rows = [[row[name] for name in _COLUMNS] for row in found.nearest]
        WRITERS[format]([(name, "") for name in _COLUMNS], iter(rows))
    notice(f"nearest to {found.track}" + (f" ({found.title})" if found.title else ""))
    if found.same_audio:
        notice(f"the very same audio, and not listed: {', '.join(found.same_audio)}")
