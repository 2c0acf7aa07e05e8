"""SongEval result files (FACTS §6): a JSON object from a file's name, up to its first dot, to five numbers 1 to 5.

The toolkit's licence is stated twice and differently: CC BY-NC-SA 4.0 in its README, Apache-2.0 in its licence file.
"""

import glob
import json
import math
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Any

from apex_core.errors import SourceError
from apex_core.storage import list_s3, local_file

DIMENSIONS = ("coherence", "musicality", "memorability", "clarity", "naturalness")
"""Overall coherence, overall musicality, memorability, clarity of song structure, naturalness of vocal breathing and
phrasing, in the toolkit's output order."""

_LOWEST, _HIGHEST = 1.0, 5.0
_DECIMALS = 4  # the toolkit's; what passed through float32 has more, and says no more
_NOTHING = (None,) * len(DIMENSIONS)
_S3 = "s3://"
_WILD = "*?["

Pair = tuple[str, Any]


class _Members(list[Pair]):
    """A JSON object as it stands in its file: a key may be there twice."""


@dataclass(frozen=True, slots=True)
class Label:
    """Five dimensions of one named song; or, with the entry as ``payload``, the reason why it cannot be used."""

    name: str
    values: tuple[float | None, ...]
    reason: str | None = None
    payload: str | None = None


def read_results(patterns: Iterable[str]) -> Iterator[Label]:
    """Every entry of the result files that paths, globs or ``s3://`` addresses name, a file at a time, each file once.

    Raises SourceError for a pattern that matches no file, or a file that is no JSON object.
    """
    for uri in dict.fromkeys(uri for pattern in patterns for uri in _uris(pattern)):
        with local_file(uri) as path:
            members = _members(uri, path)
        yield from (_label(name, entry) for name, entry in members)


def _uris(pattern: str) -> list[str]:
    if pattern.startswith(_S3):
        found = sorted(_s3_uris(pattern))
    else:
        # A file whose own name has a bracket in it is meant as it is written.
        found = [pattern] if Path(pattern).is_file() else sorted(glob.glob(pattern, recursive=True))
    if not found:
        raise SourceError(f"No label file matches {pattern!r}.", fix="correct the files under [aesthetics]")
    return found


def _s3_uris(pattern: str) -> Iterator[str]:
    """Addresses that match; a star also matches slashes."""
    fixed = pattern[: min((pattern.find(sign) for sign in _WILD if sign in pattern), default=len(pattern))]
    for file in list_s3(fixed.rpartition("/")[0]):
        if fnmatchcase(file.uri, pattern) or file.uri == pattern:
            yield file.uri


def _members(uri: str, path: Path) -> _Members:
    try:
        entries = json.loads(path.read_text("utf-8-sig"), object_pairs_hook=_Members)
    except ValueError as error:
        raise SourceError(f"{uri} is not JSON: {error}.", fix="write the label file again") from error
    except OSError as error:
        raise SourceError(
            f"{uri} cannot be read: {error.strerror}.", fix="correct the files under [aesthetics]"
        ) from error
    if not isinstance(entries, _Members):
        raise SourceError(f"{uri} is not an object of song names.", fix="point to SongEval's result.json")
    return entries


def _label(key: str, entry: object) -> Label:
    name = key.strip().partition(".")[0]
    reason, values = ("no_name", _NOTHING) if not name else _values(entry)
    return Label(name, values) if reason is None else Label(name or key, values, reason, _payload(key, entry))


def _values(entry: object) -> tuple[str | None, tuple[float | None, ...]]:
    """The reason why an entry cannot be used, or none, and its dimensions."""
    if not isinstance(entry, _Members):
        return "not_an_object", _NOTHING
    said = _said(entry).values()
    if any(len(values) > 1 for values in said):
        return "dimension_there_twice", _NOTHING
    values = tuple(next(iter(one), None) for one in said)
    if all(value is None for value in values):
        return "no_dimension", values
    if any(value is not None and not _LOWEST <= value <= _HIGHEST for value in values):
        return "out_of_range", values
    return None, values


def _said(entry: Sequence[Pair]) -> dict[str, set[float]]:
    """The different numbers an entry gives each dimension, under however its name is capitalised."""
    said: dict[str, set[float]] = {dimension: set() for dimension in DIMENSIONS}
    for key, value in entry:
        numbers = said.get(key.strip().lower())
        number = None if numbers is None else _number(value)
        if numbers is not None and number is not None:
            numbers.add(number)
    return said


def _number(value: object) -> float | None:
    if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value):
        return None
    return round(float(value), _DECIMALS)


def _payload(key: str, entry: object) -> str:
    return json.dumps({key: _plain(entry)}, sort_keys=True)


def _plain(entry: object) -> object:
    """An entry as an ordinary object; of a key that is there twice both values."""
    if not isinstance(entry, _Members):
        return entry
    found: dict[str, list[object]] = {}
    for key, value in entry:
        found.setdefault(key, []).append(_plain(value))
    return {key: values[0] if len(values) == 1 else values for key, values in found.items()}
