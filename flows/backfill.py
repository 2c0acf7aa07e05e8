"""The backfill: some stages again, for tracks created in a window.

Why it is shaped like this: an operator fills in a form. Prefect draws one from a flow's own parameters (a model's
fields would stand in a box of their own), so they are flat, in the order in which one thinks of them; nothing is done
unless ``dry_run`` is switched off, and whatever is wrong with what was filled in is said before anything starts.
Months are worked off one by one, oldest first, each committed before the next: what was cancelled goes on where it
was when the same form is sent again. It never lists a live platform, and so cannot move a live watermark: the ingest
of a backfill reads files.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, time, timedelta
from typing import TYPE_CHECKING, Annotated, Literal, cast

from prefect import flow, get_run_logger, task
from prefect.artifacts import create_markdown_artifact
from prefect.cache_policies import NO_CACHE
from prefect.states import Failed
from pydantic import AwareDatetime, Field

from apex_core.errors import ApexError
from apex_core.pipeline.check import NOTHING, Acceptance
from apex_core.pipeline.check import accept as accepting
from apex_core.pipeline.run import Run, Window
from apex_core.settings import Platform, get_settings
from flows.artifacts import reported
from flows.backfill_page import plan_page, summary
from flows.checks import check as check_catalog
from flows.extract import extract
from flows.limits import EXTRACT, limited
from flows.session import Done, Session, joined, keep, session
from flows.stages import audio, label, predict, report, score, snapshot

if TYPE_CHECKING:
    from apex_core.pipeline.plan import BackfillPlan, Partition

Whose = Literal["all", "suno", "udio"]
Stage = Literal["ingest", "audio", "extract", "label", "predict"]
# The checks that say "block unless accepted"; a form's choices must be known before the catalog's rules are read.
Acceptable = Literal["new_rejects_are_no_flood", "score_drift_is_not_gross"]

_FIRST_DAY = date(2000, 1, 1)
_AHEAD = timedelta(days=366)
_CLOCK_SLACK = timedelta(days=1)


@dataclass(frozen=True, slots=True)
class Order:
    """What somebody asked for: days from ``start`` up to and without ``end``, UTC."""

    start: date
    end: date
    platform: Whose
    stages: Sequence[Stage]
    files: Sequence[str] = ()
    observed_at: datetime | None = None
    accepted: Acceptance = NOTHING

    @property
    def whose(self) -> Platform | None:
        return None if self.platform == "all" else self.platform

    @property
    def window(self) -> Window:
        return Window(self.whose, _midnight(self.start), _midnight(self.end))

    def check(self, now: datetime) -> None:
        """Raise ApexError for what makes no sense, before anything is done."""
        _check_days(self.start, self.end, now.date())
        if "ingest" in self.stages:
            self._check_files(now)
        elif self.files or self.observed_at:
            raise ApexError(
                "Files, or the moment of their counts, are given, and the stage that reads them was not chosen.",
                fix="choose the stage ingest as well, or leave both out",
            )

    def _check_files(self, now: datetime) -> None:
        from apex_core.pipeline.ingest import refuse_unreadable

        if not self.files:
            raise ApexError(
                "The ingest of a backfill reads files, and none is named.", fix="name files, or leave that stage out"
            )
        if self.observed_at and self.observed_at > now + _CLOCK_SLACK:
            raise ApexError(f"The counts are said to be of {self.observed_at}, which is yet to come.", fix="correct it")
        refuse_unreadable(self.files, self.observed_at, self.whose)


def _midnight(day: date) -> datetime:
    return datetime.combine(day, time(), UTC)


def _check_days(start: date, end: date, today: date) -> None:
    if start >= end:
        swapped = "swap them" if start > end else "end is the day after the last one"
        raise ApexError(f"The window is empty: it starts on {start} and ends before {end}.", fix=swapped)
    if start < _FIRST_DAY or end > today + _AHEAD:
        odd = start if start < _FIRST_DAY else end
        raise ApexError(
            f"No song is of {odd}: days from {_FIRST_DAY} to a year from now make sense.", fix="correct the year"
        )
    if start > today:
        raise ApexError(f"The window starts on {start}, which is yet to come.", fix="correct it")


@task(name="ingest files", cache_policy=NO_CACHE, persist_result=False)
def ingest_files(run: Run, order: Order) -> Done:
    """Merge the files that were named."""
    from apex_core.pipeline import ingest

    def merge() -> ingest.StageReport:
        return ingest.ingest_files(run, order.files, order.observed_at, order.whose)

    return keep(run, merge)


@flow(name="backfill", persist_result=False)
def backfill(
    start: date,
    end: date,
    platform: Whose = "all",
    stages: Annotated[list[Stage], Field(min_length=1)] = ["audio", "extract", "predict"],  # noqa: B006  nobody writes
    dry_run: bool = True,
    files: Annotated[list[str], Field(max_length=1_000)] = [],  # noqa: B006  into a form's defaults
    observed_at: AwareDatetime | None = None,
    accept: list[Acceptable] = [],  # noqa: B006
    because: Annotated[str, Field(max_length=500)] = "",
) -> list[Done]:
    """Run stages again for tracks created in a window; a dry run only shows what would be done.

    Args:
        start: The first day of created_at, UTC.
        end: The day after the last one, UTC: from 1 January to 1 February is January.
        platform: Whose tracks.
        stages: Done in their own order, month by month; label and predict once, for the whole catalog. Scores and a
            snapshot always follow.
        dry_run: Show the plan and do nothing. Switch it off to do it.
        files: For the stage ingest: dumps and exports as the worker sees them, paths or s3:// addresses. All their
            records are merged, whenever they were created.
        observed_at: For the stage ingest: when the files' counts were seen; leave it empty if their names say so.
        accept: Blocking checks to let pass in this one run.
        because: Why they are accepted; it is kept with their results.
    """
    try:
        order = Order(start, end, platform, stages, files, observed_at, accepting(accept, because))
        order.check(datetime.now(UTC))
    except ApexError as error:
        # Raised, it would stand on the run's page below a traceback.
        get_run_logger().error("Nothing was done. %s", error)
        return cast(list[Done], Failed(message=str(error), data=error))
    if dry_run:
        _show(order, dry_run=True)
        return []
    return _carried_out(order)


def _carried_out(order: Order) -> list[Done]:
    with session("backfill", None) as own, reported(own, "backfill"):
        if "ingest" in order.stages:
            own.add(ingest_files(own.run, order))
            own.add(check_catalog(own.run, "ingest", order.accepted))
        # After the ingest, which may have brought tracks.
        for partition in _show(replace(order, files=()), dry_run=False).partitions:
            _fill(own, order, partition)
        if "label" in order.stages:
            own.add(label(own.run))
        own.add(score(own.run))
        own.add(check_catalog(own.run, "score", order.accepted))
        if "predict" in order.stages:
            own.add(predict(own.run))
        own.add(snapshot(own.run, order.accepted))
        own.add(report(own.run))
    return own.outcome()


def _fill(own: Session, order: Order, partition: "Partition") -> None:
    if "audio" in order.stages:
        own.add(audio(own.run, partition.window(order.whose), partition.label))
    if "extract" in order.stages:
        run, part = own.run, partition
        with limited(EXTRACT):
            own.add(*joined(extract, run.run_id, run.as_of, order.platform, part.start, part.end, part.label))


def planned(order: Order) -> "BackfillPlan":
    """What would be done."""
    from apex_core.pipeline.plan import plan_backfill

    return plan_backfill(get_settings(), order.window, order.stages, order.files)


def _show(order: Order, *, dry_run: bool) -> "BackfillPlan":
    plan = planned(order)
    create_markdown_artifact(plan_page(plan, dry_run=dry_run), key="backfill-plan", description=summary(plan))
    get_run_logger().info("%s: %s", "Plan, nothing was done" if dry_run else "Plan", summary(plan))
    return plan
