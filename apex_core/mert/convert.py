"""Foreign checkpoints into canonical safetensors: native names, float32, nothing but what inference needs."""

import logging
import pickle
from pathlib import Path
from typing import Any, cast

import numpy as np
import torch
from numpy.typing import NDArray
from safetensors import SafetensorError
from safetensors.numpy import save_file
from safetensors.torch import load_file

from apex_core.errors import EncoderError
from apex_core.mert.memory import part_of, replace_atomically
from apex_core.mert.weights import CONTENT, check_expected, content_sha256, file_sha256

_log = logging.getLogger("apex_core.mert")

_POSITIONAL = "encoder.pos_conv_embed.conv"
_RENAMED = {
    f"{_POSITIONAL}.weight_g": f"{_POSITIONAL}.parametrizations.weight.original0",
    f"{_POSITIONAL}.weight_v": f"{_POSITIONAL}.parametrizations.weight.original1",
}
_FIRST = "feature_extractor.conv_layers.0.conv.weight"
# Left over from pre-training; no output of the encoder in eval mode depends on them.
_HARMLESS = ("masked_spec_embed", "label_embs_concat", "final_proj.")


def convert(source: Path, target: Path, sha256: str) -> None:
    """Read ``source`` (.bin or .safetensors) and write its canonical copy to ``target`` in one atomic step.

    Raises EncoderError for a file that is not a plain state dict of finite, non-zero weights, or is not, or no longer,
    the one with this hash.
    """
    tensors = canonical(_read(source), source)
    # Asked again: somebody may have written another one while this was read.
    check_expected(file_sha256(source), sha256, source)
    target.parent.mkdir(parents=True, exist_ok=True)
    temporary = part_of(target)
    try:
        save_file(tensors, temporary, metadata={CONTENT: content_sha256(tensors)})
        replace_atomically(temporary, target)
    finally:
        temporary.unlink(missing_ok=True)
    _log.info("converted %s: %d tensors", source.name, len(tensors))


def canonical(state: dict[str, torch.Tensor], source: Path) -> dict[str, NDArray[np.float32]]:
    """Native names, float32, without pre-training leftovers; refuses weights that are zero or not finite."""
    inner = _encoder_of(state, source)
    kept = {_RENAMED.get(name, name): tensor for name, tensor in inner.items() if not name.startswith(_HARMLESS)}
    tensors = {name: _values(tensor) for name, tensor in kept.items()}
    _refuse_hollow(tensors, source)
    return tensors


def _encoder_of(state: dict[str, torch.Tensor], source: Path) -> dict[str, torch.Tensor]:
    """The encoder inside a task's model, whose names all begin alike (``hubert.``); its task heads stay behind."""
    prefixes = sorted(name.removesuffix(_FIRST) for name in state if name.endswith(_FIRST))
    if len(prefixes) > 1:
        raise EncoderError(f"{source} holds several encoders: {_first([prefix or '(bare)' for prefix in prefixes])}.")
    prefix = "".join(prefixes)
    left = sorted(name for name in state if not name.startswith(prefix))
    if left:
        _log.info("%s: left out what is not under %s: %s", source.name, prefix, _first(left))
    return {name.removeprefix(prefix): tensor for name, tensor in state.items() if name.startswith(prefix)}


def _values(tensor: torch.Tensor) -> NDArray[np.float32]:
    return np.ascontiguousarray(tensor.detach().to(device="cpu", dtype=torch.float32).numpy())


def _refuse_hollow(tensors: dict[str, NDArray[np.float32]], source: Path) -> None:
    broken = sorted(name for name, values in tensors.items() if not np.isfinite(values).all())
    # Biases may be all zero; a weight that is all zero was lost on the way (FACTS §4).
    zeroed = sorted(name for name, values in tensors.items() if not name.endswith("bias") and not values.any())
    if not tensors or broken or zeroed:
        kind, names = ("non-finite", broken) if broken else ("zeroed", zeroed)
        raise EncoderError(
            f"{source} holds {kind} weights: {_first(names)}." if tensors else f"{source} holds no weights.",
            fix="fetch the checkpoint again from its publisher",
        )


def _first(names: list[str]) -> str:
    return ", ".join(names[:3]) + (f" and {len(names) - 3} more" if len(names) > 3 else "")


def _read(source: Path) -> dict[str, torch.Tensor]:
    try:
        if source.suffix == ".safetensors":
            return load_file(source)
        state = cast(object, torch.load(source, map_location="cpu", weights_only=True))
    except (pickle.UnpicklingError, SafetensorError, RuntimeError, EOFError, ValueError) as error:
        raise EncoderError(
            f"{source} is not a plain file of weights: {(str(error) or type(error).__name__).splitlines()[0]}",
            fix="fetch it again from its publisher; files that need code to be read are never loaded",
        ) from error
    if not isinstance(state, dict) or not all(
        isinstance(v, torch.Tensor) for v in cast(dict[Any, Any], state).values()
    ):
        raise EncoderError(f"{source} holds something else than a state dict.")
    return cast(dict[str, torch.Tensor], state)
