"""``apex scores`` on a home with three score runs, the oldest of them in the store."""

import json
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from apex_core.catalog import connect
from apex_core.pipeline.run import begin
from apex_core.pipeline.score import run_score
from apex_core.pipeline.snapshot import run_snapshot
from apex_core.settings import ScoreSettings, Settings
from apex_core.storage import Store
from flows.cli import app

DAY0 = datetime(2026, 11, 1, tzinfo=UTC)
Ask = Callable[..., Result]

_TRACKS = """
    INSERT INTO track BY NAME
    SELECT 'suno' AS platform, 't' || i AS track_id, 'active' AS status, 'complete' AS state,
        $at AS first_observed_at, $at AS last_observed_at
    FROM range(10) AS r (i)
"""
_COUNTS = "INSERT INTO engagement SELECT 'suno', 't' || i, $at, i * $factor, i, $at FROM range($first, $last) AS r (i)"


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Settings:
    settings = Settings(home=tmp_path_factory.mktemp("home"))
    for day, (first, last, factor) in enumerate(((0, 8, 10), (6, 7, 90), (8, 10, 10))):
        now = DAY0 + timedelta(days=day)
        with connect(settings, "test") as connection:
            if day == 0:
                connection.execute(_TRACKS, {"at": now})
            connection.execute(_COUNTS, {"at": now, "first": first, "last": last, "factor": factor})
        chosen = settings.model_copy(update={"score": ScoreSettings(gamma=1.0 if day < 2 else 0.5)})
        run = begin(chosen, "test", now, f"r{day}")
        run_score(run)
    run_snapshot(run)  # pyright: ignore[reportPossiblyUnboundVariable]
    return settings


@pytest.fixture
def ask(home: Settings, monkeypatch: pytest.MonkeyPatch) -> Ask:
    from apex_core.settings import get_settings

    monkeypatch.setenv("APEX_HOME", str(home.home))
    get_settings.cache_clear()
    return lambda *words: CliRunner().invoke(app, ["scores", *words])


@pytest.fixture
def runs(ask: Ask) -> list[dict[str, object]]:
    return [json.loads(line) for line in ask("list", "--format", "json").stdout.splitlines()]


def test_runs_are_listed_newest_first_wherever_their_rows_lie(runs: list[dict[str, object]]) -> None:
    assert [(run["tracks"], run["cohorts"], run["rows_in"]) for run in runs] == [
        (10, 1, "snapshot"), (8, 1, "snapshot"), (8, 1, "store"),
    ]  # fmt: skip
    assert runs[0]["definition"] == "100·p^0.5; midrank; zeros score 0; by platform"


def test_every_run_can_be_shown_and_replayed(ask: Ask, runs: list[dict[str, object]]) -> None:
    for run in runs:
        name = str(run["score_run"])
        assert ask("replay", name[:9]).stdout.count("equal to the bit") == 3
        assert name in ask("show", name).stdout
        shown = [json.loads(line) for line in ask("show", name, "--format", "json").stdout.splitlines()]
        assert [(row["measure"], row["tracks"], row["zeros"]) for row in shown] == [
            ("streams", run["tracks"], 1), ("likes", run["tracks"], 1),
        ]  # fmt: skip


def test_the_last_two_runs_are_compared_unless_others_are_named(ask: Ask, runs: list[dict[str, object]]) -> None:
    text = ask("diff").stdout
    assert "8 in both, 2 came, 0 went, 7 moved" in text
    assert "gamma: 1.0 → 0.5" in text
    older, old = str(runs[2]["score_run"]), str(runs[1]["score_run"])
    movers = [json.loads(line) for line in ask("diff", older, old, "--format", "json").stdout.splitlines()]
    assert [(row["track_id"], row["plays_before"], row["plays_after"]) for row in movers] == [
        ("t6", 60, 540), ("t7", 70, 70),
    ]  # fmt: skip


def test_counts_are_placed_on_any_run(ask: Ask, runs: list[dict[str, object]]) -> None:
    placing = ("place", "--platform", "suno", "--plays", "60", "--format", "json")
    found = json.loads(ask(*placing, "--run", str(runs[2]["score_run"])).stdout)
    assert found["score_streams"] == pytest.approx(100 * 6.5 / 8)
    refused = ask("place", "--platform", "udio", "--plays", "60")
    assert refused.exit_code == 1
    assert "it has suno" in refused.stderr
    refused = ask("place", "--platform", "suno", "--plays", str(2**63))
    assert (refused.exit_code, "2^63" in refused.stderr) == (1, True)


def test_a_stored_run_that_was_tampered_with_does_not_pass(
    ask: Ask, home: Settings, runs: list[dict[str, object]]
) -> None:
    store, name = Store.open(home.store_url), str(runs[2]["score_run"])
    path = Path(store.path(f"score_runs/{name}/scores.parquet"))
    whole = path.read_bytes()
    path.write_bytes(whole[:-9] + b"x" + whole[-8:])
    try:
        refused = ask("replay", name)
    finally:
        path.write_bytes(whole)
    assert refused.exit_code == 1
    assert "altered" in refused.stderr


def test_an_id_that_is_none_is_refused(ask: Ask) -> None:
    refused = ask("show", "nothing")
    assert refused.exit_code == 1
    assert "apex scores list" in refused.stderr
