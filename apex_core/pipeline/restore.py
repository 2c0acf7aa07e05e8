"""A lost or damaged catalog, made anew: newest backup + the store's manifests + the landing after the backup.

It is built whole in a folder beside the live one and takes its place in one step, at the very end. So a try may be cut
short anywhere, and is done again from the start; and a rehearsal is the same without that last step.
"""

import contextlib
import shutil
from collections.abc import Generator
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path

import duckdb

from apex_core.catalog import connect, put_in_place, sql
from apex_core.catalog.lock import hold
from apex_core.catalog.reader import latest_stamp
from apex_core.errors import ApexError, CatalogError, MigrationError, NotFound
from apex_core.pipeline.restore_build import Counts, counted, fill
from apex_core.pipeline.run import Progress, begin, end, no_progress, undisturbed
from apex_core.settings import Settings
from apex_core.storage import Store

_FILE = "catalog.duckdb"
_STAMP = "%Y%m%dT%H%M%SZ"


@dataclass(frozen=True, slots=True)
class Restored:
    """A catalog as it would be, or is: from which backup, rows in that and now, what there is to say.

    ``backup`` is None where there was none, and everything comes from the store. ``aside``: the folder that the
    catalog which was there before goes to; None where there was none.
    """

    backup: str | None
    before: Counts
    after: Counts
    notes: tuple[str, ...]
    aside: Path | None


def backups(settings: Settings) -> list[str]:
    """Stamps of the backups in the store, the one to restore from first: the newest snapshot's, then by their time."""
    store = Store.open(settings.store_url)
    there = {key.split("/")[1] for key in store.list("backups") if key.endswith(f"/{_FILE}")}
    newest = latest_stamp(store)
    return sorted(there, key=lambda stamp: (stamp == newest, stamp), reverse=True)


def taken_at(stamp: str) -> datetime:
    """The ``as_of`` of the run that made a backup."""
    return datetime.strptime(stamp.partition("-")[0], _STAMP).replace(tzinfo=UTC)


def rehearse(settings: Settings, as_of: datetime, backup: str | None = None, show: Progress = no_progress) -> Restored:
    """Build the catalog that ``restore`` would put in place, and throw it away: nothing else is written.

    Raises NotFound for a backup that is not there, CatalogError for one that cannot be read, MigrationError for one of
    newer code.
    """
    with _building(settings, as_of) as folder:
        return _build(settings, folder, as_of, backup, show)


def restore(
    settings: Settings,
    as_of: datetime,
    backup: str | None = None,
    *,
    set_aside: bool = False,
    show: Progress = no_progress,
) -> Restored:
    """Build the catalog and put it in place. With ``set_aside`` one that is there is kept in ``<home>/aside``.

    Raises as ``rehearse`` does; CatalogError where there is a catalog and ``set_aside`` was not said; Locked while a
    run is at work.
    """
    with undisturbed(settings, "apex restore"), _building(settings, as_of) as folder:
        aside = _aside(settings, as_of)
        if aside and not set_aside:
            raise CatalogError(
                f"There is a catalog: {settings.catalog_path}. Nothing was changed.",
                fix=f"--set-aside keeps it in {aside} and puts the restored one in its place",
            )
        restored = _build(settings, folder, as_of, backup, show)
        put_in_place(settings, folder / _FILE, aside or settings.home / "aside", "apex restore")
    return restored


@contextlib.contextmanager
def _building(settings: Settings, as_of: datetime) -> Generator[Path]:
    """An empty folder on the catalog's disk, one restore at a time; what one that was killed has left is removed."""
    folder = settings.home / "restoring"
    settings.home.mkdir(parents=True, exist_ok=True)
    with hold(settings.home / "restore.lock", f"apex restore, begun {as_of:%Y-%m-%d %H:%M} UTC", 0, "The restoring"):
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir()
        try:
            yield folder
        finally:
            shutil.rmtree(folder, ignore_errors=True)


def _build(settings: Settings, folder: Path, as_of: datetime, backup: str | None, show: Progress) -> Restored:
    stamp = _chosen(settings, backup)
    apart = settings.model_copy(update={"home": folder, "store": settings.store_url})
    try:
        if stamp is not None:
            show("restore: backup", 0, 0)
            Store.open(settings.store_url).fetch(f"backups/{stamp}/{_FILE}", folder / _FILE)
        with connect(apart, "apex restore") as connection:
            before = counted(connection)
            connection.execute(sql("restore/fence_all"))
    except (duckdb.Error, CatalogError) as error:
        raise _unreadable(settings, stamp, error) from error
    run = replace(begin(apart, "restore", as_of, f"restore-{as_of:{_STAMP}}"), progress=show)
    notes = fill(run, settings)
    with connect(apart, "apex restore") as connection:
        after = counted(connection)
    end(run, "completed", as_of)
    return Restored(stamp, before, after, tuple(notes), _aside(settings, as_of))


def _unreadable(settings: Settings, stamp: str | None, error: Exception) -> ApexError:
    if isinstance(error, MigrationError):
        return error
    others = [name for name in backups(settings) if name != stamp]
    fix = f"--backup {others[0]} takes the one before" if others else "there is no other backup in the store"
    return CatalogError(f"The backup {stamp} cannot be read: {error}", fix=fix)


def _chosen(settings: Settings, backup: str | None) -> str | None:
    """The backup that was named, else the newest; None where there is none at all."""
    there = backups(settings)
    if backup is None:
        return there[0] if there else None
    if backup not in there:
        known = ", ".join(there) or "none"
        raise NotFound(f"There is no backup {backup} in {settings.store_url}.", fix=f"backups there: {known}")
    return backup


def _aside(settings: Settings, as_of: datetime) -> Path | None:
    """The folder that the catalog which is there goes to; None where there is none."""
    log = settings.catalog_path.with_name(f"{_FILE}.wal")
    if not settings.catalog_path.exists() and not log.exists():
        return None
    folder = settings.home / "aside" / f"{as_of:{_STAMP}}"
    while folder.exists():  # of another restore in the same second
        folder = folder.with_name(f"{folder.name}-again")
    return folder
