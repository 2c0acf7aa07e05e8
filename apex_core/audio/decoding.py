"""From a file to what the encoder hears: mono at 24 kHz (FACTS §2)."""

import contextlib
import hashlib
import math
from collections.abc import Generator, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast

import numpy as np
from numpy.typing import NDArray

from apex_core.audio.facts import HIGHEST_NATIVE_RATE, SAMPLE_RATE, AudioRef
from apex_core.audio.mono import as_song_fault, finite, open_mono, open_regular
from apex_core.audio.readers import BLOCK_FRAMES, Read
from apex_core.audio.resampling import resampled
from apex_core.audio.whereabouts import reach
from apex_core.errors import Unavailable
from apex_core.settings import AudioSettings
from apex_core.storage import Store


@dataclass(frozen=True, slots=True)
class Wave:
    """An open song: finite float32[n] pieces at ``sample_rate``, each valid until the next is asked for.

    ``expected`` is about how many samples they are together, if the file's header is right.
    """

    sample_rate: int
    expected: int
    pieces: Iterator[NDArray[np.float32]]


def decode(path: Path, settings: AudioSettings, *, sha256: str | None = None) -> NDArray[np.float32]:
    """Read a song as float32[n] at 24 kHz: the mean of its channels, resampled with torchaudio's defaults.

    With ``sha256`` the very bytes that are decoded must have this hash.
    Raises Unavailable, Undecodable or TooLarge with a short reason.
    """
    with open_wave(path, settings, sha256=sha256) as wave:
        return gather(wave)


@contextlib.contextmanager
def open_wave(
    path: Path, settings: AudioSettings, *, sha256: str | None = None, native: bool = False
) -> Generator[Wave]:
    """Open a song to be decoded piece by piece, at 24 kHz; ``native``: at its own rate, unless that is above 48 kHz.

    Raises as ``decode`` does, here or while pieces are taken.
    """
    with as_song_fault(), open_regular(path, settings) as file:
        if sha256 is not None and hashlib.file_digest(cast(Any, file), "sha256").hexdigest() != sha256:
            raise Unavailable("file has changed since it was verified")
        with open_mono(file, settings) as song:
            as_it_is = native and song.sample_rate <= HIGHEST_NATIVE_RATE
            rate = song.sample_rate if as_it_is else SAMPLE_RATE
            # What is not finite shows in what it is resampled to.
            pieces = _unchanged(song.read) if as_it_is else resampled(song.sample_rate, song.read)
            yield Wave(rate, math.ceil(song.seconds * rate), map(finite, pieces))


@contextlib.contextmanager
def open_ref(store: Store, ref: AudioRef, settings: AudioSettings, *, native: bool = False) -> Generator[Wave]:
    """Open what ``ref`` points to; whatever goes wrong is raised as this song's AudioError."""
    with contextlib.ExitStack() as stack:
        path = reach(stack, store, ref.origin, ref.uri)
        yield stack.enter_context(open_wave(path, settings, sha256=ref.sha256, native=native))


def gather(wave: Wave, multiple: int = 1) -> NDArray[np.float32]:
    """All pieces as one float32[n], with zeros at its end to make n a ``multiple``."""
    room, filled = np.empty(wave.expected + multiple, np.float32), 0
    for piece in wave.pieces:
        if filled + piece.size + multiple > room.size:
            room = np.concatenate([room[:filled], np.empty(filled + piece.size + multiple, np.float32)])
        room[filled : filled + piece.size] = piece
        filled += piece.size
    end = filled + -filled % multiple
    room[filled:end] = 0
    return room[:end]


def _unchanged(read: Read) -> Iterator[NDArray[np.float32]]:
    room = np.empty(BLOCK_FRAMES, np.float32)
    while count := read(room):
        yield room[:count]
