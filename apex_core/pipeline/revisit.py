"""Stage 1, what is known already: counts have no time of change, so tracks are looked at again, the older the rarer."""

from collections.abc import Sequence
from dataclasses import replace

from apex_core.catalog import sql, transaction
from apex_core.errors import Forbidden, Missing, SourceError
from apex_core.pipeline.adoption import adopt_landed
from apex_core.pipeline.ingest import added, merge_files, report_of
from apex_core.pipeline.landed import land_pages
from apex_core.pipeline.run import Run, StageReport, platform_lock
from apex_core.settings import Platform
from apex_core.sources import (
    Access,
    IngestCounts,
    Listing,
    ProfileSums,
    list_pages,
    mark_gone,
    mark_withheld,
    refuse_unknown,
    revisit,
)

_TRACKS_A_UNIT = 500


def revisit_platform(run: Run, platform: Platform) -> StageReport:
    """Ask again for the known tracks that are due, and mark those that are gone or private.

    Some hundred tracks are one unit of work: after a kill the plan, made anew, holds what was left. The watermark is
    not touched. Raises as ``ingest_platform`` does; the units before are kept.
    """
    access = Access.of(run.settings, platform)
    access.token()
    with platform_lock(run.settings, platform, run.run_id):
        adopted = adopt_landed(run, platform)
        total = adopted.counts
        due = _due(run, access)
        gone = withheld = 0
        for start in range(0, len(due), _TRACKS_A_UNIT):
            run.progress(f"revisit {platform}", start, len(due))
            listing = revisit(access, due[start : start + _TRACKS_A_UNIT], run.as_of)
            counts, marked = _visited(run, platform, listing)
            total, gone, withheld = added(total, counts), gone + marked[0], withheld + marked[1]
        run.progress(f"revisit {platform}", len(due), len(due))
    refuse_unknown(total)
    marks = {"due": float(len(due)), "gone": float(gone), "withheld": float(withheld)}
    report = report_of(platform, total)
    note = ". ".join(filter(None, [adopted.note, report.note]))
    return replace(report, stage=f"revisit {platform}", counts={**marks, **report.counts}, note=note)


def _due(run: Run, access: Access) -> list[str]:
    connector = access.connector
    bound = {
        "platform": access.platform,
        "as_of": run.as_of,
        "min_days": connector.revisit_min_days,
        "max_days": connector.revisit_max_days,
        "age_factor": connector.revisit_age_factor,
        "most": connector.revisits_per_run,
    }
    with run.catalog(f"revisit {access.platform}") as connection:
        return [track_id for (track_id,) in connection.execute(sql("live/revisit_plan"), bound).fetchall()]


def _visited(run: Run, platform: Platform, listing: Listing) -> tuple[IngestCounts, tuple[int, int]]:
    """Land and merge a unit's pages, then mark who was not there; also when it broke off, as far as it is known."""
    total = IngestCounts()
    try:
        for file in land_pages(run, platform, listing):
            total = added(total, merge_files(run, platform, [file]))
    except SourceError:
        _mark(run, platform, listing.gone, listing.withheld)
        raise
    return total, _mark(run, platform, listing.gone, listing.withheld)


def _mark(run: Run, platform: Platform, gone: Sequence[str], withheld: Sequence[str]) -> tuple[int, int]:
    if not gone and not withheld:
        return 0, 0
    with run.catalog(f"revisit {platform}") as connection, transaction(connection):
        tombstones = mark_gone(connection, platform, gone, run.as_of)
        private = mark_withheld(connection, platform, withheld, run.as_of)
    return tombstones, private


def reconcile_profiles(run: Run, platform: Platform = "suno") -> StageReport:
    """List the profiles that the settings name, merge them, and hold what they add up to against what they state.

    A difference is a note and a measure, no failure: the platform's sums lag, too. So is a profile that is gone.
    """
    access = Access.of(run.settings, platform)
    access.token()
    measures: dict[str, float] = {"profiles": 0.0, "profiles_off": 0.0}
    notes: list[str] = []
    with platform_lock(run.settings, platform, run.run_id):
        adopted = adopt_landed(run, platform)
        total = adopted.counts
        for handle in access.connector.profiles:
            sums = ProfileSums(handle)
            pages = sums.read(list_pages(access, run.as_of, kind="profile", of=handle))
            try:
                for file in land_pages(run, platform, pages):
                    total = added(total, merge_files(run, platform, [file]))
            except (Missing, Forbidden) as error:
                notes.append(f"profile {handle}: {error.message}")
            _add(measures, sums)
            notes += sums.differences()
    refuse_unknown(total)
    report = report_of(platform, total)
    said = ". ".join(filter(None, ["; ".join(notes), adopted.note, report.note]))
    return StageReport(f"reconcile {platform}", {**report.counts, **measures}, said)


def _add(measures: dict[str, float], sums: ProfileSums) -> None:
    measures["profiles"] += 1
    measures["profiles_off"] += bool(sums.differences())
    for kind, counts in (("stated", sums.stated), ("found", sums.found)):
        for name, value in counts.items():
            measures[f"{name}_{kind}"] = measures.get(f"{name}_{kind}", 0.0) + value
