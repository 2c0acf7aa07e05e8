"""What is removed by age: snapshots that a newer one has replaced, backups, figures of runs long past."""

from collections import Counter
from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from itertools import pairwise

from apex_core.catalog import Connection, sql
from apex_core.catalog.reader import LATEST, record_number
from apex_core.mert import read_shard_manifest
from apex_core.storage import Store
from apex_core.storage.manifest import NAME
from apex_core.storage.store import is_leftover

_GRACE = timedelta(days=1)
_NEVER = datetime(1, 1, 2, tzinfo=UTC)
_STAMP_TIME = "%Y%m%dT%H%M%SZ"


def collect_snapshots(store: Store, as_of: datetime, keep_days: float) -> int:
    """Delete snapshots that a newer one replaced more than ``keep_days`` before ``as_of``; how many.

    A snapshot is old from when another became the newest, not from when it was made: after a pause of weeks the one
    that readers have just looked up stays. Cut short anywhere, the next call goes on.
    """
    oldest_kept = f"{as_of.astimezone(UTC) - timedelta(days=keep_days):{_STAMP_TIME}}"
    records = {key: str(store.read_json(key)["stamp"]) for key in sorted(store.list(LATEST), key=record_number)}
    replaced = _replaced(list(records.values()))
    keys = [key for key in store.list("snapshots") if key not in records]
    # One without a record was cut short; its own time is all there is to know of it.
    stamps = {key.split("/")[1] for key in keys} | set(records.values())
    newest = list(records.values())[-1:]
    old = {stamp for stamp in stamps if replaced.get(stamp, stamp) < oldest_kept and stamp not in newest}
    _delete(store, [key for key in keys if key.split("/")[1] in old])
    # The records last: as long as they are there, a call that was cut short is made good by the next.
    for key in (key for key, stamp in records.items() if stamp in old):
        store.delete(key)
    return len(old)


def _replaced(stamps: list[str]) -> dict[str, str]:
    """When each of the snapshots, oldest record first, was replaced: at its successor's time, or its own if later.

    A run may have been told an ``as_of`` in the past: it replaces nothing before that was there.
    """
    return {stamp: max(stamp, successor) for stamp, successor in pairwise(stamps)}


def collect_backups(store: Store, newest: str, kept: int) -> None:
    """Delete all backups but the newest one and the ``kept`` - 1 before it."""
    others = sorted({key.split("/")[1] for key in store.list("backups")} - {newest})
    for stamp in others[: max(0, len(others) - kept + 1)]:
        _delete(store, store.list(f"backups/{stamp}"))


def collect_shard_leftovers(store: Store) -> int:
    """Delete what killed extractions have left, halves of files and tables that no manifest names, and finished plans.

    Only what is a day older than the newest file there: so it is the store's own clock that tells. How many files.
    """
    files = store.written("embeddings") | store.written("shard_plans")
    files = {key: written for key, written in files.items() if key.count("/") == 2}
    before = max(files.values(), default=_NEVER) - _GRACE
    old = [key for key, written in files.items() if written < before]
    halves = [key for key in old if is_leftover(key)]
    for key in halves:
        store.delete_leftover(key)
    # A shard has a manifest and the two files that it names: only where there is less or more, one is a stray.
    crowds = Counter(_manifest(key) for key in files if key.startswith("embeddings/"))
    odd = [
        key for key in old if key.endswith(".parquet") and (crowds[_manifest(key)] > 3 or _manifest(key) not in files)
    ]
    strays = [key for key in odd if store.modified(key) < before and _is_stray(store, key)]
    done = [key for key in old if key.startswith("shard_plans/") and key.endswith(".json") and _manifest(key) in files]
    for key in (*strays, *done):
        store.delete(key)
    return len(halves) + len(strays) + len(done)


def _manifest(key: str) -> str:
    """The key of the manifest of the shard that a file belongs to."""
    _, encoder_id, name = key.split("/")
    return f"embeddings/{encoder_id}/{name.partition('.')[0]}.json"


def _is_stray(store: Store, key: str) -> bool:
    _, encoder_id, name = key.split("/")
    manifest = read_shard_manifest(store, encoder_id, name.partition(".")[0])
    return manifest is None or key not in {file.key for file in manifest.files.values()}


def trim_history(connection: Connection, as_of: datetime, days: float) -> None:
    """Forget the figures of runs older than ``days``; that they ran stays."""
    connection.execute(sql("run/trim_stats"), {"before": as_of - timedelta(days=days)})


def _delete(store: Store, keys: Iterable[str]) -> None:
    for key in sorted(keys, key=lambda key: not key.endswith(NAME)):  # the manifest first: no longer trusted
        store.delete(key)
