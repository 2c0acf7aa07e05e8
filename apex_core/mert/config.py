"""What MERT-v1-95M is made of, and which configurations of its family we can honour."""

from collections.abc import Mapping
from dataclasses import dataclass, fields
from typing import Any

from apex_core.errors import EncoderError

SAMPLE_RATE = 24_000
SEGMENT_SECONDS = 30
SEGMENT_SAMPLES = SAMPLE_RATE * SEGMENT_SECONDS
LAYERS = (2, 5, 8, 12)
"""Blocks whose outputs are kept (FACTS §2); the last index is the depth, so only 12-block models fit."""

FRONT_END = "mono-mean/torchaudio-sinc/24k/1"
"""How audio becomes samples. It changes with the resampler: vectors then mean something else."""

PREPROCESSOR = "preprocessor_config.json"


@dataclass(frozen=True, slots=True)
class Architecture:
    """The fields of a HuBERT configuration that matter at inference. Defaults: MERT-v1-95M (FACTS §5)."""

    hidden_size: int = 768
    num_hidden_layers: int = 12
    num_attention_heads: int = 12
    intermediate_size: int = 3072
    hidden_act: str = "gelu"
    conv_dim: tuple[int, ...] = (512,) * 7
    conv_kernel: tuple[int, ...] = (10, 3, 3, 3, 3, 2, 2)
    conv_stride: tuple[int, ...] = (5, 2, 2, 2, 2, 2, 2)
    conv_bias: bool = False
    feat_extract_norm: str = "group"
    feat_extract_activation: str = "gelu"
    feat_proj_layer_norm: bool = True
    do_stable_layer_norm: bool = False
    num_conv_pos_embeddings: int = 128
    num_conv_pos_embedding_groups: int = 16
    conv_pos_batch_norm: bool = False
    layer_norm_eps: float = 1e-5

    def frames(self, samples: int) -> int:
        """How many frames the convolutions make of so many samples."""
        for kernel, stride in zip(self.conv_kernel, self.conv_stride, strict=True):
            samples = (samples - kernel) // stride + 1
        return samples


MERT_95M = Architecture()

# Fields of the hub's own model code that the native HubertModel lacks, and the values that mean "off".
_OFF: dict[str, Any] = {"feature_extractor_cqt": False, "deepnorm": False}


def architecture_from_hub(config: Mapping[str, Any], where: str) -> Architecture:
    """Map a hub folder's ``config.json`` (``mert_model`` or ``hubert``) to the native architecture.

    Raises EncoderError naming ``where`` when the native HubertModel would compute something else.
    """
    _refuse(config, where)
    known = {field.name for field in fields(Architecture)}
    taken: dict[str, Any] = {
        name: tuple(value) if isinstance(value, list) else value for name, value in config.items() if name in known
    }
    architecture = Architecture(**taken)
    if architecture.num_hidden_layers != LAYERS[-1]:
        raise EncoderError(
            f"{where} has {architecture.num_hidden_layers} blocks; layers {LAYERS} need {LAYERS[-1]}.",
            fix="use MERT-v1-95M or another 12-block model of its family",
        )
    return architecture


def _refuse(config: Mapping[str, Any], where: str) -> None:
    kind = config.get("model_type")
    if kind not in {"mert_model", "hubert"}:
        raise EncoderError(f"{where} has model_type {kind!r}, neither mert_model nor hubert.")
    faults = [f"{name}={config[name]!r}" for name, off in _OFF.items() if config.get(name, off) != off]
    if float(config.get("attention_relax") or -1.0) > 0:
        faults.append(f"attention_relax={config['attention_relax']!r}")
    if config.get("sample_rate", SAMPLE_RATE) != SAMPLE_RATE:
        faults.append(f"sample_rate={config['sample_rate']!r}")
    if faults:
        raise EncoderError(
            f"{where} asks for {', '.join(faults)}, which the native HubertModel cannot honour.",
            fix="use a checkpoint without these, such as m-a-p/MERT-v1-95M",
        )


def normalise_from_hub(preprocessor: Mapping[str, Any], where: str) -> bool:
    """Whether segments get zero mean and unit variance: ``do_normalize`` of preprocessor_config.json.

    Raises EncoderError when the processor does not say, or works at another sample rate.
    """
    rate, normalise = preprocessor.get("sampling_rate"), preprocessor.get("do_normalize")
    if rate != SAMPLE_RATE or not isinstance(normalise, bool):
        raise EncoderError(
            f"{where} says sampling_rate={rate!r}, do_normalize={normalise!r}.",
            fix=f"take the revision's own file: sampling_rate {SAMPLE_RATE}, do_normalize true or false",
        )
    return normalise
