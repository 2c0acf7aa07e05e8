"""``apex forget``: remove tracks, or all there is of a creator, and keep no more than that they may not come back.

In order: the mark in ``forgotten``, from when on no ingest takes them in; a list of what is where, in the store; the
catalog's rows; the store's files; the catalog's own file, whose free blocks still hold what was deleted; a new
snapshot and backup, and the end of all older ones; the receipt. Cut short anywhere, any later ``apex forget`` finishes
it. All but the mark is done while no run is at work, so that nothing a run has read is written back.
"""

import hashlib
import shutil
from collections.abc import Generator
from contextlib import contextmanager
from dataclasses import replace

from apex_core.catalog import Connection, rewrite, sql, transaction
from apex_core.catalog.reader import latest_stamp
from apex_core.errors import Locked
from apex_core.pipeline.forget_catalog import delete_rows, songs_of
from apex_core.pipeline.forget_plan import Facts, Request, described, known, marks_of, survey, work_of
from apex_core.pipeline.forget_store import PLACES, delete_copies, old_copies
from apex_core.pipeline.forget_work import Work, close, load, receipt_key, save, under_way
from apex_core.pipeline.run import Run, undisturbed
from apex_core.pipeline.snapshot import run_snapshot
from apex_core.settings import Platform


def run_forget(run: Run, request: Request) -> list[Facts]:
    """Forget, and finish what earlier calls have left undone; the receipts, none when there was nothing left.

    Raises CatalogError for an id that nobody knows; Locked while a run is at work, after the marks were set: calling
    again does the rest.
    """
    request = known(run.settings, request)
    with run.catalog("forget") as connection, transaction(connection):
        work = _marked(connection, run, request)
    with _alone(run):
        receipts = [_finish(run, left) for left in _unfinished(run)]
        if not any(receipt["receipt"] == work.receipt for receipt in receipts):
            # Forgotten before, and finished: whatever has turned up since.
            work = survey(run.settings, work)
            receipts += [_finish(run, work)] if any(work.found.values()) else []
    return receipts


def _marked(connection: Connection, run: Run, request: Request) -> Work:
    """Commit that they may not come back, and under which receipt the rest is done."""
    digest = hashlib.sha256("|".join((request.platform, request.kind, *sorted(request.ids))).encode()).hexdigest()
    work = work_of(connection, request, receipt_key(run.as_of, digest[:12]))
    bound = {"platform": request.platform, "as_of": run.as_of, "receipt": work.receipt}
    for kind, ids in (("track", work.tracks), ("creator", work.creators)):
        connection.execute(sql("forget/mark"), {**bound, "kind": kind, "ids": list(ids)})
    return work


@contextmanager
def _alone(run: Run) -> Generator[None]:
    try:
        with undisturbed(run.settings):
            yield
    except Locked as error:
        with run.catalog("forget") as connection:
            rows = connection.execute(sql("forget/running"), {"run_id": run.run_id}).fetchall()
        names = ", ".join(row[0] for row in rows) or error.message
        raise Locked(
            f"Marked as forgotten: no ingest takes it in from now on. What is there cannot be removed while a run is "
            f"at work ({names}).",
            fix="when that has ended, give the same command again",
        ) from error


def _unfinished(run: Run) -> list[Work]:
    """Work that was written down, and marks without a receipt."""
    written = [load(run.store, receipt) for receipt in under_way(run.store)]
    works = [work for work in written if work is not None]
    with run.catalog("forget") as connection:
        for receipt, platform in connection.execute(sql("forget/receipts")).fetchall():
            if receipt not in {work.receipt for work in works} and not run.store.exists(receipt):
                works.append(_of_marks(connection, receipt, platform))
    return works


def _of_marks(connection: Connection, receipt: str, platform: Platform) -> Work:
    marks = marks_of(connection, platform)
    tracks = tuple(id_ for kind, id_, key in marks if key == receipt and kind == "track")
    creators = tuple(id_ for kind, id_, key in marks if key == receipt and kind == "creator")
    return Work(receipt, platform, "creator" if creators else "track", creators or tracks, tracks, creators)


def _finish(run: Run, work: Work) -> Facts:
    work = survey(run.settings, work)
    save(run.store, work)
    with run.catalog("forget") as connection, transaction(connection):
        work = replace(work, songs=songs_of(connection, work))
        delete_rows(connection, work)
    for place in PLACES:
        for number, key in enumerate(work.found[place.name], start=1):
            place.clear(run, work, key)
            run.progress(f"forget: {place.name}", number, len(work.found[place.name]))
    _clear_home(run)
    work = _renew_copies(run, work)
    facts = described(run.settings, work) | {"as_of": run.as_of.isoformat(), "run_id": run.run_id}
    close(run.store, work, facts)
    return facts


def _clear_home(run: Run) -> None:
    """What processes that were killed have left, and the catalog's free blocks."""
    run.store.delete_leftovers()
    home, cache = run.settings.home, run.settings.cache
    # Catalogs that were set aside by a restore or an upgrade are older copies, as old backups are.
    for left in (home / "aside", home / "restoring", home / "spill", cache / "publishing", cache / "predicting"):
        shutil.rmtree(left, ignore_errors=True)
    rewrite(run.settings, f"{run.run_id}: forget")


def _renew_copies(run: Run, work: Work) -> Work:
    """Publish a snapshot and a backup without them, then delete all others."""
    run_snapshot(run)
    newest = latest_stamp(run.store)
    copies = old_copies(run.store, keep=newest)
    work = work.with_found(copies)
    save(run.store, work)
    delete_copies(run.store, copies)
    for folder in (run.settings.cache / "snapshots").glob("*"):
        if folder.name != newest:
            shutil.rmtree(folder, ignore_errors=True)
    return work
