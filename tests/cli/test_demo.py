"""`apex demo`: from nothing to three commands that work; and it keeps out of what is not its own."""

import os
import shlex
import subprocess
import tomllib
from pathlib import Path

import pytest

from apex_core.errors import SettingsError
from apex_core.sandbox import AUDIO_HOST
from apex_core.settings import Settings
from flows.commands import demo_home
from tests.cli.conftest import Apex, Shell

SONGS = "20"  # the fewest whose creators fall on all three sides of the split


@pytest.mark.slow
def test_the_demo_shows_it_all_and_what_it_says_next_works(shell: Shell, tmp_path: Path) -> None:
    result = shell("demo", "--songs", SONGS)
    assert result.returncode == 0, result.stderr
    for noise in ("Traceback", "Warning", "warning", "leaked"):
        assert noise not in result.stdout + result.stderr
    for shown in ("records in =", "missing_id", "a perfect listener's", "score_streams", "Snapshot as of 2026-11-01"):
        assert shown in result.stdout
    commands = [line.strip() for line in result.stdout.split("Try next")[1].splitlines() if line.strip()]
    assert len(commands) == 3
    for command in commands:
        env = os.environ | {"PYTHONPATH": os.environ.get("PYTHONPATH", "") or str(Path(__file__).parents[2])}
        env.pop("APEX_HOME", None)
        tried = subprocess.run(shlex.split(command), env=env, capture_output=True, text=True, check=False)
        assert tried.returncode == 0, tried.stderr
        assert tried.stdout.strip()
        assert "Traceback" not in tried.stderr
    again = shell("demo", "--songs", SONGS)
    assert again.returncode == 0, again.stderr
    assert "Nothing was new" in again.stdout
    assert not _left_running(tmp_path)


def _left_running(folder: Path) -> list[str]:
    """Processes whose command line or environment names the folder."""
    found: list[str] = []
    for entry in Path("/proc").glob("[0-9]*"):
        try:
            told = (entry / "cmdline").read_bytes() + (entry / "environ").read_bytes()
        except OSError:
            continue
        if str(folder).encode() in told and int(entry.name) != os.getpid():
            found.append(entry.name)
    return found


@pytest.fixture
def undone(monkeypatch: pytest.MonkeyPatch) -> pytest.MonkeyPatch:
    """Let what ``enter`` does to the environment be undone."""
    monkeypatch.setattr(os, "environ", os.environ.copy())
    return monkeypatch


@pytest.mark.usefixtures("home")
def test_the_settings_file_is_one_that_other_commands_read(tmp_path: Path, undone: pytest.MonkeyPatch) -> None:
    demo_home.enter(tmp_path / 'a "strange" föld€r', 40)
    settings = Settings(**tomllib.loads((tmp_path / 'a "strange" föld€r' / "apex.toml").read_text()))
    assert settings.home == tmp_path / 'a "strange" föld€r'
    assert settings.sandbox.songs == 40
    assert settings.audio.allowed_hosts == (AUDIO_HOST,)
    assert not settings.sources.suno.enabled
    assert [Path(file).parent.name for file in settings.aesthetics.files] == ["suno", "udio"]


@pytest.mark.usefixtures("home")
def test_the_variables_lead_to_the_sandbox_and_keep_the_rest(tmp_path: Path, undone: pytest.MonkeyPatch) -> None:
    demo_home.enter(tmp_path / "demo", 40)
    for name, value in demo_home.variables("http://127.0.0.1:7", "127.0.0.1:7", "secret").items():
        undone.setenv(name, value)
    from apex_core.settings import get_settings

    get_settings.cache_clear()
    settings = get_settings()
    assert settings.http.connect_to == {AUDIO_HOST: "127.0.0.1:7"}
    assert settings.http.backoff_s == 0.2
    assert settings.sources.udio.enabled
    assert settings.sources.udio.requests_per_second == 200
    assert "secret" not in (tmp_path / "demo" / "apex.toml").read_text()


@pytest.mark.usefixtures("home")
def test_settings_of_a_real_catalog_are_set_aside(tmp_path: Path, undone: pytest.MonkeyPatch) -> None:
    undone.setenv("APEX_STORE", "s3://production/apex")
    undone.setenv("PREFECT_API_URL", "http://production/api")
    assert demo_home.enter(tmp_path / "demo", 40) == ["APEX_HOME", "APEX_STORE"]
    assert not {"APEX_STORE", "PREFECT_API_URL", "APEX_HOME"} & set(os.environ)


@pytest.mark.usefixtures("home")
def test_a_folder_with_something_else_is_left_alone(tmp_path: Path, undone: pytest.MonkeyPatch) -> None:
    (tmp_path / "apex.toml").write_text("home = '/srv/apex'\n")
    with pytest.raises(SettingsError, match="was not written by a demo"):
        demo_home.enter(tmp_path, 40)
    assert (tmp_path / "apex.toml").read_text() == "home = '/srv/apex'\n"
    (tmp_path / "real").mkdir()
    (tmp_path / "real" / "catalog.duckdb").touch()
    with pytest.raises(SettingsError, match="no demo's"):
        demo_home.enter(tmp_path / "real", 40)


def test_another_number_of_songs_is_another_world(apex: Apex, tmp_path: Path, undone: pytest.MonkeyPatch) -> None:
    demo_home.enter(tmp_path / "demo", 40)
    result = apex("demo", "--home", str(tmp_path / "demo"), "--songs", "41")
    assert result.exit_code == 1
    assert "has 40 songs, not 41" in result.stderr
