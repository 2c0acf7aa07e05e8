"""The frozen encoder (segments in, time means of four MERT layers out), the layer mix, the shards.

Importing this package is cheap: torch and transformers load with the first encoder.
"""

import importlib
from typing import TYPE_CHECKING, Any

from apex_core.mert.config import LAYERS, SAMPLE_RATE, SEGMENT_SAMPLES, SEGMENT_SECONDS
from apex_core.mert.erasure import clear_shard, shards_with
from apex_core.mert.identity import describe_encoder
from apex_core.mert.mix import AUTHORS_LAYER_MIX, LayerMix, mix
from apex_core.mert.shards import (
    ShardManifest,
    ShardSong,
    committed_shards,
    read_shard_manifest,
    read_shard_manifests,
    segment_vectors,
    song_vectors,
    write_shard,
)

if TYPE_CHECKING:
    from apex_core.mert.encoder import Encoder, load_encoder
    from apex_core.mert.kept import keep_encoder, loaded_encoder

__all__ = [
    "AUTHORS_LAYER_MIX",
    "LAYERS",
    "SAMPLE_RATE",
    "SEGMENT_SAMPLES",
    "SEGMENT_SECONDS",
    "Encoder",
    "LayerMix",
    "ShardManifest",
    "ShardSong",
    "clear_shard",
    "committed_shards",
    "describe_encoder",
    "keep_encoder",
    "load_encoder",
    "loaded_encoder",
    "mix",
    "read_shard_manifest",
    "read_shard_manifests",
    "segment_vectors",
    "shards_with",
    "song_vectors",
    "write_shard",
]


_HEAVY = {"Encoder": "encoder", "load_encoder": "encoder", "keep_encoder": "kept", "loaded_encoder": "kept"}


def __getattr__(name: str) -> Any:  # noqa: ANN401  a module's attribute
    if name not in _HEAVY:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(importlib.import_module(f"apex_core.mert.{_HEAVY[name]}"), name)
