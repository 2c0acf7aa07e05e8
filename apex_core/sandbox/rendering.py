"""Audio files: composed and encoded in worker processes, each file whole or absent.

This module is what a worker imports, so it stays light: numpy and soundfile, nothing of the catalog, no torch.
"""

import hashlib
import multiprocessing
import os
import threading
from collections.abc import Callable, Sequence
from concurrent.futures import ProcessPoolExecutor, as_completed
from dataclasses import dataclass
from multiprocessing.connection import wait
from pathlib import Path

import soundfile

from apex_core.sandbox.composer import compose
from apex_core.sandbox.song import Song

_BLOCK = 1 << 16  # frames written at once


@dataclass(frozen=True, slots=True)
class AudioFile:
    """A rendered file: its path below the world's folder, its bytes and their hash."""

    name: str
    sha256: str
    bytes: int


def render_all(
    songs: Sequence[Song], folder: Path, workers: int, progress: Callable[[int, int], None]
) -> dict[str, AudioFile]:
    """Render the songs' files into a folder; files already there are kept. Longest first, so that no worker idles."""
    files: dict[str, AudioFile] = {}
    by_cost = sorted(songs, key=lambda song: (song.codec == "mp3", song.seconds), reverse=True)
    spawn = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(min(workers, len(songs)), mp_context=spawn, initializer=die_with_parent) as pool:
        try:
            for done in as_completed([pool.submit(render, song, folder) for song in by_cost]):
                files[done.result().name] = done.result()
                progress(len(files), len(songs))
        except BaseException:
            pool.shutdown(wait=False, cancel_futures=True)
            raise
    return files


def die_with_parent() -> None:
    """Leave with the parent however it goes: an orphan would wait on its queue for ever."""
    parent = multiprocessing.parent_process()
    if parent is not None:
        threading.Thread(target=_follow, args=(parent.sentinel,), daemon=True).start()


def _follow(sentinel: int) -> None:
    wait([sentinel])
    os._exit(1)


def render(song: Song, folder: Path) -> AudioFile:
    """Render one song's file, unless it is there."""
    path = folder / song.file_name
    if not path.exists():
        path.parent.mkdir(parents=True, exist_ok=True)
        partial = path.with_name(f".{path.name}.part")
        _write(song, partial)
        os.replace(partial, path)
    content = path.read_bytes()
    return AudioFile(song.file_name, hashlib.sha256(content).hexdigest(), len(content))


def _write(song: Song, path: Path) -> None:
    wave = compose(song.attributes, song.seconds, song.rate, song.seed)
    with _encoder(song, path) as file:
        for start in range(0, len(wave), _BLOCK):
            file.write(wave[start : start + _BLOCK])
    if song.sound == "truncated":
        os.truncate(path, int(path.stat().st_size * 0.4))


def _encoder(song: Song, path: Path) -> soundfile.SoundFile:
    if song.codec == "flac":
        return soundfile.SoundFile(path, "w", song.rate, 2, format="FLAC", subtype="PCM_16")
    # Encoding mp3 costs most of a build; this variable rate, about 85 kbit/s, is the fastest of libsndfile's modes.
    return soundfile.SoundFile(path, "w", song.rate, 2, format="MP3", bitrate_mode="VARIABLE", compression_level=0.7)
