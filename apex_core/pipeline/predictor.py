"""Seven numbers a song from a published model alone: no catalog, no server, no configuration."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import chain
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from apex_core import heads
from apex_core.errors import EncoderError
from apex_core.heads.prediction import exact
from apex_core.heads.quantiles import Quantiles, percentiles, quantiles_of
from apex_core.mert import Encoder, load_encoder
from apex_core.mert.tables import song_means
from apex_core.pipeline.artifact_model import build
from apex_core.pipeline.embedder import Embedder
from apex_core.pipeline.model_place import find_model
from apex_core.pipeline.vectors import as_inputs
from apex_core.registry import CHAMPION
from apex_core.settings import Settings

DECIMALS = 4
"""Of a score: what is left out is beyond what the hardware promises to repeat."""
_PERCENTILE_DECIMALS = 2

Values = dict[str, float]


@dataclass(frozen=True, slots=True)
class Scores:
    """One song's predictions by target on the published scales, or what was wrong with it.

    ``percentiles``, 0 to 100 by target, place them among the songs the model was made from; None where the model
    brings no quantiles.
    """

    path: Path
    values: Values | None
    error: str | None = None
    percentiles: Values | None = None


@dataclass(frozen=True)
class Predictor:
    """A model, and the encoder whose vectors it understands, which is loaded when it is first needed."""

    version: str
    model: heads.ApexHeads
    known: Quantiles | None
    settings: Settings
    named: dict[str, Any]
    """How the model's config says its encoder is had: source and revision."""

    @classmethod
    def load(
        cls, settings: Settings, model: str = CHAMPION, *, store: str | None = None, encoder: str | None = None
    ) -> "Predictor":
        """Load a model by alias or version from a store, or from a folder or s3 address that holds one version's files.

        ``store``: instead of the settings' one. ``encoder``: a source to have the encoder from instead of the one the
        model names. Raises NotFound for an alias nobody set, ArtifactError for an incomplete or altered model.
        """
        artifact = find_model(model, store or settings.store_url)
        made = exact(build(artifact))
        known = quantiles_of(artifact.config, made.config.targets)
        named = {"source": encoder} if encoder else artifact.config.get("encoder") or {}
        return cls(artifact.version or model, made, known, settings, named)

    @cached_property
    def encoder(self) -> Encoder:
        """Raises EncoderError when the encoder that the model was trained on cannot be had."""
        chosen = self.settings.encoder
        if self.named.get("source"):
            revision = self.named.get("revision") or chosen.revision
            chosen = chosen.model_copy(update={"source": self.named["source"], "revision": revision})
        encoder = load_encoder(chosen, self.settings.cache)
        self.check_encoder(encoder.encoder_id, "this encoder is", "name that encoder: --encoder, APEX_ENCODER__SOURCE")
        return encoder

    @property
    def targets(self) -> tuple[str, ...]:
        return self.model.config.targets

    def check_encoder(self, encoder_id: str, told: str, fix: str) -> None:
        """Raise EncoderError unless the model understands vectors of ``encoder_id``; ``told`` says whose they are."""
        wanted = self.model.config.encoder_id
        if encoder_id != wanted:
            raise EncoderError(
                f"Model {self.version} was trained on vectors of {wanted}, {told} {encoder_id}.", fix=fix
            )

    def score(self, paths: Iterable[Path]) -> Iterator[Scores]:
        """Score files, in order; a file that cannot be decoded gives its error in its place.

        ``paths`` is read only as far ahead as songs are decoded. Raises EncoderError as ``encoder`` does.
        """
        for one in Embedder(self.encoder, self.settings).embed(paths):
            if one.means is None:
                yield Scores(one.path, None, one.error)
            else:
                yield from self.score_means([(one.path, one.means)])

    def score_means(self, songs: Sequence[tuple[Path, NDArray[np.float32]]]) -> Iterator[Scores]:
        """Score songs, in order, from the layer means float32[k, 4, hidden] of their k segments, all in one batch."""
        good = [(path, means) for path, means in songs if np.isfinite(means).all()]
        found = iter(self._predicted([means for _, means in good]) if good else ())
        for path, means in songs:
            if np.isfinite(means).all():
                values = dict(zip(self.targets, next(found).tolist(), strict=True))
                yield Scores(path, values, percentiles=self._placed(values))
            else:
                yield Scores(path, None, "its vectors are not finite")

    def _predicted(self, songs: Sequence[NDArray[np.float32]]) -> NDArray[np.float64]:
        """float64[n, targets] of n songs."""
        config = self.model.config
        if config.mode == "segment":
            groups = np.fromiter(chain.from_iterable([n] * len(means) for n, means in enumerate(songs)), np.int64)
            found = heads.predict(self.model, as_inputs(np.concatenate(songs), config.layer_mix), groups)
        else:
            # As in a shard's rows of songs: the same song then gets the same numbers as in the catalog.
            means = np.stack([song_means(means) for means in songs])
            found = heads.predict(self.model, as_inputs(means, config.layer_mix))
        return found.astype(np.float64).round(DECIMALS)

    def _placed(self, values: Values) -> Values | None:
        if self.known is None:
            return None
        placed = {target: percentiles(np.array([value]), self.known[target])[0] for target, value in values.items()}
        return {target: round(float(place), _PERCENTILE_DECIMALS) for target, place in placed.items()}
