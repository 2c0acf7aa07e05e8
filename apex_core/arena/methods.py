"""Who would have won: rules without training, and models trained on differences, each scored where it has not learned.

A score is above 0 where side a is expected to win. Models have no intercept and see every battle in both orders, so
that swapping the sides of a battle turns its score's sign and nothing else: which side a song was on cannot be learned.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from apex_core.arena.battles import AESTHETICS, POPULARITY
from apex_core.arena.contest import Contest

Protocol = Literal["rule", "grouped", "unseen systems"]
Floats = NDArray[np.float64]

TITLES: dict[str, str] = {
    "rule": "the higher score wins, nothing trained",
    "grouped": "trained, in folds that share no recording",
    "unseen systems": "trained on other systems than the two that met",
}

_LEAST_TRAINING = 10
IDENTITY = "system identity"


@dataclass(frozen=True, slots=True, eq=False)
class Judged:
    """A method's scores float64[n]; NaN where it has none."""

    protocol: Protocol
    method: str
    features: str
    scores: Floats


@dataclass(frozen=True, slots=True, eq=False)
class _Learner:
    method: Literal["logistic", "linear SVM"]
    features: str
    inputs: Floats
    as_they_are: int = 0
    """How many of the inputs, the first ones, are not brought to one scale."""


def rules(contest: Contest) -> Iterator[Judged]:
    """The higher predicted score wins: each feature alone, and the popularity and aesthetic scores summed."""
    for name in contest.features:
        yield Judged("rule", "higher wins", name, contest.columns([name])[:, 0])
    for name, features in (("popularity", POPULARITY), ("aesthetics", AESTHETICS)):
        columns = contest.columns(features)
        if columns.shape[1] > 1:
            yield Judged("rule", "higher wins", f"{name} (sum)", columns.sum(axis=1))


def grouped(contest: Contest, folds: int, seed: int) -> Iterator[Judged]:
    """Every learner, each battle scored by a model that saw none of its group."""
    parts = list(_folds(contest, folds, seed))
    for learner in _learners(contest):
        yield _judged("grouped", learner, contest, parts)


def unseen(contest: Contest, progress: Callable[[int, int], None]) -> Iterator[Judged]:
    """Every learner, each battle scored by a model that saw neither of its systems, nor its group."""
    parts = list(_pairs(contest))
    learners = list(_learners(contest, mixed=False))
    for done, learner in enumerate(learners):
        progress(done, len(learners))
        yield _judged("unseen systems", learner, contest, parts)


def _folds(contest: Contest, folds: int, seed: int) -> Iterator[tuple[NDArray[np.bool_], NDArray[np.bool_]]]:
    from sklearn.model_selection import GroupKFold

    split = GroupKFold(folds, shuffle=True, random_state=seed).split(contest.differences, groups=contest.groups)
    for train, test in split:
        yield _mask(len(contest.groups), train), _mask(len(contest.groups), test)


def _mask(n: int, places: NDArray[np.int64]) -> NDArray[np.bool_]:
    mask = np.zeros(n, dtype=np.bool_)
    mask[places] = True
    return mask


def _pairs(contest: Contest) -> Iterator[tuple[NDArray[np.bool_], NDArray[np.bool_]]]:
    """For every pair of systems that met: battles of neither to train on, its own to test on."""
    assert contest.systems is not None
    ordered = np.sort(contest.systems, axis=1)
    for pair in np.unique(ordered, axis=0):
        test = (ordered == pair).all(axis=1)
        train = ~np.isin(ordered, pair).any(axis=1)
        train &= ~np.isin(contest.groups, contest.groups[test])
        yield train, test


def _learners(contest: Contest, *, mixed: bool = True) -> Iterator[_Learner]:
    """``mixed``: also system identity and features together, for what these add where the systems are known."""
    popularity, everything = contest.columns(POPULARITY), contest.differences
    sets = [("popularity", popularity)] if popularity.shape[1] else []
    if everything.shape[1] > popularity.shape[1]:
        sets.append(("popularity + aesthetics" if sets else "aesthetics", everything))
    for name, inputs in sets:
        yield _Learner("logistic", name, inputs)
        yield _Learner("linear SVM", name, inputs)
    if contest.systems is not None:
        who = _identity(contest)
        yield _Learner("logistic", IDENTITY, who, who.shape[1])
        if mixed:
            both = np.hstack([who, everything])
            yield _Learner("logistic", f"{IDENTITY} + {sets[-1][0]}", both, who.shape[1])


def _identity(contest: Contest) -> Floats:
    """+1 for the system of side a, -1 for that of side b: with logistic regression the Bradley-Terry model."""
    assert contest.systems is not None
    one_hot = np.eye(len(contest.system_names))
    return one_hot[contest.systems[:, 0]] - one_hot[contest.systems[:, 1]]


def _judged(
    protocol: Protocol,
    learner: _Learner,
    contest: Contest,
    parts: list[tuple[NDArray[np.bool_], NDArray[np.bool_]]],
) -> Judged:
    scores = np.full(len(contest.outcome), np.nan)
    for train, test in parts:
        if train.sum() >= _LEAST_TRAINING:
            scores[test] = learner.inputs[test] @ _fitted(learner, train, contest.outcome)
    return Judged(protocol, learner.method, learner.features, scores)


def _fitted(learner: _Learner, train: NDArray[np.bool_], outcome: Floats) -> Floats:
    """The weights of a model trained on some rows, one an input. Half a win is half a row of either outcome."""
    from sklearn.linear_model import LogisticRegression
    from sklearn.svm import LinearSVC

    x, won = learner.inputs[train], outcome[train]
    # By their root mean square, which does not depend on who is side a, as a deviation from the mean would.
    scale = np.sqrt(np.square(x).mean(axis=0))
    scale[: learner.as_they_are] = 1.0
    scale[scale == 0] = 1.0
    # Every battle in both orders, as a win and as a defeat: both outcomes are there whatever the votes were.
    directed, wins = np.vstack([x, -x]) / scale, np.concatenate([won, 1 - won]) / 2
    inputs, labels, weights = np.vstack([directed, -directed]), np.repeat([1, 0], 2 * len(x)), np.tile(wins, 2)
    if learner.method == "logistic":
        model = LogisticRegression(fit_intercept=False, max_iter=1000)
    else:
        model = LinearSVC(fit_intercept=False, dual="auto")
    said = weights > 0
    model.fit(inputs[said], labels[said], sample_weight=weights[said])
    return np.asarray(model.coef_[0], dtype=np.float64) / scale
