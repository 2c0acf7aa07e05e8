"""Aesthetic labels in the form SongEval's toolkit writes them (FACTS §6)."""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from apex_core.sandbox.attributes import aesthetics
from apex_core.sandbox.song import Song
from apex_core.settings import PLATFORMS, Platform

_UNLABELLED = 0.15  # share of songs that nobody has labelled yet
UNKNOWN_NAME = "test_take"  # an entry of a file that is no track


@dataclass(frozen=True, slots=True)
class LabelFacts:
    """What the files hold: entries of tracks, songs left out, null values, entries that are no track."""

    entries: int
    missing: int
    null_values: int
    unknown_names: int


def write_labels(songs: Sequence[Song], folder: Path) -> tuple[tuple[Path, ...], LabelFacts]:
    """Write ``<folder>/<platform>/result.json``, keyed by file name up to its first dot."""
    shared = _shared_ids(songs)
    # A name that means two songs cannot be labelled by name; leave those to the reader's imagination.
    nameable = [song for song in songs if song.track_id not in shared]
    labelled = [song for song in nameable if np.random.default_rng([song.seed, 2]).random() >= _UNLABELLED]
    paths = tuple(_write(platform, labelled, folder / platform / "result.json") for platform in PLATFORMS)
    return paths, LabelFacts(len(labelled), len(songs) - len(labelled), null_values=1, unknown_names=1)


def _shared_ids(songs: Sequence[Song]) -> set[str]:
    seen: set[str] = set()
    return {song.track_id for song in songs if song.track_id in seen or seen.add(song.track_id)}


def _write(platform: Platform, songs: Sequence[Song], path: Path) -> Path:
    mine = [song for song in songs if song.platform == platform]
    results: dict[str, dict[str, float | None]] = {
        song.track_id: {**aesthetics(song.attributes, np.random.default_rng([song.seed, 3]))} for song in mine
    }
    if platform == "suno":
        results[mine[0].track_id]["Clarity"] = None
        results[UNKNOWN_NAME] = dict.fromkeys(next(iter(results.values())), 3.0)
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(results, indent=4) + "\n", encoding="utf-8")
    return path
