"""Predictions that come in a file of their own: found by the name of a recording."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path, PurePath

from apex_core.arena.battles import Values, numbers
from apex_core.arena.records import read_records
from apex_core.errors import SourceError

_KEYS = ("path", "audio", "file", "name")


@dataclass(frozen=True, slots=True)
class Predictions:
    """Values by name. ``by_file`` has those whose file name, without folders, only one of them has."""

    by_name: Mapping[str, Values]
    by_file: Mapping[str, Values]

    def of(self, audio: str) -> Values:
        """The values of a recording: under its own name, else under its file name; none when there are none."""
        return self.by_name.get(audio) or self.by_file.get(PurePath(audio).name) or {}


def read_predictions(path: Path) -> Predictions:
    """Read the lines that ``apex predict --json`` writes, or any table of their columns.

    Raises SourceError when no record has a name and a prediction, or one name has two different ones.
    """
    found: dict[str, Values] = {}
    for record in read_records(path):
        if isinstance(record, str):
            continue
        name = next((str(record[key]) for key in _KEYS if record.get(key)), None)
        values = numbers(record)
        if name is None or not values:
            continue
        if found.setdefault(name, values) != values:
            raise SourceError(f"{path} has two different predictions of {name}.", fix="leave one of them")
    if not found:
        raise SourceError(
            f"{path} holds no predictions: no record has one of {', '.join(_KEYS)} and a score.",
            fix="apex predict FOLDER --json > FILE writes one",
        )
    return Predictions(found, _by_file(found.items()))


def _by_file(found: Iterable[tuple[str, Values]]) -> dict[str, Values]:
    by_file: dict[str, Values] = {}
    torn: set[str] = set()
    for name, values in found:
        file = PurePath(name).name
        if by_file.setdefault(file, values) != values:
            torn.add(file)
    return {file: values for file, values in by_file.items() if file not in torn}
