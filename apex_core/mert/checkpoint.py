"""Where a checkpoint's three files come from: a folder in the hub's format, or a pinned hub revision."""

import json
import re
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from apex_core.errors import EncoderError
from apex_core.mert.config import PREPROCESSOR, Architecture, architecture_from_hub, normalise_from_hub
from apex_core.mert.hub import HubRepository
from apex_core.settings import EncoderSettings

WEIGHT_FILES = ("model.safetensors", "pytorch_model.bin")

_SHA256 = re.compile(r"[0-9a-f]{64}")


@dataclass(frozen=True, slots=True)
class Checkpoint:
    """A checkpoint on this disk. ``promised_sha256`` is what the hub says its weights file hashes to."""

    name: str
    revision: str | None
    architecture: Architecture
    normalise: bool
    weights: Path
    promised_sha256: str | None = None


def locate(settings: EncoderSettings, cache: Path) -> Checkpoint:
    """Find the files of ``settings.source``, downloading a hub revision the first time.

    Raises EncoderError when a file cannot be had or its configuration cannot be honoured.
    """
    if Path(settings.source).is_dir():
        return _local(Path(settings.source))
    if "/" not in settings.source or settings.source.startswith((".", "/", "~")):
        raise EncoderError(
            f"Encoder source {settings.source!r} is neither a folder nor a hub id.",
            fix="set APEX_ENCODER__SOURCE to m-a-p/MERT-v1-95M, a folder with its files, or tiny-random",
        )
    return _from_hub(HubRepository(settings.source, settings.revision, cache / "hub"))


def _local(folder: Path) -> Checkpoint:
    def find(name: str) -> Path | None:
        return folder / name if (folder / name).is_file() else None

    architecture, normalise, weights = _assemble(find, str(folder))
    # Not the folder's name: a vector means the same wherever its weights lay.
    name = f"local-{architecture.hidden_size}x{architecture.num_hidden_layers}"
    return Checkpoint(name, None, architecture, normalise, weights)


def _from_hub(repository: HubRepository) -> Checkpoint:
    architecture, normalise, weights = _assemble(repository.find, str(repository))
    name = re.sub(r"[^a-z0-9.]+", "-", repository.repo_id.rsplit("/", 1)[-1].lower()).strip("-.")
    # The hub's cache names a large file by its sha256.
    stored = weights.resolve().name
    promised = stored if _SHA256.fullmatch(stored) else None
    return Checkpoint(name, repository.revision, architecture, normalise, weights, promised)


def _assemble(find: Callable[[str], Path | None], where: str) -> tuple[Architecture, bool, Path]:
    config = architecture_from_hub(_json(find("config.json"), where, "config.json"), f"{where}/config.json")
    processor = normalise_from_hub(_json(find(PREPROCESSOR), where, PREPROCESSOR), f"{where}/{PREPROCESSOR}")
    found = (path for name in WEIGHT_FILES if (path := find(name)) is not None)
    weights = next(found, None)
    if weights is None:
        raise EncoderError(f"{where} has neither {' nor '.join(WEIGHT_FILES)}.")
    return config, processor, weights


def _json(path: Path | None, where: str, name: str) -> dict[str, Any]:
    if path is None:
        raise EncoderError(f"{where} has no {name}.", fix="copy the whole revision, this file included")
    try:
        value = json.loads(path.read_bytes())
    except ValueError as error:
        raise EncoderError(f"{path} is not JSON: {error}.") from error
    if not isinstance(value, dict):
        raise EncoderError(f"{path} is not a JSON object.")
    return value
