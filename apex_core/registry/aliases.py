"""Aliases: create-only records, the highest number wins; pointing elsewhere, or back, is a new record."""

from dataclasses import asdict, dataclass
from datetime import datetime

from apex_core.errors import AlreadyExists, ArtifactError
from apex_core.registry.layout import ALIASES, alias_prefix
from apex_core.registry.versions import is_published
from apex_core.storage import Store


@dataclass(frozen=True, slots=True)
class AliasRecord:
    """One decision: from now on ``alias`` means ``version``. ``previous`` is the record before."""

    alias: str
    n: int
    version: str
    reason: str
    set_by: str
    set_at: str
    previous: int | None


def set_alias(
    store: Store,
    alias: str,
    version: str,
    reason: str,
    set_by: str,
    set_at: datetime,
    *,
    after: int | None = None,
) -> AliasRecord:
    """Point ``alias`` to a published version; when it points there already, nothing changes.

    ``after`` is the record number the decision was based on (0: there was none), by default the newest.
    Raises AlreadyExists when somebody else has set the alias since, ArtifactError when the version is not
    published.
    """
    if not is_published(store, version):
        raise ArtifactError(f"{version} is not published; an alias may not name it.")
    newest = resolve_alias(store, alias)
    if newest is not None and newest.version == version and after in (None, newest.n):
        return newest
    standing = newest.n if newest else 0
    base = standing if after is None else after
    if base > standing:
        raise ArtifactError(f"Alias {alias} has {standing} records; none is number {base}.")
    record = AliasRecord(alias, base + 1, version, reason, set_by, set_at.isoformat(), base or None)
    if not store.put_json(f"{alias_prefix(alias)}/{record.n}.json", asdict(record)):
        raise AlreadyExists(
            f"Record {record.n} of alias {alias} was set by somebody else meanwhile.",
            fix="look at it, then decide again",
        )
    return record


def resolve_alias(store: Store, alias: str) -> AliasRecord | None:
    """The record in force, or None for an alias never set."""
    numbers = _numbers(store, alias)
    return _read(store, alias, numbers[-1]) if numbers else None


def alias_history(store: Store, alias: str) -> tuple[AliasRecord, ...]:
    """Every record of an alias, oldest first."""
    return tuple(_read(store, alias, n) for n in _numbers(store, alias))


def list_aliases(store: Store) -> dict[str, AliasRecord]:
    """Every alias and the record in force."""
    names = sorted({key.split("/")[2] for key in store.list(ALIASES)})
    found = ((name, resolve_alias(store, name)) for name in names)
    return {name: record for name, record in found if record is not None}


def rollback(store: Store, alias: str, reason: str, set_by: str, set_at: datetime) -> AliasRecord:
    """Point ``alias`` back to the version it meant before its present one, by a new record.

    Raises ArtifactError when it never meant another.
    """
    history = alias_history(store, alias)
    others = [record.version for record in history if record.version != history[-1].version]
    if not others:
        raise ArtifactError(f"Alias {alias} never meant another version.", fix="set it to a version by name")
    return set_alias(store, alias, others[-1], reason, set_by, set_at, after=history[-1].n)


def _numbers(store: Store, alias: str) -> list[int]:
    stems = (key.rsplit("/", 1)[-1].removesuffix(".json") for key in store.list(alias_prefix(alias)))
    return sorted(int(stem) for stem in stems if stem.isdecimal())


def _read(store: Store, alias: str, n: int) -> AliasRecord:
    key = f"{alias_prefix(alias)}/{n}.json"
    try:
        return AliasRecord(**store.read_json(key))
    except (TypeError, ValueError) as error:
        raise ArtifactError(f"{store.url}/{key} is not an alias record: {error}.") from error
