"""The sandbox's songs as training rows, without rendering a note: labels from the plan, vectors from elsewhere."""

import hashlib
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from apex_core.heads import AESTHETICS, POPULARITY, TARGETS, TrainingData
from apex_core.heads.figures import Values, pearson, ranks
from apex_core.sandbox import attributes
from apex_core.sandbox.attributes import KNOBS, MODES, TEMPO_RANGE, Attributes
from apex_core.sandbox.crowd import counts
from apex_core.sandbox.plan import plan
from apex_core.sandbox.song import EPOCH, Song
from apex_core.settings import PLATFORMS, SandboxSettings

_UNLABELLED = 0.15


@dataclass(frozen=True, slots=True, eq=False)
class Labelled:
    """Songs with labels float32[n, 7], noise-free appeal float64[n, 2], and the creator of each song's root."""

    songs: tuple[Song, ...]
    targets: NDArray[np.float32]
    truth: Values
    group: tuple[str, ...]

    def data(self, vectors: NDArray[np.float32], fold: int = 0, folds: int = 10) -> TrainingData:
        """Rows of which one fold of creators tests, the fifth after it validates, and all others train."""
        fold_of = np.array([int(hashlib.sha256(name.encode()).hexdigest()[:8], 16) % folds for name in self.group])
        split = np.where(fold_of == fold, 2, np.where(fold_of == (fold + folds // 2) % folds, 1, 0))
        return TrainingData(vectors, np.arange(len(vectors)), self.targets, split.astype(np.int8), "sandbox")

    def ceiling(self, rows: NDArray[np.bool_]) -> Values:
        """Spearman of the noise-free appeal with the popularity targets of these rows, float64[2]."""
        found = [spearman(self.truth[rows, n], self.targets[rows, n].astype(np.float64)) for n in (0, 1)]
        return np.array(found)


def labelled(songs: int, seed: int = 7) -> Labelled:
    """The sandbox's world of this seed as its pipeline would label it on day 0, every song with audio scored."""
    planned = plan(SandboxSettings(songs=songs, seed=seed)).songs
    targets = np.full((songs, len(TARGETS)), np.nan, dtype=np.float32)
    seen = [counts(song, EPOCH) for song in planned]
    for platform in PLATFORMS:
        mine = np.array([song.platform == platform for song in planned])
        targets[mine, 0] = scores(np.array([c.plays for c in seen])[mine])
        targets[mine, 1] = scores(np.array([c.likes for c in seen])[mine])
    for place, song in enumerate(planned):
        if np.random.default_rng([song.seed, 2]).random() >= _UNLABELLED:
            heard = attributes.aesthetics(song.attributes, np.random.default_rng([song.seed, 3]))
            targets[place, 2:] = [heard[name.capitalize()] for name in AESTHETICS]
    by_key = {song.key: song for song in planned}
    roots = [by_key.get((song.platform, song.root_id or ""), song) for song in planned]
    truth = np.array([[attributes.appeal(song.attributes)[target] for target in POPULARITY] for song in planned])
    return Labelled(planned, targets, truth, tuple(root.creator.creator_id for root in roots))


def scores(seen: NDArray[np.int64]) -> Values:
    """The default score definition (FACTS §1) on one cohort's counts."""
    return np.where(seen == 0, 0.0, 100 * np.sqrt((ranks(seen.astype(np.float64)) - 0.5) / len(seen)))


def planted(songs: tuple[Song, ...], seed: int, hidden: int = 768) -> NDArray[np.float32]:
    """A fixed nonlinear map of musical attributes, drawn from ``seed``: float32[n, hidden].

    Two random layers with tanh between them, as much of it noise as a float16 would round off.
    """
    random = np.random.default_rng(seed)
    known = np.array([_numbers(song.attributes) for song in songs])
    wide = random.normal(size=(known.shape[1], 256)) / np.sqrt(known.shape[1])
    felt = np.tanh(0.7 * known @ wide + 0.5 * random.normal(size=256))
    vectors = felt @ random.normal(size=(256, hidden)) / 16
    return (vectors * (1 + 2**-11 * random.normal(size=vectors.shape))).astype(np.float32)


def _numbers(song: Attributes) -> list[float]:
    """Attributes at about unit deviation."""
    low, high = TEMPO_RANGE
    knobs = [(getattr(song, name) - 0.5) / 0.26 for name in KNOBS]
    return [(song.tempo - low) / (high - low) * 3.5 - 1.7, *knobs, *(2.0 * (song.mode == mode) for mode in MODES)]


def spearman(one: Values, other: Values) -> float:
    """Rank correlation; 0 where either side is constant."""
    return pearson(ranks(one), ranks(other)) or 0.0
