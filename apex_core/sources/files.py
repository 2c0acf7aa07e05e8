"""Dumps and exports that stay where they are: found, dated, told apart, known by their hash."""

import hashlib
import json
import os
import re
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, cast

import fsspec
import polars as pl
import zstandard

from apex_core.errors import SourceError
from apex_core.settings import PLATFORMS, Platform
from apex_core.sources.landing import LINE_KEYS
from apex_core.sources.pages import Form, LandedFile
from apex_core.sources.tables import csv_header
from apex_core.storage.foreign import S3, ForeignFile, find_s3, list_s3

_FORMS: dict[str, Form] = {
    ".jsonl": "lines",
    ".ndjson": "lines",
    ".json": "body",
    ".txt": "body",
    ".csv": "csv",
    ".parquet": "parquet",
}
_COMPRESSIONS = {".gz": "gzip", ".zst": "zstd"}
_BEGINNING = 1 << 18
_BLOCK = 1 << 20
_PAGE = 64 << 20  # no page is longer
_KEY = re.compile(r'"(\w+)\\?"\s*:')  # also of JSON within JSON, as pages are landed
_WORD = re.compile(r"\W+")
_DATE = re.compile(r"(?<!\d)(20\d\d)([-_.]?)([01]\d)\2([0-3]\d)(?!\d)")
# Names that only one of the two platforms uses, in records or around them. (People call counts plays on both.)
_OWN_NAMES: dict[Platform, frozenset[str]] = {
    "suno": frozenset(
        {"major_model_version", "play_count", "upvote_count", "clips", "playlist_clips", "project_clips", "feeds"}
        | {"gpt_description_prompt", "display_name", "video_url", "is_trashed", "entity_type", "next_cursor"}
    ),
    "udio": frozenset(
        {"song_path", "trendingId", "generation_id", "replaced_tags", "audio_conditioning_type", "publishable"}
        | {"user_tags", "original_song_path", "published_at", "artist_image"}
    ),
}


def find_dumps(place: str) -> list[ForeignFile]:
    """The readable files at ``place``, sorted: a file, a folder with everything below it, or an ``s3://`` address.

    ``.jsonl`` (``.ndjson``) holds a record or a page a line, ``.json`` a list of records or one body, ``.csv`` and
    ``.parquet`` a record a row, ``.txt``, where it is named itself, one body; all but bodies and Parquet also as
    ``.gz`` and ``.zst``. Raises SourceError when there is nothing to read.
    """
    found = [file for file in _files(place) if _suffix(file.uri) and not _is_note(place, file)]
    if not found:
        exists = place.startswith(S3) or os.path.exists(place)
        what = f"There is nothing to read at {place}." if exists else f"{place} does not exist."
        raise SourceError(what, fix=f"give files or folders of {', '.join(_FORMS)}")
    return sorted(found, key=lambda file: file.uri)


def look_at(file: ForeignFile, path: Path, observed_at: datetime | None, platform: Platform | None) -> LandedFile:
    """What a file holds, whose it is and when its counts were taken; its bytes lie at ``path``.

    The date is ``observed_at``, else the one in the file's name; pages as we landed them carry their own. Raises
    SourceError for a file that nobody dates.
    """
    form = _form(path)
    moment = _fetched_at(path) if form == "pages" else None
    whose = platform or platform_of(path, file.uri)
    return LandedFile(whose, file.uri, "", moment or observed_at or _dated(file), form, 0, file.bytes)


def platform_of(path: Path, name: str = "") -> Platform:
    """Tell whose records a file holds from the names of its fields, else from its own name.

    Only for files of one platform: the records of the other are refused. Raises SourceError when nothing tells.
    """
    fields, called = _field_names(path), (name or path.name).lower()
    by_fields: list[Platform] = [platform for platform in PLATFORMS if fields & _OWN_NAMES[platform]]
    by_name: list[Platform] = [platform for platform in PLATFORMS if platform in os.path.basename(called)]
    for found in (by_fields, by_name):
        if len(found) == 1:
            return found[0]
    raise SourceError(
        f"Nothing in {name or path} tells whether its records are {' or '.join(p.capitalize() for p in PLATFORMS)}'s.",
        fix="say it with --platform",
    )


def beginning(path: Path, length: int = _BEGINNING) -> str:
    """The first 256 KiB (or ``length`` bytes) of a file's text, decompressed."""
    try:
        with cast(Any, fsspec.open(str(path), "rb", compression=_COMPRESSIONS.get(path.suffix.lower()))) as file:
            return cast(bytes, file.read(length)).decode("utf-8", "replace")
    except (OSError, EOFError, zstandard.ZstdError) as error:
        raise SourceError(f"Cannot read {path}: {error}.", fix="repair it, or take it out") from error


def sha256_of(path: Path) -> str:
    """The hash of a file's bytes."""
    with path.open("rb") as file:
        return hashlib.file_digest(cast(Any, file), "sha256").hexdigest()


def whole_sha256(path: Path) -> str:
    """The hash of a file's bytes; raises SourceError for a ``.zst`` that is cut off, which readers take for whole."""
    if path.suffix.lower() == ".zst":
        frames = zstandard.ZstdDecompressor()
        with path.open("rb") as file:
            rest, reader = file.read(_BLOCK), None
            while rest:
                reader = frames.decompressobj() if reader is None or reader.eof else reader
                reader.decompress(rest)
                rest = reader.unused_data or file.read(_BLOCK)
        if reader is not None and not reader.eof:
            raise SourceError(f"{path} is cut off: it ends in the middle.", fix="get the whole file, then run again")
    return sha256_of(path)


def _files(place: str) -> Iterator[ForeignFile]:
    if place.startswith(S3):
        one = find_s3(place) if _suffix(place) else None
        yield from [one] if one else list_s3(place)
        return
    path = Path(place).absolute()
    for file in path.rglob("*") if path.is_dir() else [path]:
        if file.is_file():
            facts = file.stat()
            yield ForeignFile(str(file), facts.st_size, str(facts.st_mtime_ns))


def _is_note(place: str, file: ForeignFile) -> bool:
    # A text beside the data of a folder is a licence or a lyric; one that is named itself is a body.
    return _suffix(file.uri) == ".txt" and not file.uri.endswith(os.path.basename(place))


def _suffix(name: str) -> str:
    """The suffix that says the form; "" for none of ours."""
    stem, last = os.path.splitext(name.lower())
    if last in _COMPRESSIONS:
        last = os.path.splitext(stem)[1]
        return last if last in _FORMS and last not in (".txt", ".parquet") else ""
    return last if last in _FORMS else ""


def _form(path: Path) -> Form:
    form = _FORMS[_suffix(path.name)]
    if form == "lines" and _fetched_at(path):
        return "pages"
    if form != "body" or _suffix(path.name) != ".json":
        return form
    text = beginning(path).lstrip("\ufeff \t\r\n")
    if text.startswith("["):
        return "array"
    # Many a file of a record a line is called .json.
    first, _, rest = text.partition("\n")
    packed = path.suffix.lower() in _COMPRESSIONS
    return "lines" if packed or (first.rstrip().endswith("}") and rest.lstrip().startswith("{")) else "body"


def _fetched_at(path: Path) -> datetime | None:
    """When the first page of a file that we landed was fetched; None for any other file."""
    if not beginning(path, 16).startswith('{"page":'):
        return None
    try:
        first = json.loads(beginning(path, _PAGE).partition("\n")[0])
        return datetime.fromisoformat(first["fetched_at"]) if first.keys() == LINE_KEYS else None
    except (ValueError, AttributeError, TypeError):
        return None


def _dated(file: ForeignFile) -> datetime:
    found = _DATE.search(os.path.basename(file.uri))
    if found:
        try:
            return datetime(int(found[1]), int(found[3]), int(found[4]), tzinfo=UTC)
        except ValueError:
            pass
    raise SourceError(
        f"Nobody says when the counts in {file.uri} were taken: counts without a date cannot be compared.",
        fix="say it with --observed-at 2026-11-22 (or a date in the file's name, as in suno-2026-11-22.jsonl)",
    )


def _field_names(path: Path) -> frozenset[str]:
    if path.suffix.lower() == ".parquet":
        try:
            return frozenset(pl.read_parquet_schema(path))
        except (OSError, pl.exceptions.PolarsError) as error:
            raise SourceError(f"Cannot read {path}: {error}.", fix="repair it, or take it out") from error
    text = beginning(path)
    if _suffix(path.name) == ".csv":
        return frozenset(_WORD.sub("_", column.strip().lower()) for column in csv_header(text)[1])
    return frozenset(_KEY.findall(text))
