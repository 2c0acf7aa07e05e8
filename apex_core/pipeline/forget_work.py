"""What is being forgotten, as it lies beside its receipt until that is written."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, replace
from datetime import datetime
from typing import Any

from apex_core.errors import NotFound
from apex_core.settings import Platform
from apex_core.sources.erasure import Forgotten
from apex_core.storage import Store

FOLDER = "receipts/forget"
_WORK = ".work.json"

Found = dict[str, dict[str, int]]
"""By place: what is there (table, key, stamp), and how much of it."""


@dataclass(frozen=True, slots=True)
class Work:
    """Whose traces are removed, and where they were found.

    ``receipt`` is the key that the receipt will have. ``tracks`` are those asked for and every known one of
    ``creators``; ``songs`` the sha256 of audio that no other track has. ``remains``: what stays, why, and where.
    """

    receipt: str
    platform: Platform
    kind: str
    asked: tuple[str, ...]
    tracks: tuple[str, ...]
    creators: tuple[str, ...]
    songs: tuple[str, ...] = ()
    found: Found = field(default_factory=Found)
    remains: tuple[dict[str, Any], ...] = ()

    @property
    def forgotten(self) -> Forgotten:
        return Forgotten(self.tracks, self.creators)

    @property
    def bound(self) -> dict[str, object]:
        """Platform and tracks as named SQL parameters."""
        return {"platform": self.platform, "tracks": list(self.tracks)}

    def with_found(self, found: Mapping[str, Mapping[str, int]]) -> "Work":
        """With what was found once more: what an interrupted try has removed already keeps its count."""
        names = dict.fromkeys((*self.found, *found))
        return replace(self, found={name: _larger(self.found.get(name, {}), found.get(name, {})) for name in names})


def _larger(before: Mapping[str, int], now: Mapping[str, int]) -> dict[str, int]:
    return {key: max(before.get(key, 0), now.get(key, 0)) for key in dict.fromkeys((*before, *now))}


def receipt_key(as_of: datetime, digest: str) -> str:
    """Where the receipt of a request made at ``as_of`` goes."""
    return f"{FOLDER}/{as_of:%Y%m%dT%H%M%SZ}-{digest}.json"


def save(store: Store, work: Work) -> None:
    """Write down what is to be removed, before any of it is."""
    store.put_json(_key(work.receipt), asdict(work), replace=True)


def load(store: Store, receipt: str) -> Work | None:
    """What an interrupted try has written down; None when it did not get that far."""
    try:
        raw: dict[str, Any] = store.read_json(_key(receipt))
    except NotFound:
        return None
    lists: dict[str, Any] = {name: tuple(raw.pop(name)) for name in ("asked", "tracks", "creators", "songs", "remains")}
    return Work(**raw, **lists)


def close(store: Store, work: Work, facts: Mapping[str, Any]) -> None:
    """Write the receipt, once, and drop the work."""
    store.put_json(work.receipt, dict(facts))
    store.delete(_key(work.receipt))


def under_way(store: Store) -> list[str]:
    """Receipts of work that was written down and not finished."""
    keys = [key.removesuffix(_WORK) + ".json" for key in store.list(FOLDER) if key.endswith(_WORK)]
    for key in (key for key in keys if store.exists(key)):  # cut short between the receipt and this
        store.delete(_key(key))
    return [key for key in keys if store.exists(_key(key))]


def _key(receipt: str) -> str:
    return receipt.removesuffix(".json") + _WORK
