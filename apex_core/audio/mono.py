"""A file as a bounded stream of mono frames: what verifying and decoding share."""

import contextlib
import os
import stat
import time
from collections.abc import Generator
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

import numpy as np

from apex_core.audio.readers import Read, Reader, Samples, open_reader
from apex_core.audio.sniff import TEXTS, is_encrypted, sniff
from apex_core.errors import AudioError, TooLarge, Unavailable, Undecodable
from apex_core.settings import AudioSettings

DECODE_LIMIT_S = 300.0

# A whole file may still fall short of its header by some codec delay; a cut one misses more.
_SHORT_SHARE = 0.01
_SHORT_SECONDS = 0.5


@dataclass(frozen=True, slots=True)
class Mono:
    """An open song: ``read`` gives frames at ``sample_rate``, the mean of ``channels``; about ``seconds`` of them."""

    codec: str
    sample_rate: int
    channels: int
    seconds: float
    read: Read


@contextlib.contextmanager
def open_mono(file: BinaryIO, settings: AudioSettings) -> Generator[Mono]:
    """Open the song in an unbuffered ``file``, whatever its name.

    Raises Undecodable or TooLarge, here or while it is read: frames keep to ``settings`` and to a time limit, and are
    neither none nor clearly fewer than the header promises. Whether they are finite is for ``finite`` to say.
    """
    kind = check_kind(file)
    with open_reader(file, kind) as reader:
        seconds = min((reader.claimed or 0) / reader.sample_rate, settings.max_seconds)
        read = _bounded(reader, settings.max_seconds)
        yield Mono(reader.codec, reader.sample_rate, reader.channels, seconds, read)


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


def finite(samples: Samples) -> Samples:
    """The samples, or Undecodable when there is one among them that is no number, or infinite."""
    if not np.isfinite(samples).all():
        raise Undecodable("samples that are not finite")
    return samples


def _bounded(reader: Reader, max_seconds: float) -> Read:
    frames, most = 0, max_seconds * reader.sample_rate
    deadline = time.thread_time() + DECODE_LIMIT_S  # of work: a decoder that is ahead waits for the encoder

    def read(room: Samples) -> int:
        nonlocal frames
        count = reader.read(room)
        frames += count
        if count == 0:
            _check_whole(reader, frames)
        if frames > most:
            raise TooLarge(f"longer than {max_seconds:g} s")
        if time.thread_time() > deadline:
            raise Undecodable(f"decoding took more than {DECODE_LIMIT_S:g} s")
        return count

    return read


def _check_whole(reader: Reader, frames: int) -> None:
    if frames == 0:
        raise Undecodable("no samples")
    tolerated = max(_SHORT_SECONDS * reader.sample_rate, _SHORT_SHARE * (reader.claimed or 0))
    if reader.claimed is not None and reader.claimed - frames > tolerated:
        raise Undecodable("shorter than its header says")
