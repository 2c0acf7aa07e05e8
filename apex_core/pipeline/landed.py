"""Landing pages of a live platform: as received, but without the records of whoever was forgotten."""

from collections.abc import Iterable, Iterator
from dataclasses import replace

from apex_core.catalog import sql
from apex_core.pipeline.run import Run
from apex_core.settings import Platform
from apex_core.sources import LandedFile, Page, land
from apex_core.sources.erasure import Forgotten, clear_body


def land_pages(run: Run, platform: Platform, pages: Iterable[Page]) -> Iterator[LandedFile]:
    """Write pages to the landing as they come; see ``sources.land``. A page with nothing else on it is left out."""
    with run.catalog(f"ingest {platform}") as connection:
        marks = connection.execute(sql("forget/marks"), {"platform": platform}).fetchall()
    ids = {wanted: [id_ for kind, id_, _ in marks if kind == wanted] for wanted in ("track", "creator")}
    forgotten = Forgotten(ids["track"], ids["creator"])
    yield from land(run.store, platform, run.run_id, run.as_of, _without(pages, forgotten))


def _without(pages: Iterable[Page], forgotten: Forgotten) -> Iterator[Page]:
    for page in pages:
        body = clear_body(page.body, forgotten).text
        if body is not None:
            yield replace(page, body=body, url=forgotten.replaced(page.url))
