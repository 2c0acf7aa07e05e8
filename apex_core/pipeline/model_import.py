"""Models from elsewhere into the registry: the authors' checkpoints, the hub's layout, versions of another apex."""

import json
import re
import tempfile
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path
from typing import Any

import numpy as np
from torch import Tensor

from apex_core import heads
from apex_core.errors import ArtifactError, EncoderError
from apex_core.heads.foreign import Foreign, read_checkpoint
from apex_core.mert import AUTHORS_LAYER_MIX, LAYERS, SEGMENT_SECONDS, describe_encoder
from apex_core.mert.hub import HubRepository
from apex_core.mert.weights import file_sha256
from apex_core.pipeline.artifact_model import predict_with
from apex_core.pipeline.code_version import apex_version, code_version
from apex_core.pipeline.model_export import copy_files
from apex_core.registry import (
    Decision,
    describe_version,
    is_published,
    load_artifact,
    model_card,
    named_after,
    publish,
    record_decision,
    stage_artifact,
    verify_artifact,
    version_name,
    weights_sha256,
)
from apex_core.settings import Settings
from apex_core.storage import Store

_HUB_ID = re.compile(r"\w[\w.-]*/\w[\w.-]*", re.ASCII)
_HASH = re.compile(r"[0-9a-f]{16,64}")
_CONFIG = "config.json"
_WEIGHTS = ("pytorch_model.bin", "model.safetensors", "best_model.pt")
_SEED = 42  # of the layer mix that the published heads were trained on (FACTS §2)
_TOLERANCE = 1e-5


@dataclass(frozen=True, slots=True)
class Wanted:
    """What to import. ``encoder_id``: whose vectors the heads read, where it is not the settings' encoder.

    ``revision``: of a hub id, the commit. ``sha256``: of the weights file, whole or its first 16 digits and more.
    """

    source: str
    encoder_id: str | None = None
    revision: str | None = None
    sha256: str | None = None


def import_model(settings: Settings, wanted: Wanted, by: str, as_of: datetime) -> str:
    """Register a model as a version, held for a person's word; the version's name. Again, it changes nothing.

    Raises ArtifactError for what is no model, does not have the promised hash, or asks for another layer mix;
    EncoderError when the encoder cannot be named.
    """
    store = Store.open(settings.store_url)
    if (Path(wanted.source) / "MANIFEST.json").is_file():
        version = _import_version(store, Path(wanted.source))
    else:
        version = _import_foreign(settings, store, wanted, as_of)
    reason = "imported by hand: nobody has compared it with anything, only a person's word promotes it"
    if not store.list(f"models/decisions/{version}"):
        record_decision(store, version, Decision("held", (reason,)), None, by, as_of)
    return version


def _import_version(store: Store, folder: Path) -> str:
    """A version of another store, as it is: what its manifest names, not what else lies beside (as from the hub)."""
    artifact = load_artifact(folder)
    if artifact.version is None:
        raise ArtifactError(f"The manifest in {folder} names no version.")
    with tempfile.TemporaryDirectory(prefix="apex-") as copy:
        copy_files(Store.open(folder), "", Path(copy))
        publish(store, artifact.version, Path(copy))
    return artifact.version


def _import_foreign(settings: Settings, store: Store, wanted: Wanted, as_of: datetime) -> str:
    file, described, facts = _found(settings, wanted)
    _check_hash(file, wanted.sha256)
    _check_described(described, wanted.source)
    foreign = read_checkpoint(file)
    _check_others(foreign.others, wanted.source)
    encoder_id, encoder = _encoder(settings, wanted, foreign)
    config = replace(foreign.config, encoder_id=encoder_id)
    weights = heads.build_model(config, foreign.weights).state_dict()
    version = named_after(store, version_name(as_of, weights_sha256(weights)))
    if is_published(store, version):
        known = describe_version(store, version).config["encoder_id"]
        if known != encoder_id:
            raise ArtifactError(f"{version} is published as heads for {known}; a published version never changes.")
        return version
    known_facts = {name: described[name] for name in ("epoch", "val_loss") if name in described} | foreign.facts
    lineage = {
        "imported": {**facts, "sha256": file_sha256(file), **known_facts},
        "encoder_id": encoder_id,
        "apex": apex_version(),
        "code": code_version(),
    }
    _publish(store, version, replace(foreign, config=config), {**config.to_json(), "encoder": encoder}, lineage)
    return version


def _publish(store: Store, version: str, foreign: Foreign, config: dict[str, Any], lineage: dict[str, Any]) -> None:
    model = heads.build_model(foreign.config, foreign.weights)
    metrics: dict[str, Any] = {split: {} for split in heads.SPLITS}  # nothing was measured here
    card = model_card(version=version, config=config, metrics=metrics, lineage=lineage)
    probe = np.random.default_rng(0).standard_normal((16, foreign.config.hidden), dtype=np.float32)
    with tempfile.TemporaryDirectory(prefix="apex-") as folder:
        stage_artifact(Path(folder), model.state_dict(), config, metrics, lineage, card)
        verify_artifact(Path(folder), probe, heads.predict(model, probe), predict_with)
        publish(store, version, Path(folder))


def _found(settings: Settings, wanted: Wanted) -> tuple[Path, dict[str, Any], dict[str, Any]]:
    """The weights file, what a config.json beside it says, and where it is from."""
    path = Path(wanted.source)
    if path.is_file():
        return path, {}, {"file": path.name}
    if path.is_dir():
        return (
            *_of_layout(lambda name: path / name if (path / name).is_file() else None, wanted.source),
            {"file": path.name},
        )
    if not _HUB_ID.fullmatch(wanted.source):
        raise ArtifactError(f"{wanted.source} is no file, folder or hub id.", fix="apex models import --help")
    if wanted.revision is None or wanted.sha256 is None:
        raise ArtifactError(
            f"{wanted.source} is a hub id: what lies there may change.",
            fix="pin it: --revision COMMIT (40 hex digits) and --sha256 of its weights file",
        )
    try:
        repository = HubRepository(wanted.source, wanted.revision, settings.cache / "hub")
        file, described = _of_layout(repository.find, str(repository))
    except EncoderError as error:
        raise ArtifactError(error.message, fix="pin 40 hex digits with --revision, and connect once") from error
    return file, described, {"hub": wanted.source, "revision": wanted.revision}


def _of_layout(find: Callable[[str], Path | None], where: str) -> tuple[Path, dict[str, Any]]:
    file = next((found for name in _WEIGHTS if (found := find(name)) is not None), None)
    if file is None:
        raise ArtifactError(f"{where} has none of {', '.join(_WEIGHTS)}.")
    config = find(_CONFIG)
    try:
        described = json.loads(config.read_bytes()) if config is not None else {}
    except ValueError as error:
        raise ArtifactError(f"{where}/{_CONFIG} is not JSON: {error}.") from error
    return file, described if isinstance(described, dict) else {}


def _check_hash(file: Path, expected: str | None) -> None:
    if expected is None:
        return
    if not _HASH.fullmatch(expected.lower()):
        raise ArtifactError(f"{expected!r} is not a sha256.", fix="give all 64 hex digits, or at least the first 16")
    found = file_sha256(file)
    if not found.startswith(expected.lower()):
        raise ArtifactError(f"{file.name} has sha256 {found}, not {expected}.", fix="get the pinned file again")


def _check_described(described: dict[str, Any], where: str) -> None:
    """Refuse heads for other vectors: other layers, segments, or another draw of the layer mix."""
    told = {"segment_sec": (SEGMENT_SECONDS,), "seed": (_SEED,), "layer_indices": (list(LAYERS), [*LAYERS[:-1], -1])}
    faults = [f"{name} {described[name]}" for name, ours in told.items() if described.get(name, ours[0]) not in ours]
    if faults:
        raise ArtifactError(f"{where} asks for {', '.join(faults)}: its heads read other vectors than apex makes.")


def _check_others(others: dict[str, Tensor], where: str) -> None:
    """Besides heads only the layer mix may be there, and it must be the authors'."""
    mix = {name.rsplit(".", 1)[-1]: tensor for name, tensor in others.items() if "aggregator" in name}
    strange = [name for name in others if "aggregator" not in name]
    if strange:
        raise ArtifactError(f"{where} holds weights that are no heads: {', '.join(sorted(strange)[:3])} …")
    ours = {"weight": AUTHORS_LAYER_MIX.weights, "bias": (AUTHORS_LAYER_MIX.bias,)}
    for name, tensor in mix.items():
        found, known = tensor.flatten().numpy(), ours.get(name, ())
        if found.size != len(known) or not np.allclose(found, known, atol=_TOLERANCE):
            raise ArtifactError(f"{where} mixes the layers by other weights than the authors' constants.")


def _encoder(settings: Settings, wanted: Wanted, foreign: Foreign) -> tuple[str, dict[str, Any]]:
    """Whose vectors the heads read, and how another machine gets that encoder."""
    named = wanted.encoder_id or foreign.config.encoder_id
    if named:
        return named, {"source": None, "revision": None}
    try:
        encoder_id, facts = describe_encoder(settings.encoder, settings.cache)
    except EncoderError as error:
        raise EncoderError(
            f"The encoder whose vectors these heads read has no name yet: {error.message}",
            fix="let APEX_ENCODER__SOURCE lead to MERT's weights, or name the encoder_id with --encoder",
        ) from error
    if facts["hidden"] != foreign.config.hidden:
        raise ArtifactError(
            f"These heads read vectors of width {foreign.config.hidden}; {encoder_id} gives {facts['hidden']}.",
            fix="let APEX_ENCODER__SOURCE lead to MERT's weights, or name the encoder_id with --encoder",
        )
    source = facts["source"]
    return encoder_id, {"source": None if Path(source).is_dir() else source, "revision": facts["revision"]}
