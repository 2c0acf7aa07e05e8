"""The better default beside the recommended published condition, on sandbox songs through the demo's encoder.

2,000 songs (``APEX_BENCH_SONGS``), the first half minute of each, labels from the sandbox's own crowd. Five seeds
(``APEX_BENCH_SEEDS``), each with another tenth of the creators to test on and another to select on; both sides train on
the same rows for the same number of optimiser steps. Differences are of the mean over seeds, their intervals from 1,000
bootstraps over the creators of test songs, the same drawn for both sides. Vectors are kept in ``APEX_BENCH_FOLDER``
(temporary files' folder). Without ``APEX_BENCH_MORE=0`` the table also has two variants that are off by default.
"""

import os
import tempfile
import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from apex_core.heads import POPULARITY, TARGETS, Scored, SongFacts, predict, train, with_condition
from apex_core.heads.baselines import by_song, predictions
from apex_core.heads.intervals import draw_figures
from apex_core.mert import mix
from apex_core.settings import TrainSettings
from tests.bench.heads_songs import layer_means
from tests.bench.measurement import Measurement
from tests.heads.sandbox_songs import Labelled, labelled, planted, spearman

_DRAWS = 1000
_PUBLISHED = "song/full/uncertainty/2"
_DEFAULT = "default"
_EVERY_STEP = {"patience": 10_000, "device": "cpu"}  # both sides take all their steps

Values = NDArray[np.float64]


@dataclass(frozen=True, slots=True, eq=False)
class Fold:
    """One seed's test songs: wanted float64[n, 7] (NaN: no label), predicted by name, the popularity ceiling [2], facts
    of which only the group, the song's creator, is known."""

    wanted: Values
    predicted: dict[str, Values]
    ceiling: Values
    deviations: Values
    facts: SongFacts


def measure() -> Measurement:
    """Differences by target with their intervals, the share of the ceiling, and planted vectors."""
    songs = labelled(int(os.environ.get("APEX_BENCH_SONGS", "2000")))
    folder = Path(os.environ.get("APEX_BENCH_FOLDER") or Path(tempfile.gettempdir()) / "apex-bench-heads")
    means = layer_means(songs.songs, folder)
    started = time.monotonic()
    folds = [_fold(songs, means, seed) for seed in range(int(os.environ.get("APEX_BENCH_SEEDS", "5")))]
    seconds = time.monotonic() - started
    names = list(folds[0].predicted)
    figures = {name: _figures(folds, name) for name in names}
    reached = [_shares(folds, name) for name in (_DEFAULT, _PUBLISHED)]
    ratios = {
        f"{target}: Spearman of its ceiling, {name}": float(share)
        for name, shares in zip((_DEFAULT, "published"), reached, strict=True)
        for target, share in zip(POPULARITY, shares, strict=True)
    }
    notes = [f"{sum(len(fold.wanted) for fold in folds)} test songs of {len(songs.songs)}, {len(folds)} seeds"]
    notes += [_table(figures, folds), *_planted()]
    return Measurement("heads", ratios, {"all trainings": seconds}, "\n".join(notes))


def variants() -> Mapping[str, TrainSettings]:
    """What is compared, by name; the first two are always."""
    own = TrainSettings().model_copy(update=_EVERY_STEP)
    found = {_PUBLISHED: with_condition(own, _PUBLISHED).model_copy(update=_EVERY_STEP), _DEFAULT: own}
    if os.environ.get("APEX_BENCH_MORE", "1") != "0":
        found["layer mix learned"] = own.model_copy(update={"layer_mix": "learned"})
        found["ensemble of 5"] = own.model_copy(update={"ensemble": 5})
    return found


def _fold(songs: Labelled, means: NDArray[np.float32], seed: int) -> Fold:
    mixed, layers = songs.data(mix(means), fold=seed), songs.data(means, fold=seed)
    test = mixed.rows("test")
    predicted: dict[str, Values] = {}
    for name, settings in variants().items():
        data = layers if settings.layer_mix == "learned" else mixed
        trained = train(data, settings.model_copy(update={"seed": 42 + 100 * seed}))
        predicted[name] = predict(trained.model, data.vectors[test]).astype(np.float64)
    predicted["ridge"] = predictions(by_song(mixed))["ridge"]
    known = mixed.targets[mixed.rows("train")].astype(np.float64)
    facts = _facts(np.array(songs.group)[test])
    return Fold(mixed.targets[test].astype(np.float64), predicted, songs.ceiling(test), np.nanstd(known, axis=0), facts)


def _facts(group: NDArray[np.str_]) -> SongFacts:
    words, numbers = np.full(len(group), ""), np.full(len(group), np.nan)
    return SongFacts(words, words, group, numbers, numbers)


def _figures(folds: list[Fold], name: str) -> Values:
    """Spearman and mean squared error over variance of each target, with one row for each draw of creators and,
    first, one for the songs themselves: float64[draws + 1, 2, 7]. Every name is given the same draws."""
    return np.mean([_of_fold(fold, name, place) for place, fold in enumerate(folds)], axis=0)


def _of_fold(fold: Fold, name: str, place: int) -> Values:
    scored = Scored(TARGETS, np.arange(len(fold.wanted)), fold.predicted[name], fold.wanted, fold.facts)
    found, draws = scored.metrics(), draw_figures(scored, _DRAWS)
    figures = [
        [np.concatenate([[found[target][figure] or 0.0], np.nan_to_num(draws[target][figure])]) for target in TARGETS]
        for figure in ("spearman", "mse")
    ]
    both = np.moveaxis(np.array(figures), 2, 0)
    both[:, 1] /= fold.deviations**2
    # What is drawn of one fold must know nothing of what is drawn of another.
    both[1:] = both[1:][np.random.default_rng(place).permutation(_DRAWS)]
    return both


def _table(figures: Mapping[str, Values], folds: list[Fold]) -> str:
    """Every target: the published condition's figures, and every other's difference from them with its interval."""
    lines = ["Spearman (higher is better), then squared error by the labels' variance (lower is better)"]
    base = figures[_PUBLISHED]
    for kind, title in enumerate(("Spearman", "error")):
        for n, target in enumerate(TARGETS):
            parts = [f"{title:8} {target:13} published {base[0, kind, n]:+.3f}"]
            for name in figures:
                if name != _PUBLISHED:
                    difference = figures[name][:, kind, n] - base[:, kind, n]
                    low, high = np.percentile(difference[1:], [2.5, 97.5])
                    better = (low > 0) if kind == 0 else (high < 0)
                    worse = (high < 0) if kind == 0 else (low > 0)
                    mark = "*" if better else "!" if worse else " "
                    parts.append(f"{name} {difference[0]:+.3f} [{low:+.3f}, {high:+.3f}]{mark}")
            lines.append(" | ".join(parts))
    return "\n".join([*lines, "* better, ! worse, by an interval that holds no zero"])


def _shares(folds: list[Fold], name: str) -> Values:
    """Spearman by the ceiling's on the same test songs, mean over seeds: float64[2]."""
    return np.mean(
        [
            [spearman(fold.predicted[name][:, n], fold.wanted[:, n]) / fold.ceiling[n] for n in range(len(POPULARITY))]
            for fold in folds
        ],
        axis=0,
    )


def _planted() -> list[str]:
    songs = labelled(int(os.environ.get("APEX_BENCH_PLANTED_SONGS", "10000")))
    found: list[str] = []
    for seed in range(2):
        data = songs.data(planted(songs.songs, seed), fold=seed)
        test = data.rows("test")
        predicted = predict(train(data, TrainSettings(device="cpu")).model, data.vectors[test]).astype(np.float64)
        wanted = data.targets[test].astype(np.float64)
        reached = [spearman(predicted[:, n], wanted[:, n]) for n in (0, 1)] / songs.ceiling(test)
        found.append(
            f"planted in 768 dimensions, seed {seed}: {reached[0]:.3f} and {reached[1]:.3f} of the ceiling "
            "(score_streams, score_likes)"
        )
    return found
