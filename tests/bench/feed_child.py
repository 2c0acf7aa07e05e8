"""One process of the feed benchmark: ``make`` an mp3, or prepare files again and again, for each line on stdin."""

import hashlib
import json
import os
import sys
import time
from collections.abc import Callable, Iterator
from itertools import chain
from pathlib import Path
from typing import Any

import numpy as np
import soundfile
import torch
from numpy.typing import NDArray
from torchaudio.functional import resample
from transformers import Wav2Vec2FeatureExtractor

from apex_core.audio import SAMPLE_RATE, SEGMENT_SAMPLES, AudioRef, Feed
from apex_core.errors import AudioError
from apex_core.mert.forward import unit_variance
from apex_core.sandbox.attributes import draw
from apex_core.sandbox.composer import compose
from apex_core.settings import AudioSettings

_RATE, _BLOCK = 44_100, 1 << 16
Ready = Iterator[NDArray[np.float32]]
Answer = dict[str, Any]


def main() -> None:
    what, *arguments = sys.argv[1:]
    answer = {"make": _make, "plain": _plain, "ours": _ours, "decode": _decode, "feed": _feed, "growth": _growth}[what]
    torch.set_num_threads(1)
    act = answer(*arguments)
    for line in sys.stdin:
        print(json.dumps(act(line.strip())), flush=True)


def _make(path: str, seconds: str) -> Callable[[str], Answer]:
    wave = compose(draw(np.random.default_rng(int(float(seconds)))), float(seconds), _RATE, 1)
    with soundfile.SoundFile(path, "w", _RATE, 2, format="MP3") as file:
        for start in range(0, len(wave), _BLOCK):
            file.write(wave[start : start + _BLOCK])
    return lambda _: {}


def _plain(*files: str) -> Callable[[str], Answer]:
    extractor = Wav2Vec2FeatureExtractor(
        feature_size=1, sampling_rate=SAMPLE_RATE, do_normalize=True, return_attention_mask=True
    )

    def ready(file: str) -> Ready:
        samples, rate = soundfile.read(file, dtype="float32", always_2d=True)
        wave = resample(torch.from_numpy(samples).mean(dim=1), rate, SAMPLE_RATE)
        for start in range(0, len(wave), SEGMENT_SAMPLES):
            segment = wave[start : start + SEGMENT_SAMPLES]
            padded = torch.nn.functional.pad(segment, (0, SEGMENT_SAMPLES - len(segment)))
            yield extractor(padded.numpy(), sampling_rate=SAMPLE_RATE, return_tensors="np")["input_values"][0]

    return _preparing(files, ready)


def _ours(*files: str) -> Callable[[str], Answer]:
    feed = Feed(".", AudioSettings(), 0)

    def ready(file: str) -> Ready:
        for _, windows in feed.stream([_ref(file)]):
            assert not isinstance(windows, AudioError)
            for window in windows:
                yield unit_variance(torch.from_numpy(window)).numpy()

    return _preparing(files, ready)


def _decode(*files: str) -> Callable[[str], Answer]:
    """libmpg123 alone, into a block that stays in the cache."""
    block = np.empty((1 << 15, 2), np.float32)

    def ready(file: str) -> Ready:
        with soundfile.SoundFile(file) as sound:
            sound.seekable = lambda: False  # or it would seek after every block
            while len(sound.read(out=block)):
                yield block

    return _preparing(files, ready)


def _preparing(files: tuple[str, ...], ready: Callable[[str], Ready]) -> Callable[[str], Answer]:
    for path in files:
        _ref(path)  # hashed before the clock starts

    def act(how: str) -> Answer:
        if how == "check":
            return {"off": max(_off(file, ready(file)) for file in files)}
        started = time.process_time()
        for _ in chain.from_iterable(map(ready, files)):
            pass
        return {"seconds": time.process_time() - started}

    return act


def _off(file: str, segments: Ready) -> float:
    """How far segments are from those of float64 arithmetic."""
    samples, rate = soundfile.read(file, dtype="float64", always_2d=True)
    wave = resample(torch.from_numpy(samples.mean(axis=1)), rate, SAMPLE_RATE).numpy()
    wanted = np.pad(wave, (0, -len(wave) % SEGMENT_SAMPLES)).reshape(-1, SEGMENT_SAMPLES)
    wanted = (wanted - wanted.mean(axis=1, keepdims=True)) / np.sqrt(wanted.var(axis=1, keepdims=True) + 1e-7)
    return max(float(np.abs(one - other).max()) for one, other in zip(segments, wanted, strict=True))


_HASHES: dict[str, str] = {}


def _ref(file: str) -> AudioRef:
    if file not in _HASHES:
        _HASHES[file] = hashlib.sha256(Path(file).read_bytes()).hexdigest()
    return AudioRef(_HASHES[file], file, "library")


def _feed(workers: str, *files: str) -> Callable[[str], Answer]:
    feed = Feed(".", AudioSettings(), int(workers)).__enter__()
    refs = [_ref(file) for file in files] * 6  # so many that the last ones, when one process idles, weigh little

    def act(_: str) -> Answer:
        started = time.perf_counter()
        _count(feed, refs)
        return {"seconds": time.perf_counter() - started}

    return act


def _growth(songs: str, *files: str) -> Callable[[str], Answer]:
    refs = [_ref(file) for file in files]

    def act(_: str) -> Answer:
        with Feed(".", AudioSettings(), 2) as feed:
            stream = feed.stream(refs[number % len(refs)] for number in range(int(songs)))
            peaks: list[list[int]] = []
            for number, song in enumerate(stream, 1):
                assert not isinstance(song[1], AudioError)
                del song  # its memory, too, is free before the next
                if number in (int(songs) // 10, int(songs)):
                    peaks.append(_peaks())
        return {"after_tenth": peaks[0], "after_all": peaks[1]}

    return act


def _count(feed: Feed[NDArray[np.float32]], refs: list[AudioRef]) -> int:
    count = 0
    for _, windows in feed.stream(refs):
        assert not isinstance(windows, AudioError)
        count += len(windows)
    return count


def _peaks() -> list[int]:
    """Peak MB of this process and of its children."""
    children = Path(f"/proc/self/task/{os.getpid()}/children").read_text().split()
    return [_peak(process) for process in ("self", *children)]


def _peak(process: str) -> int:
    lines = Path(f"/proc/{process}/status").read_text().splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith("VmHWM")) // 1024


if __name__ == "__main__":
    main()
