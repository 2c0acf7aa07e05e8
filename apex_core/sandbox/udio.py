"""Udio's songs as JSON (SOURCES §2): 31 keys, or the drift of early rows."""

from datetime import datetime, timedelta
from typing import Any

from apex_core.sandbox.crowd import Counts
from apex_core.sandbox.song import AUDIO_HOST, Song

Record = dict[str, Any]

_EARLY_LACKS = ("artist_image", "attribution", "description", "publishable", "user_tags")


def song_record(song: Song, counts: Counts) -> Record:
    """One song as search and songs give it."""
    record = _identity(song) | _made(song) | _state(song)
    record |= {"plays": counts.plays, "likes": counts.likes, "liked": False, "disliked": False}
    if song.fate in ("unfinished", "error"):
        record |= _unfinished(song)
    return _early(song, record) if song.vintage == "early_drift" else record


def iso_micros(moment: datetime) -> str:
    """A time as Udio writes it: five or six fractional digits and +00:00."""
    fraction = f"{moment.microsecond:06d}"
    return moment.strftime("%Y-%m-%dT%H:%M:%S.") + (fraction[:5] if fraction.endswith("0") else fraction) + "+00:00"


def _identity(song: Song) -> Record:
    return {
        "artist": song.creator.name,
        "artist_image": "",
        "attribution": "",
        "created_at": iso_micros(song.created_at),
        "published_at": iso_micros(song.created_at + timedelta(minutes=12, microseconds=123456)),
        "id": song.track_id,
        "title": song.title,
        "user_id": song.creator.creator_id,
    }


def _made(song: Song) -> Record:
    return {
        "audio_conditioning_type": None,
        "description": "",
        "duration": song.seconds,
        "generation_id": f"g-{song.seed:08x}",
        "image_path": f"http://images.sandbox.test/{song.track_id}/public",
        "lyrics": "",
        "original_song_path": None,
        "prompt": ", ".join(song.tags),
        "replaced_tags": {"phrase": {"tags": list(song.tags[:2])}},
        "song_path": f"http://{AUDIO_HOST}/{song.file_name}",
        "tags": list(song.tags),
        "user_tags": [],
        "video_path": None,
    }


def _state(song: Song) -> Record:
    return {
        "error_code": None,
        "error_detail": None,
        "error_id": None,
        "error_type": None,
        "finished": True,
        "publishable": True,
    }


def _unfinished(song: Song) -> Record:
    state: Record = {"finished": False, "publishable": False, "published_at": None, "song_path": None}
    state |= {"plays": 0, "likes": 0}
    if song.fate == "error":
        state |= {
            "error_code": 400,
            "error_type": "MODERATION",
            "error_detail": "Refused.",
            "error_id": "e-1",
        }
    return state


def _early(song: Song, record: Record) -> Record:
    """The drift: keys that did not exist yet, one that went away, and one that was spoilt."""
    record = {key: value for key, value in record.items() if key not in _EARLY_LACKS}
    record["parent_id"] = song.root_id
    if song.seed % 4 == 0:
        record["d\nisliked"] = record.pop("disliked")
    return record
