"""The feed beside the plain path, from mp3 files to segments that are ready to encode, without a model.

Plain: ``soundfile.read``, ``torch.mean`` over channels, torchaudio's ``resample`` with its defaults, zero-padding,
and transformers' ``Wav2Vec2FeatureExtractor`` with ``do_normalize``. Ours: what a feed does in its own process, the
check of the file's hash included, then the encoder's ``unit_variance``. Each is a process of its own with one thread,
warm; they take turns over the same files, both are held against a float64 reference, and medians of paired ratios are
given, in seconds of the processor, which others on the machine disturb least. ``decode_share``: how much of ours
libmpg123 takes, which nothing here can make shorter. Workers are timed by the clock, with a consumer that only counts.
Memory: the peaks of the parent and of its workers over ``APEX_BENCH_SONGS`` (2,000) songs, beside those after a tenth
of them.
"""

import json
import os
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from tests.bench.measurement import Measurement

_SECONDS = (12.0, 187.3, 31.0, 242.9, 90.0, 305.5)
_TIMES = 7
_ONE_THREAD = dict.fromkeys(("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"), "1")


class Child:
    """A process of this benchmark that does its work once whenever it is told to, and says what it found."""

    def __init__(self, what: str, *arguments: str) -> None:
        self._process = subprocess.Popen(
            [sys.executable, "-m", "tests.bench.feed_child", what, *arguments],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, cwd=Path(__file__).parents[2],
            env=os.environ | _ONE_THREAD,
        )  # fmt: skip

    def ask(self, how: str = "go") -> dict[str, Any]:
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.write(f"{how}\n")
        self._process.stdin.flush()
        return json.loads(self._process.stdout.readline())

    def __enter__(self) -> "Child":
        return self

    def __exit__(self, *_: object) -> None:
        assert self._process.stdin is not None
        self._process.stdin.close()
        self._process.wait()


def measure() -> Measurement:
    """Ratios of speed, and of peak memory at the end to that after a tenth of the songs."""
    songs = int(os.environ.get("APEX_BENCH_SONGS", "2000"))
    with tempfile.TemporaryDirectory(prefix="apex-bench-") as folder:
        files = _files(Path(folder))
        with Child("plain", *files) as plain, Child("ours", *files) as ours, Child("decode", *files) as decode:
            off = {name: child.ask("check")["off"] for name, child in (("plain", plain), ("ours", ours))}
            assert max(off.values()) < 1e-4, f"not the reference's segments: {off}"
            turns = _in_turns({"plain": plain, "ours": ours, "decode": decode})
        with Child("feed", "1", *files) as one, Child("feed", "2", *files) as two:
            both = _in_turns({"one": one, "two": two})
        with Child("growth", str(songs), *(file for file, s in zip(files, _SECONDS, strict=True) if s < 100)) as child:
            grown = child.ask()
    ratios = {
        "vs_plain": _ratio(turns, "plain", "ours"),
        "decode_share": _ratio(turns, "decode", "ours"),
        "two_workers_vs_one": _ratio(both, "one", "two"),
        "memory_growth": max(grown["after_all"]) / max(grown["after_tenth"]),
    }
    seconds = {name: statistics.median(turn[name] for turn in turns) for name in turns[0]}
    seconds |= {f"feed, {name}": statistics.median(turn[name] for turn in both) for name in both[0]}
    notes = (
        f"{sum(_SECONDS):,.0f} s of mp3 at 44.1 kHz stereo in {len(_SECONDS)} files; {os.cpu_count()} cores; "
        f"off a float64 reference: {off}; peak MB of parent and workers after {songs // 10} songs "
        f"{grown['after_tenth']}, after {songs} {grown['after_all']}"
    )
    return Measurement("feed", ratios, seconds, notes)


def _files(folder: Path) -> list[str]:
    paths = [str(folder / f"{number}.mp3") for number in range(len(_SECONDS))]
    making = [Child("make", path, str(seconds)) for path, seconds in zip(paths, _SECONDS, strict=True)]
    for child in making:
        with child:
            child.ask()
    return paths


def _in_turns(children: dict[str, Child]) -> list[dict[str, float]]:
    for child in children.values():
        child.ask()  # warm
    return [{name: child.ask()["seconds"] for name, child in children.items()} for _ in range(_TIMES)]


def _ratio(turns: Sequence[dict[str, float]], over: str, under: str) -> float:
    return statistics.median(turn[over] / turn[under] for turn in turns)
