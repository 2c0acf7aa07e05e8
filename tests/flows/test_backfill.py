"""The form, its plan, and a backfill that is one."""

from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from apex_core.catalog import connect, fingerprint
from apex_core.errors import ApexError
from apex_core.sandbox import World
from apex_core.settings import Settings
from flows.backfill import BackfillForm, Stage, backfill, check
from flows.ingest import ingest
from flows.local_server import LocalServer
from tests.flows.pages import page

DAY = timedelta(days=1)


def form(start: date = date(2026, 1, 1), end: date = date(2026, 2, 1), **fields: Any) -> BackfillForm:
    return BackfillForm.model_validate({"start": start, "end": end, **fields})


def test_nothing_is_done_unless_it_is_asked_for() -> None:
    assert form().dry_run


def test_the_window_is_half_open_and_in_utc() -> None:
    window = form(platform="suno").window
    assert (window.platform, window.start, window.end) == (
        "suno",
        datetime(2026, 1, 1, tzinfo=UTC),
        datetime(2026, 2, 1, tzinfo=UTC),
    )


@pytest.mark.parametrize(
    ("fields", "said"),
    [
        ({"end": date(2026, 1, 1)}, "The window is empty"),
        ({"stages": []}, "No stage was chosen"),
        ({"stages": ["ingest"]}, "reads files"),
        ({"accept": ["keys_are_unique"]}, "no check that can be accepted"),
        ({"stages": ["ingest"], "files": ["/no/such.jsonl"]}, "There is no /no/such.jsonl"),
    ],
)
def test_a_form_that_makes_no_sense_is_refused_with_what_to_do(fields: dict[str, Any], said: str) -> None:
    with pytest.raises(ApexError, match=said) as raised:
        check(form(**fields))
    assert raised.value.fix


def test_a_bad_form_fails_before_a_run_begins(settings: Settings, prefect_server: LocalServer) -> None:
    with pytest.raises(ApexError, match="The window is empty"):
        backfill(form(end=date(2025, 1, 1), dry_run=False))
    assert not settings.catalog_path.exists()


@pytest.fixture
def ingested(settings: Settings, world: World, prefect_server: LocalServer) -> Settings:
    ingest(as_of=world.epoch)
    return settings


def whole(world: World, *stages: Stage, dry_run: bool) -> BackfillForm:
    days = [song.created_at.date() for song in world.tracks]
    return form(min(days), max(days) + DAY, stages=list(stages), dry_run=dry_run)


def test_a_dry_run_shows_its_plan_and_changes_nothing(
    ingested: Settings, world: World, prefect_server: LocalServer
) -> None:
    before = state(ingested)
    assert backfill(whole(world, "audio", "extract", dry_run=True)) == []
    assert state(ingested) == before
    plan = page(prefect_server, "backfill-plan")
    assert all(f"| {month} |" in plan for month in months_of(world))


def test_months_are_filled_one_by_one_then_scored_and_published(ingested: Settings, world: World) -> None:
    before = watermarks(ingested)
    done = [d.report for d in backfill(whole(world, "audio", dry_run=False))]
    months = [report.stage.removeprefix("audio ") for report in done[:-4]]
    assert months == months_of(world)
    assert [report.stage for report in done[-4:]] == ["score", "check score", "snapshot", "report"]
    assert sum(report.counts["available"] for report in done[:-4]) >= len(world.songs)
    assert watermarks(ingested) == before


def test_files_are_ingested_without_a_live_listing(
    settings: Settings, world: World, tmp_path: Path, prefect_server: LocalServer
) -> None:
    shapes = Path(__file__).parents[1] / "sandbox" / "shapes" / "suno_clip_2026_full.json"
    chosen = form(stages=["ingest"], files=[str(shapes)], observed_at=world.epoch, dry_run=False)
    done = {d.report.stage: d.report for d in backfill(chosen)}
    assert done["ingest files"].counts["upserted"] == 1
    assert watermarks(settings) == []


def months_of(world: World) -> list[str]:
    return sorted({f"{song.created_at:%Y-%m}" for song in world.tracks})


def state(settings: Settings) -> tuple[str, int]:
    with connect(settings, "test") as connection:
        runs = connection.execute("SELECT count(*) FROM run").fetchall()[0][0]
        return fingerprint(connection), runs


def watermarks(settings: Settings) -> list[tuple[str, datetime | None]]:
    with connect(settings, "test") as connection:
        return connection.execute("SELECT source, watermark FROM ingest_state ORDER BY source").fetchall()
