"""The demo's stand-in: HuBERT's code at a tiny size with fixed random weights. It is not MERT.

Weights come from the raw bits of a counter-based generator and exact arithmetic, so they are the same under
any version of numpy and torch. The frame rate is 18.75 Hz, a quarter of MERT's: attention over 2,249 frames
would cost more than all the rest, and layer means do not show it.
"""

import math
from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from apex_core.mert.config import Architecture

SOURCE = "tiny-random"
REVISION = "tiny-1"
NORMALISE = True
SEED = 20_240_405

ARCHITECTURE = Architecture(
    hidden_size=96,
    num_attention_heads=1,
    intermediate_size=96,
    conv_dim=(16, 16, 16, 24, 32, 48, 64),
    conv_kernel=(10, 4, 3, 3, 3, 2, 2),
    conv_stride=(10, 4, 2, 2, 2, 2, 2),
    num_conv_pos_embeddings=16,
    num_conv_pos_embedding_groups=16,
)

Weights = dict[str, NDArray[np.float32]]


def weights(seed: int = SEED, architecture: Architecture = ARCHITECTURE) -> Weights:
    """All tensors of the tiny model by their native names."""
    bits = np.random.Philox(key=seed)
    return {name: _draw(bits, shape, scale, centre) for name, shape, scale, centre in _plan(architecture)}


def _draw(bits: np.random.Philox, shape: tuple[int, ...], scale: float, centre: float) -> NDArray[np.float32]:
    # 24 random bits make an exact float32 in [-1, 1); sqrt(3) brings its deviation to one.
    raw = np.asarray(bits.random_raw(math.prod(shape)), np.uint64) >> np.uint64(40)
    unit = raw.astype(np.float32) * np.float32(2.0**-23) - np.float32(1.0)
    drawn = unit * np.float32(scale * math.sqrt(3.0)) + np.float32(centre)
    return drawn.reshape(shape)


Planned = tuple[str, tuple[int, ...], float, float]


def _plan(a: Architecture) -> Iterator[Planned]:
    """Name, shape, deviation and centre of every tensor, in drawing order."""
    yield from _convolutions(a)
    yield from _norm("feature_projection.layer_norm", a.conv_dim[-1])
    yield from _linear("feature_projection.projection", a.conv_dim[-1], a.hidden_size, 1.0)
    yield from _positions(a)
    yield from _norm("encoder.layer_norm", a.hidden_size)
    for layer in range(a.num_hidden_layers):
        yield from _block(f"encoder.layers.{layer}", a.hidden_size, a.intermediate_size)


def _convolutions(a: Architecture) -> Iterator[Planned]:
    inputs = 1
    for layer, (outputs, kernel) in enumerate(zip(a.conv_dim, a.conv_kernel, strict=True)):
        prefix = f"feature_extractor.conv_layers.{layer}"
        # GELU halves the power that passes; the gain keeps signals near unit size down the stack.
        yield f"{prefix}.conv.weight", (outputs, inputs, kernel), math.sqrt(2.0 / (inputs * kernel)), 0.0
        if layer == 0:
            # Spread biases: each channel rectifies at another level, and so tells peaky from even sounds.
            yield f"{prefix}.layer_norm.weight", (outputs,), 0.2, 1.0
            yield f"{prefix}.layer_norm.bias", (outputs,), 0.5, 0.0
        inputs = outputs


def _positions(a: Architecture) -> Iterator[Planned]:
    prefix = "encoder.pos_conv_embed.conv"
    shape = (a.hidden_size, a.hidden_size // a.num_conv_pos_embedding_groups, a.num_conv_pos_embeddings)
    yield f"{prefix}.bias", (a.hidden_size,), 0.1, 0.0
    yield f"{prefix}.parametrizations.weight.original0", (1, 1, shape[2]), 0.1, 1.0
    yield f"{prefix}.parametrizations.weight.original1", shape, 1.0, 0.0


def _block(prefix: str, hidden: int, inner: int) -> Iterator[Planned]:
    # Queries and keys larger than usual, so that attention picks moments instead of averaging all.
    for part, gain in (("q_proj", 1.5), ("k_proj", 1.5), ("v_proj", 1.0), ("out_proj", 1.0)):
        yield from _linear(f"{prefix}.attention.{part}", hidden, hidden, gain)
    yield from _norm(f"{prefix}.layer_norm", hidden)
    yield from _linear(f"{prefix}.feed_forward.intermediate_dense", hidden, inner, math.sqrt(2.0))
    yield from _linear(f"{prefix}.feed_forward.output_dense", inner, hidden, 1.0)
    yield from _norm(f"{prefix}.final_layer_norm", hidden)


def _linear(name: str, inputs: int, outputs: int, gain: float) -> Iterator[Planned]:
    yield f"{name}.weight", (outputs, inputs), gain / math.sqrt(inputs), 0.0
    yield f"{name}.bias", (outputs,), 0.1, 0.0


def _norm(name: str, size: int) -> Iterator[Planned]:
    yield f"{name}.weight", (size,), 0.1, 1.0
    yield f"{name}.bias", (size,), 0.1, 0.0
