"""Columns of exported tables: whatever a person or a tool named them, to the names of the platform's fields."""

import csv
import re
from collections.abc import Sequence

from apex_core.settings import Platform

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
_DELIMITERS = ",;\t|"
_NESTED = re.compile(r"^metadata[._]")


def field_names(platform: Platform, columns: Sequence[str]) -> list[str]:
    """The fields that a table's columns are, one a column, none twice; unknown ones keep their name, spelt plainly."""
    names: list[str] = []
    for number, column in enumerate(columns):
        name = _field(platform, column) or f"column_{number}"
        names.append(name if name not in names else f"{name}_{number}")
    return names


def csv_header(text: str) -> tuple[str, list[str]]:
    """The delimiter of a CSV file and the columns of its header; ``text`` is how it begins."""
    first = text.lstrip("\ufeff").partition("\n")[0]
    delimiter = max(_DELIMITERS, key=first.count)
    return delimiter, next(csv.reader([first.rstrip("\r")], delimiter=delimiter), [])


def _field(platform: Platform, column: str) -> str:
    plain = _NESTED.sub("", column.strip().lower())
    plain = re.sub(r"[^a-z0-9]+", "_", plain).strip("_")
    if plain[:1].isdigit():
        plain = f"_{plain}"
    return _OTHER_NAMES[platform].get(plain, plain)
