"""Whether a file is a song, and what its facts are."""

import hashlib
from pathlib import Path
from typing import Any, cast

import numpy as np

from apex_core.audio.facts import AudioFacts
from apex_core.audio.mono import as_song_fault, finite, open_mono, open_regular
from apex_core.audio.readers import BLOCK_FRAMES, Read
from apex_core.settings import AudioSettings


def digest(path: Path, settings: AudioSettings) -> str:
    """The sha256 of a file, which is not decoded. Raises Unavailable or TooLarge like ``verify``."""
    with as_song_fault(), open_regular(path, settings) as file:
        return hashlib.file_digest(cast(Any, file), "sha256").hexdigest()


def verify(path: Path, settings: AudioSettings) -> AudioFacts:
    """Decode all of ``path`` once, within the bounds of ``settings``, and state its facts.

    Raises Unavailable (no such file), Undecodable or TooLarge with a short reason.
    """
    with as_song_fault(), open_regular(path, settings) as file:
        sha256 = hashlib.file_digest(cast(Any, file), "sha256").hexdigest()
        size = file.tell()
        with open_mono(file, settings) as song:
            frames = _count(song.read)
    return AudioFacts(sha256, size, song.codec, song.sample_rate, song.channels, frames / song.sample_rate)


def _count(read: Read) -> int:
    room, frames = np.empty(BLOCK_FRAMES, np.float32), 0
    while count := read(room):
        finite(room[:count])
        frames += count
    return frames
