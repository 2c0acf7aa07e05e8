"""From waves to layer means: our own pass over HuBERT's weights, or the stock model where ours does not reach."""

import logging
from typing import Protocol, cast

import torch
from torch import Tensor
from transformers import HubertModel

from apex_core.arithmetic import full_float32
from apex_core.mert.blocks import Blocks
from apex_core.mert.config import LAYERS, Architecture
from apex_core.mert.devices import DTYPES
from apex_core.mert.front_end import VARIANCE_FLOOR, FrontEnd

_log = logging.getLogger("apex_core.mert")


class Forward(Protocol):
    """Waves float32[b, n] on the device to time means float32[b, 4, hidden] of ``LAYERS``.

    There is no attention mask: every segment is whole (FACTS §2). ``kind`` and ``compiled`` are for the record.
    """

    kind: str

    @property
    def compiled(self) -> bool: ...

    def __call__(self, waves: Tensor) -> Tensor: ...


def choose_forward(
    model: HubertModel, architecture: Architecture, device: str, precision: str, *, normalise: bool, compiled: bool
) -> Forward:
    """The tiled pass for what it covers, else the stock model's; either may move the weights of ``model`` in memory."""
    if covered(architecture, device):
        return TiledForward(model, device, precision, normalise=normalise, compiled=compiled)
    _log.info("this configuration or device is encoded by the stock model, which is slower")
    return StockForward(model, device, precision, normalise=normalise)


def covered(architecture: Architecture, device: str) -> bool:
    """Whether the tiled pass computes this member of the family; it needs float64, which MPS lacks."""
    a = architecture
    plain = (a.feat_extract_norm, a.do_stable_layer_norm, a.conv_pos_batch_norm) == ("group", False, False)
    return plain and {a.hidden_act, a.feat_extract_activation} == {"gelu"} and not device.startswith("mps")


class TiledForward:
    """Front end in tiles, blocks with fused products, only the wanted means kept."""

    kind = "tiled"

    def __init__(
        self, model: HubertModel, device: str, precision: str, *, normalise: bool, compiled: bool = False
    ) -> None:
        place, dtype = torch.device(device), DTYPES[precision]
        with torch.no_grad():
            self._front_end = FrontEnd(model, place, dtype)
            self._blocks = Blocks(model, LAYERS, place, dtype, compiled=compiled)
        self._normalise = normalise
        # On a CPU a batch would only take more memory: the products of one segment are large enough.
        self._singly = place.type == "cpu"

    @property
    def compiled(self) -> bool:
        return self._blocks.compiled

    def __call__(self, waves: Tensor) -> Tensor:
        with torch.inference_mode(), full_float32():
            groups = waves.split(1) if self._singly else [waves]
            return torch.cat([self._blocks(self._features(group)) for group in groups])

    def _features(self, waves: Tensor) -> Tensor:
        return torch.stack([self._front_end(wave, normalise=self._normalise) for wave in waves])


class StockForward:
    """``HubertModel`` itself, as transformers runs it."""

    kind, compiled = "stock", False

    def __init__(self, model: HubertModel, device: str, precision: str, *, normalise: bool) -> None:
        self._model = model.to(torch.device(device))  # pyright: ignore[reportArgumentType]
        self._dtype = DTYPES[precision]
        self._normalise = normalise

    def __call__(self, waves: Tensor) -> Tensor:
        if self._normalise:
            waves = torch.stack([unit_variance(wave) for wave in waves])
        mixed = torch.autocast(waves.device.type, self._dtype, enabled=self._dtype != torch.float32)
        with torch.inference_mode(), full_float32(), mixed:
            states = cast(tuple[Tensor, ...], self._model(waves, output_hidden_states=True).hidden_states)
            return torch.stack([states[layer].float().mean(dim=1) for layer in LAYERS], dim=1)


def unit_variance(wave: Tensor) -> Tensor:
    """Zero mean and unit variance over the padded segment, as Wav2Vec2FeatureExtractor computes it."""
    centred = wave - wave.mean()  # var_mean takes ten times as long on a CPU
    return centred * torch.rsqrt(centred.square().mean() + VARIANCE_FLOOR)
