"""What a run that was killed had landed and not merged: the next one, whatever it is about to do, takes it in first."""

import logging
from dataclasses import dataclass
from datetime import date, datetime, timedelta

from apex_core.catalog import sql, transaction
from apex_core.errors import RejectStorm
from apex_core.pipeline.ingest import added, merge_files
from apex_core.pipeline.run import Run
from apex_core.settings import Platform
from apex_core.sources import IngestCounts, adopt

_log = logging.getLogger("apex_core.pipeline")


@dataclass(frozen=True, slots=True)
class Adopted:
    """What was taken in: its counts, from how many files, and a note on those that were left where they are."""

    counts: IngestCounts
    files: int
    note: str


def adopt_landed(run: Run, platform: Platform, *, all_days: bool = False) -> Adopted:
    """Merge landed files that the catalog does not know, a file at a time.

    A file that most of is refused stays as it is and is said to, or it would stop every run from now on. Call it,
    holding the platform's lock, before landing anything. It looks only into the days since the newest run that has
    landed something: that run had looked into all earlier ones. With ``all_days``, of a catalog that was restored, it
    looks everywhere.
    """
    with run.catalog(f"adopt {platform}") as connection, transaction(connection):
        connection.execute(sql("state/insert"), {"source": platform})
        since = connection.execute(sql("state/read"), {"source": platform}).fetchall()[0][-1]
    total, files, left = IngestCounts(), 0, list[str]()
    root = f"landing/{platform}/"
    folders = [root] if all_days else [] if since is None else [f"{root}{day:%Y/%m/%d}/" for day in _days(run, since)]
    for key in _unmerged(run, platform, folders):
        try:
            total = added(total, merge_files(run, platform, [adopt(run.store, platform, key)]))
            files += 1
        except RejectStorm as storm:
            left.append(f"{run.settings.store_url.rstrip('/')}/{key}")
            _log.warning("%s: left where an earlier run landed it. %s", platform, storm.message)
    with run.catalog(f"adopt {platform}") as connection:
        connection.execute(sql("state/landing"), {"source": platform, "as_of": run.as_of})
    return Adopted(total, files, _note(left))


def _note(left: list[str]) -> str:
    if not left:
        return ""
    return (
        f"landed earlier and NOT merged, as most of it would be rejected: {', '.join(left)}; `apex ingest` takes it in "
        "once sql/statements/ingest knows it, or with a higher APEX_SOURCES__MAX_REJECT_SHARE"
    )


def _days(run: Run, since: datetime) -> list[date]:
    first, last = sorted((since.date(), run.as_of.date()))
    return [first + timedelta(days=number) for number in range((last - first).days + 1)]


def _unmerged(run: Run, platform: Platform, folders: list[str]) -> list[str]:
    keys: list[str] = []
    with run.catalog(f"adopt {platform}") as connection:
        for folder in folders:
            known = connection.execute(sql("live/landed"), {"source": platform, "folder": folder}).fetchall()
            merged = {uri for (uri,) in known}
            keys += [key for key in run.store.list(folder) if key.endswith(".jsonl.zst") and key not in merged]
    return keys
