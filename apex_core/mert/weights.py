"""Weights by content: what they hash to, and where the converted copy of a checkpoint lies."""

import hashlib
from collections.abc import Mapping
from pathlib import Path
from typing import Any, cast

import numpy as np
from numpy.typing import NDArray
from safetensors import SafetensorError, safe_open

from apex_core.errors import EncoderError
from apex_core.mert.folder import Checkpoint
from apex_core.mert.memory import alone, copy_path, recall, remember

CONTENT = "weights_sha256"


def file_sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def content_sha256(tensors: Mapping[str, NDArray[np.float32]]) -> str:
    """Hash names, shapes and values, so that equal weights are equal whatever file format they came in."""
    digest = hashlib.sha256()
    for name in sorted(tensors):
        values = np.ascontiguousarray(tensors[name], dtype="<f4")
        digest.update(f"{name} {list(values.shape)}\n".encode())
        digest.update(values.data)
    return digest.hexdigest()


def check_expected(found: str, expected: str | None, what: object) -> None:
    """Raise EncoderError when a hash was promised and another one was found."""
    if expected is not None and found != expected.lower():
        raise EncoderError(
            f"{what} has sha256 {found}, not {expected}.",
            fix="get the pinned file again (of one in the cache: delete it), or correct APEX_ENCODER__SHA256 if the"
            " change is meant",
        )


def converted(checkpoint: Checkpoint, cache: Path, expected: str | None) -> tuple[Path, str]:
    """The checkpoint as canonical safetensors under ``cache``, converted at most once, and its content hash.

    The copy is keyed by the hash of the source file, which is checked against ``expected``.
    """
    source = checkpoint.sha256 or file_sha256(checkpoint.weights)
    check_expected(source, expected or checkpoint.promised_sha256, checkpoint.weights)
    copy, origin = copy_path(source, cache), checkpoint.origin
    if not copy.is_file() or (origin is not None and recall(origin, cache) is None):
        with alone(cache):
            convert_once(checkpoint.weights, source, cache)
            if origin is not None:
                remember(origin, None, source, checkpoint.descriptions, cache)
    return copy, _recorded(copy)


def convert_once(weights: Path, sha256: str, cache: Path) -> None:
    """Convert ``weights``, whose hash is ``sha256``, unless its copy is there; for who holds the cache ``alone``."""
    if not copy_path(sha256, cache).is_file():
        # Torch is needed for this once only; planning afterwards reads a header.
        from apex_core.mert.convert import convert

        convert(weights, copy_path(sha256, cache), sha256)


def read_converted(path: Path) -> dict[str, NDArray[np.float32]]:
    """Tensors of a converted copy, checked against the hash it was stored with."""
    with cast(Any, safe_open)(path, framework="np") as file:
        tensors = {name: cast(NDArray[np.float32], file.get_tensor(name)) for name in file.keys()}  # noqa: SIM118
    if content_sha256(tensors) != _recorded(path):
        raise EncoderError(f"The converted weights {path} were altered.", fix="delete the file; it is made anew")
    return tensors


def _recorded(path: Path) -> str:
    try:
        with cast(Any, safe_open)(path, framework="np") as file:
            return (file.metadata() or {})[CONTENT]
    except (SafetensorError, KeyError) as error:
        raise EncoderError(f"{path} is not a converted copy.", fix="delete the file; it is made anew") from error
