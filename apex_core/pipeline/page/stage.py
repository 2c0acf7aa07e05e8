"""The last stage: the page of the newest snapshot, kept in the store beside it."""

from apex_core.catalog import latest_snapshot
from apex_core.pipeline.page.data import PageData, read
from apex_core.pipeline.page.page import page_of
from apex_core.pipeline.run import Run, StageReport

FOLDER = "reports"


def report_key(stamp: str) -> str:
    """Where the page of a snapshot lies in the store."""
    return f"{FOLDER}/{stamp}.html"


def run_report(run: Run) -> tuple[StageReport, PageData]:
    """Write the newest snapshot's page, unless it is there, and delete those whose snapshot has gone.

    Raises NotFound when there is no snapshot yet.
    """
    data = read(latest_snapshot(run.settings))
    key = report_key(data.stamp)
    is_new = not run.store.exists(key)
    if is_new:
        run.store.put(key, page_of(data).encode())
    removed = _collect(run, data.stamp)
    return StageReport("report", {"written": int(is_new), "removed": removed}, run.store.uri(key)), data


def _collect(run: Run, newest: str) -> int:
    """A page goes when its snapshot has gone."""
    kept = {newest, *(key.split("/")[1] for key in run.store.list("snapshots"))}
    old = [key for key in run.store.list(FOLDER) if key.split("/")[1].removesuffix(".html") not in kept]
    for key in old:
        run.store.delete(key)
    return len(old)
