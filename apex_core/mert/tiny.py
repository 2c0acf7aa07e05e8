"""The demo's stand-in: HuBERT's code at a tiny size with fixed weights. It is not MERT and has learnt nothing.

The first two convolutions are a bank of band filters, so that vectors tell sounds apart; everything after them is
random. Weights come from the raw bits of a counter-based generator and exact or rounded arithmetic, so they are the
same under any version of numpy and torch. The frame rate is 18.75 Hz, a quarter of MERT's: attention over 2,249
frames would cost more than all the rest, and layer means do not show it.
"""

import math
from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from apex_core.mert.config import SAMPLE_RATE, Architecture

SOURCE = "tiny-random"
REVISION = "tiny-1"
NORMALISE = True
SEED = 1

THREADS = 1
"""Its matrices are too small to share between threads, which would wait for each other on busy cores."""

_HOP = 10
_TAPS = 16
_SPARE = 4
_BANDS = 24
_LOWEST_HZ, _HIGHEST_HZ = 60.0, 11_000.0
_BAND_GAIN = 8.0
_FLOOR = 0.25
_MIXING = 0.4
_PASSING = 1.2

ARCHITECTURE = Architecture(
    hidden_size=96,
    num_attention_heads=1,
    intermediate_size=96,
    conv_dim=(2 * _HOP + _SPARE, *(2 * _BANDS,) * 6),
    conv_kernel=(_HOP, _TAPS, 3, 3, 3, 2, 2),
    conv_stride=(_HOP, 4, 2, 2, 2, 2, 2),
    num_conv_pos_embeddings=16,
    num_conv_pos_embedding_groups=16,
)

Tensor = NDArray[np.float32]


def weights() -> dict[str, Tensor]:
    """All tensors of the tiny model by their native names."""
    bits = np.random.Philox(key=SEED)
    drawn = {name: _draw(bits, shape, scale, centre) for name, shape, scale, centre in _plan(ARCHITECTURE)}
    return _with_filter_bank(drawn)


def _draw(bits: np.random.Philox, shape: tuple[int, ...], scale: float, centre: float) -> Tensor:
    # 24 random bits make an exact float32 in [-1, 1); sqrt(3) brings its deviation to one.
    raw = np.asarray(bits.random_raw(math.prod(shape)), np.uint64) >> np.uint64(40)
    unit = raw.astype(np.float32) * np.float32(2.0**-23) - np.float32(1.0)
    drawn = unit * np.float32(scale * math.sqrt(3.0)) + np.float32(centre)
    return drawn.reshape(shape)


def _with_filter_bank(drawn: dict[str, Tensor]) -> dict[str, Tensor]:
    split, bank = _conv(0), _conv(1)
    shaped = {split: _phases(drawn[split]), bank: _bank(drawn[bank])}
    # Bands pass through the later convolutions beside their random mixing.
    straight = {name: _straight(drawn[name]) for name in map(_conv, range(2, 7))}
    norm = "feature_extractor.conv_layers.0.layer_norm"
    levels = {f"{norm}.weight": _levels(1.0, 0.1), f"{norm}.bias": _levels(0.0, 1.0)}
    return drawn | shaped | straight | levels


def _levels(samples: float, spare: float) -> Tensor:
    return np.repeat(np.array([samples, spare], np.float32), [2 * _HOP, _SPARE])


def _conv(layer: int) -> str:
    return f"feature_extractor.conv_layers.{layer}.conv.weight"


def _phases(drawn: Tensor) -> Tensor:
    """Hand the samples on, each as itself and negated.

    The group norm that follows would level any band filters here; and gelu(x) - gelu(-x) = x gives the next
    convolution the samples back. The spare channels carry a nearly steady level: no later convolution has a bias,
    and without something steady loud and soft moments would look alike.
    """
    taps = np.eye(_HOP, dtype=np.float32)[:, None, :]
    return np.concatenate([taps, -taps, drawn[2 * _HOP :]])


def _bank(drawn: Tensor) -> Tensor:
    """Band-pass filters over ``_TAPS * _HOP`` samples, a cosine and a sine for each band, bands spaced by ratio."""
    length = _HOP * _TAPS
    time = (np.arange(length) - length / 2) / SAMPLE_RATE
    window = np.hanning(length + 2)[1:-1]
    centres = _LOWEST_HZ * (_HIGHEST_HZ / _LOWEST_HZ) ** (np.arange(_BANDS) / (_BANDS - 1))
    angles = 2 * np.pi * centres[:, None] * time
    waves = window * np.stack([np.cos(angles), np.sin(angles)], axis=1).reshape(2 * _BANDS, length)
    waves -= window * waves.sum(axis=1, keepdims=True) / window.sum()
    # The last bits of a cosine differ between libraries; on a coarse grid they do not.
    gained = np.round(waves / window.sum() * 2 * _BAND_GAIN * 2**14) / 2**14
    taps = gained.reshape(-1, _TAPS, _HOP).swapaxes(1, 2).astype(np.float32)
    return np.concatenate([taps, -taps, drawn[:, 2 * _HOP :] * np.float32(_FLOOR)], axis=1)


def _straight(drawn: Tensor) -> Tensor:
    channels, _, kernel = drawn.shape
    passing = np.eye(channels, dtype=np.float32)[:, :, None] * np.float32(_PASSING / kernel)
    return (drawn * np.float32(_MIXING) + passing).astype(np.float32)


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
        yield _conv(layer), (outputs, inputs, kernel), math.sqrt(2.0 / (inputs * kernel)), 0.0
        inputs = outputs


def _positions(a: Architecture) -> Iterator[Planned]:
    prefix = "encoder.pos_conv_embed.conv"
    shape = (a.hidden_size, a.hidden_size // a.num_conv_pos_embedding_groups, a.num_conv_pos_embeddings)
    yield f"{prefix}.bias", (a.hidden_size,), 0.1, 0.0
    yield f"{prefix}.parametrizations.weight.original0", (1, 1, shape[2]), 0.1, 1.0
    yield f"{prefix}.parametrizations.weight.original1", shape, 1.0, 0.0


def _block(prefix: str, hidden: int, inner: int) -> Iterator[Planned]:
    # Larger queries and keys than usual: attention then picks moments instead of averaging all. Smaller outputs:
    # twelve random blocks then bend the bands without scrambling them.
    for part, gain in (("q_proj", 1.5), ("k_proj", 1.5), ("v_proj", 1.0), ("out_proj", 0.5)):
        yield from _linear(f"{prefix}.attention.{part}", hidden, hidden, gain)
    yield from _norm(f"{prefix}.layer_norm", hidden)
    yield from _linear(f"{prefix}.feed_forward.intermediate_dense", hidden, inner, math.sqrt(2.0))
    yield from _linear(f"{prefix}.feed_forward.output_dense", inner, hidden, 0.5)
    yield from _norm(f"{prefix}.final_layer_norm", hidden)


def _linear(name: str, inputs: int, outputs: int, gain: float) -> Iterator[Planned]:
    yield f"{name}.weight", (outputs, inputs), gain / math.sqrt(inputs), 0.0
    yield f"{name}.bias", (outputs,), 0.1, 0.0


def _norm(name: str, size: int) -> Iterator[Planned]:
    yield f"{name}.weight", (size,), 0.1, 1.0
    yield f"{name}.bias", (size,), 0.1, 0.0
