"""Matrix products of rows with weights as they lie in a checkpoint, [outputs, inputs].

On a CPU in float32 they go to oneDNN, which adds bias, GELU or a residual while the result is still in the cache, and
whose products are faster than those of ``torch.nn.functional.linear`` (MKL) on every machine measured. It is the
operator that torch's own compiler calls; a build without it takes the plain way, to the same numbers but the last bits.
"""

from typing import Any, cast

import torch
from torch import Tensor
from torch.nn import functional as F

# Registered with torch's C++ operators, not with its Python API: a build may lack it.
_FOUND = torch.backends.mkldnn.is_available() and hasattr(torch.ops.mkldnn, "_linear_pointwise")
_ONEDNN: Any = torch.ops.mkldnn._linear_pointwise if _FOUND else None


def product(rows: Tensor, weight: Tensor, bias: Tensor | None = None, *, gelu: bool = False) -> Tensor:
    """``rows`` [..., inputs] times ``weight`` [outputs, inputs], plus bias, through an exact GELU when asked.

    Works and answers in the weight's type; a bias is of that type, too.
    """
    rows = rows.to(weight.dtype)
    if _onednn_takes(weight):
        return cast(Tensor, _ONEDNN(rows, weight, bias, "gelu" if gelu else "none", [], "none"))
    made = F.linear(rows, weight, bias)
    return cast(Tensor, torch.ops.aten.gelu_(made)) if gelu else made


def add_product(residual: Tensor, rows: Tensor, weight: Tensor, bias: Tensor) -> Tensor:
    """``residual`` [..., outputs] plus the product, in the residual's type."""
    if _onednn_takes(weight):
        return cast(Tensor, _ONEDNN.binary(rows, residual, weight, bias, "add"))
    return residual + product(rows, weight, bias)


def _onednn_takes(weight: Tensor) -> bool:
    # The compiler makes this operator of plain products itself, and takes it from nobody else.
    plain = weight.device.type == "cpu" and weight.dtype == torch.float32
    return plain and _ONEDNN is not None and not torch.compiler.is_compiling()
