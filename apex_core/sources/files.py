"""Dumps and exports that stay where they are: read by reference, known by their hash."""

import hashlib
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, cast

import fsspec

from apex_core.errors import SourceError
from apex_core.settings import Platform
from apex_core.sources.pages import Form, LandedFile

_FORMS: dict[str, Form] = {
    ".jsonl": "lines",
    ".jsonl.gz": "lines",
    ".jsonl.zst": "lines",
    ".json": "body",
    ".txt": "body",
}


_COMPRESSIONS = {".gz": "gzip", ".zst": "zstd"}
_SAMPLE = 1 << 16
# Keys that only one of the two platforms uses, in records or around them.
_UDIO_KEYS = ("song_path", "trendingId", "generation_id", "replaced_tags", "plays")
_SUNO_KEYS = ("major_model_version", "play_count", "upvote_count", "clips", "audio_url", "video_url")


def reference(platform: Platform, path: Path, observed_at: datetime | None = None) -> list[LandedFile]:
    """Name the files of a dump: ``path`` itself, or everything readable below it, sorted.

    ``.jsonl``, ``.jsonl.gz`` and ``.jsonl.zst`` hold a record or a page a line, ``.json`` and ``.txt`` one body.
    ``observed_at`` says when the counts were taken; without it the file's modification time is used, and ``dated`` is
    false. Raises SourceError when there is nothing to read.
    """
    candidates = sorted(p for p in path.rglob("*") if p.is_file()) if path.is_dir() else [path]
    found = [candidate for candidate in candidates if _form(candidate)]
    if not path.exists() or not found:
        raise SourceError(f"There is nothing to read at {path}.", fix=f"give a file or folder of {', '.join(_FORMS)}")
    return [_file(platform, file, observed_at) for file in found]


def _form(path: Path) -> Form | None:
    name = path.name.lower()
    return next((form for suffix, form in _FORMS.items() if name.endswith(suffix)), None)


def _file(platform: Platform, path: Path, observed_at: datetime | None) -> LandedFile:
    form = _form(path)
    assert form is not None
    with path.open("rb") as file:
        digest = hashlib.file_digest(cast(Any, file), "sha256").hexdigest()
    moment = observed_at or datetime.fromtimestamp(path.stat().st_mtime, UTC)
    return LandedFile(platform, str(path.absolute()), digest, moment, form, dated=observed_at is not None)


def platform_of(path: Path) -> Platform:
    """Tell whose records a file holds from how it begins, else from its name; Suno's when neither says.

    Only for files of one platform: the records of the other are refused.
    """
    begins = _beginning(path)
    if any(f'"{key}"' in begins for key in _UDIO_KEYS):
        return "udio"
    if any(f'"{key}"' in begins for key in _SUNO_KEYS):
        return "suno"
    return "udio" if "udio" in path.name.lower() else "suno"


def _beginning(path: Path) -> str:
    with cast(Any, fsspec.open(str(path), "rb", compression=_COMPRESSIONS.get(path.suffix.lower()))) as file:
        return cast(bytes, file.read(_SAMPLE)).decode("utf-8", "replace")
