"""Where an encoder works, in which precision, and how many segments at a time: settings resolved for this machine."""

from typing import Any

import torch

from apex_core.errors import EncoderError
from apex_core.mert.config import SEGMENT_SAMPLES, Architecture

DTYPES = {"fp32": torch.float32, "bf16": torch.bfloat16, "fp16": torch.float16}

_MOST_SEGMENTS = 32
"""72,000 rows a product: more would not be faster on any GPU."""

_SHARE_OF_MEMORY = 0.25
"""Of a GPU's memory, for what grows with the batch; weights, the front end and the feed need the rest."""


def choose_device(wanted: str) -> str:
    """Resolve ``auto`` and check that a named device is there. Raises EncoderError."""
    if wanted == "auto":
        return "cuda" if torch.cuda.is_available() else "cpu"
    kind, _, index = wanted.partition(":")
    counts = {"cpu": 1, "cuda": torch.cuda.device_count(), "mps": int(torch.backends.mps.is_available())}
    if kind not in counts or not (index or "0").isdecimal() or int(index or "0") >= counts[kind]:
        raise EncoderError(f"There is no device {wanted!r} here.", fix="set APEX_ENCODER__DEVICE=auto or cpu")
    return wanted


def choose_precision(wanted: str, device: str) -> str:
    """Resolve ``auto``: fp32, but on a CUDA device bf16, or fp16 where it has tensor cores for no more."""
    if wanted != "auto":
        return wanted
    if not device.startswith("cuda"):
        return "fp32"
    major, _ = torch.cuda.get_device_capability(device)
    return "bf16" if major >= 8 else "fp16" if major == 7 else "fp32"


def choose_batch(wanted: int | None, device: str, architecture: Architecture, precision: str) -> int:
    """Segments a batch: 1 but on CUDA, where the device's whole memory says; the same on all devices of a kind."""
    if wanted is not None or not device.startswith("cuda"):
        return wanted or 1
    total = torch.cuda.get_device_properties(device).total_memory
    return fitting_batch(total, architecture, precision)


def fitting_batch(total_bytes: int, architecture: Architecture, precision: str) -> int:
    """How many segments of the transformer's tensors fit into its share of the memory."""
    width = 3 * architecture.hidden_size * 4 + 5 * architecture.hidden_size * DTYPES[precision].itemsize
    inner = 2 * architecture.intermediate_size * DTYPES[precision].itemsize
    a_segment = architecture.frames(SEGMENT_SAMPLES) * (width + inner)
    return min(_MOST_SEGMENTS, max(1, int(total_bytes * _SHARE_OF_MEMORY) // a_segment))


def device_facts(device: str) -> dict[str, Any]:
    """What is worth knowing of the hardware beside its name in torch."""
    return {"device_name": torch.cuda.get_device_name(device)} if device.startswith("cuda") else {}
