"""Parts of a batch on threads of their own: what one thread would have computed, and an end when one fails."""

import gc
import threading
from collections.abc import Iterator

import pytest
import torch
from torch import Tensor

from apex_core.heads.config import HeadsConfig
from apex_core.heads.fitting import Fit, seeded
from apex_core.heads.layers import Masks
from apex_core.heads.model import ApexHeads
from apex_core.heads.rows import Rows
from apex_core.heads.side_by_side import threads
from apex_core.heads.together import ALONE
from apex_core.settings import TrainSettings

CPU = torch.device("cpu")
SETTINGS = TrainSettings(loss="uncertainty", device="cpu")


class NoMasks(Masks):
    """Drops nothing: the parts draw their masks apart, so only without them does anything compare."""

    def __init__(self) -> None:
        super().__init__(0, CPU)

    def draw(self, rate: float, out: Tensor) -> None:
        out.fill_(1)


@pytest.fixture(autouse=True)
def as_before() -> Iterator[None]:
    with threads(torch.get_num_threads()):
        yield


def fit_on(count: int) -> Fit:
    torch.set_num_threads(count)
    with seeded(0):
        model = ApexHeads(HeadsConfig(hidden=24))
    fit = Fit.begin(model, SETTINGS, CPU, ALONE)
    fit.parts.masks[:] = [NoMasks() for _ in fit.parts.masks]
    return fit


def rows(count: int = 600) -> Rows:
    source = torch.Generator().manual_seed(1)
    targets = torch.rand(count, 7, generator=source) * 4 + 1
    targets[::7, 2] = torch.nan
    vectors = torch.randn(count, 24, generator=source) * 3 + 5
    return Rows(targets, vectors, torch.arange(count).numpy())


@pytest.mark.parametrize("count", [1, 2, 3, 64])
def test_as_many_parts_as_threads_but_none_too_small(count: int) -> None:
    fit = fit_on(count)
    assert len(fit.parts.heads) == min(count, SETTINGS.batch_size // 128)
    assert fit.parts.threads == count // len(fit.parts.heads)


@pytest.mark.parametrize("size", [512, 301, 5])
@pytest.mark.parametrize("count", [2, 3])
def test_parts_learn_what_one_thread_learns(count: int, size: int) -> None:
    """Losses, weights and BatchNorm's averages, also where a part has hardly a row, or none."""
    held, alone, parts = rows(), fit_on(1), fit_on(count)
    for step in range(4):
        index = torch.randperm(len(held), generator=torch.Generator().manual_seed(step))[:size]
        losses = [fit.step(held, index, SETTINGS.clip_norm).item() for fit in (alone, parts)]
        assert losses[0] == pytest.approx(losses[1], rel=1e-5)
    for fit in (alone, parts):
        fit.heads.store()
    others = parts.model.state_dict()
    for name, tensor in alone.model.state_dict().items():
        torch.testing.assert_close(others[name], tensor, rtol=1e-3, atol=2e-4, msg=name)
    assert parts.validate(held)[0] == pytest.approx(alone.validate(held)[0], rel=1e-4)


def test_a_part_without_rows_takes_part() -> None:
    """Two rows on three threads. Their gradient hangs on rounding: BatchNorm makes of any two rows ±1."""
    losses = [fit_on(count).step(rows(), torch.arange(2), SETTINGS.clip_norm).item() for count in (1, 3)]
    assert losses[0] == pytest.approx(losses[1], rel=1e-4)


def test_equal_seeds_and_threads_give_equal_bits_and_parts_drop_apart() -> None:
    held, found = rows(), list[Tensor]()
    for _ in range(2):
        torch.set_num_threads(2)
        with seeded(0):
            model = ApexHeads(HeadsConfig(hidden=24))
        fit = Fit.begin(model, SETTINGS, CPU, ALONE)
        fit.learn(held, SETTINGS)
        found.append(fit.heads.flat.detach().clone())
        one, other = (mask.source.initial_seed() for mask in fit.parts.masks)
        assert one != other
    assert torch.equal(*found)


def test_a_part_that_fails_ends_the_others_with_its_error() -> None:
    fit = fit_on(2)

    class Broken(NoMasks):
        def draw(self, rate: float, out: Tensor) -> None:
            raise ArithmeticError("no more numbers")

    fit.parts.masks[1] = Broken()
    with pytest.raises(ArithmeticError, match="no more numbers"):
        fit.step(rows(), torch.arange(512), 1.0)


def test_threads_end_with_the_training() -> None:
    fit = fit_on(2)
    fit.step(rows(), torch.arange(512), 1.0)
    own = [thread for thread in threading.enumerate() if thread.name.startswith("part")]
    assert own
    del fit
    gc.collect()
    for thread in own:
        thread.join(10)
        assert not thread.is_alive()
