"""An epoch of our training beside the plain loop: 50,000 songs of 768 numbers, seven targets, on this machine's CPU.

The plain loop is what one writes from the paper: the published modules, a ``TensorDataset`` in a shuffling
``DataLoader`` with the default collation, batches of 512, the mean squared errors weighed by learned uncertainty,
``AdamW`` and ``clip_grad_norm_`` as torch has them by default. It is timed with 0, 1 and 2 workers that stay alive, and
counts at its best. Ours is the epoch that ``heads.train`` runs. All sides are processes that live through the whole
benchmark and train an epoch in turns on the same number of threads; medians of ``APEX_BENCH_TURNS`` (3) after a turn to
warm up. ``APEX_BENCH_SONGS`` sets the size.

Before that both sides learn from the same 50 batches, from the same weights, with dropout off (the two draw their
masks in different ways); where any two losses differ by more than 1e-5 of the loss, there is no result.
"""

import json
import os
import statistics
import subprocess
import sys
from collections.abc import Generator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import IO, Any, Protocol, cast

from tests.bench.measurement import Measurement

_WORKERS = (0, 1, 2)
_TOLERANCE = 1e-5


class Side(Protocol):
    """A child: an order in, an answer out."""

    def __call__(self, order: str) -> Any: ...


def measure() -> Measurement:
    """The plain epoch at its best number of workers by ours."""
    turns = int(os.environ.get("APEX_BENCH_TURNS", "3"))
    names = {"apex": ["apex"], **{f"plain: {n} workers": ["plain", str(n)] for n in _WORKERS}}
    with ExitStack() as stack:
        sides = {name: stack.enter_context(_child(words)) for name, words in names.items()}
        difference = _difference(sides["apex"]("losses"), sides["plain: 0 workers"]("losses"))
        rounds = [{name: side("epoch") for name, side in sides.items()} for _ in range(turns + 1)][1:]
    seconds = {name: statistics.median(each[name] for each in rounds) for name in names}
    best = min((name for name in names if name != "apex"), key=seconds.__getitem__)
    ratios = {"vs_dataloader": statistics.median(each[best] / each["apex"] for each in rounds)}
    notes = (
        f"the plain loop is fastest with {best.removeprefix('plain: ')}; {os.cpu_count()} cores; the first 50 losses "
        f"differ by at most {difference:.1e} of the loss (dropout off)"
    )
    return Measurement("train", ratios, seconds, notes)


def _difference(ours: list[float], plain: list[float]) -> float:
    worst = max(abs(a - b) / abs(b) for a, b in zip(ours, plain, strict=True))
    if worst > _TOLERANCE:
        raise RuntimeError(f"The two learn differently: losses differ by {worst:.1e}.")
    return worst


@contextmanager
def _child(words: list[str]) -> Generator[Side]:
    command = [sys.executable, "-m", "tests.bench.train_child", *words]
    with subprocess.Popen(
        command,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        cwd=Path(__file__).parents[2],
        env={**os.environ, "OMP_WAIT_POLICY": "PASSIVE"},  # as the command line has it
    ) as child:
        orders, answers = cast(IO[str], child.stdin), cast(IO[str], child.stdout)
        answers.readline()

        def ask(order: str) -> Any:
            print(order, file=orders, flush=True)
            return json.loads(answers.readline())

        yield ask
        orders.close()
