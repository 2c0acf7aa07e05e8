"""The snapshot in a sentence and a few numbers; light, for who draws nothing."""

from typing import NamedTuple

from apex_core.pipeline.page import wording
from apex_core.pipeline.page.data import PageData


class Tile(NamedTuple):
    """One of the numbers that matter."""

    name: str
    value: int
    note: str


def headline(data: PageData) -> str:
    """What the newest run did, in a sentence."""
    return wording.night(data.night)


def tiles(data: PageData) -> list[Tile]:
    """The numbers that matter, with what has changed since the previous score run."""
    since = f"since {wording.day(data.previous.as_of)}" if data.previous else ""
    changes, totals = data.changes, data.totals

    def note(value: int, word: str = "") -> str:
        return f"{wording.signed(value)} {word}{since}" if since else "no earlier score run"

    scored = data.runs[0].tracks - data.previous.tracks if data.previous else 0
    songs = sum(stat.value for stat in data.night if (stat.stage, stat.measure) == ("predict", "songs"))
    rejects = f"{note(changes.rejects, 'new ')}, {changes.resolved:,} resolved" if since else note(0)
    return [
        Tile("tracks", totals.tracks, note(changes.tracks)),
        Tile("scored", totals.scored, note(scored)),
        Tile("songs embedded", totals.embedded, note(changes.embedded)),
        Tile("songs predicted", totals.predicted, f"{wording.number(songs)} in the newest run"),
        Tile("open rejects", totals.rejects, rejects),
    ]
