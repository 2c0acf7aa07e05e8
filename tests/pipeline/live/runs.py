"""Single stages of a live platform, and what the catalog says of it."""

from datetime import datetime
from typing import Any

from apex_core.catalog import connect
from apex_core.pipeline.live import ingest_platform
from apex_core.pipeline.run import Run, StageReport, begin
from apex_core.settings import PLATFORMS, Platform, Settings


def changed(settings: Settings, **connector: Any) -> Settings:
    """The settings with both platforms' connectors changed."""
    both = {name: getattr(settings.sources, name).model_copy(update=connector) for name in PLATFORMS}
    return settings.model_copy(update={"sources": settings.sources.model_copy(update=both)})


def run(settings: Settings, as_of: datetime, run_id: str | None = None) -> Run:
    return begin(settings, "ingest", as_of, run_id or f"run-{as_of:%Y%m%dT%H%M%S}")


def ingest(settings: Settings, as_of: datetime, platform: Platform = "suno") -> StageReport:
    return ingest_platform(run(settings, as_of), platform)


def rows(settings: Settings, query: str) -> list[Any]:
    with connect(settings, "test") as connection:
        return connection.execute(query).fetchall()


def state(settings: Settings, platform: Platform = "suno") -> dict[str, Any]:
    columns = "watermark, resume_cursor, started_at, since, full_listed_at"
    found = rows(settings, f"SELECT {columns} FROM ingest_state WHERE source = '{platform}'")
    return dict(zip(columns.split(", "), found[0], strict=True))
