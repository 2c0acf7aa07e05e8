"""The arena: battles, and where their predictions come from: columns, a file, or recordings that a model scores."""

import json
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING, Any, Literal

from apex_core.arena import (
    Battle,
    Policy,
    Report,
    Row,
    Side,
    Subset,
    Values,
    contest,
    evaluate,
    numbers,
    read_battles,
    read_predictions,
)
from apex_core.arena.methods import TITLES
from apex_core.arena.wording import estimate, facts, page
from apex_core.errors import Unavailable

if TYPE_CHECKING:
    from apex_core.pipeline.predictor import Predictor  # torch is needed for recordings alone

__all__ = ["TITLES", "Arena", "Policy", "Report", "Row", "Subset", "estimate", "facts", "run_arena", "score_audio"]

Progress = Callable[[str, int, int], None]


@dataclass(frozen=True, slots=True)
class Scored:
    """The predictions of both sides of each battle, by which model where one scored them, and what could not be."""

    sides: list[Side]
    model: str | None = None
    failed: tuple[tuple[str, str], ...] = ()


@dataclass(frozen=True, slots=True)
class Arena:
    """A report, and where its predictions came from."""

    report: Report
    model: str | None
    failed: tuple[tuple[str, str], ...]

    def to_json(self) -> dict[str, Any]:
        """Plain values; recordings that could not be scored by name."""
        return {"model": self.model, "failed": dict(self.failed), **self.report.to_json()}

    def written(self, kind: Literal["json", "html", "png"]) -> bytes:
        """The report as a file. Equal reports give equal bytes."""
        if kind == "json":
            return (json.dumps(self.to_json(), allow_nan=False, indent=2) + "\n").encode()
        if kind == "html":
            return page(self.report, self.model).encode()
        from apex_core.arena.picture import draw

        return draw(self.report, "png")


def run_arena(
    paths: Sequence[Path],
    policy: Policy,
    *,
    predictions: Path | None = None,
    audio: Path | None = None,
    load: "Callable[[], Predictor] | None" = None,
    progress: Progress,
) -> Arena:
    """Judge predictions on files of battles. ``audio``: the folder of their recordings, which ``load``'s model scores.

    Raises SourceError for a file that cannot be used, Unavailable when the folder has none of the recordings.
    """
    found = read_battles(paths)
    if audio is not None and load is not None:
        scored = score_audio(found.battles, audio, load, progress)
    elif predictions is not None:
        known = read_predictions(predictions)
        scored = Scored([(known.of(battle.audio[0]), known.of(battle.audio[1])) for battle in found.battles])
    else:
        scored = Scored([battle.given for battle in found.battles])
    arrays = contest(found.battles, scored.sides, policy)
    report = evaluate(arrays, policy, records=found.records, unreadable=found.dropped, progress=progress)
    return Arena(report, scored.model, scored.failed)


def score_audio(battles: Iterable[Battle], folder: Path, load: "Callable[[], Predictor]", progress: Progress) -> Scored:
    """Score every recording once. Those that are not there, lie outside the folder or cannot be decoded are told.

    Raises Unavailable when none of them is there.
    """
    battles = list(battles)
    names = list(dict.fromkeys(name for battle in battles for name in battle.audio if name))
    places = {name: _inside(folder, name) for name in names}
    there = [name for name in names if places[name] is not None]
    if not there:
        first = f", for example {names[0]}" if names else ": no battle names one"
        raise Unavailable(
            f"None of the {len(names)} recordings is in {folder}{first}.",
            fix="--audio is the folder that audio_a and audio_b are relative to",
        )
    predictor = load()
    values: dict[str, Values] = {}
    failed = [(name, "no such file in the folder") for name in names if places[name] is None]
    progress("scoring", 0, len(there))
    scored = predictor.score([path for name in there if (path := places[name]) is not None])
    for done, (name, one) in enumerate(zip(there, scored, strict=True), start=1):
        progress("scoring", done, len(there))
        if one.values is None:
            failed.append((name, one.error or "no reason given"))
        else:
            values[name] = numbers(one.values)
    sides = [(values.get(battle.audio[0], {}), values.get(battle.audio[1], {})) for battle in battles]
    return Scored(sides, predictor.version, tuple(failed))


def _inside(folder: Path, name: str) -> Path | None:
    """The file of a recording; None where it is missing, or its name leads out of the folder."""
    if PurePosixPath(name).is_absolute() or ".." in PurePosixPath(name).parts:
        return None
    path = folder / name
    return path if path.is_file() else None
