"""The plan of a backfill as a page and as a table."""

from typing import TYPE_CHECKING

from flows.artifacts import table

if TYPE_CHECKING:
    from apex_core.pipeline.plan import BackfillPlan, Partition

HEAD = ("month", "tracks", "without audio", "to encode", "hours of audio", "time")


def rows(plan: "BackfillPlan") -> list[tuple[object, ...]]:
    """A row a month under ``HEAD``, and one of sums."""
    months = [_row(plan, partition) for partition in plan.partitions]
    everything = (plan.tracks, plan.audio_missing, plan.to_encode, round(plan.audio_hours, 2), _months_take(plan))
    return [*months, ("all", *everything)]


def _row(plan: "BackfillPlan", part: "Partition") -> tuple[object, ...]:
    from apex_core.pipeline.plan import clock

    took = clock(plan.time(part))
    return part.label, part.tracks, part.audio_missing, part.to_encode, round(part.audio_hours, 2), took


def _months_take(plan: "BackfillPlan") -> str:
    from apex_core.pipeline.plan import added, clock

    return clock(added([plan.time(partition) for partition in plan.partitions]))


def summary(plan: "BackfillPlan") -> str:
    """The plan in one line."""
    from apex_core.pipeline.plan import clock

    months, files = len(plan.partitions), f"{len(plan.files)} files to ingest, then " if plan.files else ""
    return (
        f"{files}{plan.tracks:,} tracks in {months} month{'' if months == 1 else 's'}, {plan.audio_missing:,} without "
        f"audio, {plan.audio_hours:,.1f} hours to encode, time: {clock(plan.seconds)}"
    )


def plan_page(plan: "BackfillPlan", *, dry_run: bool) -> str:
    """The plan as Markdown; ``dry_run``: say that nothing was done, and how it is."""
    window, whose = plan.window, plan.window.platform or "all platforms"
    days = f"created from {window.start:%Y-%m-%d} to before {window.end:%Y-%m-%d} UTC, {whose}"
    parts = [
        f"# {'Plan of a backfill' if dry_run else 'Backfill'}: {', '.join(plan.stages)}",
        *(["**Nothing was done.** To do it, run it again with `dry_run` switched off."] if dry_run else []),
        f"Tracks {days}: {summary(plan)}.",
        f"## Month by month\n\n{_months(plan)}",
        f"## Before and after, for the whole catalog\n\n{_steps(plan)}",
        f"## What the time rests on\n\n{_paces(plan)}",
    ]
    return "\n\n".join(parts)


def _months(plan: "BackfillPlan") -> str:
    if not plan.partitions:
        return "No eligible track of the catalog was created in this window."
    said = "Each month is committed before the next one begins."
    if "audio" in plan.stages and "extract" in plan.stages:
        said += " To encode is the most there can be: audio that is not to be had is not encoded."
    return f"{said}\n\n{table(HEAD, rows(plan))}"


def _steps(plan: "BackfillPlan") -> str:
    from apex_core.pipeline.plan import clock

    steps = table(("stage", "time"), [(stage, clock(seconds)) for stage, seconds in plan.steps])
    if not plan.files:
        return steps
    files = table(("file", "MB"), [(uri, round(size / 1e6, 2)) for uri, size in plan.files])
    return f"{steps}\n\nThe tracks that these files bring are planned when they are ingested:\n\n{files}"


def _paces(plan: "BackfillPlan") -> str:
    chosen = {"audio", "extract"} & set(plan.stages) | {stage for stage, _ in plan.steps}
    known = [(stage, str(pace)) for stage, pace in plan.paces.items() if stage in chosen]
    found = [table(("stage", "measured in earlier runs"), sorted(known))] if known else []
    if plan.unmeasured:
        found.append(f"Never measured here, so the time is not known: {', '.join(plan.unmeasured)}.")
    return "\n\n".join(found or ["Nothing that has to be measured is to be done."])
