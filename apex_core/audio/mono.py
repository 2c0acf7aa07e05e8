"""A file as bounded mono blocks: what verifying and decoding share."""

import contextlib
import os
import stat
import time
from collections.abc import Generator, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

import numpy as np
from numpy.typing import NDArray

from apex_core.audio.readers import Reader, open_reader
from apex_core.audio.sniff import TEXTS, is_encrypted, sniff
from apex_core.errors import AudioError, TooLarge, Unavailable, Undecodable
from apex_core.settings import AudioSettings

DECODE_LIMIT_S = 300.0

# A whole file may still fall short of its header by some codec delay; a cut one misses more.
_SHORT_SHARE = 0.01
_SHORT_SECONDS = 0.5


@dataclass(frozen=True, slots=True)
class Mono:
    """An open song: ``blocks`` are float32[n] at ``sample_rate``, the mean of ``channels``."""

    codec: str
    sample_rate: int
    channels: int
    blocks: Iterator[NDArray[np.float32]]


@contextlib.contextmanager
def open_mono(file: BinaryIO, settings: AudioSettings) -> Generator[Mono]:
    """Open the song in an unbuffered ``file``, whatever its name.

    Raises Undecodable or TooLarge, here or while blocks are read: every block is finite, together they keep
    to ``settings`` and to a time limit, and are neither none nor clearly fewer than the header promises.
    """
    kind = check_kind(file)
    with open_reader(file, kind) as reader:
        yield Mono(reader.codec, reader.sample_rate, reader.channels, _bounded(reader, settings.max_seconds))


@contextlib.contextmanager
def as_song_fault() -> Generator[None]:
    """Raise whatever goes wrong with a file inside as its AudioError."""
    try:
        yield
    except AudioError:
        raise
    except OSError as error:
        raise Unavailable(f"temporary: {type(error).__name__} while reading", transient=True) from error
    except Exception as error:
        raise Undecodable(f"decoder failed: {type(error).__name__}") from error


@contextlib.contextmanager
def open_regular(path: Path, settings: AudioSettings) -> Generator[BinaryIO]:
    """Open ``path`` unbuffered, as the decoders need it.

    Raises Unavailable when it is not a readable file, TooLarge by its size.
    """
    try:
        # Non-blocking, because opening a pipe would wait for its writer.
        descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
    except OSError as error:
        raise Unavailable("file not readable" if path.exists() else "file not found") from error
    try:
        _check_file(os.fstat(descriptor), settings.max_bytes)
    except AudioError:
        os.close(descriptor)
        raise
    with open(descriptor, "rb", buffering=0) as file:
        yield file  # pyright: ignore[reportReturnType]  FileIO is a BinaryIO in all but its declaration


def _check_file(facts: os.stat_result, max_bytes: int) -> None:
    if not stat.S_ISREG(facts.st_mode):
        raise Unavailable("not a file")
    if facts.st_size > max_bytes:
        raise TooLarge(f"more than {max_bytes} bytes")


def check_kind(file: BinaryIO) -> str:
    """Name the container of ``file``; raise Undecodable when it is no song or an encrypted one."""
    kind = sniff(file)
    if kind == "empty":
        raise Undecodable("empty file")
    if kind in TEXTS:
        raise Undecodable(f"{kind} instead of audio")
    if kind == "unknown":
        raise Undecodable("not audio")
    if kind == "mp4" and is_encrypted(file):
        raise Undecodable("encrypted")
    return kind


def _bounded(reader: Reader, max_seconds: float) -> Iterator[NDArray[np.float32]]:
    frames, deadline = 0, time.monotonic() + DECODE_LIMIT_S
    for block in reader.blocks:
        frames += len(block)
        if frames > max_seconds * reader.sample_rate:
            raise TooLarge(f"longer than {max_seconds:g} s")
        if time.monotonic() > deadline:
            raise Undecodable(f"decoding took more than {DECODE_LIMIT_S:g} s")
        mono = _mean(block)
        if not np.isfinite(mono).all():
            raise Undecodable("samples that are not finite")
        yield mono
    _check_whole(reader, frames)


def _mean(block: NDArray[np.float32]) -> NDArray[np.float32]:
    # By columns: many times faster than a reduction over the short axis, and the same sums.
    if block.shape[1] == 1:
        return block[:, 0].copy()
    total = block[:, 0] + block[:, 1]
    for channel in range(2, block.shape[1]):
        total += block[:, channel]
    total /= np.float32(block.shape[1])
    return total


def _check_whole(reader: Reader, frames: int) -> None:
    if frames == 0:
        raise Undecodable("no samples")
    tolerated = max(_SHORT_SECONDS * reader.sample_rate, _SHORT_SHARE * (reader.claimed or 0))
    if reader.claimed is not None and reader.claimed - frames > tolerated:
        raise Undecodable("shorter than its header says")
