"""Numbered records, ``<prefix>/<n>.json``: created, never overwritten; the highest number is in force."""

from collections.abc import Collection
from dataclasses import asdict, fields
from typing import TYPE_CHECKING, TypeVar

from apex_core.errors import ArtifactError
from apex_core.storage import Store

if TYPE_CHECKING:
    from _typeshed import DataclassInstance

    Record = TypeVar("Record", bound=DataclassInstance)
else:
    Record = TypeVar("Record")


def numbers(store: Store, prefix: str) -> list[int]:
    """The numbers of the records that are there, rising."""
    stems = (key.rsplit("/", 1)[-1].removesuffix(".json") for key in store.list(prefix))
    return sorted(int(stem) for stem in stems if stem.isdecimal())


def newest(store: Store, prefix: str, kind: type[Record]) -> Record | None:
    """The record in force, or None when there is none."""
    found = numbers(store, prefix)
    return read(store, prefix, found[-1], kind) if found else None


def history(store: Store, prefix: str, kind: type[Record]) -> tuple[Record, ...]:
    """Every record, oldest first."""
    return tuple(read(store, prefix, n, kind) for n in numbers(store, prefix))


def unread(store: Store, prefix: str, kind: type[Record], known: Collection[int]) -> tuple[Record, ...]:
    """The records whose numbers are not ``known``, oldest first."""
    return tuple(read(store, prefix, n, kind) for n in numbers(store, prefix) if n not in known)


def read(store: Store, prefix: str, n: int, kind: type[Record]) -> Record:
    """Record ``n``; what later versions of apex may have added to it is left out. Raises ArtifactError."""
    key = f"{prefix}/{n}.json"
    try:
        raw = store.read_json(key)
        known = {field.name for field in fields(kind)}
        return kind(**{name: value for name, value in raw.items() if name in known})
    except (TypeError, ValueError, AttributeError) as error:
        what = kind.__name__.removesuffix("Record").lower()
        article = "an" if what[0] in "aeiou" else "a"
        raise ArtifactError(f"{store.url}/{key} is not {article} {what} record: {error}.") from error


def create(store: Store, prefix: str, n: int, record: "DataclassInstance") -> bool:
    """Write record ``n``; False when somebody else has taken the number."""
    return store.put_json(f"{prefix}/{n}.json", asdict(record))
