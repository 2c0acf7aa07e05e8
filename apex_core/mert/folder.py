"""A checkpoint's three files (configuration, preprocessor, weights), however they are found."""

import json
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from apex_core.errors import EncoderError
from apex_core.mert.config import PREPROCESSOR, Architecture, architecture_from_hub, normalise_from_hub

CONFIG = "config.json"
WEIGHT_FILES = ("model.safetensors", "pytorch_model.bin")


@dataclass(frozen=True, slots=True)
class Descriptions:
    """What ``config.json`` and ``preprocessor_config.json`` say, as they came."""

    config: dict[str, Any]
    processor: dict[str, Any]

    def read(self, where: str) -> tuple[Architecture, bool]:
        """The architecture, and whether segments are normalised. Raises EncoderError for what we cannot honour."""
        architecture = architecture_from_hub(self.config, f"{where}/{CONFIG}")
        return architecture, normalise_from_hub(self.processor, f"{where}/{PREPROCESSOR}")


@dataclass(frozen=True, slots=True)
class Checkpoint:
    """A checkpoint on this disk.

    ``promised_sha256`` is what its publisher says the weights file hashes to. ``sha256`` is what it did hash to, where
    only the converted copy is left of it. A checkpoint with an ``origin`` is remembered under that name.
    """

    name: str
    revision: str | None
    architecture: Architecture
    normalise: bool
    weights: Path
    descriptions: Descriptions
    promised_sha256: str | None = None
    sha256: str | None = None
    origin: str | None = None


def nameless(architecture: Architecture) -> str:
    """The name of an encoder that comes without one: not its folder's, a vector means the same wherever it lay."""
    return f"local-{architecture.hidden_size}x{architecture.num_hidden_layers}"


def find_files(find: Callable[[str], Path | None], where: str) -> tuple[Descriptions, Path]:
    """The descriptions and the path of the weights, by a function that finds a file of a given name.

    Raises EncoderError naming ``where`` and what it lacks.
    """
    described = Descriptions(_json(find(CONFIG), where, CONFIG), _json(find(PREPROCESSOR), where, PREPROCESSOR))
    found = (path for name in WEIGHT_FILES if (path := find(name)) is not None)
    weights = next(found, None)
    if weights is None:
        raise EncoderError(
            f"{where} has neither {' nor '.join(WEIGHT_FILES)}.",
            fix="copy the whole revision; weights in several files are not read",
        )
    return described, weights


def _json(path: Path | None, where: str, name: str) -> dict[str, Any]:
    if path is None:
        raise EncoderError(f"{where} has no {name}.", fix="copy the whole revision, this file included")
    try:
        value = json.loads(path.read_bytes())
    except ValueError as error:
        raise EncoderError(f"{where}/{name} is not JSON: {error}.", fix="fetch it again") from error
    if not isinstance(value, dict):
        raise EncoderError(f"{where}/{name} is not a JSON object.")
    return value
