"""Matrix products of rows with weights as they lie in a checkpoint, [outputs, inputs].

On a CPU in float32 they go to oneDNN, which adds bias, GELU or a residual while the result is still in the cache, and
whose products are faster than those of ``torch.nn.functional.linear`` (MKL) on every machine measured. It is the
operator that torch's own compiler calls; a build without it takes the plain way, to the same numbers but the last bits.
"""

from collections.abc import Callable
from functools import cache
from typing import Any, cast

import torch
from torch import Tensor
from torch.nn import functional as F


def product(rows: Tensor, weight: Tensor, bias: Tensor | None = None, *, gelu: bool = False) -> Tensor:
    """``rows`` [..., inputs] times ``weight`` [outputs, inputs], plus bias, through an exact GELU when asked.

    Works and answers in the weight's type; a bias is of that type, too.
    """
    rows = rows.to(weight.dtype)
    if fused := _fused(weight):
        return fused(rows, weight, bias, "gelu" if gelu else "none", [], "none")
    made = F.linear(rows, weight, bias)
    return cast(Tensor, torch.ops.aten.gelu_(made)) if gelu else made


def add_product(residual: Tensor, rows: Tensor, weight: Tensor, bias: Tensor) -> Tensor:
    """``residual`` [..., outputs] plus the product, in the residual's type."""
    if fused := _fused(weight):
        return fused.binary(rows, residual, weight, bias, "add")
    return residual + product(rows, weight, bias)


def _fused(weight: Tensor) -> Any | None:  # noqa: ANN401
    # The compiler makes this operator of plain products itself, and takes it from nobody else.
    if torch.compiler.is_compiling() or weight.device.type != "cpu" or weight.dtype != torch.float32:
        return None
    return onednn()


@cache
def onednn() -> Callable[..., Tensor] | None:
    """oneDNN's operator, or None where this torch has none, or one that answers something else: it is not public."""
    operator = getattr(torch.ops.mkldnn, "_linear_pointwise", None)
    if operator is None or not torch.backends.mkldnn.is_available():
        return None
    rows = torch.linspace(-2, 2, 40).as_strided((8, 12), (4, 1))  # windows that overlap, as the front end's do
    weight, bias = torch.linspace(-1, 1, 60).view(5, 12), torch.linspace(1, 2, 5)
    plain = F.linear(rows, weight, bias)
    try:
        active = operator(rows, weight, bias, "gelu", [], "none")
        added = operator.binary(rows, plain, weight, bias, "add")
    except (RuntimeError, TypeError, AttributeError, NotImplementedError):
        return None
    same = torch.allclose(active, F.gelu(plain), atol=1e-4) and torch.allclose(added, 2 * plain, atol=1e-4)
    return operator if same else None
