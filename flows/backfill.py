"""The backfill: some stages again, for tracks created in a window.

Why it is shaped like this: an operator fills in a form, so the form is flat, nothing is done unless ``dry_run`` is
switched off, and whatever is wrong with it is said before anything starts. Months are worked off one by one, oldest
first, each committed before the next. It never lists a live platform, and so cannot move a live watermark: the ingest
of a backfill reads files.
"""

from datetime import UTC, date, datetime, time
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from prefect import flow, get_run_logger, task
from prefect.artifacts import create_markdown_artifact
from prefect.cache_policies import NO_CACHE
from pydantic import AwareDatetime, BaseModel, ConfigDict, Field

from apex_core.errors import ApexError
from apex_core.pipeline.check import accept
from apex_core.pipeline.run import Run, Window
from apex_core.settings import get_settings
from flows.artifacts import reported, table
from flows.checks import check as check_catalog
from flows.extract import extract
from flows.session import Done, Session, joined, keep, session
from flows.stages import audio, label, predict, report, score, snapshot

if TYPE_CHECKING:
    from apex_core.pipeline.plan import BackfillPlan, Partition

Stage = Literal["ingest", "audio", "extract", "label", "predict"]


class BackfillForm(BaseModel):
    """What to do again, and for which tracks."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    platform: Literal["all", "suno", "udio"] = Field("all", description="Whose.", json_schema_extra={"position": 0})
    start: date = Field(description="First day of created_at, UTC.", json_schema_extra={"position": 1})
    end: date = Field(description="The day after the last one, UTC.", json_schema_extra={"position": 2})
    stages: list[Stage] = Field(
        ["audio", "extract", "predict"],
        description="Run in their order, whatever the order here. Scores and the snapshot always follow.",
        json_schema_extra={"position": 3},
    )
    files: list[str] = Field(
        [],
        description="For the stage ingest: dumps and exports on the worker's disk. All their records are merged.",
        json_schema_extra={"position": 4},
    )
    observed_at: AwareDatetime | None = Field(
        None,
        description="For the stage ingest: when the files' counters were seen; empty if they say so themselves.",
        json_schema_extra={"position": 5},
    )
    dry_run: bool = Field(True, description="Only show the plan.", json_schema_extra={"position": 6})
    accept: list[str] = Field(
        [], description="Blocking checks to let pass in this one run.", json_schema_extra={"position": 7}
    )
    because: str = Field("", description="Why they are accepted.", json_schema_extra={"position": 8})

    @property
    def window(self) -> Window:
        return Window(None if self.platform == "all" else self.platform, _midnight(self.start), _midnight(self.end))


def _midnight(day: date) -> datetime:
    return datetime.combine(day, time(), UTC)


@task(name="ingest files", cache_policy=NO_CACHE, persist_result=False)
def ingest_files(run: Run, form: BackfillForm) -> Done:
    """Merge the form's files."""
    from apex_core.pipeline import ingest

    platform = None if form.platform == "all" else form.platform
    return keep(run, lambda: ingest.ingest_files(run, list(map(Path, form.files)), form.observed_at, platform))


@flow(name="backfill", persist_result=False)
def backfill(form: BackfillForm) -> list[Done]:
    """Run stages again for tracks created in a window; with dry_run, only show what would be done.

    Args:
        form: What to do, and for which tracks.
    """
    check(form)
    if form.dry_run:
        _show(_planned(form))
        return []
    accepted = accept(form.accept, form.because)
    with session("backfill", None) as own, reported(own, "backfill"):
        if "ingest" in form.stages:
            own.add(ingest_files(own.run, form))
            own.add(check_catalog(own.run, "ingest", accepted))
        plan = _planned(form)  # after the ingest, which may have brought tracks
        _show(plan)
        for partition in plan.partitions:
            _fill(own, form, partition)
        if "label" in form.stages:
            own.add(label(own.run))
        own.add(score(own.run))
        own.add(check_catalog(own.run, "score", accepted))
        if "predict" in form.stages:
            own.add(predict(own.run))
        own.add(snapshot(own.run, accepted))
        own.add(report(own.run))
    return own.outcome()


def check(form: BackfillForm) -> None:
    """Raise ApexError for a form that makes no sense."""
    if form.start >= form.end:
        raise ApexError(f"The window is empty: it starts on {form.start} and ends before {form.end}.", fix="swap them")
    if not form.stages:
        raise ApexError("No stage was chosen.", fix="choose at least one of ingest, audio, extract, label, predict")
    if "ingest" in form.stages and not form.files:
        raise ApexError("The ingest of a backfill reads files, and none is named.", fix="name files, or leave it out")
    missing = [name for name in form.files if not Path(name).exists()]
    if missing:
        raise ApexError(f"There is no {', '.join(missing)} on this worker.", fix="give paths as the worker sees them")
    accept(form.accept, form.because)


def _fill(own: Session, form: BackfillForm, partition: "Partition") -> None:
    if "audio" in form.stages:
        own.add(audio(own.run, partition.window(form.window.platform), partition.label))
    if "extract" in form.stages:
        run, part = own.run, partition
        window = form.platform, part.start, part.end
        own.add(*joined(extract, run.run_id, run.as_of, *window, part.label))


def _planned(form: BackfillForm) -> "BackfillPlan":
    from apex_core.pipeline.plan import plan_backfill

    return plan_backfill(get_settings(), form.window, form.stages)


def _show(plan: "BackfillPlan") -> None:
    summary = f"{plan.tracks} tracks in {len(plan.partitions)} months, {plan.audio_hours:.1f} hours to encode"
    head = ("month", "tracks", "without audio", "to encode", "hours")
    rows = [(p.label, p.tracks, p.audio_missing, p.to_encode, round(p.audio_hours, 2)) for p in plan.partitions]
    page = f"# Backfill of {', '.join(plan.stages)}\n\n{summary}; then scores and a snapshot.\n\n{table(head, rows)}"
    create_markdown_artifact(page, key="backfill-plan", description=summary)
    get_run_logger().info("Plan: %s.", summary)
