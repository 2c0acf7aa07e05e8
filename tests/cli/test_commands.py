"""The commands around the catalog: what they say when all is well, and when it is not."""

import json
from pathlib import Path

import pytest
from prefect.settings import PREFECT_API_URL, temporary_settings

from apex_core.catalog import connect
from apex_core.settings import Settings
from tests.cli.conftest import Apex, Shell, occupied


@pytest.mark.parametrize("words", [["sql", "SELECT 1"], ["status"]])
def test_without_a_snapshot_the_way_to_one_is_told(apex: Apex, words: list[str]) -> None:
    result = apex(*words)
    assert result.exit_code == 1
    assert result.stdout == ""
    assert "There is no snapshot" in result.stderr
    assert "→ apex nightly" in result.stderr


def test_status_shows_bars_totals_and_the_snapshot(apex: Apex, snapshot: Settings) -> None:
    result = apex("status")
    assert result.exit_code == 0
    lines = {" ".join(line.split()) for line in result.stdout.splitlines()}
    assert f"scored {'█' * 24} 3 100 % 0" in lines
    assert f"audio {'░' * 24} 0 0 % 3 not looked for yet" in lines
    assert "champion none yet" in lines
    assert any(line.startswith("totals 3 tracks, 3 observations, 3 scored") for line in lines)
    assert any(line.startswith("snapshot 20261101T000000Z-") for line in lines)


def test_doctor_finds_nothing_missing_in_an_empty_house_and_leaves_it_empty(apex: Apex, home: Path) -> None:
    # Whatever server the tests of flows may have started in this process.
    with temporary_settings(restore_defaults={PREFECT_API_URL}):
        result = apex("doctor")
    assert result.exit_code == 0, result.output
    for check in ("Python", "settings", "encoder", "store", "disk", "catalog", "snapshot", "Prefect", "GPU"):
        assert check in result.stdout
    assert "suno off, udio off" in result.stdout
    assert "a local server is started for each run" in result.stdout
    assert "→ connect once" in result.stdout  # MERT's weights are not there, and were not fetched
    assert not home.exists()


def test_doctor_knows_what_is_there(apex: Apex, snapshot: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("APEX_ENCODER__SOURCE", "tiny-random")
    before = sorted(snapshot.home.rglob("*"))
    result = apex("doctor")
    assert result.exit_code == 0
    assert "warn" not in result.stdout
    assert "not MERT" in result.stdout
    assert sorted(snapshot.home.rglob("*")) == before


def test_doctor_names_who_holds_the_catalog(apex: Apex, snapshot: Settings) -> None:
    with occupied(snapshot, "run 7: score"):
        assert "run 7: score" in apex("doctor").stdout


@pytest.mark.parametrize(
    ("variable", "value", "said"),
    [
        ("APEX_SOURCES__SUNO__ENABLED", "true", "APEX_SOURCES__SUNO__TOKEN"),
        ("APEX_MIN_FREE_GB", "1e9", "make room"),
        ("APEX_STORE", f"{__file__}/store", "APEX_HOME"),
        ("APEX_THREADS", "many", "threads"),
        ("APEX_ENCODER__SOURCE", str(Path(__file__).parent), "lacks config.json"),
    ],
)
def test_doctor_fails_for_what_is_needed_and_says_how_to_mend_it(
    apex: Apex, monkeypatch: pytest.MonkeyPatch, variable: str, value: str, said: str
) -> None:
    monkeypatch.setenv(variable, value)
    result = apex("doctor")
    assert result.exit_code == 1
    assert "missing" in result.stdout
    assert "→" in result.stdout
    assert said in result.stdout
    assert "1 thing needed is missing" in result.stderr


def test_doctor_asks_the_orchestrator(shell: Shell, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PREFECT_API_URL", "http://127.0.0.1:9/api")
    result = shell("doctor")
    assert result.returncode == 1
    assert "http://127.0.0.1:9/api does not answer" in result.stdout
    assert "→ prefect server start" in result.stdout


def test_ingest_accounts_for_every_record(apex: Apex, tmp_path: Path, settings: Settings) -> None:
    song = {
        "id": "6f3f5d6e-5a1b-4c55-9d5e-3a6f0d1b2c3d",
        "status": "complete",
        "title": "Night Train",
        "play_count": 3,
        "upvote_count": 1,
        "created_at": "2026-10-01T00:00:00.000Z",
        "audio_url": "https://cdn1.suno.ai/6f3f5d6e-5a1b-4c55-9d5e-3a6f0d1b2c3d.mp3",
        "metadata": {"type": "gen", "duration": 60.0},
        "is_public": True,
    }
    dump = tmp_path / "dump.jsonl"
    dump.write_text("".join(json.dumps(line) + "\n" for line in (song, song, song | {"id": "nonsense"})))
    words = ("ingest", str(dump), "--observed-at", "2026-11-01T00:00Z", "--platform", "suno")
    first = apex(*words)
    assert first.exit_code == 0, first.output
    assert "3 records in = 1 upserted + 0 unchanged + 1 duplicate + 0 skipped + 1 rejected" in first.stdout
    assert "invalid_id" in first.stdout
    assert "= 0 upserted + 2 unchanged + 0 duplicate + 0 skipped + 1 rejected" in apex(*words).stdout
    with connect(settings, "test") as connection:
        states = connection.execute("SELECT flow, state FROM run").fetchall()
    assert states == [("ingest", "completed")] * 2


def test_a_live_connector_is_off_until_it_is_switched_on(apex: Apex, settings: Settings) -> None:
    result = apex("ingest", "--platform", "suno")
    assert result.exit_code == 1
    assert "The live connector for suno is off." in result.stderr
    assert "APEX_SOURCES__SUNO__ENABLED=true" in result.stderr
    with connect(settings, "test") as connection:
        assert connection.execute("SELECT state FROM run").fetchall() == [("failed",)]


@pytest.mark.parametrize(
    "words",
    [
        ["ingest"],
        ["ingest", "--platform", "spotify"],
        ["ingest", ".", "--observed-at", "yesterday"],
        ["nightly", "--as-of", "tonight"],
        ["backfill", "--start", "2026-01-01"],
        ["backfill", "--start", "2026-01-01", "--end", "soon"],
        ["backfill", "--start", "2026-01-01", "--end", "2026-02-01", "--stage", "snapshot"],
        ["demo", "--songs", "3"],
        ["predict"],
        ["sing"],
    ],
)
def test_calling_a_command_wrong_is_a_usage_error(apex: Apex, words: list[str]) -> None:
    result = apex(*words)
    assert result.exit_code == 2
    assert "Traceback" not in result.output


def test_a_settings_file_that_is_not_there_is_one_message(apex: Apex) -> None:
    result = apex("--config", "nowhere.toml", "status")
    assert result.exit_code == 1
    assert "nowhere.toml, which is not a file" in result.stderr


def test_wrong_settings_are_named(shell: Shell, tmp_path: Path) -> None:
    (tmp_path / "mine.toml").write_text("[train]\nepochs = 0\nepoch = 1\n")
    result = shell("--config", "mine.toml", "status")
    assert result.returncode == 1
    assert "train.epochs" in result.stderr
    assert "train.epoch:" in result.stderr
    assert "Traceback" not in result.stderr


def test_debug_shows_where_an_error_came_from(shell: Shell) -> None:
    assert "Traceback" not in shell("status").stderr
    assert "Traceback" in shell("--debug", "status").stderr


def test_help_loads_nothing_heavy() -> None:
    import subprocess
    import sys

    heavy = {"torch", "prefect", "duckdb", "transformers", "polars", "numpy", "pydantic_settings"}
    code = f"import sys, flows.cli; print(sorted({heavy!r} & set(sys.modules)))"
    loaded = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert loaded.stdout.strip() == "[]"


def test_version_is_printed(apex: Apex) -> None:
    result = apex("--version")
    assert (result.exit_code, result.stdout.split()[0]) == (0, "apex")
