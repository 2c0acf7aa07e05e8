"""Stage 4: embeddings.

Why it is shaped like this: only planning and adopting open the catalog; what lies between reads and writes the store
alone and returns small facts, so a range of shards can be encoded anywhere (``flows.encoding``). A task is a range of
shards, never a song: their number stays bounded however large the catalog grows. A range that fails does not stop the
others, and what was committed is adopted; the next run plans the rest again.
"""

import time
from dataclasses import replace
from typing import TYPE_CHECKING, Literal

from prefect import flow, task
from prefect.cache_policies import NO_CACHE
from pydantic import AwareDatetime

from apex_core.errors import ApexError
from apex_core.pipeline.in_hand import InHand, in_hand
from apex_core.pipeline.run import Run, StageReport, Window
from flows.artifacts import show_extraction
from flows.encoding import encode_all
from flows.session import Done, keep_report, retry_command, session, trouble

if TYPE_CHECKING:
    from apex_core.pipeline.extract import Plan


@task(name="plan extraction", cache_policy=NO_CACHE, persist_result=False)
def plan(run: Run, window: Window, shards: list[str] | None, hand: InHand) -> "Plan":
    """Cut the songs without a vector into shards."""
    from apex_core.pipeline.extract import plan_extract, songs_of_shards

    return plan_extract(run, replace(window, songs=songs_of_shards(run, shards)) if shards else window, hand)


@task(name="adopt", cache_policy=NO_CACHE, persist_result=False)
def adopt(run: Run, planned: "Plan") -> StageReport:
    """Project the committed shards into the catalog."""
    from apex_core.pipeline.extract import adopt, figures

    report = adopt(run, planned)
    if report.counts["shards"]:
        show_extraction(report, figures(run, planned))
    return report


@flow(name="extract", persist_result=False)
def extract(
    run_id: str | None = None,
    as_of: AwareDatetime | None = None,
    platform: Literal["all", "suno", "udio"] = "all",
    start: AwareDatetime | None = None,
    end: AwareDatetime | None = None,
    label: str = "",
    shards: list[str] | None = None,
) -> list[Done]:
    """Encode the songs that have audio and no vector.

    Args:
        run_id: The run to join; leave empty to begin one.
        as_of: The moment that stands for now; leave empty for now.
        platform: Whose tracks.
        start: Only tracks created at this moment or later.
        end: Only tracks created before this moment.
        label: Tells the parts of an extraction in several parts apart.
        shards: Only the songs that were planned for these shards before.
    """
    with session("extract", as_of, run_id) as own, in_hand(own.run) as hand:
        started = time.monotonic()
        window = Window(None if platform == "all" else platform, start, end)
        planned = plan(own.run, window, shards, hand)
        error = encode_all(own.run, planned)
        report = adopt(own.run, planned)
        failure = None
        if error is not None:
            missing = f"{report.counts['missing_shards']:g} of {len(planned.shards)} shards were not encoded"
            why, again = trouble(missing, error), retry_command(report) if report.failed else None
            failure = ApexError(why.message, fix="; then ".join(filter(None, [why.fix, again])))
        own.add(keep_report(own.run, report, time.monotonic() - started, label, failure))
    return own.outcome()
