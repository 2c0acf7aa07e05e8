"""The last stage: the page of the newest snapshot, kept in the store beside it.

What was drawn of a snapshot is kept, too: a night that published none does not load what draws.
"""

from apex_core.catalog import latest_snapshot
from apex_core.pipeline.page.data import PageData, read
from apex_core.pipeline.run import Run, StageReport
from apex_core.storage import Store

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
        from apex_core.pipeline.page.page import page_of

        page = page_of(data).encode()
        with run.committing("report"):
            run.store.put(key, page)
    removed = _collect(run, data.stamp)
    return StageReport("report", {"written": int(is_new), "removed": removed}, run.store.uri(key)), data


def pictures_of(run: Run, data: PageData) -> list[tuple[str, str]]:
    """What each picture of a snapshot shows at a glance, and its ``data:`` address; drawn once."""
    key = f"{FOLDER}/{data.stamp}.json"
    if not run.store.exists(key):
        from apex_core.pipeline.page.glance import glance

        run.store.put_json(key, glance(data))
    return kept_pictures(run.store, data.stamp)


def kept_pictures(store: Store, stamp: str) -> list[tuple[str, str]]:
    """As ``pictures_of``, of a snapshot whose report was written. Raises NotFound."""
    return [(str(what), str(address)) for what, address in store.read_json(f"{FOLDER}/{stamp}.json")]


def _collect(run: Run, newest: str) -> int:
    """How many pages went: a page, and what was drawn for it, goes when its snapshot has gone."""
    kept = {newest, *(key.split("/")[1] for key in run.store.list("snapshots"))}
    old = [key for key in run.store.list(FOLDER) if key.split("/")[1].partition(".")[0] not in kept]
    for key in old:
        run.store.delete(key)
    return len({key.partition(".")[0] for key in old})
