"""Battles as arrays: what the sides differ in, who won, and who must not be on both sides of a fold."""

from collections import Counter
from collections.abc import Hashable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from apex_core.arena.battles import FEATURES, Battle, Values
from apex_core.errors import SourceError

Undecided = Literal["half", "drop"]
Shared = Literal["recording", "prompt", "user"]

_OUTCOMES = {"A": 1.0, "B": 0.0}
_MOST_LACK_IT = 0.5


@dataclass(frozen=True, slots=True)
class Policy:
    """What is done with votes for neither, and what makes two battles belong together.

    The defaults are the leaderboard's (FACTS §7): a tie is half a win for each side, "both bad" says nothing. Battles
    that share a recording always belong together, by default also those of one prompt; ``user``: or of one listener.
    """

    ties: Undecided = "half"
    both_bad: Undecided = "drop"
    group_by: Shared = "prompt"
    folds: int = 10
    resamples: int = 1000
    seed: int = 42


@dataclass(frozen=True, slots=True, eq=False)
class Contest:
    """What methods are judged on: n battles.

    differences: float64[n, features], side a less side b. outcome: float64[n], 1 where a won, 0 where b did, 0.5 half
    a win each. groups: int64[n]. systems: int64[n, 2], codes of ``system_names``, or None where nobody names them.
    instrumental: int8[n], 1 or 0, -1 where not said. dropped: battles left out, by reason.
    """

    features: tuple[str, ...]
    differences: NDArray[np.float64]
    outcome: NDArray[np.float64]
    groups: NDArray[np.int64]
    systems: NDArray[np.int64] | None
    system_names: tuple[str, ...]
    instrumental: NDArray[np.int8]
    dropped: Mapping[str, int]
    lacking: tuple[str, ...] = ()

    def columns(self, features: Iterable[str]) -> NDArray[np.float64]:
        """The differences in some of the features, those there are."""
        return self.differences[:, [n for n, name in enumerate(self.features) if name in set(features)]]


Side = tuple[Values, Values]


def contest(battles: Sequence[Battle], sides: Sequence[Side], policy: Policy) -> Contest:
    """Arrays of the battles that can be judged; ``sides`` are their predictions.

    All methods see the same battles: features that most battles lack are left out, then battles that lack one of the
    others. Raises SourceError when none is left.
    """
    dropped: Counter[str] = Counter()
    features = _features(sides)
    named = any(all(battle.systems) for battle in battles)
    kept: list[tuple[Battle, Side]] = []
    for battle, side in zip(battles, sides, strict=True):
        reason = _unfit(battle, side, features, policy, named=named)
        if reason:
            dropped[reason] += 1
        else:
            kept.append((battle, side))
    if not kept:
        reasons = ", ".join(f"{count} {reason}" for reason, count in sorted(dropped.items()))
        raise SourceError(
            f"No battle is left to judge of {len(battles)}: {reasons or 'there is none'}.",
            fix="predictions come as columns like score_streams_a and score_streams_b, with --predictions, or from "
            "--audio",
        )
    return _arrays([battle for battle, _ in kept], [side for _, side in kept], features, policy, dropped, named=named)


def _features(sides: Sequence[Side]) -> tuple[str, ...]:
    """Those that at least half of the battles with any prediction have on both sides."""
    any_at_all = sum(bool(a.keys() & b.keys()) for a, b in sides)
    counts = Counter(feature for a, b in sides for feature in a.keys() & b.keys())
    return tuple(name for name in FEATURES if counts[name] and counts[name] >= _MOST_LACK_IT * any_at_all)


def _unfit(battle: Battle, side: Side, features: tuple[str, ...], policy: Policy, *, named: bool) -> str | None:
    if battle.preference == "TIE" and policy.ties == "drop":
        return "tie"
    if battle.preference == "BOTH_BAD" and policy.both_bad == "drop":
        return "both_bad"
    if named and not all(battle.systems):
        return "no_system"
    if not features or any(feature not in values for values in side for feature in features):
        return "no_prediction"
    return None


def _arrays(
    battles: list[Battle],
    sides: list[Side],
    features: tuple[str, ...],
    policy: Policy,
    dropped: Mapping[str, int],
    *,
    named: bool,
) -> Contest:
    names = tuple(sorted({system for battle in battles for system in battle.systems})) if named else ()
    code = {name: n for n, name in enumerate(names)}
    told = [-1 if battle.instrumental is None else int(battle.instrumental) for battle in battles]
    return Contest(
        features=features,
        differences=np.array([[a[name] - b[name] for name in features] for a, b in sides], dtype=np.float64),
        outcome=np.array([_OUTCOMES.get(battle.preference, 0.5) for battle in battles]),
        groups=group(battles, policy.group_by),
        systems=np.array([[code[system] for system in battle.systems] for battle in battles]) if named else None,
        system_names=names,
        instrumental=np.array(told, dtype=np.int8),
        dropped=dict(dropped),
        lacking=tuple(name for name in FEATURES if name not in features),
    )


def group(battles: Sequence[Battle], by: Shared = "prompt") -> NDArray[np.int64]:
    """A number for each battle, int64[n], equal where battles are linked, over any chain, by what they share."""
    parent: dict[Hashable, Hashable] = {}

    def root(key: Hashable) -> Hashable:
        while parent.setdefault(key, key) != key:
            parent[key] = parent[parent[key]]
            key = parent[key]
        return key

    for number, battle in enumerate(battles):
        for key in _keys(battle, by):
            parent[root(key)] = root(number)
    roots: dict[Hashable, int] = {}
    return np.array([roots.setdefault(root(n), len(roots)) for n in range(len(battles))], dtype=np.int64)


def _keys(battle: Battle, by: Shared) -> Iterator[tuple[str, str]]:
    yield from (("recording", audio) for audio in battle.audio if audio)
    if by != "recording" and battle.prompt:
        yield "prompt", battle.prompt.casefold()
    if by == "user" and battle.user:
        yield "user", battle.user
