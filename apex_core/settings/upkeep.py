"""Settings of what is kept, checked and asked."""

from pydantic import Field

from apex_core.settings.section import Section


class SnapshotSettings(Section):
    """How long snapshots and backups are kept, and what is remembered of runs."""

    keep_days: float = Field(default=7.0, ge=1, description="Days that a snapshot is kept after a newer one came.")
    backups: int = Field(default=7, ge=1, description="Newest backups kept.")
    history_days: float = Field(
        default=400.0, ge=1, description="Days that figures of runs (run_stat) stay in the catalog."
    )


class ChecksSettings(Section):
    """When figures that may be true are worth a warning, and when they stop a run (``sql/checks``)."""

    keep_days: float = Field(default=90.0, ge=1, description="How long the results of checks are kept.")
    drift_min_tracks: int = Field(
        default=100,
        ge=1,
        description="Cohorts smaller than this are not looked at for drift: there a few songs move all percentiles.",
    )
    drift_points: float = Field(default=10.0, gt=0, description="A score that moved by more than this has moved.")
    drift_mean_warn: float = Field(
        default=3.0, ge=0, description="Mean move of a cohort's scores since the last published run, in points; ..."
    )
    drift_mean_block: float = Field(
        default=15.0,
        ge=0,
        description="... this much is more than half of the 26.7 that scores dealt out anew at random would move.",
    )
    drift_moved_warn: float = Field(default=0.1, ge=0, description="Share of a cohort's scores that moved; ...")
    drift_moved_block: float = Field(default=0.5, ge=0, description="... half of them: something else has changed.")
    vanished_warn: float = Field(
        default=0.05, ge=0, description="Share of a cohort's tracks that are scored no more; single ones go every day."
    )
    vanished_block: float = Field(default=0.3, ge=0, description="So many do not leave in a night.")
    rejects_min: int = Field(default=20, ge=0, description="Fewer new rejects than this say nothing.")
    rejects_warn: float = Field(
        default=0.02, ge=0, description="New rejects as a share of the records since the last published run; ..."
    )
    rejects_block: float = Field(
        default=0.1, ge=0, description="... half of what stops a single file (sources.max_reject_share)."
    )
    unencoded_warn: float = Field(
        default=0.01, ge=0, description="Share of the tracks with audio that have neither vector nor a reason."
    )
    coverage_fall_warn: float = Field(
        default=0.05, ge=0, description="Fall of the share that has, since the last published run."
    )


class SqlSettings(Section):
    """What a query of ``apex sql``, its prompt or the cookbook may take."""

    timeout_s: float = Field(default=300.0, ge=0, description="Seconds until it is stopped; 0: never.")
    memory_limit: str = Field(default="4GB", description="DuckDB's memory limit; a query that needs more fails.")
