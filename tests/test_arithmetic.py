from collections.abc import Callable
from typing import Any, cast

import pytest
import torch

from apex_core.arithmetic import full_float32

BACKENDS = cast(Any, torch.backends)
PLACES = [BACKENDS.cuda.matmul, BACKENDS.cudnn.conv, BACKENDS.mkldnn.matmul, BACKENDS.mkldnn.conv]


def precisions() -> list[str]:
    return [place.fp32_precision for place in PLACES]


def by_the_old_name() -> None:
    torch.set_float32_matmul_precision("medium")


def by_the_new_name() -> None:
    BACKENDS.cuda.matmul.fp32_precision = "tf32"
    BACKENDS.mkldnn.matmul.fp32_precision = "bf16"


@pytest.mark.parametrize("allow", [by_the_old_name, by_the_new_name])
def test_float32_is_whole_whatever_the_process_allows_and_stays_allowed_after(allow: Callable[[], None]) -> None:
    default = precisions()
    try:
        allow()
        allowed = precisions()
        with full_float32():
            assert set(precisions()) == {"ieee"}
            assert torch.backends.cudnn.deterministic
        assert precisions() == allowed != default
        assert not torch.backends.cudnn.deterministic
    finally:
        torch.set_float32_matmul_precision("highest")
        for place, value in zip(PLACES, default, strict=True):
            place.fp32_precision = value
