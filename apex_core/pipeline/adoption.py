"""What a run that was killed had landed and not merged: the next one, whatever it is about to do, takes it in first."""

from datetime import datetime, timedelta

from apex_core.catalog import sql, transaction
from apex_core.pipeline.ingest import added, merge_files
from apex_core.pipeline.run import Run
from apex_core.settings import Platform
from apex_core.sources import IngestCounts, adopt

_FILES_A_UNIT = 8


def adopt_landed(run: Run, platform: Platform) -> tuple[IngestCounts, int]:
    """Merge landed files that the catalog does not know; what was counted, and how many files.

    Call it, holding the platform's lock, before landing anything. It looks only into the days since the newest run
    that has landed something: that run had looked into all earlier ones.
    """
    with run.catalog(f"adopt {platform}") as connection, transaction(connection):
        connection.execute(sql("state/insert"), {"source": platform})
        since = connection.execute(sql("state/read"), {"source": platform}).fetchall()[0][-1]
    keys = [] if since is None else _unmerged(run, platform, since)
    total = IngestCounts()
    for start in range(0, len(keys), _FILES_A_UNIT):
        files = [adopt(run.store, platform, key) for key in keys[start : start + _FILES_A_UNIT]]
        total = added(total, merge_files(run, platform, files))
    with run.catalog(f"adopt {platform}") as connection:
        connection.execute(sql("state/landing"), {"source": platform, "as_of": run.as_of})
    return total, len(keys)


def _unmerged(run: Run, platform: Platform, since: datetime) -> list[str]:
    first, last = sorted((since.date(), run.as_of.date()))
    days = [first + timedelta(days=number) for number in range((last - first).days + 1)]
    keys: list[str] = []
    with run.catalog(f"adopt {platform}") as connection:
        for day in days:
            folder = f"landing/{platform}/{day:%Y/%m/%d}/"
            known = connection.execute(sql("live/landed"), {"source": platform, "folder": folder}).fetchall()
            merged = {uri for (uri,) in known}
            keys += [key for key in run.store.list(folder) if key.endswith(".jsonl.zst") and key not in merged]
    return keys
