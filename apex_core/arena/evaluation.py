"""All methods on all battles: the report on how far predictions agree with listeners."""

from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from apex_core.arena.contest import Contest, Policy
from apex_core.arena.measures import Measures, measure
from apex_core.arena.methods import IDENTITY, Judged, Protocol, grouped, rules, unseen
from apex_core.errors import ContractViolation

Subset = Literal["all", "instrumental", "vocal"]
SUBSETS: tuple[Subset, ...] = ("all", "instrumental", "vocal")

LINKS = {"recording": "recording", "prompt": "recording or prompt", "user": "recording, prompt or listener"}
"""What battles of one group share, in words."""

Progress = Callable[[str, int, int], None]


@dataclass(frozen=True, slots=True)
class Row:
    """A method under a protocol, with its figures on the subsets that have battles."""

    protocol: Protocol
    method: str
    features: str
    measures: Mapping[Subset, Measures]

    @property
    def is_baseline(self) -> bool:
        return self.features == IDENTITY


@dataclass(frozen=True, slots=True)
class Report:
    """What came in, what was done with it, and what came out. ``records`` = ``used`` + everything ``dropped``."""

    records: int
    used: int
    dropped: Mapping[str, int]
    undecided: int
    won_by_a: float | None
    groups: int
    largest_group: int
    systems: tuple[str, ...]
    features: tuple[str, ...]
    subsets: Mapping[Subset, int]
    policy: Policy
    notes: tuple[str, ...]
    rows: tuple[Row, ...]

    def to_json(self) -> dict[str, Any]:
        """Plain values."""
        return asdict(self)


def evaluate(
    contest: Contest, policy: Policy, *, records: int, unreadable: Mapping[str, int], progress: Progress
) -> Report:
    """Judge every method on a contest made from ``records``, some of which were ``unreadable``.

    Raises ContractViolation when records in are not battles out.
    """
    dropped = {**unreadable}
    for reason, count in contest.dropped.items():
        dropped[reason] = dropped.get(reason, 0) + count
    used = len(contest.outcome)
    if records != used + sum(dropped.values()):
        raise ContractViolation(f"{records} battles in, {used} used and {sum(dropped.values())} dropped.")
    notes: list[str] = []
    judged = _judge(contest, policy, notes, progress)
    sizes = np.unique(contest.groups, return_counts=True)[1]
    decided = contest.outcome[contest.outcome != 0.5]
    return Report(
        records=records,
        used=used,
        dropped=dict(sorted(dropped.items())),
        undecided=int((contest.outcome == 0.5).sum()),
        won_by_a=float(decided.mean()) if len(decided) else None,
        groups=len(sizes),
        largest_group=int(sizes.max()),
        systems=contest.system_names,
        features=contest.features,
        subsets={name: int(_rows(contest, name).sum()) for name in SUBSETS},
        policy=policy,
        notes=tuple(notes),
        rows=_measured(contest, judged, policy, progress),
    )


def _judge(contest: Contest, policy: Policy, notes: list[str], progress: Progress) -> list[Judged]:
    judged = list(rules(contest))
    sizes = np.unique(contest.groups, return_counts=True)[1]
    if contest.lacking:
        notes.append(f"without {', '.join(contest.lacking)}: most battles have no prediction of it")
    if len(sizes) < policy.folds:
        notes.append(
            f"nothing is trained: sharing a {LINKS[policy.group_by]} links the battles to {len(sizes)} groups, fewer "
            f"than {policy.folds} folds"
        )
        return judged
    if sizes.max() * 2 > sizes.sum():
        notes.append(f"one group holds {sizes.max() / sizes.sum():.0%} of the battles: folds are of unequal size")
    progress("grouped folds", 0, 2)
    judged += grouped(contest, policy.folds, policy.seed)
    progress("grouped folds", 2, 2)
    if contest.systems is None:
        notes.append("no system is named: there is no baseline to hold the figures against, nor unseen systems")
    elif len(contest.system_names) < 4:
        notes.append(f"{len(contest.system_names)} systems: leaving two of them out leaves nothing to train on")
    else:
        judged += unseen(contest, lambda done, total: progress("unseen systems", done, total))
    return judged


def _measured(contest: Contest, judged: list[Judged], policy: Policy, progress: Progress) -> tuple[Row, ...]:
    by_subset: dict[Subset, list[Measures]] = {}
    for number, name in enumerate(SUBSETS):
        progress("intervals", number, len(SUBSETS))
        rows = _rows(contest, name)
        if not rows.any():
            continue
        by_subset[name] = _compared(contest, judged, policy, rows)
    progress("intervals", len(SUBSETS), len(SUBSETS))
    return tuple(
        Row(one.protocol, one.method, one.features, {name: found[n] for name, found in by_subset.items()})
        for n, one in enumerate(judged)
    )


def _compared(contest: Contest, judged: list[Judged], policy: Policy, rows: NDArray[np.bool_]) -> list[Measures]:
    """Against the system identity of the same protocol; rules have not been trained, so against the grouped one."""
    place = {one.protocol: n for n, one in enumerate(judged) if one.features == IDENTITY}
    found: list[Measures | None] = [None] * len(judged)
    for protocol in dict.fromkeys(one.protocol for one in judged):
        mine = [n for n, one in enumerate(judged) if one.protocol == protocol]
        baseline = place.get("grouped" if protocol == "rule" else protocol)
        asked = [*mine, *([baseline] if baseline is not None else [])]
        measured = measure(
            [judged[n].scores[rows] for n in asked],
            contest.outcome[rows],
            contest.groups[rows],
            policy.resamples,
            policy.seed,
            None if baseline is None else len(asked) - 1,
        )
        for n, one in zip(mine, measured, strict=False):
            found[n] = one
    return [one for one in found if one is not None]


def _rows(contest: Contest, subset: Subset) -> NDArray[np.bool_]:
    if subset == "all":
        return np.ones(len(contest.outcome), dtype=np.bool_)
    return contest.instrumental == (1 if subset == "instrumental" else 0)
