"""Lines of JSON in, as many lines out, in their order: what was asked about a song, and its answer."""

import json
import os
from collections import deque
from collections.abc import Callable, Collection, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NoReturn

from apex_core.pipeline.predictor import Scores

Record = dict[str, Any]
Score = Callable[[Iterable[Path]], Iterator[Scores]]


@dataclass(frozen=True, slots=True)
class Line:
    """One line: what it says, and the song it names or what is wrong with it."""

    given: Record
    path: Path | None
    error: str | None = None


def read_line(data: bytes, number: int) -> Line:
    """Read a line: an object with the file's ``path``, relative to the working folder, and whatever else."""
    try:
        given = json.loads(data.decode("utf-8-sig" if number == 1 else "utf-8"), parse_constant=_no_json)
        # What went in must come out again: a number may be too large for that.
        json.dumps(given, allow_nan=False)
    except (ValueError, RecursionError) as error:
        reason = "it is empty" if not data.strip() else str(error) or "it is nested too deeply"
        return Line({}, None, f"line {number} is no JSON: {reason}")
    if not isinstance(given, dict):
        return Line({}, None, f"line {number} is no JSON object")
    path = given.get("path")
    if not isinstance(path, str) or not path:
        return Line(given, None, f'line {number} names no file: "path" is missing')
    if not _is_name(path):
        return Line(given, None, "no file can have this name")
    return Line(given, Path(path))


def answers(score: Score, lines: Iterable[bytes], own: Collection[str]) -> Iterator[tuple[Record, Scores]]:
    """Every line's record and its scores, in order, as many as there are lines; one that names no file has its error.

    ``own`` are the keys of answers: a line that has them, as one that was an answer before, loses them.
    """
    waiting: deque[Line] = deque()
    for scored in score(_paths(lines, waiting)):
        while waiting[0].path is None:
            yield _unscored(waiting.popleft(), own)
        yield _kept(waiting.popleft(), own), scored
    while waiting:
        yield _unscored(waiting.popleft(), own)


def _paths(lines: Iterable[bytes], waiting: deque[Line]) -> Iterator[Path]:
    for number, data in enumerate(lines, start=1):
        waiting.append(line := read_line(data, number))
        if line.path is not None:
            yield line.path


def _unscored(line: Line, own: Collection[str]) -> tuple[Record, Scores]:
    return _kept(line, own), Scores(Path(), None, line.error)


def _kept(line: Line, own: Collection[str]) -> Record:
    return {key: value for key, value in line.given.items() if key not in own}


def _is_name(path: str) -> bool:
    try:
        return b"\0" not in os.fsencode(path)
    except UnicodeEncodeError:
        return False


def _no_json(name: str) -> NoReturn:
    raise ValueError(f"{name} is no number of JSON")
