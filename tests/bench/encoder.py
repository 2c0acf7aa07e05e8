"""The encoder beside the stock model: MERT's architecture, random weights, fp32 on a CPU, 30 s segments of music.

Both sides are processes that live through the whole benchmark and encode a segment in turns; medians of
``APEX_BENCH_TURNS`` (5) after one turn to warm up. The stock model gets the processor's output, eval and inference mode
and SDPA, a segment a call, which is its fastest way on a CPU. Memory is of processes of their own: the peak above what
was resident when the model was loaded; ours for one segment and for four in one call. The
fraction is the architecture's operations by our seconds, by the fastest large matrix product seen in the same turns.
"""

import json
import os
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Any, Protocol, cast

import numpy as np

from apex_core.mert.config import MERT_95M, SEGMENT_SAMPLES, SEGMENT_SECONDS, Architecture
from apex_core.sandbox.attributes import draw
from apex_core.sandbox.composer import compose
from tests.bench.measurement import Measurement

_MANY = 4


class Side(Protocol):
    """A child: an order in, an answer out."""

    def __call__(self, order: str) -> dict[str, Any]: ...


def measure() -> Measurement:
    """Ratios of time and memory to the stock model, growth with more segments, share of the products' peak."""
    with tempfile.TemporaryDirectory(prefix="apex-bench-") as folder:
        np.save(Path(folder) / "segments.npy", music(_MANY))
        turns = _turns(folder, int(os.environ.get("APEX_BENCH_TURNS", "5")))
        memory = {run: _memory(folder, *run) for run in (("stock", 1), ("apex", 1), ("apex", _MANY))}
    peak = statistics.median(turn["peak"] for turn in turns)
    seconds = {name: statistics.median(turn[name] for turn in turns) for name in ("stock", "apex")}
    work = operations(MERT_95M)
    ratios = {
        "vs_stock": statistics.median(turn["stock"] / turn["apex"] for turn in turns),
        "memory_vs_stock": memory["apex", 1] / memory["stock", 1],
        "memory_batch_growth": memory["apex", _MANY] / memory["apex", 1],
        "gemm_fraction": statistics.median(work / turn["apex"] / turn["peak"] for turn in turns),
    }
    notes = (
        f"{work:,.0f} GFLOP a segment; fastest product {peak:,.0f} GFLOP/s; {os.cpu_count()} cores; "
        f"{SEGMENT_SECONDS / seconds['apex']:.1f}x real time"
        f"\nMB above the loaded model: stock {memory['stock', 1]:,.0f}, apex {memory['apex', 1]:,.0f}, "
        f"apex with {_MANY} segments {memory['apex', _MANY]:,.0f}"
        f"\nlayer means of music differ by at most {max(turn['difference'] for turn in turns):.1e} of the largest"
    )
    return Measurement("encoder", ratios, {f"{name}: a segment": value for name, value in seconds.items()}, notes)


def music(songs: int) -> "np.typing.NDArray[np.float32]":
    """The first half minute of so many of the sandbox's songs, mono: float32[songs, 720000]."""
    made = [compose(draw(np.random.default_rng(n)), SEGMENT_SECONDS, 24_000, seed=n).mean(axis=1) for n in range(songs)]
    return np.stack(made).astype(np.float32)


def operations(a: Architecture) -> float:
    """GFLOP of the products for a segment; norms, activations and softmax not counted."""
    work, samples, inputs = 0.0, SEGMENT_SAMPLES, 1
    for outputs, kernel, stride in zip(a.conv_dim, a.conv_kernel, a.conv_stride, strict=True):
        samples = (samples - kernel) // stride + 1
        work += samples * outputs * inputs * kernel
        inputs = outputs
    hidden, frames = a.hidden_size, samples
    work += frames * hidden * inputs
    work += frames * hidden * hidden // a.num_conv_pos_embedding_groups * a.num_conv_pos_embeddings
    block = 4 * hidden * hidden + 2 * hidden * a.intermediate_size + 2 * frames * hidden
    return 2 * (work + a.num_hidden_layers * frames * block) / 1e9


def _turns(folder: str, count: int) -> list[dict[str, float]]:
    with child("stock", folder) as stock, child("apex", folder) as apex:
        return [_turn(folder, stock, apex, number) for number in range(count + 1)][1:]


def _turn(folder: str, stock: Side, apex: Side, number: int) -> dict[str, float]:
    order = f"encode 1 {number % _MANY}"
    seconds = {"stock": stock(order)["seconds"], "apex": apex(order)["seconds"]}
    means, wanted = (np.load(Path(folder) / f"{what}.npy") for what in ("apex", "stock"))
    difference = float(np.abs(means - wanted).max() / np.abs(wanted).max())
    return {**seconds, "difference": difference, "peak": apex("peak")["gflops"]}


def _memory(folder: str, what: str, segments: int) -> float:
    with child(what, folder) as side:
        return side(f"encode {segments} 0")["above_mb"]


@contextmanager
def child(what: str, folder: str) -> Generator[Side]:
    command = [sys.executable, "-m", "tests.bench.encoder_child", what, folder]
    with subprocess.Popen(
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, cwd=Path(__file__).parents[2]
    ) as child:
        orders, answers = cast(IO[str], child.stdin), cast(IO[str], child.stdout)
        answers.readline()

        def ask(order: str) -> dict[str, Any]:
            print(order, file=orders, flush=True)
            return json.loads(answers.readline())

        yield ask
        orders.close()
