"""The frozen encoder itself: stock HuBERT, eval mode, float32."""

import logging
from collections.abc import Generator, Mapping
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, cast

import numpy as np
import torch
from numpy.typing import NDArray
from transformers import HubertConfig, HubertModel

from apex_core.errors import EncoderError
from apex_core.mert import tiny
from apex_core.mert.checkpoint import locate
from apex_core.mert.config import LAYERS, SAMPLE_RATE, SEGMENT_SAMPLES, Architecture
from apex_core.mert.identity import identify, identify_tiny
from apex_core.mert.weights import converted, read_converted
from apex_core.settings import EncoderSettings

_log = logging.getLogger("apex_core.mert")

Waves = NDArray[np.float32]
Vectors = NDArray[np.float32]


@dataclass(frozen=True, slots=True)
class Encoder:
    """A loaded encoder. ``facts`` say what its vectors mean, ``run_facts`` how they were computed."""

    encoder_id: str
    facts: dict[str, Any]
    device: str
    precision: str
    hidden: int
    batch_segments: int
    normalise: bool
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
        }

    def encode(self, segments: Waves) -> Vectors:
        """Encode float32[k, 720000] at 24 kHz into layer means float32[k, 4, hidden].

        Layers are blocks 2, 5, 8, 12 (FACTS §2). Segments run in batches of ``batch_segments``, in order, so
        equal calls on one device give equal bytes.
        Raises EncoderError for other shapes and for input or output that is not finite.
        """
        if segments.ndim != 2 or segments.shape[1] != SEGMENT_SAMPLES or segments.dtype != np.float32:
            raise EncoderError(
                f"Segments are {segments.dtype}{list(segments.shape)}, not float32[k, {SEGMENT_SAMPLES}]."
            )
        _refuse_non_finite(segments, "input")
        means = np.empty((len(segments), len(LAYERS), self.hidden), np.float32)
        for start in range(0, len(segments), self.batch_segments):
            batch = segments[start : start + self.batch_segments]
            means[start : start + len(batch)] = self._encode_batch(batch)
        _refuse_non_finite(means, "output")
        return means

    def _encode_batch(self, waves: Waves) -> Vectors:
        prepared = np.stack([unit_variance(wave) for wave in waves]) if self.normalise else waves
        with _threads(self.threads):
            return layer_means(self.model, torch.from_numpy(prepared).to(self.device)).cpu().numpy()


def load_encoder(settings: EncoderSettings, cache: Path) -> Encoder:
    """Load the encoder that ``settings`` name; ``cache`` keeps downloads and converted weights.

    Raises EncoderError when weights cannot be had, are not what was pinned, do not fit, or are dead.
    """
    device = choose_device(settings.device)
    if settings.source == tiny.SOURCE:
        encoder_id, facts = identify_tiny(settings)
        model, normalise = build(tiny.ARCHITECTURE, tiny.weights(), tiny.SOURCE), tiny.NORMALISE
        threads = tiny.THREADS
    else:
        checkpoint = locate(settings, cache)
        path, weights = converted(checkpoint, cache, settings.sha256)
        encoder_id, facts = identify(settings, checkpoint, weights)
        model = build(checkpoint.architecture, read_converted(path), str(checkpoint.weights))
        normalise, threads = checkpoint.normalise, None
    hidden = int(facts["hidden"])
    encoder = Encoder(
        encoder_id,
        facts,
        device,
        "fp32",
        hidden,
        settings.batch_segments,
        normalise,
        model.to(cast(Any, device)),
        threads,
    )
    _probe(encoder)
    _log.info("encoder %s on %s", encoder_id, device)
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


def unit_variance(wave: Waves) -> Waves:
    """Zero mean and unit variance over the padded segment, as Wav2Vec2FeatureExtractor computes it."""
    return (wave - wave.mean()) / np.sqrt(wave.var() + 1e-7)


def layer_means(model: HubertModel, waves: torch.Tensor) -> torch.Tensor:
    """Waves [b, n] to time means [b, 4, hidden]; no attention mask: every segment is whole (FACTS §2)."""
    with torch.inference_mode(), _full_float32():
        states = cast(tuple[torch.Tensor, ...], model(waves, output_hidden_states=True).hidden_states)
        return torch.stack([states[layer].mean(dim=1) for layer in LAYERS], dim=1)


@contextmanager
def _full_float32() -> Generator[None]:
    # cuDNN convolutions use TF32 unless told otherwise; "fp32" must mean what it says.
    with torch.backends.cudnn.flags(enabled=True, benchmark=False, deterministic=True, allow_tf32=False):
        yield


@contextmanager
def _threads(count: int | None) -> Generator[None]:
    before = torch.get_num_threads()
    torch.set_num_threads(count or before)
    try:
        yield
    finally:
        torch.set_num_threads(before)


def choose_device(wanted: str) -> str:
    """Resolve ``auto`` and check that a named device is there. Raises EncoderError."""
    if wanted == "auto":
        return "cuda" if torch.cuda.is_available() else "cpu"
    kind, _, index = wanted.partition(":")
    counts = {"cpu": 1, "cuda": torch.cuda.device_count(), "mps": int(torch.backends.mps.is_available())}
    if kind not in counts or not (index or "0").isdecimal() or int(index or "0") >= counts[kind]:
        raise EncoderError(f"There is no device {wanted!r} here.", fix="set APEX_ENCODER__DEVICE=auto or cpu")
    return wanted


def _refuse_non_finite(rows: NDArray[np.float32], side: str) -> None:
    bad = [index for index, row in enumerate(rows) if not np.isfinite(row).all()]
    if bad:
        raise EncoderError(f"Non-finite encoder {side} in segment {bad[0]} ({len(bad)} of {len(rows)} segments).")


def _probe(encoder: Encoder) -> None:
    """Refuse an encoder that says the same of a tone and of noise, or nothing finite (FACTS §4)."""
    time = np.arange(SAMPLE_RATE) / SAMPLE_RATE
    tone = np.sin(2 * np.pi * 440 * time)
    noise = np.random.default_rng(0).uniform(-1, 1, SAMPLE_RATE)
    said = encoder._encode_batch(np.stack([tone, noise]).astype(np.float32))  # pyright: ignore[reportPrivateUsage]
    fault = "is not finite" if not np.isfinite(said).all() else None
    if fault is None and min(said.std(axis=2).min(), np.abs(said[0] - said[1]).max(axis=1).min()) < 1e-6:
        fault = "does not depend on the sound"
    if fault:
        raise EncoderError(f"The output of {encoder.encoder_id} {fault}.", fix="fetch the checkpoint again")
