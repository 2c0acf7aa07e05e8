"""How exactly torch computes, for whoever needs the same numbers in every process."""

from collections.abc import Generator
from contextlib import contextmanager
from typing import Any, cast

import torch

_BACKENDS = cast(Any, torch.backends)

# Operation by operation: the process-wide getters of before raise where somebody has used these in the same process.
_EXACTLY: tuple[tuple[Any, str, object], ...] = (
    (_BACKENDS.cuda.matmul, "fp32_precision", "ieee"),
    (_BACKENDS.cudnn.conv, "fp32_precision", "ieee"),
    (_BACKENDS.mkldnn.matmul, "fp32_precision", "ieee"),
    (_BACKENDS.mkldnn.conv, "fp32_precision", "ieee"),
    (_BACKENDS.cudnn, "benchmark", False),
    (_BACKENDS.cudnn, "deterministic", True),
)


@contextmanager
def full_float32() -> Generator[None]:
    """Products and convolutions of float32 keep its 24 bits: no TF32, no bf16 in disguise, whatever the process set.

    For one thread at a time: what it sets, and sets back, is the process's.
    """
    before = [getattr(place, name) for place, name, _ in _EXACTLY]
    for place, name, value in _EXACTLY:
        setattr(place, name, value)
    try:
        yield
    finally:
        for (place, name, _), value in zip(_EXACTLY, before, strict=True):
            setattr(place, name, value)
