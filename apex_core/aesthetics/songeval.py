"""SongEval result files (FACTS §6): a JSON object from a file's name, up to its first dot, to five numbers 1 to 5."""

import glob
import json
import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast

from apex_core.errors import SourceError

DIMENSIONS = ("coherence", "musicality", "memorability", "clarity", "naturalness")
"""Overall coherence, overall musicality, memorability, clarity of song structure, naturalness of vocal breathing and
phrasing, in the toolkit's output order."""

_LOWEST, _HIGHEST = 1.0, 5.0


@dataclass(frozen=True, slots=True)
class Label:
    """Five dimensions of one named song, or the reason why the entry cannot be used. ``payload`` is the entry."""

    name: str
    values: tuple[float | None, ...]
    payload: str
    reason: str | None = None


def read_results(patterns: Iterable[str]) -> list[Label]:
    """Read every entry of the result files that the paths or globs name.

    Raises SourceError for a pattern that matches no file, or a file that is no JSON object.
    """
    return [label for pattern in patterns for path in _paths(pattern) for label in _read(path)]


def _paths(pattern: str) -> list[Path]:
    found = sorted(glob.glob(pattern, recursive=True))
    if not found:
        raise SourceError(f"No label file matches {pattern!r}.", fix="correct APEX_AESTHETICS__FILES")
    return [Path(path) for path in found]


def _read(path: Path) -> list[Label]:
    try:
        entries = json.loads(path.read_text("utf-8"))
    except ValueError as error:
        raise SourceError(f"{path} is not JSON: {error}.", fix="write the label file again") from error
    if not isinstance(entries, dict):
        raise SourceError(f"{path} is not an object of song names.", fix="point to SongEval's result.json")
    return [_label(str(name), entry) for name, entry in cast(Mapping[str, Any], entries).items()]


def _label(name: str, entry: object) -> Label:
    payload = json.dumps({name: entry}, sort_keys=True)
    if not isinstance(entry, dict):
        return Label(name, (None,) * 5, payload, "not_an_object")
    known = {str(key).lower(): value for key, value in cast(Mapping[Any, Any], entry).items()}
    values = tuple(_number(known.get(dimension)) for dimension in DIMENSIONS)
    if all(value is None for value in values):
        return Label(name, values, payload, "no_dimension")
    if any(value is not None and not _LOWEST <= value <= _HIGHEST for value in values):
        return Label(name, values, payload, "out_of_range")
    return Label(name, values, payload)


def _number(value: object) -> float | None:
    if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value):
        return None
    return float(value)
