"""Dumps and exports that stay where they are: read by reference, known by their hash."""

import hashlib
import logging
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, cast

from apex_core.errors import SourceError
from apex_core.settings import Platform
from apex_core.sources.pages import Form, LandedFile

_LOG = logging.getLogger("apex_core.sources")
_FORMS: dict[str, Form] = {
    ".jsonl": "lines",
    ".jsonl.gz": "lines",
    ".jsonl.zst": "lines",
    ".json": "body",
    ".txt": "body",
}


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
    if observed_at is None:
        _LOG.warning("%s: nobody said when it was made; its modification time %s is taken.", path, moment.isoformat())
    return LandedFile(platform, str(path.absolute()), digest, moment, form, dated=observed_at is not None)
