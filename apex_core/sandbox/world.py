"""Build a world: plan it, render its audio once, write its labels and its truth."""

import json
import os
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import datetime
from functools import cached_property
from pathlib import Path
from typing import Any

from apex_core.sandbox import attributes
from apex_core.sandbox.labels import LabelFacts, write_labels
from apex_core.sandbox.listing import Row, listed
from apex_core.sandbox.plan import FORMAT, MALFORMED, NON_SONGS, SKIPPED, Plan, plan
from apex_core.sandbox.rendering import AudioFile, render_all
from apex_core.sandbox.song import EPOCH, Song
from apex_core.settings import PLATFORMS, Platform, SandboxSettings

_MANIFEST = "world.json"

Truth = dict[tuple[str, str], dict[str, float]]


@dataclass(frozen=True)
class World:
    """A rendered world. ``folder`` holds <platform>/<track_id>.<ext>, so it also is an audio library."""

    folder: Path
    plan: Plan
    labels: tuple[Path, ...]
    label_facts: LabelFacts
    files: Mapping[str, AudioFile]
    epoch: datetime = EPOCH

    @property
    def songs(self) -> tuple[Song, ...]:
        """Complete songs with audio, listed from the start; exactly as many as the settings ask for."""
        return self.plan.songs

    @property
    def unavailable(self) -> tuple[Song, ...]:
        """Complete, counted songs whose audio cannot be had (``song.sound`` says how)."""
        return self.plan.unavailable

    @property
    def vanishing(self) -> tuple[Song, ...]:
        """Complete songs with audio that are gone from ``song.deleted_at`` on."""
        return self.plan.vanishing

    @property
    def tracks(self) -> tuple[Song, ...]:
        """What a reader should hold as scored tracks at the epoch: songs, unavailable and vanishing ones."""
        return self.plan.tracks

    @property
    def spares(self) -> tuple[Song, ...]:
        """Complete songs with audio that are not listed until the server releases them."""
        return self.plan.spares

    @cached_property
    def truth(self) -> Truth:
        """(platform, track_id) -> noise-free appeal, 0..100, of every track and spare."""
        return {song.key: attributes.appeal(song.attributes) for song in self.tracks + self.spares}

    @cached_property
    def rows(self) -> dict[Platform, tuple[Row, ...]]:
        """What each platform lists, newest first."""
        return {platform: listed(self.plan, platform) for platform in PLATFORMS}

    @cached_property
    def planted(self) -> dict[str, Any]:
        """How many of everything there are at the epoch; JSON-able, for tests to hold their counts against."""
        mine = {platform: _census(self.plan, platform, len(self.rows[platform])) for platform in PLATFORMS}
        ids = Counter(song.track_id for song in self.songs)
        return {
            **mine,
            "labels": asdict(self.label_facts),
            "shared_ids": sum(times > 1 for times in ids.values()),
            "falling_counters": sum(song.falls for song in self.songs),
            "spares": len(self.spares),
        }

    def path(self, song: Song) -> Path:
        """Where a song's rendered audio lies."""
        return self.folder / song.file_name


def build_world(settings: SandboxSettings, folder: Path, progress: Callable[[int, int], None] | None = None) -> World:
    """Build, or find ready, the world of these settings in ``folder``.

    ``progress(done, total)`` is called as audio files are finished. Files of an interrupted build are reused; the
    manifest ``world.json`` is written last, so a second call returns at once. ``workers`` does not change the world.
    """
    report = progress or (lambda _done, _total: None)
    planned = plan(settings)
    audible = _audible(planned)
    files = _finished(settings, folder, audible)
    if files is None:
        files = render_all(audible, folder, settings.workers, report)
    else:
        report(len(files), len(files))
    labels, facts = write_labels(planned.songs + planned.vanishing, folder / "labels")
    world = World(folder, planned, labels, facts, files)
    _write_json(folder / "truth.json", {"/".join(key): value for key, value in world.truth.items()})
    _write_json(folder / "planted.json", world.planted)
    _write_json(folder / _MANIFEST, {"world": _identity(settings), "files": [asdict(file) for file in files.values()]})
    return world


def _identity(settings: SandboxSettings) -> dict[str, Any]:
    return {"format": FORMAT, **settings.model_dump(exclude={"workers"})}


def _audible(planned: Plan) -> list[Song]:
    cut = [song for song in planned.unavailable if song.sound == "truncated"]
    return [*planned.songs, *planned.vanishing, *planned.spares, *cut]


def _finished(settings: SandboxSettings, folder: Path, audible: Sequence[Song]) -> dict[str, AudioFile] | None:
    """The files of a finished build of these settings, if there is one."""
    try:
        manifest = json.loads((folder / _MANIFEST).read_text(encoding="utf-8"))
    except (FileNotFoundError, json.JSONDecodeError):
        return None
    files = {entry["name"]: AudioFile(**entry) for entry in manifest["files"]}
    whole = all(song.file_name in files and (folder / song.file_name).is_file() for song in audible)
    return files if whole and manifest["world"] == _identity(settings) else None


def _write_json(path: Path, content: object) -> None:
    partial = path.with_name(f".{path.name}.part")
    partial.write_text(json.dumps(content, indent=1) + "\n", encoding="utf-8")
    os.replace(partial, path)


def _census(planned: Plan, platform: Platform, rows: int) -> dict[str, Any]:
    def mine(songs: tuple[Song, ...]) -> list[Song]:
        return [song for song in songs if song.platform == platform]

    fates = Counter(song.fate for song in mine(planned.oddities))
    return {
        "rows": rows,
        "songs": len(mine(planned.songs)),
        "unavailable": dict(Counter(song.sound for song in mine(planned.unavailable))),
        "vanishing": len(mine(planned.vanishing)),
        "skipped": {fate: fates[fate] for fate in SKIPPED[platform]},
        "malformed": {fate: fates[fate] for fate in MALFORMED},
        "non_songs": {fate: fates[fate] for fate in NON_SONGS[platform]},
        "duplicates": len(mine(planned.duplicates)),
        "lineage": dict(Counter(song.lineage for song in mine(planned.songs) if song.lineage)),
        "vintages": dict(Counter(song.vintage for song in mine(planned.tracks))),
    }
