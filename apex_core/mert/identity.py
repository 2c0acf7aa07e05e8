"""What a vector means, as facts and as an id."""

import hashlib
import json
from dataclasses import asdict
from pathlib import Path
from typing import Any

from apex_core.mert import tiny
from apex_core.mert.checkpoint import locate
from apex_core.mert.config import FRONT_END, LAYERS, SAMPLE_RATE, SEGMENT_SECONDS, Architecture
from apex_core.mert.folder import Checkpoint
from apex_core.mert.weights import check_expected, content_sha256, converted
from apex_core.settings import EncoderSettings


def describe_encoder(settings: EncoderSettings, cache: Path) -> tuple[str, dict[str, Any]]:
    """The id and facts of an encoder without building its model.

    The first call for a checkpoint may download and convert it. Raises EncoderError as ``load_encoder`` does,
    but for faults that only show in a model.
    """
    if settings.source == tiny.SOURCE:
        return identify_tiny(settings)
    checkpoint = locate(settings, cache)
    _, weights = converted(checkpoint, cache, settings.sha256)
    return identify(settings, checkpoint, weights)


def identify_tiny(settings: EncoderSettings) -> tuple[str, dict[str, Any]]:
    weights = content_sha256(tiny.weights())
    check_expected(weights, settings.sha256, tiny.SOURCE)
    meaning = _meaning(weights, tiny.REVISION, tiny.ARCHITECTURE, tiny.NORMALISE)
    return _named(tiny.SOURCE, settings, meaning)


def identify(settings: EncoderSettings, checkpoint: Checkpoint, weights: str) -> tuple[str, dict[str, Any]]:
    meaning = _meaning(weights, checkpoint.revision, checkpoint.architecture, checkpoint.normalise)
    return _named(checkpoint.name, settings, meaning)


def _meaning(weights: str, revision: str | None, architecture: Architecture, normalise: bool) -> dict[str, Any]:
    return {
        "weights_sha256": weights,
        "revision": revision,
        "architecture": asdict(architecture),
        "layers": list(LAYERS),
        "sample_rate": SAMPLE_RATE,
        "segment_seconds": SEGMENT_SECONDS,
        "normalise": normalise,
        "front_end": FRONT_END,
    }


def _named(name: str, settings: EncoderSettings, meaning: dict[str, Any]) -> tuple[str, dict[str, Any]]:
    text = json.dumps(meaning, sort_keys=True, separators=(",", ":"))
    encoder_id = f"{name}-{hashlib.sha256(text.encode()).hexdigest()[:12]}"
    hidden = meaning["architecture"]["hidden_size"]
    facts = {"encoder_id": encoder_id, "name": name, "source": settings.source, "hidden": hidden, **meaning}
    # Through JSON, so that facts read back from a file compare equal to these.
    return encoder_id, json.loads(json.dumps(facts))
