"""The week's upkeep: old things go, the file shrinks, and what is kept is looked at before it is needed."""

import hashlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import timedelta
from functools import partial

from apex_core.catalog import compact, sql
from apex_core.catalog.reader import latest_stamp
from apex_core.errors import ApexError, ArtifactError, NotFound
from apex_core.mert import read_shard_manifest
from apex_core.pipeline.model_retention import collect_models
from apex_core.pipeline.restore import rehearse
from apex_core.pipeline.restore_build import counted
from apex_core.pipeline.retention import collect_shard_leftovers
from apex_core.pipeline.run import Run, StageReport
from apex_core.registry import check_published, list_versions
from apex_core.storage import Store, read_manifest
from apex_core.storage.manifest import NAME

_GRACE = timedelta(days=1)
_TOLD = 10
_MUST_COME_BACK = ("tracks", "observations", "shards", "vectors", "training sets", "model versions", "forgotten")


@dataclass(slots=True)
class _Faults:
    """What is not as it was written: how many files were looked at, and what is wrong with some."""

    looked_at: int = 0
    found: list[str] = field(default_factory=list[str])

    def look(self, check: Callable[[], None]) -> None:
        self.looked_at += 1
        try:
            check()
        except (ArtifactError, NotFound) as error:
            self.found.append(error.message)


def run_collect(run: Run) -> StageReport:
    """Delete what killed writers have left, and model versions by their age; what else is old goes with snapshots.

    Only what is a day old by the store's own clock: it belongs to nobody.
    """
    left = collect_shard_leftovers(run.store) + run.store.delete_leftovers(older_than=_GRACE)
    return StageReport("collect", {"leftovers": left, "models": collect_models(run)})


def run_compact(run: Run, most_free: float) -> StageReport:
    """Write the catalog's file anew when more than the share ``most_free`` of it is free."""
    done = compact(run.settings, f"{run.run_id}: compact", most_free=most_free)
    note = "" if done else f"no more than {most_free:.0%} of the file is free"
    return StageReport("compact", {"compacted": int(done)}, note)


def run_verify(run: Run, part: int, parts: int) -> tuple[StageReport, ApexError | None]:
    """Read a part of the store again, and every model, and compare it with the hashes it was written with.

    ``part``, from 0, of ``parts``. The report, and what is missing or altered as one trouble.
    """
    faults = _Faults()
    checks = list(_checks(run, part, parts))
    for done, check in enumerate(checks):
        run.progress("verify", done, len(checks))
        faults.look(check)
    counts = {"files": faults.looked_at, "faults": len(faults.found)}
    report = StageReport("verify", counts, f"part {part + 1} of {parts}")
    return report, _trouble(faults.found)


def _checks(run: Run, part: int, parts: int) -> Iterator[Callable[[], None]]:
    store, bound = run.store, {"part": part, "parts": parts}
    with run.catalog("verify") as connection:
        shards = connection.execute(sql("upkeep/shards"), bound).fetchall()
        files = connection.execute(sql("upkeep/named_files"), bound).fetchall()
    yield from (partial(check_published, store, version) for version in list_versions(store))
    yield from (partial(_check_folder, store, prefix) for prefix in _folders(store, part, parts))
    yield from (partial(_check_shard, store, encoder_id, shard_id) for encoder_id, shard_id in shards)
    yield from (partial(_check_file, store, key, sha256) for key, sha256 in files)


def _folders(store: Store, part: int, parts: int) -> Iterator[str]:
    """The newest snapshot, and frozen training sets of the part."""
    newest = latest_stamp(store)
    if newest is not None:
        yield f"snapshots/{newest}"
    for key in store.list("training_sets"):
        prefix = key.removesuffix(f"/{NAME}")
        if key != prefix and int(hashlib.sha256(prefix.encode()).hexdigest()[:8], 16) % parts == part:
            yield prefix


def _check_folder(store: Store, prefix: str) -> None:
    read_manifest(store, prefix, verify=True)


def _check_shard(store: Store, encoder_id: str, shard_id: str) -> None:
    manifest = read_shard_manifest(store, encoder_id, shard_id)
    if manifest is None:
        raise NotFound(f"{store.url} has no embeddings/{encoder_id}/{shard_id}.json, which the catalog names.")
    for file in manifest.files.values():
        _check_file(store, file.key, file.sha256)


def _check_file(store: Store, key: str, sha256: str) -> None:
    found = store.sha256(key)
    if found != sha256:
        raise ArtifactError(f"{store.url}/{key} was altered: sha256 {found[:12]}… is not {sha256[:12]}….")


def _trouble(found: list[str]) -> ApexError | None:
    if not found:
        return None
    more = f" … and {len(found) - _TOLD} more" if len(found) > _TOLD else ""
    return ApexError(
        f"{len(found)} files of the store are missing or altered: {' '.join(found[:_TOLD])}{more}",
        fix="put them back from a copy of the store; look at the disk, or at who else writes into the bucket",
    )


def run_rehearsal(run: Run) -> tuple[StageReport, ApexError | None]:
    """Build the catalog that a restore would make from the newest backup, and compare it with the live one.

    The report, and what would not come back as one trouble. Raises as ``rehearse`` does.
    """
    with run.catalog("rehearsal") as connection:
        live = counted(connection)
    restored = rehearse(run.settings, run.as_of, show=run.progress)
    less = {name: live.get(name, 0) - restored.after.get(name, 0) for name in _MUST_COME_BACK}
    lost = [f"{count:,} {name}" for name, count in less.items() if count > 0]
    report = StageReport("rehearsal", {"tracks": restored.after["tracks"]}, f"from the backup {restored.backup}")
    if restored.backup is None:
        return report, ApexError("There is no backup to restore from.", fix="the next nightly makes one")
    if not lost:
        return report, None
    return report, ApexError(f"A restore would not bring back {', '.join(lost)}.", fix="apex nightly backs up anew")
