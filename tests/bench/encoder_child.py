"""One process of the encoder benchmark: MERT's architecture with random weights, ``stock`` or ``apex``.

Told what to do on standard input, a line each: ``encode N START`` encodes N segments and answers seconds, memory
and (in a file) layer means; ``peak`` answers this machine's fastest matrix product.
"""

import json
import sys
import time
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from transformers import HubertModel, Wav2Vec2FeatureExtractor

from apex_core.mert.config import LAYERS, MERT_95M
from apex_core.mert.encoder import equip, hubert_config
from apex_core.settings import EncoderSettings

Waves = NDArray[np.float32]
_SQUARE = 3072


def model() -> HubertModel:
    """The same random weights in every process; norms and biases at random, too, or much would cancel."""
    torch.manual_seed(0)
    made = HubertModel(hubert_config(MERT_95M)).eval().requires_grad_(False)
    for parameter in made.parameters():
        if parameter.ndim == 1:
            parameter.add_(0.1 * torch.randn_like(parameter))
    return made


class Stock:
    """What transformers' users write: the processor, then the model in inference mode with SDPA, a segment a call."""

    def __init__(self, made: HubertModel) -> None:
        assert made.config._attn_implementation == "sdpa"
        self._model = made
        self._processor = Wav2Vec2FeatureExtractor(sampling_rate=24_000, do_normalize=True)

    def encode(self, segments: Waves) -> Waves:
        rows: list[Waves] = []
        for segment in segments:
            inputs = self._processor(segment, sampling_rate=24_000, return_tensors="pt")["input_values"]
            with torch.inference_mode():
                states = self._model(inputs, output_hidden_states=True).hidden_states
                rows.append(torch.stack([states[layer].mean(dim=1) for layer in LAYERS], dim=1).numpy())
        return np.concatenate(rows)


class Apex:
    """Ours, as it is loaded by default on a CPU; its own copies of weights count as its memory."""

    def __init__(self, made: HubertModel) -> None:
        settings = EncoderSettings(source="tiny-random", device="cpu")
        self._encoder = equip(settings, ("bench", {}), made, MERT_95M, normalise=True)

    def encode(self, segments: Waves) -> Waves:
        return self._encoder.encode(segments)


def main() -> None:
    what, folder = sys.argv[1], Path(sys.argv[2])
    segments: Waves = np.load(folder / "segments.npy")
    made = model()
    # A second of sound through the stock model loads code and starts threads; it is the same in both processes.
    Stock(made).encode(segments[:1, :24_000])
    loaded = _resident("VmRSS")
    side = Stock(made) if what == "stock" else Apex(made)
    print(json.dumps({"loaded_mb": loaded}), flush=True)
    for line in sys.stdin:
        order, *numbers = line.split()
        if order == "peak":
            print(json.dumps({"gflops": _fastest_product()}), flush=True)
            continue
        _forget_peak()
        count, start = map(int, numbers)
        started = time.perf_counter()
        means = side.encode(segments[start : start + count])
        seconds = time.perf_counter() - started
        np.save(folder / f"{what}.npy", means)
        print(json.dumps({"seconds": seconds, "above_mb": _resident("VmHWM") - loaded}), flush=True)


def _fastest_product() -> float:
    """GFLOP a second of a large square product, the best of torch's (MKL's) and oneDNN's, three tries each."""
    left, right = torch.randn(2, _SQUARE, _SQUARE)
    products = [lambda: torch.mm(left, right)]
    if torch.backends.mkldnn.is_available():
        products.append(lambda: torch.ops.mkldnn._linear_pointwise(left, right, None, "none", [], "none"))
    seconds: list[float] = []
    with torch.inference_mode():
        for _ in range(3):
            for product in products:
                started = time.perf_counter()
                product()
                seconds.append(time.perf_counter() - started)
    return 2 * _SQUARE**3 / min(seconds) / 1e9


def _resident(what: str) -> float:
    """Resident memory of this process in MB: now (VmRSS), or at most since the peak was forgotten (VmHWM)."""
    lines = Path("/proc/self/status").read_text(encoding="ascii").splitlines()
    return next(int(line.split()[1]) / 1024 for line in lines if line.startswith(f"{what}:"))


def _forget_peak() -> None:
    Path("/proc/self/clear_refs").write_text("5", encoding="ascii")


if __name__ == "__main__":
    main()
