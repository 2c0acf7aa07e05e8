"""Columns of exported tables: whatever a person or a tool named them, to the names of the platform's fields."""

import re

from apex_core.catalog import Connection, sql
from apex_core.settings import Platform
from apex_core.sources.pages import Form

_OTHER_NAMES: dict[Platform, dict[str, str]] = {
    "suno": {
        "plays": "play_count",
        "streams": "play_count",
        "likes": "upvote_count",
        "upvotes": "upvote_count",
        "like_count": "upvote_count",
        "clip_id": "id",
        "song_id": "id",
        "track_id": "id",
        "name": "title",
        "artist": "display_name",
        "creator": "display_name",
        "date": "created_at",
        "created": "created_at",
        "length": "duration",
        "style": "tags",
        "styles": "tags",
        "genre": "tags",
        "model": "model_name",
        "model_version": "major_model_version",
        "prompt": "lyrics",
        "url": "audio_url",
    },
    "udio": {
        "play_count": "plays",
        "streams": "plays",
        "like_count": "likes",
        "upvotes": "likes",
        "upvote_count": "likes",
        "song_id": "id",
        "track_id": "id",
        "name": "title",
        "creator": "artist",
        "date": "created_at",
        "created": "created_at",
        "length": "duration",
        "style": "tags",
        "genre": "tags",
        "audio_url": "song_path",
        "url": "song_path",
    },
}
_NESTED = re.compile(r"^metadata[._]")


def column_names(con: Connection, platform: Platform, form: Form, path: str) -> list[str]:
    """The fields that a table's columns are, one a column, none twice; unknown ones keep their name, spelt plainly."""
    found = [str(row[0]) for row in con.execute(sql(f"ingest/columns_{form}"), {"file": path}).fetchall()]
    names: list[str] = []
    for number, column in enumerate(found):
        name = _field(platform, column) or f"column_{number}"
        names.append(name if name not in names else f"{name}_{number}")
    return names


def _field(platform: Platform, column: str) -> str:
    plain = _NESTED.sub("", column.strip().lower())
    plain = re.sub(r"[^a-z0-9]+", "_", plain).strip("_")
    if plain[:1].isdigit():
        plain = f"_{plain}"
    return _OTHER_NAMES[platform].get(plain, plain)
