"""`apex nightly` and `apex backfill` on a server of their own: lines for people, one message for an error."""

from datetime import UTC, datetime

import pytest

from apex_core.catalog import latest_snapshot
from apex_core.settings import Settings
from tests.cli.conftest import Shell

QUIET = ("Traceback", "Beginning flow run", "Finished in state", "leaked")


@pytest.mark.slow
def test_a_night_without_platforms_still_ends_with_a_snapshot(
    shell: Shell, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("APEX_ENCODER__SOURCE", "tiny-random")
    result = shell("nightly", "--as-of", "2026-11-01T03:00Z")
    assert result.returncode == 0, result.stderr
    assert "snapshot: 1 published" in result.stderr
    assert "No live connector is on" in result.stderr
    assert not [noise for noise in QUIET if noise in result.stderr]
    assert latest_snapshot(settings).as_of == datetime(2026, 11, 1, 3, tzinfo=UTC)


@pytest.mark.slow
def test_a_night_that_fails_says_so_once(shell: Shell, settings: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("APEX_ENCODER__SOURCE", "neither-hub-nor-folder")
    result = shell("nightly")
    assert result.returncode == 1
    assert result.stderr.count("neither a folder nor a hub id") == 1
    assert "→ set APEX_ENCODER__SOURCE" in result.stderr
    assert not [noise for noise in QUIET if noise in result.stderr]


def test_a_backfill_shows_its_plan_and_does_nothing(
    shell: Shell, snapshot: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("APEX_ENCODER__SOURCE", "tiny-random")
    before = latest_snapshot(snapshot)
    result = shell("backfill", "--start", "2026-10-01", "--end", "2027-01-01")
    assert result.returncode == 0, result.stderr
    assert result.stdout.splitlines()[1].split()[:4] == ["2026-11", "3", "3", "3"]
    assert "--run carries it out" in result.stderr
    assert not (snapshot.home / "prefect").exists()
    assert latest_snapshot(snapshot) == before


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("--start", "2026-11-01", "--end", "2026-11-01"), "The window is empty"),
        (("--start", "2026-10-01", "--end", "2026-11-01", "--stage", "ingest"), "none is named"),
    ],
)
def test_a_backfill_that_makes_no_sense_is_refused(shell: Shell, words: tuple[str, ...], said: str) -> None:
    result = shell("backfill", *words)
    assert result.returncode == 1
    assert said in result.stderr
    assert "→" in result.stderr
