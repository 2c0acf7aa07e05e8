"""Songs that the operator already has: folders by convention, or with a manifest."""

import csv
import json
import logging
import os
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import cast

from apex_core.errors import AudioError, SettingsError

logger = logging.getLogger("apex_core.audio")

TrackKey = tuple[str, str]

# By preference, should one song lie there twice: lossless first.
SUFFIXES = (".flac", ".wav", ".aiff", ".aif", ".mp3", ".m4a", ".mp4", ".aac", ".opus", ".ogg", ".webm")
_COLUMNS = ("platform", "track_id", "path")


def find_in_libraries(libraries: Sequence[str | Path], wanted: Iterable[TrackKey]) -> dict[TrackKey, Path]:
    """Look for songs, ``(platform, track_id)``, in folders, the first library that has a song wins.

    A library lists its files in ``manifest.csv`` or ``manifest.jsonl`` (platform, track_id, path relative to
    the library), or keeps them at ``<platform>/<track_id>.<ext>``, or both. A file that is missing, or lies
    outside its library, is not found. Raises SettingsError when a library is no folder, AudioError for a
    manifest that cannot be read.
    """
    missing = set(wanted)
    found: dict[TrackKey, Path] = {}
    for library in map(Path, libraries):
        if not library.is_dir():
            raise SettingsError(
                f"Audio library {library} is not a folder.",
                fix="mount it, or take it out of APEX_AUDIO__LIBRARIES",
            )
        for look in (_listed, _by_convention):
            found |= _inside(library, look(library, missing))
            missing -= found.keys()
    return found


def _inside(library: Path, candidates: Iterable[tuple[TrackKey, Path]]) -> dict[TrackKey, Path]:
    root, kept = library.resolve(), dict[TrackKey, Path]()
    for key, path in candidates:
        real = path.resolve()
        if not real.is_relative_to(root):
            logger.warning("%s lies outside its library and is not used.", path)
        elif key not in kept and real.is_file():
            kept[key] = path.absolute()
    return kept


def _by_convention(library: Path, missing: set[TrackKey]) -> Iterator[tuple[TrackKey, Path]]:
    # The folder is read once: no track id becomes part of a path, and a million songs are one look.
    for platform in sorted({platform for platform, _ in missing}):
        folder = _subfolder(library, platform)
        if folder is None:
            continue
        names = sorted(os.listdir(folder), key=_preference)
        for name in names:
            stem, suffix = os.path.splitext(name)
            if suffix.lower() in SUFFIXES and (platform, stem) in missing:
                yield (platform, stem), folder / name


def _subfolder(library: Path, platform: str) -> Path | None:
    return next((entry for entry in library.iterdir() if entry.name == platform and entry.is_dir()), None)


def _preference(name: str) -> tuple[int, str]:
    suffix = os.path.splitext(name)[1].lower()
    return (SUFFIXES.index(suffix) if suffix in SUFFIXES else len(SUFFIXES), name)


def _listed(library: Path, missing: set[TrackKey]) -> Iterator[tuple[TrackKey, Path]]:
    for name, rows in (("manifest.csv", _csv_rows), ("manifest.jsonl", _jsonl_rows)):
        manifest = library / name
        if not manifest.is_file():
            continue
        for number, row in rows(manifest):
            platform, track_id, path = _cells(manifest, number, row)
            if (platform, track_id) in missing:
                yield (platform, track_id), library / path


def _csv_rows(manifest: Path) -> Iterator[tuple[int, Mapping[str, object]]]:
    with manifest.open(encoding="utf-8-sig", newline="") as file:
        reader = csv.DictReader(file)
        for row in reader:
            yield reader.line_num, cast(Mapping[str, object], row)


def _jsonl_rows(manifest: Path) -> Iterator[tuple[int, Mapping[str, object]]]:
    with manifest.open(encoding="utf-8-sig") as file:
        for number, line in enumerate(file, 1):
            if line.strip():
                yield number, _json_object(manifest, number, line)


def _json_object(manifest: Path, number: int, line: str) -> Mapping[str, object]:
    try:
        row = json.loads(line)
    except ValueError as error:
        raise AudioError(f"{manifest}, line {number}: not JSON.", fix="one JSON object a line") from error
    return cast(Mapping[str, object], row) if isinstance(row, dict) else {}


def _cells(manifest: Path, number: int, row: Mapping[str, object]) -> tuple[str, str, str]:
    platform, track_id, path = (row.get(column) for column in _COLUMNS)
    if not (isinstance(platform, str) and isinstance(track_id, str) and isinstance(path, str) and path):
        raise AudioError(f"{manifest}, line {number}: needs text in {', '.join(_COLUMNS)}.", fix="correct that line")
    return platform, track_id, path
