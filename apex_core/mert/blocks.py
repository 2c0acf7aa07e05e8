"""HuBERT's transformer: positions, then blocks of attention and feed-forward, each followed by its norm.

Only the time means of the wanted blocks leave it; queries, keys and values are one product. Matrix products work in the
weights' type; norms, residuals and means in float32.
"""

import logging
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple, cast

import torch
from torch import Tensor, nn
from torch.nn import functional as F
from transformers import HubertModel
from transformers.models.hubert.modeling_hubert import HubertEncoderLayer

from apex_core.mert.positions import Positions, spread
from apex_core.mert.products import add_product, product

_log = logging.getLogger("apex_core.mert")

_ROWS_AT_ONCE = 1_200
"""Rows of the feed-forward on a CPU, whose inner layer is else the largest thing in memory."""


class Norm(NamedTuple):
    """A layer norm over the last axis, always in float32."""

    weight: Tensor
    bias: Tensor
    eps: float


class Weights(NamedTuple):
    """One block. ``inputs`` are the projections of queries, keys and values, one below the other."""

    inputs: Tensor
    inputs_bias: Tensor
    output: Tensor
    output_bias: Tensor
    attention_norm: Norm
    up: Tensor
    up_bias: Tensor
    down: Tensor
    down_bias: Tensor
    final_norm: Norm


Block = Callable[[Tensor, Weights, int], Tensor]


class Blocks:
    """Features to the time means of the outputs of ``layers``; weights shared with ``model`` where they can be."""

    def __init__(
        self, model: HubertModel, layers: Sequence[int], device: torch.device, dtype: torch.dtype, *, compiled: bool
    ) -> None:
        def place(tensor: Tensor) -> Tensor:
            return tensor.to(device, dtype)

        projection, encoder = cast(Any, model.feature_projection), cast(Any, model.encoder)
        self._entry_norm = _norm(projection.layer_norm, device) if projection.feat_proj_layer_norm else None
        self._entry = place(projection.projection.weight), place(projection.projection.bias)
        conv = encoder.pos_conv_embed.conv
        self._positions = Positions(place(conv.weight), place(conv.bias), int(conv.padding[0]), int(conv.groups))
        self._norm = _norm(encoder.layer_norm, device)
        self._blocks = [_weights(layer, device, place) for layer in encoder.layers[: max(layers)]]
        self._heads = int(model.config.num_attention_heads)
        self._layers = tuple(layers)
        self._compiled = CompiledBlock() if compiled else None

    @property
    def compiled(self) -> bool:
        """Whether blocks run compiled, as far as is known."""
        return self._compiled is not None and self._compiled.works

    def __call__(self, features: Tensor) -> Tensor:
        """[b, frames, channels] to [b, layers, hidden], float32."""
        state = self._enter(features)
        block: Block = self._compiled or _block
        means: list[Tensor] = []
        for depth, weights in enumerate(self._blocks, start=1):
            state = block(state, weights, self._heads)
            if depth in self._layers:
                means.append(state.mean(dim=1))
        return torch.stack(means, dim=1)

    def _enter(self, features: Tensor) -> Tensor:
        features = features.float() if self._entry_norm is None else _normed(features.float(), self._entry_norm)
        state = product(features, *self._entry)
        placed = F.gelu(spread(state, self._positions))
        return _normed(state.float() + placed.float(), self._norm)


class CompiledBlock:
    """A block through torch's compiler until that fails, at whatever shape; then plain, the same but slower.

    One function for all blocks, so that it is compiled once; dynamic, since the last batch may be smaller.
    """

    def __init__(self, backend: str | Callable[..., Any] = "inductor") -> None:
        self._compiled: Block = torch.compile(_block, dynamic=True, backend=backend)
        self.works = True

    def __call__(self, state: Tensor, weights: Weights, heads: int) -> Tensor:
        if self.works:
            try:
                return self._compiled(state, weights, heads)
            except torch.OutOfMemoryError:
                raise  # the plain block would need no less
            except Exception as error:  # the compiler's errors have no common class, and none is a reason to stop
                _log.warning("the encoder runs uncompiled: %s", str(error).strip().partition("\n")[0])
                self.works = False
        return _block(state, weights, heads)


def _block(state: Tensor, weights: Weights, heads: int) -> Tensor:
    """One block over [b, frames, hidden]."""
    batch, frames, hidden = state.shape
    parts = product(state, weights.inputs, weights.inputs_bias).view(batch, frames, 3, heads, hidden // heads)
    # A head's rows side by side: attention reads them many times, and the joint product leaves them 9 kB apart.
    query, key, value = parts.permute(2, 0, 3, 1, 4).contiguous().unbind(0)
    del parts
    attended = F.scaled_dot_product_attention(query, key, value).transpose(1, 2).reshape(batch, frames, hidden)
    state = _normed(add_product(state, attended, weights.output, weights.output_bias), weights.attention_norm)
    return _normed(_fed_forward(state, weights), weights.final_norm)


def _fed_forward(state: Tensor, weights: Weights) -> Tensor:
    def fed(rows: Tensor) -> Tensor:
        inner = product(rows, weights.up, weights.up_bias, gelu=True)
        return add_product(rows, inner, weights.down, weights.down_bias)

    if state.device.type != "cpu":
        return fed(state)
    return torch.cat([fed(rows) for rows in state.split(_ROWS_AT_ONCE, dim=1)], dim=1)


def _normed(state: Tensor, norm: Norm) -> Tensor:
    return F.layer_norm(state, norm.weight.shape, norm.weight, norm.bias, norm.eps)


def _norm(layer: nn.LayerNorm, device: torch.device) -> Norm:
    return Norm(layer.weight.to(device, torch.float32), layer.bias.to(device, torch.float32), layer.eps)


def _weights(layer: HubertEncoderLayer, device: torch.device, place: Callable[[Tensor], Tensor]) -> Weights:
    attention, feed = layer.attention, layer.feed_forward
    inputs, inputs_bias = _joined([attention.q_proj, attention.k_proj, attention.v_proj])
    return Weights(
        place(inputs),
        place(inputs_bias),
        place(attention.out_proj.weight),
        place(attention.out_proj.bias),
        _norm(layer.layer_norm, device),
        place(feed.intermediate_dense.weight),
        place(feed.intermediate_dense.bias),
        place(feed.output_dense.weight),
        place(feed.output_dense.bias),
        _norm(layer.final_layer_norm, device),
    )


def _joined(projections: Sequence[nn.Linear]) -> tuple[Tensor, Tensor]:
    weight = torch.cat([projection.weight for projection in projections])
    bias = torch.cat([projection.bias for projection in projections])
    for projection, its_weight, its_bias in zip(projections, weight.chunk(3), bias.chunk(3), strict=True):
        # The model reads the same memory, so that these weights are there once.
        projection.weight.data, projection.bias.data = its_weight, its_bias
    return weight, bias
