"""Stage 1: list every enabled platform.

Why it is shaped like this: platforms are listed at the same time, since each spends its time waiting for its own
server; the catalog's door lets them merge one at a time. A platform that fails does not take the other with it, nor
the rest of the night. The HTTP client has its own patience for refused and broken requests; the one retry here is
for an outage longer than that, and goes on from the cursor that the first try kept.
"""

from prefect import flow, get_run_logger, task
from prefect.cache_policies import NO_CACHE
from prefect.futures import PrefectFuture
from pydantic import AwareDatetime

from apex_core.errors import CatalogError
from apex_core.pipeline.run import Run, StageReport
from apex_core.settings import PLATFORMS, Platform, Settings
from flows.session import Done, error_of, keep, passing, session, trouble

_RETRY_S = 300


@task(
    name="ingest",
    task_run_name="ingest {platform}",
    retries=1,
    retry_delay_seconds=_RETRY_S,
    retry_condition_fn=passing,
    cache_policy=NO_CACHE,
    persist_result=False,
)
def list_platform(run: Run, platform: Platform) -> Done:
    """List one platform and merge what it sends."""
    from apex_core.pipeline.live import ingest_platform

    return keep(run, lambda: ingest_platform(run, platform))


@flow(name="ingest", persist_result=False)
def ingest(run_id: str | None = None, as_of: AwareDatetime | None = None) -> list[Done]:
    """List every enabled platform's songs.

    Args:
        run_id: The run to join; leave empty to begin one.
        as_of: The moment that stands for now; leave empty for now.
    """
    with session("ingest", as_of, run_id) as own:
        platforms = enabled(own.run.settings)
        if not platforms:
            get_run_logger().warning("No live connector is on (APEX_SOURCES__SUNO__ENABLED, …__UDIO__ENABLED).")
        listings = [list_platform.submit(own.run, platform) for platform in platforms]
        own.add(*map(_outcome, platforms, listings))
    return own.outcome()


def enabled(settings: Settings) -> list[Platform]:
    """The platforms whose live connector is switched on."""
    return [platform for platform in PLATFORMS if getattr(settings.sources, platform).enabled]


def _outcome(platform: Platform, listing: PrefectFuture[Done]) -> Done:
    """What a listing did. A failure is this platform's trouble, unless it is the catalog's, which is everyone's."""
    listing.wait()
    if listing.state.is_completed():
        return listing.result()
    error = error_of(listing.state)
    if isinstance(error, CatalogError):
        raise error
    failure = trouble(f"{platform} was not ingested", error)
    get_run_logger().error(str(failure))
    return Done(StageReport(f"ingest {platform}", {}), 0.0, failure)
