"""Seven numbers a song from a published model alone: no catalog, no server, no configuration."""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from apex_core import heads
from apex_core.errors import EncoderError, NotFound
from apex_core.mert import Encoder, load_encoder
from apex_core.pipeline.embedder import Embedder
from apex_core.pipeline.publish import CHAMPION, build
from apex_core.pipeline.vectors import as_inputs
from apex_core.registry import Artifact, load_artifact, resolve_alias
from apex_core.settings import Settings
from apex_core.storage import Store

_VERSION = re.compile(r"v\d{8}-[0-9a-f]{8}")


@dataclass(frozen=True, slots=True)
class Scores:
    """One file's predictions by target on the published scales, or what was wrong with it."""

    path: Path
    values: dict[str, float] | None
    error: str | None = None


@dataclass(frozen=True, slots=True)
class Predictor:
    """A model and the encoder whose vectors it understands."""

    version: str
    model: heads.ApexHeads
    encoder: Encoder
    settings: Settings

    @classmethod
    def load(cls, settings: Settings, model: str = CHAMPION) -> "Predictor":
        """Load a model by alias or version from the store, or from a folder that holds one version's files.

        Raises NotFound for an alias nobody set, ArtifactError for an incomplete or altered model, EncoderError when
        the encoder it was trained on cannot be had.
        """
        artifact = _find(settings, model)
        return cls(artifact.version or model, build(artifact), _encoder(settings, artifact), settings)

    def score(self, paths: Sequence[Path]) -> Iterator[Scores]:
        """Score files, in order; a file that cannot be decoded gives its error in its place."""
        for one in Embedder(self.encoder, self.settings).embed(paths):
            values = None if one.means is None else self._values(as_inputs(one.means, self.model.config.layer_mix))
            yield Scores(one.path, values, one.error)

    def _values(self, vectors: NDArray[np.float32]) -> dict[str, float]:
        if self.model.config.mode == "segment":
            predicted = heads.predict(self.model, vectors, np.zeros(len(vectors)))
        else:
            predicted = heads.predict(self.model, vectors.mean(axis=0, keepdims=True))
        return dict(zip(self.model.config.targets, map(float, predicted[0]), strict=True))


def _find(settings: Settings, model: str) -> Artifact:
    folder = Path(model)
    if (folder / "MANIFEST.json").is_file():
        return load_artifact(folder)
    store = Store.open(settings.store_url)
    if _VERSION.fullmatch(model):
        return load_artifact(store, model)
    record = resolve_alias(store, model)
    if record is None:
        raise NotFound(
            f"There is no model {model!r}: neither a folder with a MANIFEST.json nor an alias in {store.url}.",
            fix="apex nightly trains and publishes one; --model FOLDER takes one from elsewhere",
        )
    return load_artifact(store, record.version)


def _encoder(settings: Settings, artifact: Artifact) -> Encoder:
    """The encoder the artifact names; one that was a folder on another machine is looked for in the settings."""
    wanted, named = artifact.config["encoder_id"], artifact.config.get("encoder", {})
    chosen = settings.encoder
    if named.get("source"):
        chosen = chosen.model_copy(
            update={"source": named["source"], "revision": named.get("revision") or chosen.revision}
        )
    encoder = load_encoder(chosen, settings.cache)
    if encoder.encoder_id != wanted:
        raise EncoderError(
            f"Model {artifact.version} was trained on vectors of {wanted}, this encoder is {encoder.encoder_id}.",
            fix="set APEX_ENCODER__SOURCE to the encoder the model was trained on",
        )
    return encoder
