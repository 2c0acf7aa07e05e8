"""Stage 1: list every enabled platform, then look again at what is known of it.

Why it is shaped like this: platforms are asked at the same time, since each spends its time waiting for its own
server; the catalog's door lets them merge one at a time. A platform that fails does not take the other with it, nor
the rest of the night; it is left alone until the next one. The HTTP client has its own patience for refused and
broken requests; the one retry here is for an outage longer than that, and goes on from the cursor that the first try
kept. What is done to one platform is done in a row, since it is asked by one at a time, whoever asks. The hour's
ingest is this flow too, told to list only what is new and to fetch its audio while its address is good.
"""

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Annotated, Literal, cast

from prefect import flow, get_run_logger, task
from prefect.cache_policies import NO_CACHE
from prefect.futures import PrefectFuture
from prefect.states import Completed
from pydantic import AwareDatetime, Field

from apex_core.errors import CatalogError, Locked
from apex_core.pipeline.run import Run
from apex_core.settings import PLATFORMS, Platform, Settings, get_settings
from flows.checks import check
from flows.session import Done, Partly, Session, error_of, finished, keep, not_done, partial, passing, session
from flows.stages import audio

_RETRY_S = 300
_NOTHING_ON = "No live connector is on (APEX_SOURCES__SUNO__ENABLED, …__UDIO__ENABLED)."

_Days = Annotated[float | None, Field(ge=0, le=365)]
_NEVER_DAYS = 36_500.0


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

    done = keep(run, lambda: ingest_platform(run, platform))
    return partial(done, [done])


@task(name="revisit", task_run_name="revisit {platform}", cache_policy=NO_CACHE, persist_result=False)
def revisit(run: Run, platform: Platform) -> Done:
    """Look again at the known tracks of one platform that are due."""
    from apex_core.pipeline.revisit import revisit_platform

    return keep(run, lambda: revisit_platform(run, platform))


@task(name="reconcile", task_run_name="reconcile {platform}", cache_policy=NO_CACHE, persist_result=False)
def reconcile(run: Run, platform: Platform) -> Done:
    """Hold the profiles that the settings name against their own sums."""
    from apex_core.pipeline.revisit import reconcile_profiles

    return keep(run, lambda: reconcile_profiles(run, platform))


@flow(name="ingest", persist_result=False)
def ingest(
    run_id: str | None = None,
    as_of: AwareDatetime | None = None,
    platform: Literal["all", "suno", "udio"] = "all",
    lookback_days: _Days = None,
    look_again: bool = True,
    fetch_audio: bool = False,
) -> list[Done]:
    """List the enabled platforms' songs, and see known ones again.

    Args:
        run_id: The run to join; leave empty to begin one.
        as_of: The moment that stands for now; leave empty for now.
        platform: Whose songs.
        lookback_days: How far beyond the newest known song a listing goes; leave empty for the settings' days.
        look_again: See known songs and profiles again that are due; it takes as long as there are many.
        fetch_audio: Hold the catalog against its checks and find or fetch the audio of what came in.
    """
    platforms = enabled(get_settings(), platform)
    if run_id is None and not platforms:
        return cast(list[Done], Completed(message=_NOTHING_ON))
    with session("ingest", as_of, run_id) as own:
        if not platforms:
            get_run_logger().warning(_NOTHING_ON)
        run = _looking_back(own.run, lookback_days)
        own.add(*at_once("ingest", lambda platform: list_platform.submit(run, platform), platforms))
        if look_again:
            _look_again(own, platforms)
        if fetch_audio:
            own.add(check(own.run, "ingest"))
            own.add(audio(own.run))
    return own.outcome()


def _looking_back(run: Run, days: float | None) -> Run:
    if days is None:
        return run
    # Everything, as it is listed every month, is not for whoever asks for the last days.
    sources, shorter = run.settings.sources, {"lookback_days": days, "full_listing_days": _NEVER_DAYS}
    listed = {name: getattr(sources, name).model_copy(update=shorter) for name in PLATFORMS}
    return replace(run, settings=run.settings.model_copy(update={"sources": sources.model_copy(update=listed)}))


def _look_again(own: Session, platforms: Sequence[Platform]) -> None:
    failed = {done.report.stage for done in own.done if done.trouble}
    listed: list[Platform] = [platform for platform in platforms if f"ingest {platform}" not in failed]
    own.add(*at_once("revisit", lambda platform: revisit.submit(own.run, platform), listed))
    connectors = own.run.settings.sources
    named: list[Platform] = [platform for platform in listed if getattr(connectors, platform).profiles]
    own.add(*at_once("reconcile", lambda platform: reconcile.submit(own.run, platform), named))


def enabled(settings: Settings, which: str = "all") -> list[Platform]:
    """The platforms whose live connector is switched on; ``which``: all, or one of them."""
    return [name for name in PLATFORMS if which in ("all", name) and getattr(settings.sources, name).enabled]


def at_once(stage: str, submit: Callable[[Platform], PrefectFuture[Done]], platforms: Sequence[Platform]) -> list[Done]:
    """A stage of all platforms at the same time."""
    begun: list[tuple[Platform, PrefectFuture[Done]]] = [(platform, submit(platform)) for platform in platforms]
    return [_outcome(f"{stage} {platform}", platform, future) for platform, future in begun]


def _outcome(stage: str, platform: Platform, future: PrefectFuture[Done]) -> Done:
    """What a stage did. A failure is this platform's trouble, unless it is the catalog's, which is everyone's.

    Somebody else's ingest of the platform, that went on for too long, is no trouble of the catalog.
    """
    future.wait()
    if future.state.is_completed():
        return future.result()
    error = error_of(future.state)
    if isinstance(error, Partly):
        return finished(future.state)
    if isinstance(error, CatalogError) and not isinstance(error, Locked):
        raise error
    verb = stage.partition(" ")[0]
    said = {"ingest": "ingested", "revisit": "looked at again", "reconcile": "reconciled"}[verb]
    return not_done(stage, f"{platform} was not {said}", error)
