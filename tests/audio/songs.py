"""Songs for the tests: made, written in every format the platforms use, and damaged."""

from collections.abc import Iterator
from pathlib import Path

import av
import numpy as np
import soundfile
from numpy.typing import NDArray

Samples = NDArray[np.float32]


def tone(frames: int, rate: int, channels: int = 2) -> Samples:
    """Chords with a little noise, float32[frames, channels]; every channel is different."""
    random = np.random.default_rng(frames + channels)
    seconds = np.arange(frames) / rate
    columns = [0.3 * np.sin(2 * np.pi * 110 * (n + 2) * seconds) for n in range(channels)]
    return (np.stack(columns, axis=1) + 0.02 * random.standard_normal((frames, channels))).astype(np.float32)


def write(path: Path, samples: Samples, rate: int, subtype: str | None = None, format: str | None = None) -> Path:
    soundfile.write(path, samples, rate, subtype=subtype, format=format)
    return path


def scrambled(path: Path) -> Path:
    """Write an mp3 of the right length whose middle is noise: libmpg123 has much to say about it."""
    write(path, tone(44100 * 6, 44100), 44100)
    body = bytearray(path.read_bytes())
    third = len(body) // 3
    body[third : 2 * third] = np.random.default_rng(1).bytes(third)
    path.write_bytes(body)
    return path


def write_ffmpeg(path: Path, samples: Samples, rate: int, codec: str, container: str, **options: str) -> Path:
    """Encode with FFmpeg, for what libsndfile does not write."""
    with av.open(str(path), "w", format=container, container_options=options) as output:
        stream = output.add_stream(codec, rate=rate, layout="stereo")
        for frame in _frames(samples, rate, "s16" if codec == "libopus" else "fltp"):
            output.mux(stream.encode(frame))
        output.mux(stream.encode(None))
    return path


def _frames(samples: Samples, rate: int, form: str) -> Iterator[av.AudioFrame]:
    for start in range(0, len(samples), 1024):
        block = samples[start : start + 1024]
        packed = (block * 32767).astype(np.int16).reshape(1, -1)
        array = packed if form == "s16" else np.ascontiguousarray(block.T)
        frame = av.AudioFrame.from_ndarray(array, format=form, layout="stereo")
        frame.sample_rate, frame.pts = rate, start
        yield frame
