"""The command line in this process with a home of its own, or in another one; and a small snapshot."""

import os
import shutil
import subprocess
import sys
import threading
from collections.abc import Callable, Generator, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from apex_core.catalog import connect
from apex_core.pipeline.run import begin, end
from apex_core.pipeline.score import run_score
from apex_core.pipeline.snapshot import run_snapshot
from apex_core.settings import Settings, get_settings
from flows.cli import app

AS_OF = datetime(2026, 11, 1, tzinfo=UTC)
ROOT = Path(__file__).parents[2]

Apex = Callable[..., Result]
Shell = Callable[..., "subprocess.CompletedProcess[str]"]


@contextmanager
def occupied(settings: Settings, holder: str) -> Generator[None]:
    """While the block lasts, somebody is at the catalog."""
    inside, leave = threading.Event(), threading.Event()

    def work() -> None:
        with connect(settings, holder):
            inside.set()
            leave.wait(30)

    worker = threading.Thread(target=work)
    worker.start()
    try:
        assert inside.wait(30)
        yield
    finally:
        leave.set()
        worker.join()


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """An empty home, and nothing else that settings could come from."""
    for name in [name for name in os.environ if name.startswith(("APEX_", "PREFECT_API"))]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("APEX_CONFIG", "")  # so that --config is undone, too
    monkeypatch.setenv("APEX_HOME", str(tmp_path / "home"))
    monkeypatch.chdir(tmp_path)
    get_settings.cache_clear()
    yield tmp_path / "home"
    get_settings.cache_clear()


@pytest.fixture
def apex(home: Path) -> Apex:
    """Run a command in this process."""

    def run(*words: str, stdin: str | None = None) -> Result:
        get_settings.cache_clear()
        return CliRunner(env={"COLUMNS": "200"}).invoke(app, list(words), input=stdin)

    return run


@pytest.fixture
def shell(home: Path) -> Shell:
    """Run a command in a process of its own, without a terminal."""

    def run(*words: str) -> "subprocess.CompletedProcess[str]":
        command = [sys.executable, "-m", "flows.cli", *words]
        env = os.environ | {"PYTHONPATH": str(ROOT)}
        return subprocess.run(command, env=env, capture_output=True, text=True, stdin=subprocess.DEVNULL, check=False)

    return run


@pytest.fixture
def settings(home: Path) -> Settings:
    return Settings(home=home, threads=1)


@pytest.fixture(scope="session")
def published(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A home with three songs with counts, scored and published."""
    settings = Settings(home=tmp_path_factory.mktemp("published") / "home", threads=1)
    run = begin(settings, "test", AS_OF, "r1")
    with connect(settings, "test") as connection:
        connection.execute(
            """
            INSERT INTO track BY NAME
            SELECT 'suno' AS platform, 't' || n AS track_id, 'active' AS status, 'complete' AS state,
                   ['Night [red]Train', 'Tower' || chr(27) || '[2J', 'Meadow'][n] AS title,
                   $as_of AS created_at, $as_of AS first_observed_at, $as_of AS last_observed_at
            FROM range(1, 4) AS r(n)
            """,
            {"as_of": AS_OF},
        )
        connection.execute(
            "INSERT INTO engagement SELECT 'suno', 't' || n, $as_of, 10 * n, n, $as_of FROM range(1, 4) AS r(n)",
            {"as_of": AS_OF},
        )
    run_score(run)
    run_snapshot(run)
    end(run, "completed", AS_OF)
    return settings.home


@pytest.fixture
def snapshot(settings: Settings, published: Path) -> Settings:
    """A copy of ``published`` for one test."""
    shutil.copytree(published, settings.home, symlinks=True, dirs_exist_ok=True)
    return settings
