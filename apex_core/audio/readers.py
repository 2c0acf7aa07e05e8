"""Decoders: libsndfile for what it reads, FFmpeg (PyAV) for m4a, aac, webm and what libsndfile refuses."""

import contextlib
from collections.abc import Callable, Generator, Iterator
from dataclasses import dataclass
from typing import Any, BinaryIO, cast

import av
import av.error
import numpy as np
import soundfile
from av.container import InputContainer
from numpy.typing import NDArray

from apex_core.audio.length_tag import LengthTag, read_length_tag
from apex_core.errors import Undecodable

BLOCK_FRAMES = 1 << 15
MOST_CHANNELS = 32

# Naming the demuxer keeps FFmpeg from guessing: a playlist could make it open other files or addresses.
_SAME_NAME = ("asf", "mp3", "wav", "flac", "ogg", "aiff", "caf", "au", "w64")
_DEMUXERS = {"mp4": "mov", "adts": "aac", "webm": "matroska"} | {kind: kind for kind in _SAME_NAME}
_ONLY_FFMPEG = frozenset({"mp4", "adts", "webm", "asf"})
# Lengths that FFmpeg guesses from the bit rate.
_UNSTATED = frozenset({"adts", "mp3"})
_BAD_SHARE = 0.01
_CODECS = {
    "MPEG_LAYER_I": "mp1",
    "MPEG_LAYER_II": "mp2",
    "MPEG_LAYER_III": "mp3",
    "mp3float": "mp3",
    "VORBIS": "vorbis",
    "OPUS": "opus",
}


Samples = NDArray[np.float32]
Read = Callable[[Samples], int]
"""Fills the beginning of float32[n] with the frames that follow, and says how many they are; 0 is the end."""


@dataclass(frozen=True, slots=True)
class Reader:
    """An open song: ``read`` gives the mean of its ``channels``; ``claimed`` is the frames its header promises."""

    codec: str
    sample_rate: int
    channels: int
    claimed: int | None
    read: Read


@contextlib.contextmanager
def open_reader(file: BinaryIO, kind: str) -> Generator[Reader]:
    """Open an unbuffered binary ``file``, at its start, of the sniffed ``kind``.

    Raises Undecodable, here or while it is read.
    """
    with contextlib.ExitStack() as stack, _as_undecodable(kind):
        tag = read_length_tag(file) if kind == "mp3" else None
        reader = _open_soundfile(file, kind, stack) if _suits_soundfile(kind, tag) else None
        reader = reader or _open_ffmpeg(file, kind, tag, stack)
        if reader.channels > MOST_CHANNELS:
            raise Undecodable(f"more than {MOST_CHANNELS} channels")
        yield reader


@contextlib.contextmanager
def _as_undecodable(kind: str) -> Generator[None]:
    try:
        yield
    except (soundfile.SoundFileError, av.error.FFmpegError, ValueError, IndexError) as error:
        raise Undecodable(f"cannot be decoded as {kind}") from error


def _suits_soundfile(kind: str, tag: LengthTag | None) -> bool:
    # Of an MP3 that does not state its length libsndfile guesses it from the first frame, and stops there; of one
    # that is not as long as it states libmpg123 complains on stderr, which nobody can switch off.
    return kind not in _ONLY_FFMPEG and (kind != "mp3" or (tag is not None and tag.is_kept))


def _open_soundfile(file: BinaryIO, kind: str, stack: contextlib.ExitStack) -> Reader | None:
    # By descriptor: given a path, libsndfile would also look at the extension.
    try:
        sound = stack.enter_context(cast(Any, _Stream)(file.fileno(), closefd=False))
    except soundfile.SoundFileError:
        file.seek(0)
        return None
    codec = _CODECS.get(sound.subtype, str(sound.format).lower())
    return Reader(codec, int(sound.samplerate), int(sound.channels), int(sound.frames), _soundfile_read(sound))


class _Stream(soundfile.SoundFile):
    """Read once, from front to back: soundfile otherwise seeks to where it is after every block, and libmpg123 then
    decodes frames anew."""

    def seekable(self) -> bool:
        return False


def _soundfile_read(sound: Any) -> Read:  # noqa: ANN401  soundfile ships no types
    if sound.channels == 1:
        return lambda room: len(sound.read(out=room))
    block = np.empty((BLOCK_FRAMES, sound.channels), np.float32)
    # A matrix product is many times faster than a mean over the short axis.
    weights = np.full(sound.channels, 1 / sound.channels, np.float32)

    def read(room: Samples) -> int:
        frames = sound.read(out=block[: room.size])
        with np.errstate(all="ignore"):  # what is not finite is seen, and said, later
            np.matmul(frames, weights, out=room[: len(frames)])
        return len(frames)

    return read


def _open_ffmpeg(file: BinaryIO, kind: str, tag: LengthTag | None, stack: contextlib.ExitStack) -> Reader:
    if kind not in _DEMUXERS:
        raise Undecodable("not audio")
    container = stack.enter_context(av.open(file, mode="r", format=_DEMUXERS[kind], metadata_errors="replace"))
    if not container.streams.audio:
        raise Undecodable("no audio stream")
    stream = container.streams.audio[0]
    claimed = _claimed(stream, kind) if tag is None else tag.samples
    codec = _CODECS.get(stream.codec_context.name, stream.codec_context.name)
    return Reader(codec, stream.rate, stream.channels, claimed, _Pieces(_ffmpeg_pieces(container, stream)).read)


def _claimed(stream: av.AudioStream, kind: str) -> int | None:
    if kind in _UNSTATED or not stream.duration or not stream.time_base:
        return None
    return int(float(stream.duration * stream.time_base) * stream.rate)


def _ffmpeg_pieces(container: InputContainer, stream: av.AudioStream) -> Iterator[Samples]:
    to_float = av.AudioResampler(format="fltp")
    packets = bad = 0
    for packet in container.demux(stream):
        packets += 1
        try:
            frames = packet.decode()
        except av.error.InvalidDataError:
            # Players skip the odd damaged packet; scrambled audio has nothing else.
            bad += 1
            if bad > 1 + packets * _BAD_SHARE:
                raise
            continue
        for frame in frames:
            for converted in to_float.resample(frame):
                yield cast(Samples, converted.to_ndarray()).mean(axis=0)


class _Pieces:
    """Pieces of any length, handed on in the lengths that are asked for."""

    def __init__(self, pieces: Iterator[Samples]) -> None:
        self._pieces = pieces
        self._rest = np.empty(0, np.float32)

    def read(self, room: Samples) -> int:
        filled = 0
        while filled < room.size and self._has_more():
            taken = self._rest[: room.size - filled]
            room[filled : filled + taken.size] = taken
            self._rest = self._rest[taken.size :]
            filled += taken.size
        return filled

    def _has_more(self) -> bool:
        while not self._rest.size and (piece := next(self._pieces, None)) is not None:
            self._rest = piece
        return bool(self._rest.size)
