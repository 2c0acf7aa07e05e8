"""Aliases: create-only records, the highest number wins; pointing elsewhere, or back, is a new record."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from apex_core.errors import AlreadyExists, ArtifactError
from apex_core.registry import records
from apex_core.registry.layout import ALIASES, alias_prefix
from apex_core.registry.versions import is_published
from apex_core.storage import Store


@dataclass(frozen=True, slots=True)
class AliasRecord:
    """One decision: from now on ``alias`` means ``version``.

    ``previous`` is the number of the record before; ``restores``, of a rollback, that of the record it goes back to.
    """

    alias: str
    n: int
    version: str
    reason: str
    set_by: str
    set_at: str
    previous: int | None
    restores: int | None = None


def set_alias(
    store: Store,
    alias: str,
    version: str,
    reason: str,
    set_by: str,
    set_at: datetime,
    *,
    after: int | None = None,
    restores: int | None = None,
) -> AliasRecord:
    """Point ``alias`` to a published version; when it points there already, nothing changes.

    ``after`` is the record number the decision was based on (0: there was none), by default the newest.
    Raises AlreadyExists when somebody else has set the alias since, ArtifactError when the version is not
    published.
    """
    if not is_published(store, version):
        raise ArtifactError(f"{version} is not published; an alias may not name it.", fix="apex models list")
    newest = resolve_alias(store, alias)
    if newest is not None and newest.version == version and after in (None, newest.n):
        return newest
    standing = newest.n if newest else 0
    base = standing if after is None else after
    if base > standing:
        raise ArtifactError(f"Alias {alias} has {standing} records; none is number {base}.")
    record = AliasRecord(alias, base + 1, version, reason, set_by, set_at.isoformat(), base or None, restores)
    if not records.create(store, alias_prefix(alias), record.n, record):
        other = records.read(store, alias_prefix(alias), record.n, AliasRecord)
        raise AlreadyExists(
            f"Record {record.n} of alias {alias} was set by somebody else meanwhile: {other.version}, by "
            f"{other.set_by}.",
            fix="look at it (apex models list), then decide again",
        )
    return record


def resolve_alias(store: Store, alias: str) -> AliasRecord | None:
    """The record in force, or None for an alias never set."""
    return records.newest(store, alias_prefix(alias), AliasRecord)


def alias_history(store: Store, alias: str) -> tuple[AliasRecord, ...]:
    """Every record of an alias, oldest first."""
    return records.history(store, alias_prefix(alias), AliasRecord)


def unread_aliases(store: Store, known: Mapping[str, set[int]]) -> list[AliasRecord]:
    """The records of every alias but those whose numbers are ``known``, oldest first."""
    found = (records.unread(store, alias_prefix(name), AliasRecord, known.get(name, ())) for name in alias_names(store))
    return [record for part in found for record in part]


def alias_names(store: Store) -> list[str]:
    """Every alias that was ever set."""
    return sorted({key.split("/")[2] for key in store.list(ALIASES)})


def list_aliases(store: Store) -> dict[str, AliasRecord]:
    """Every alias and the record in force."""
    found = ((name, resolve_alias(store, name)) for name in alias_names(store))
    return {name: record for name, record in found if record is not None}


def before(history: tuple[AliasRecord, ...]) -> AliasRecord | None:
    """The record that a rollback from the newest one goes back to; None when the alias never meant another version.

    A rollback stands where the record stands that it restored: two in a row go back two versions, not there and back.
    """
    if not history:
        return None
    by_number = {record.n: record for record in history}
    place, version = history[-1], history[-1].version
    while place.restores is not None:
        place = by_number[place.restores]
    earlier = [record for record in history if record.n < place.n and record.version != version]
    return earlier[-1] if earlier else None
