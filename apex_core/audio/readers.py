"""Decoders: libsndfile for what it reads, FFmpeg (PyAV) for m4a, aac, webm and what libsndfile refuses."""

import contextlib
from collections.abc import Generator, Iterator
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

BLOCK_FRAMES = 1 << 17
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


@dataclass(frozen=True, slots=True)
class Reader:
    """An open song: ``blocks`` are float32[n, channels]; ``claimed`` is the frames its header promises."""

    codec: str
    sample_rate: int
    channels: int
    claimed: int | None
    blocks: Iterator[NDArray[np.float32]]


@contextlib.contextmanager
def open_reader(file: BinaryIO, kind: str) -> Generator[Reader]:
    """Open an unbuffered binary ``file``, at its start, of the sniffed ``kind``.

    Raises Undecodable, here or while blocks are read.
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
        sound = stack.enter_context(cast(Any, soundfile.SoundFile)(file.fileno(), closefd=False))
    except soundfile.SoundFileError:
        file.seek(0)
        return None
    codec = _CODECS.get(sound.subtype, str(sound.format).lower())
    return Reader(codec, int(sound.samplerate), int(sound.channels), int(sound.frames), _soundfile_blocks(sound))


def _soundfile_blocks(sound: Any) -> Iterator[NDArray[np.float32]]:  # noqa: ANN401  soundfile ships no types
    # Not SoundFile.blocks(): where the file ends early it goes on with what is left in its buffer.
    while len(block := sound.read(BLOCK_FRAMES, dtype="float32", always_2d=True)):
        yield block


def _open_ffmpeg(file: BinaryIO, kind: str, tag: LengthTag | None, stack: contextlib.ExitStack) -> Reader:
    if kind not in _DEMUXERS:
        raise Undecodable("not audio")
    container = stack.enter_context(av.open(file, mode="r", format=_DEMUXERS[kind], metadata_errors="replace"))
    if not container.streams.audio:
        raise Undecodable("no audio stream")
    stream = container.streams.audio[0]
    claimed = _claimed(stream, kind) if tag is None else tag.samples
    codec = _CODECS.get(stream.codec_context.name, stream.codec_context.name)
    return Reader(codec, stream.rate, stream.channels, claimed, _ffmpeg_blocks(container, stream))


def _claimed(stream: av.AudioStream, kind: str) -> int | None:
    if kind in _UNSTATED or not stream.duration or not stream.time_base:
        return None
    return int(float(stream.duration * stream.time_base) * stream.rate)


def _ffmpeg_blocks(container: InputContainer, stream: av.AudioStream) -> Iterator[NDArray[np.float32]]:
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
                yield cast(NDArray[np.float32], converted.to_ndarray()).T
