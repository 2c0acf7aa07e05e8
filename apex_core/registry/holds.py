"""Holds: while an alias is held, only a person's word may set it."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from apex_core.errors import AlreadyExists, ArtifactError
from apex_core.registry import records
from apex_core.registry.layout import HOLDS, hold_prefix
from apex_core.storage import Store


@dataclass(frozen=True, slots=True)
class HoldRecord:
    """From now on automatic promotion to ``alias`` is held (``held``), or free again."""

    alias: str
    n: int
    held: bool
    reason: str
    set_by: str
    set_at: str


def set_hold(store: Store, alias: str, held: bool, reason: str, set_by: str, set_at: datetime) -> HoldRecord:
    """Hold automatic promotion, or release it; when it stands so already, nothing changes.

    Raises ArtifactError for the release of what was never held, AlreadyExists when somebody else was faster.
    """
    newest = resolve_hold(store, alias)
    if newest is None and not held:
        raise ArtifactError(f"Alias {alias} is not held.", fix="apex models list shows what is")
    if newest is not None and newest.held == held:
        return newest
    record = HoldRecord(alias, newest.n + 1 if newest else 1, held, reason, set_by, set_at.isoformat())
    if not records.create(store, hold_prefix(alias), record.n, record):
        raise AlreadyExists(
            f"Whether alias {alias} is held was decided by somebody else meanwhile.",
            fix="look at it (apex models list), then decide again",
        )
    return record


def resolve_hold(store: Store, alias: str) -> HoldRecord | None:
    """The record in force, held or released; None when there never was a hold."""
    return records.newest(store, hold_prefix(alias), HoldRecord)


def hold_history(store: Store, alias: str) -> tuple[HoldRecord, ...]:
    """Every record, oldest first."""
    return records.history(store, hold_prefix(alias), HoldRecord)


def unread_holds(store: Store, known: Mapping[str, set[int]]) -> list[HoldRecord]:
    """The records of every alias but those whose numbers are ``known``, oldest first."""
    names = sorted({key.split("/")[2] for key in store.list(HOLDS)})
    found = (records.unread(store, hold_prefix(name), HoldRecord, known.get(name, ())) for name in names)
    return [record for part in found for record in part]
