"""The form, its plan, and a backfill that is one."""

from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any, get_args

import pytest
from prefect.exceptions import ParameterTypeError

from apex_core.catalog import connect, latest_snapshot
from apex_core.catalog.checks import all_checks
from apex_core.errors import ApexError
from apex_core.sandbox import World
from apex_core.settings import Settings
from flows.backfill import Acceptable, Order, Stage, backfill
from flows.ingest import ingest
from flows.local_server import LocalServer
from tests.flows.pages import page

DAY = timedelta(days=1)
NOW = datetime(2026, 11, 23, 12, tzinfo=UTC)
SHAPES = Path(__file__).parents[1] / "sandbox" / "shapes"


def order(start: date = date(2026, 1, 1), end: date = date(2026, 2, 1), **fields: Any) -> Order:
    return Order(start, end, **{"platform": "all", "stages": ["audio"], **fields})


def test_the_form_says_of_every_field_what_it_is_in_an_order_that_makes_sense() -> None:
    form = backfill.parameters
    assert list(form.properties) == [
        *("start", "end", "platform", "stages", "dry_run", "files", "observed_at", "accept", "because")
    ]
    assert [field["position"] for field in form.properties.values()] == list(range(9))
    assert all(field["description"] for field in form.properties.values())
    assert form.required == ["start", "end"]
    assert not form.definitions, "a model of its own would be a box in the form"


def test_the_form_offers_choices_and_bounds() -> None:
    fields = backfill.parameters.properties
    assert fields["platform"]["enum"] == ["all", "suno", "udio"]
    assert fields["stages"]["items"]["enum"] == list(get_args(Stage))
    assert fields["stages"]["minItems"] == 1
    assert sorted(fields["accept"]["items"]["enum"]) == sorted(check.name for check in all_checks() if check.acceptable)
    assert sorted(get_args(Acceptable)) == sorted(fields["accept"]["items"]["enum"])
    assert fields["dry_run"] == {**fields["dry_run"], "type": "boolean", "default": True}


def test_the_window_is_half_open_and_in_utc() -> None:
    window = order(platform="suno").window
    assert (window.platform, window.start, window.end) == (
        "suno",
        datetime(2026, 1, 1, tzinfo=UTC),
        datetime(2026, 2, 1, tzinfo=UTC),
    )


@pytest.mark.parametrize(
    ("fields", "said"),
    [
        ({"end": date(2026, 1, 1)}, "The window is empty"),
        ({"start": date(2026, 3, 1)}, "The window is empty.*2026-03-01.*2026-02-01"),
        ({"start": date(26, 1, 1)}, "No song is of 0026-01-01"),
        ({"end": date(2062, 1, 1)}, "No song is of 2062-01-01"),
        ({"start": date(2026, 11, 24), "end": date(2026, 12, 1)}, "yet to come"),
        ({"stages": ["ingest"]}, "reads files"),
        ({"files": ["/a.jsonl"]}, "the stage that reads them was not chosen"),
        ({"observed_at": NOW}, "the stage that reads them was not chosen"),
        ({"stages": ["ingest"], "files": ["/no/such.jsonl"]}, "/no/such.jsonl does not exist"),
        ({"stages": ["ingest"], "files": [__file__]}, "nothing to read"),
        ({"stages": ["ingest"], "files": [str(SHAPES)], "observed_at": NOW + 2 * DAY}, "yet to come"),
        ({"stages": ["ingest"], "files": [str(SHAPES / "suno_clip_2026_full.json")]}, "when|date"),
    ],
)
def test_what_makes_no_sense_is_refused_with_what_to_do(fields: dict[str, Any], said: str) -> None:
    with pytest.raises(ApexError, match=said) as raised:
        order(**fields).check(NOW)
    assert raised.value.fix


def test_what_makes_sense_passes() -> None:
    order().check(NOW)
    order(date(2000, 1, 1), date(2027, 1, 1)).check(NOW)
    files = {"stages": ["ingest", "extract"], "files": [str(SHAPES / "suno_clip_2026_full.json")], "observed_at": NOW}
    order(**files, platform="suno").check(NOW)


@pytest.mark.parametrize(
    ("fields", "said"),
    [
        ({"end": "2025-01-01"}, "The window is empty"),
        ({"end": "2026-02-30"}, "end: .*day value is outside"),
        ({"end": "soon"}, "end: Input should be a valid date"),
        ({"stages": []}, "stages: List should have at least 1 item"),
        ({"stages": ["train"]}, "stages.*Input should be 'ingest'"),
        ({"accept": ["keys_are_unique"], "because": "it is"}, "accept.*Input should be"),
        ({"accept": ["score_drift_is_not_gross"]}, "cannot be accepted without a reason"),
        ({"observed_at": "2026-01-01T00:00:00"}, "observed_at: Input should have timezone info"),
    ],
)
def test_a_bad_form_fails_before_anything_begins(
    settings: Settings, prefect_server: LocalServer, fields: dict[str, Any], said: str
) -> None:
    with pytest.raises((ApexError, ParameterTypeError), match=said):
        backfill(**{"start": "2026-01-01", "end": "2026-02-01", "dry_run": False, **fields})
    assert not settings.home.exists()


@pytest.fixture
def ingested(settings: Settings, world: World, prefect_server: LocalServer) -> Settings:
    ingest(as_of=world.epoch)
    return settings


def whole(world: World) -> tuple[date, date]:
    days = [song.created_at.date() for song in world.tracks]
    return min(days), max(days) + DAY


def test_a_dry_run_shows_its_plan_and_does_nothing(
    ingested: Settings, world: World, prefect_server: LocalServer
) -> None:
    before = files(ingested)
    assert backfill(*whole(world), stages=["audio", "extract"]) == []
    assert files(ingested) == before
    plan = page(prefect_server, "backfill-plan")
    assert "**Nothing was done.**" in plan
    assert all(f"| {month} |" in plan for month in months_of(world))
    assert "Never measured here" in plan


def test_months_are_filled_one_by_one_then_scored_and_published(
    ingested: Settings, world: World, prefect_server: LocalServer
) -> None:
    before = watermarks(ingested)
    done = [d.report for d in backfill(*whole(world), stages=["audio"], dry_run=False)]
    months = [report.stage.removeprefix("audio ") for report in done[:-4]]
    assert months == months_of(world)
    assert [report.stage for report in done[-4:]] == ["score", "check score", "snapshot", "report"]
    assert sum(report.counts["available"] for report in done[:-4]) >= len(world.songs)
    assert watermarks(ingested) == before
    assert latest_snapshot(ingested)
    assert "Nothing was done" not in page(prefect_server, "backfill-plan")
    # What it took is what the next plan reckons with.
    backfill(*whole(world), stages=["audio"])
    assert "tracks a second" in page(prefect_server, "backfill-plan")


def test_files_are_ingested_without_a_live_listing(
    settings: Settings, world: World, prefect_server: LocalServer
) -> None:
    clip = str(SHAPES / "suno_clip_2026_full.json")
    done = backfill(
        date(2026, 1, 1), date(2026, 2, 1), stages=["ingest"], files=[clip], observed_at=world.epoch, dry_run=False
    )
    assert {d.report.stage: d.report for d in done}["ingest files"].counts["upserted"] == 1
    assert watermarks(settings) == []


def months_of(world: World) -> list[str]:
    return sorted({f"{song.created_at:%Y-%m}" for song in world.tracks})


def files(settings: Settings) -> dict[str, tuple[int, int]]:
    """Every file of home and store with its size and time; but lock files, which say who came last."""
    found = [path for path in settings.home.rglob("*") if path.is_file() and path.suffix != ".lock"]
    return {str(path): (path.stat().st_size, path.stat().st_mtime_ns) for path in found}


def watermarks(settings: Settings) -> list[tuple[Any, ...]]:
    """All that is known of where the live listings are."""
    with connect(settings, "test") as connection:
        return connection.execute("FROM ingest_state ORDER BY source").fetchall()
