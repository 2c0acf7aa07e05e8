"""Decisions about versions, with all reasons, beside the versions, which never change: they survive the catalog."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from apex_core.errors import AlreadyExists
from apex_core.registry import records
from apex_core.registry.gate import Decision
from apex_core.registry.layout import DECISIONS, decision_prefix, is_version
from apex_core.storage import Store

_TRIES = 5


@dataclass(frozen=True, slots=True)
class DecisionRecord:
    """What was decided about ``version``: the outcome, every reason, against which champion, by which figures."""

    version: str
    n: int
    outcome: str
    reasons: list[str]
    champion: str | None
    figures: dict[str, Any]
    decided_by: str
    decided_at: str


def record_decision(
    store: Store, version: str, decision: Decision, champion: str | None, decided_by: str, decided_at: datetime
) -> DecisionRecord:
    """Keep a decision; when the newest one says the same, nothing changes."""
    prefix = decision_prefix(version)
    for _ in range(_TRIES):
        newest = newest_decision(store, version)
        record = DecisionRecord(
            version,
            newest.n + 1 if newest else 1,
            decision.outcome,
            list(decision.reasons),
            champion,
            dict(decision.figures),
            decided_by,
            decided_at.isoformat(),
        )
        if newest is not None and _content(newest) == _content(record):
            return newest
        if records.create(store, prefix, record.n, record):
            return record
    raise AlreadyExists(f"Decisions about {version} are being written by others again and again.", fix="try again")


def newest_decision(store: Store, version: str) -> DecisionRecord | None:
    """What was decided last about a version; None when nothing was."""
    return records.newest(store, decision_prefix(version), DecisionRecord)


def decision_history(store: Store, version: str) -> tuple[DecisionRecord, ...]:
    """Everything that was decided about a version, oldest first."""
    return records.history(store, decision_prefix(version), DecisionRecord)


def unread_decisions(store: Store, version: str, known: Mapping[str, set[int]]) -> tuple[DecisionRecord, ...]:
    """The decisions about a version but those whose numbers are ``known``, oldest first."""
    return records.unread(store, decision_prefix(version), DecisionRecord, known.get(version, ()))


def decided(store: Store) -> dict[str, list[int]]:
    """The numbers of the decisions that are there, by version; one listing."""
    return _by_version(store.list(DECISIONS))


def _by_version(keys: Iterable[str]) -> dict[str, list[int]]:
    found: dict[str, list[int]] = {}
    for parts in (key.split("/") for key in keys):
        stem = parts[-1].removesuffix(".json")
        if len(parts) == 4 and is_version(parts[2]) and stem.isdecimal():
            found.setdefault(parts[2], []).append(int(stem))
    return {version: sorted(numbers) for version, numbers in found.items()}


def _content(record: DecisionRecord) -> tuple[object, ...]:
    return record.outcome, record.reasons, record.champion, record.figures
