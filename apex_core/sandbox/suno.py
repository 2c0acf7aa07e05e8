"""Suno's clips as JSON, by vintage (SOURCES §1): the same song looks different by year and by endpoint."""

from collections.abc import Callable
from typing import Any

from apex_core.sandbox.crowd import Counts
from apex_core.sandbox.song import AUDIO_HOST, Song, Vintage

Record = dict[str, Any]

_IMAGES = "http://images.sandbox.test"
# model name and major version, as each vintage's API wrote them
_MODELS: dict[Vintage, tuple[str, str]] = {
    "2024_nulls": ("chirp-v3", "v3"),
    "2024_omitted": ("chirp-v4", "v4"),
    "2026_full": ("chirp-crow", "v5"),
    "2026_medium": ("chirp-crow", "v5"),
    "2026_slim": ("chirp-auk", "v4.5"),
}


def clip(song: Song, counts: Counts, vintage: Vintage | None = None) -> Record:
    """One clip as a feed gives it; ``vintage`` overrides the song's own (another endpoint, another key set)."""
    if song.fate in ("submitted", "streaming"):
        return _unfinished(song)
    build: Callable[[Song, Counts], Record] = _BUILDERS[vintage or song.vintage]
    record = build(song, counts)
    record |= _fate(song, record)
    _lineage(song, record)
    return record


def full(song: Song, counts: Counts) -> Record:
    """One clip as clip/{id} gives it: every key of its generation of the API."""
    return clip(song, counts, "2026_full" if song.vintage.startswith("2026") else None)


def playlist(song: Song, counts: Counts) -> Record:
    """A playlist among the clips: its counts are its own, not a song's."""
    return {
        "entity_type": "playlist_schema",
        "id": song.track_id,
        "name": song.title,
        "num_total_results": 49,
        "is_public": True,
        "upvote_count": counts.likes + 4,
        "play_count": counts.plays + 62,
        "song_count": 49,
    }


def audio_url(song: Song) -> str:
    """Where a record says its audio is; port-free, so that bodies do not depend on the server's port."""
    named = {"forbidden": "api/forbidden", "none_mp3": "suno/None.mp3"}.get(song.sound, song.file_name)
    return f"http://{AUDIO_HOST}/{named}"


def iso_millis(song: Song) -> str:
    """created_at as Suno writes it: three fractional digits and Z."""
    return song.created_at.strftime("%Y-%m-%dT%H:%M:%S.") + f"{song.created_at.microsecond // 1000:03d}Z"


def _prompt(song: Song) -> str:
    return f"[Verse]\n{song.title.lower()}"


def _common(song: Song, counts: Counts) -> Record:
    model, major = _MODELS[song.vintage]
    return {
        "id": song.track_id,
        "audio_url": audio_url(song),
        "major_model_version": major,
        "model_name": model,
        "is_liked": False,
        "user_id": song.creator.creator_id,
        "display_name": song.creator.name.title(),
        "handle": song.creator.name,
        "is_handle_updated": True,
        "is_trashed": False,
        "created_at": iso_millis(song),
        "status": "complete",
        "title": song.title,
        "play_count": counts.plays,
        "upvote_count": counts.likes,
        "is_public": True,
    }


def _images_2024(song: Song) -> Record:
    return {
        "video_url": f"{_IMAGES}/{song.track_id}.mp4",
        "image_url": f"{_IMAGES}/image_{song.track_id}.png",
        "image_large_url": f"{_IMAGES}/image_large_{song.track_id}.png",
        "is_video_pending": False,
    }


def _nulls_2024(song: Song, counts: Counts) -> Record:
    metadata: Record = {
        "tags": ", ".join(song.tags),
        "prompt": _prompt(song),
        "gpt_description_prompt": None,
        "audio_prompt_id": None,
        "history": None,
        "concat_history": None,
        "type": "gen",
        "duration": song.seconds,
        "refund_credits": False,
        "stream": True,
        "error_type": None,
        "error_message": None,
    }
    nulls: Record = {"avatar_image_url": None, "reaction": None}
    return _common(song, counts) | _images_2024(song) | nulls | {"metadata": metadata}


def _omitted_2024(song: Song, counts: Counts) -> Record:
    metadata: Record = {
        "tags": ", ".join(song.tags),
        "prompt": _prompt(song),
        "type": "gen",
        "duration": song.seconds,
        "refund_credits": False,
        "stream": True,
        "can_remix": True,
    }
    return _common(song, counts) | _images_2024(song) | {"metadata": metadata}


def _slim_2026(song: Song, counts: Counts) -> Record:
    metadata: Record = {
        "tags": ", ".join(song.tags),
        "type": "gen",
        "duration": song.seconds,
        "refund_credits": False,
        "stream": True,
        "make_instrumental": False,
        "can_remix": True,
        "is_remix": False,
        "priority": 0,
        "has_stem": False,
        "video_is_stale": False,
        "uses_latest_model": False,
        "is_mumble": False,
    }
    return _common(song, counts) | {
        "allow_comments": True,
        "is_verified": False,
        "entity_type": "song_schema",
        "video_url": "",
        "image_url": f"{_IMAGES}/image_{song.track_id}.jpeg",
        "image_large_url": f"{_IMAGES}/image_large_{song.track_id}.jpeg",
        "avatar_image_url": f"{_IMAGES}/00000000.webp",
        "is_hidden": False,
        "flag_count": 0,
        "is_contest_clip": False,
        "has_hook": False,
        "batch_index": song.seed % 2,
        "metadata": metadata,
    }


def _social_2026(song: Song, counts: Counts) -> Record:
    record = _slim_2026(song, counts)
    record["metadata"]["prompt"] = _prompt(song)
    actions: list[Record] = [{"action_type": "add_to_playlist", "disabled": False}]
    return record | {"explicit": False, "comment_count": 0, "action_config": {"actions": actions}}


def _medium_2026(song: Song, counts: Counts) -> Record:
    return _social_2026(song, counts) | {"is_pinned": False}


def _full_2026(song: Song, counts: Counts) -> Record:
    record = _social_2026(song, counts) | {"is_following_creator": False}
    return record | _forbidden(song, record) if song.sound == "forbidden" else record


def _forbidden(song: Song, record: Record) -> Record:
    """Since September 2026: a placeholder for an address, and an encrypted file."""
    tempo = song.attributes.tempo
    record["metadata"] |= {
        "avg_bpm": round(tempo, 1),
        "min_bpm": round(tempo - 1, 1),
        "max_bpm": round(tempo + 1, 1),
        "key": "C minor",
    }
    media = {
        "url": f"http://{AUDIO_HOST}/suno/{song.track_id}.m4a",
        "content_type": "m4a-opus",
        "delivery": "progressive",
        "encoding": "encrypted",
    }
    return {"major_model_version": "v5.5", "model_name": "chirp-fenix", "media_urls": [media]}


_BUILDERS: dict[Vintage, Callable[[Song, Counts], Record]] = {
    "2024_nulls": _nulls_2024,
    "2024_omitted": _omitted_2024,
    "2026_full": _full_2026,
    "2026_medium": _medium_2026,
    "2026_slim": _slim_2026,
}


def _unfinished(song: Song) -> Record:
    """A clip that is still being made, in the shape with explicit nulls."""
    record = _nulls_2024(song, Counts(0, 0))
    streams = song.fate == "streaming"
    record |= {
        "video_url": "",
        "audio_url": f"http://{AUDIO_HOST}/?item_id={song.track_id}" if streams else "",
        "image_url": None,
        "image_large_url": None,
        "major_model_version": "v3",
        "model_name": "chirp-v3",
        "status": song.fate,
        "title": song.title if streams else "",
        "is_public": False,
    }
    record["metadata"] |= {"duration": None, "refund_credits": None}
    return record


def _fate(song: Song, record: Record) -> Record:
    """What makes a clip one that must not be scored; its metadata is changed in place."""
    metadata: Record = record["metadata"]
    match song.fate:
        case "private":
            return {"is_public": False}
        case "trashed":
            return {"is_trashed": True}
        case "error":
            metadata |= {"error_type": "moderation_failure", "error_message": "Refused."}
            return {"status": "error", "audio_url": ""}
        case "preview":
            metadata["type"] = "preview"
        case "stem":
            metadata |= {
                "type": "stem",
                "task": "gen_stem",
                "stem_from_id": song.root_id,
            }
        case _:
            pass
    return {}


def _lineage(song: Song, record: Record) -> None:
    """Name the song this one was made from, in the words of the vintage."""
    if song.lineage is None:
        return
    metadata: Record = record["metadata"]
    if song.lineage == "edit":
        record |= {"major_model_version": "", "model_name": "chirp-chirp"}
        metadata |= {"type": "edit_v3_export", "edited_clip_id": song.root_id}
    elif song.vintage == "2024_nulls":
        metadata["history"] = [{"id": song.root_id, "continue_at": 1.0, "type": "gen"}]
    else:
        metadata |= {"task": "cover", "cover_clip_id": song.root_id, "is_remix": True}
