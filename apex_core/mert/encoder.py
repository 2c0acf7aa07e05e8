"""The frozen encoder itself: HuBERT's weights, and what computes vectors with them."""

import logging
import threading
from collections.abc import Generator, Mapping
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from transformers import HubertConfig, HubertModel

from apex_core.errors import EncoderError, NonFiniteOutput
from apex_core.mert import tiny
from apex_core.mert.checkpoint import locate
from apex_core.mert.config import LAYERS, SAMPLE_RATE, SEGMENT_SAMPLES, Architecture
from apex_core.mert.devices import choose_batch, choose_device, choose_precision, device_facts
from apex_core.mert.forward import Forward, choose_forward
from apex_core.mert.identity import identify, identify_tiny
from apex_core.mert.weights import converted, read_converted
from apex_core.settings import EncoderSettings

_log = logging.getLogger("apex_core.mert")

Waves = NDArray[np.float32]
Vectors = NDArray[np.float32]

_FLOAT32 = (np.float32, torch.float32)

_ALONE = threading.Lock()
"""How many threads torch uses and how exactly it computes are the process's: batches run one after another."""


@dataclass(frozen=True, slots=True)
class Encoder:
    """A loaded encoder. ``facts`` say what its vectors mean, ``run_facts`` how they were computed.

    ``model`` is the stock one with the same weights, as a reference; ``forward`` is what encodes.
    """

    encoder_id: str
    facts: dict[str, Any]
    device: str
    precision: str
    hidden: int
    batch_segments: int
    forward: Forward
    model: HubertModel
    threads: int | None = None

    @property
    def run_facts(self) -> dict[str, Any]:
        """What a shard records beside the meaning of its vectors."""
        return {
            "precision": self.precision,
            "device": self.device,
            "torch": torch.__version__,
            "batch_segments": self.batch_segments,
            "hidden": self.hidden,
            "forward": self.forward.kind,
            "compiled": self.forward.compiled,
            **device_facts(self.device),
        }

    def encode(self, segments: Waves | torch.Tensor) -> Vectors:
        """Encode float32[k, 720000] at 24 kHz into layer means float32[k, 4, hidden].

        ``segments`` are an array, or a tensor that lies on the encoder's device already. Layers are blocks 2, 5, 8,
        12 (FACTS §2). Segments run in batches of ``batch_segments``, in order, so equal calls on one device give
        equal bytes.
        Raises EncoderError for other shapes and for input that is not finite, NonFiniteOutput naming all segments
        whose vectors are not.
        """
        if segments.ndim != 2 or segments.shape[1] != SEGMENT_SAMPLES or segments.dtype not in _FLOAT32:
            raise EncoderError(
                f"Segments are {segments.dtype}{list(segments.shape)}, not float32[k, {SEGMENT_SAMPLES}]."
            )
        means = np.empty((len(segments), len(LAYERS), self.hidden), np.float32)
        for start in range(0, len(segments), self.batch_segments):
            with _room_on(self.device, self.batch_segments):
                waves = self._placed(segments[start : start + self.batch_segments])
            _refuse_non_finite_input(waves, start, len(segments))
            means[start : start + len(waves)] = self._encode_batch(waves)
        _refuse_non_finite_output(means)
        return means

    def _placed(self, segments: Waves | torch.Tensor) -> torch.Tensor:
        if isinstance(segments, np.ndarray):
            # torch takes no read-only memory; such segments are copied, a batch at a time.
            segments = torch.from_numpy(np.require(segments, requirements=["C", "W"]))
        return segments.to(self.device)

    def _encode_batch(self, waves: torch.Tensor) -> Vectors:
        with _ALONE, _threads(self.threads), _room_on(self.device, self.batch_segments):
            return self.forward(waves).cpu().numpy()


def load_encoder(settings: EncoderSettings, cache: Path) -> Encoder:
    """Load the encoder that ``settings`` name; ``cache`` keeps downloads and converted weights.

    Raises EncoderError when weights cannot be had, are not what was pinned, do not fit, or are dead.
    """
    choose_device(settings.device)  # before anything is downloaded
    if settings.source == tiny.SOURCE:
        model = build(tiny.ARCHITECTURE, tiny.weights(), tiny.SOURCE)
        named, architecture = identify_tiny(settings), tiny.ARCHITECTURE
        return equip(settings, named, model, architecture, normalise=tiny.NORMALISE, threads=tiny.THREADS)
    checkpoint = locate(settings, cache)
    path, weights = converted(checkpoint, cache, settings.sha256)
    model = build(checkpoint.architecture, read_converted(path), str(checkpoint.weights))
    named = identify(settings, checkpoint, weights)
    return equip(settings, named, model, checkpoint.architecture, normalise=checkpoint.normalise)


def equip(
    settings: EncoderSettings,
    named: tuple[str, dict[str, Any]],
    model: HubertModel,
    architecture: Architecture,
    *,
    normalise: bool,
    threads: int | None = None,
) -> Encoder:
    """Put a model to work as ``settings`` say: device, precision, batches. Raises EncoderError when it is dead."""
    device = choose_device(settings.device)
    precision = choose_precision(settings.precision, device)
    batch = choose_batch(settings.batch_segments, device, architecture, precision)

    compiled = settings.compile == "on"
    with _threads(threads), _room_on(device, batch):  # normed weights are sums, too
        forward = choose_forward(model, architecture, device, precision, normalise=normalise, compiled=compiled)
    encoder = Encoder(*named, device, precision, architecture.hidden_size, batch, forward, model, threads)
    _probe(encoder)
    _log.info("encoder %s on %s, %s, %d segments at a time", encoder.encoder_id, device, precision, batch)
    return encoder


def hubert_config(architecture: Architecture) -> HubertConfig:
    """The native configuration; without the mask embedding, which only pre-training uses."""
    return HubertConfig(**asdict(architecture), mask_time_prob=0.0)


def build(architecture: Architecture, weights: Mapping[str, Vectors], where: str) -> HubertModel:
    """A HubertModel in eval mode with exactly these weights. Raises EncoderError when they do not fit."""
    # On the meta device nothing is initialised, so nothing can be left at a random value unseen.
    with torch.device("meta"):
        model = HubertModel(hubert_config(architecture))
    _refuse_misfit(model.state_dict(), weights, where)
    model.load_state_dict({name: torch.from_numpy(values) for name, values in weights.items()}, assign=True)
    return model.eval().requires_grad_(False)


def _refuse_misfit(wanted: Mapping[str, torch.Tensor], weights: Mapping[str, Vectors], where: str) -> None:
    faults = {
        "missing": sorted(wanted.keys() - weights.keys()),
        "unexpected": sorted(weights.keys() - wanted.keys()),
        "misshapen": sorted(n for n in wanted.keys() & weights.keys() if tuple(wanted[n].shape) != weights[n].shape),
    }
    told = "; ".join(f"{len(names)} {kind} ({', '.join(names[:3])})" for kind, names in faults.items() if names)
    if told:
        raise EncoderError(
            f"Weights of {where} do not fit its configuration: {told}.",
            fix="take config.json and weights from the same revision",
        )


@contextmanager
def _threads(count: int | None) -> Generator[None]:
    before = torch.get_num_threads()
    torch.set_num_threads(count or before)
    try:
        yield
    finally:
        torch.set_num_threads(before)


@contextmanager
def _room_on(device: str, batch: int) -> Generator[None]:
    try:
        yield
    except torch.OutOfMemoryError as error:
        fewer = f"APEX_ENCODER__BATCH_SEGMENTS={batch // 2}" if batch > 1 else "APEX_ENCODER__DEVICE=cpu"
        raise EncoderError(
            f"Memory of {device} does not do for {batch} segments a batch: {str(error).partition('. ')[0]}.",
            fix=f"set {fewer}, or end what else uses {device}",
        ) from None


def _refuse_non_finite_input(waves: torch.Tensor, start: int, of: int) -> None:
    bad = torch.nonzero(~torch.isfinite(waves).all(dim=1)).flatten().tolist()
    if bad:
        raise EncoderError(f"Non-finite encoder input in segment {start + bad[0]} of {of}.")


def _refuse_non_finite_output(means: Vectors) -> None:
    bad = tuple(index for index, row in enumerate(means) if not np.isfinite(row).all())
    if bad:
        raise NonFiniteOutput(
            f"Non-finite encoder output in segment {bad[0]} ({len(bad)} of {len(means)} segments).",
            fix="set APEX_ENCODER__PRECISION=fp32 if it was another",
            segments=bad,
        )


def _tone_and_noise() -> torch.Tensor:
    """A second of each."""
    time = np.arange(SAMPLE_RATE) / SAMPLE_RATE
    tone = np.sin(2 * np.pi * 440 * time)
    noise = np.random.default_rng(0).uniform(-1, 1, SAMPLE_RATE)
    return torch.from_numpy(np.stack([tone, noise]).astype(np.float32))


def _probe(encoder: Encoder) -> None:
    """Refuse an encoder that says the same of a tone and of noise, or nothing finite (FACTS §4)."""
    said = encoder._encode_batch(_tone_and_noise().to(encoder.device))  # pyright: ignore[reportPrivateUsage]
    spread, apart = said.std(axis=2), np.abs(said[0] - said[1]).max(axis=1)
    fault = "is not finite" if not np.isfinite(said).all() else None
    # Of living weights, MERT's size at random included, the two sounds are about as far apart as dimensions are.
    if fault is None and (spread.min() < 1e-6 or (apart < 1e-4 * spread.max(axis=0)).any()):
        fault = "does not depend on the sound"
    if fault:
        raise EncoderError(f"The output of {encoder.encoder_id} {fault}.", fix="fetch the checkpoint again")
