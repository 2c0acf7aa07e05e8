"""What each platform lists, in which order, and what it says about one item."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from apex_core.sandbox import crowd, suno, udio
from apex_core.sandbox.plan import Plan
from apex_core.sandbox.song import Song, Vintage
from apex_core.settings import Platform

Record = dict[str, Any]

REPEAT_AFTER = 20  # a duplicate comes this many rows later: on the next page of the usual size


@dataclass(frozen=True, slots=True)
class Row:
    """One row of a feed. ``rank`` counts from the oldest row and never changes, so it can serve as a cursor."""

    rank: int
    song: Song
    vintage: Vintage | None = None

    def record(self, clock: datetime) -> Record:
        """The row's JSON at a time."""
        return record(self.song, clock, self.vintage)


def record(song: Song, clock: datetime, vintage: Vintage | None = None) -> Record:
    """One item's JSON at a time, planted faults included."""
    counts = crowd.counts(song, clock)
    if song.fate == "playlist":
        return suno.playlist(song, counts)
    if song.platform == "suno":
        return _spoilt(song, suno.clip(song, counts, vintage), "play_count", "upvote_count")
    return _spoilt(song, udio.song_record(song, counts), "plays", "likes")


def full_clip(song: Song, clock: datetime) -> Record:
    """One Suno clip as clip/{id} gives it."""
    return suno.full(song, crowd.counts(song, clock))


def listed(plan: Plan, platform: Platform) -> tuple[Row, ...]:
    """Every row of a platform, newest first; duplicates come again in a slimmer key set."""
    items = plan.tracks + plan.oddities
    mine = sorted((item for item in items if item.platform == platform), key=_age_order, reverse=True)
    entries: list[tuple[Song, Vintage | None]] = [(item, None) for item in mine]
    for song in (song for song in plan.duplicates if song.platform == platform):
        place = next(place for place, (item, _) in enumerate(entries) if item is song)
        slim: Vintage | None = "2026_slim" if song.vintage.startswith("2026") else None
        entries.insert(min(place + REPEAT_AFTER, len(entries)), (song, slim))
    return tuple(Row(len(entries) - place, song, vintage) for place, (song, vintage) in enumerate(entries))


def on_top(rows: Sequence[Row], song: Song) -> tuple[Row, ...]:
    """The listing with a newly published song before all others."""
    return (Row(rows[0].rank + 1, song), *rows)


def _age_order(song: Song) -> tuple[datetime, str]:
    return song.created_at, song.track_id


def _spoilt(song: Song, record: Record, plays: str, likes: str) -> Record:
    match song.fate:
        case "no_id":
            del record["id"]
        case "bad_id":
            record["id"] = "../../etc/passwd"
        case "negative_count":
            record[plays] = -3
        case "garbage_count":
            record[likes] = "a lot"
        case "garbage_created_at":
            record["created_at"] = "the other day"
        case _:
            pass
    return record
