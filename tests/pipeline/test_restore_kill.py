"""``kill -9`` at moments all over a restore: the old catalog or the new one is there, and the command again ends it."""

import json
import shutil
import signal
import subprocess
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from apex_core.catalog import connect
from apex_core.pipeline.ingest import ingest_files
from apex_core.pipeline.models import hold
from apex_core.pipeline.run import begin, end
from apex_core.pipeline.snapshot import run_snapshot
from apex_core.settings import EncoderSettings, Settings
from tests.pipeline.conftest import start_mortal
from tests.pipeline.nights import prints
from tests.sql.catalog_rows import add

pytestmark = pytest.mark.slow

NOW = datetime(2026, 12, 24, tzinfo=UTC)
DEATHS = 2
DAMAGED, LOG = b"what the disk has left of it" * 1000, b"and of its log"

Kill = Callable[[Settings, int, int], tuple[int, list[str]]]


@pytest.fixture(scope="module")
def kill(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Kill]:
    """Restore and die at a change, for the ``hour``-th time; how it ended, and the changes."""
    log = tmp_path_factory.mktemp("restore-kill") / "log"
    with start_mortal("restore_mortal") as process:
        yield lambda settings, last, hour: _asked(process, settings, last, hour, log)


def _asked(
    process: "subprocess.Popen[str]", settings: Settings, last: int, hour: int, log: Path
) -> tuple[int, list[str]]:
    as_of = (NOW + timedelta(hours=hour)).isoformat()
    job: dict[str, Any] = {"settings": settings.model_dump_json(), "as_of": as_of, "last": last, "log": str(log)}
    assert process.stdin is not None
    assert process.stdout is not None
    process.stdin.write(json.dumps(job) + "\n")
    process.stdin.flush()
    return json.loads(process.stdout.readline())["status"], log.read_text().splitlines()


@pytest.fixture(scope="module")
def damaged(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, dict[str, str]]:
    """A home whose catalog is damaged, log and all, with a backup and things from after it; what it had."""
    home = tmp_path_factory.mktemp("damaged") / "home"
    settings = _settings(home)
    run = begin(settings, "nightly", NOW, "n1")
    with connect(settings, "test") as connection:
        add(connection, "track", platform="suno", track_id="t", status="active", state="complete")
    run_snapshot(run)
    dump = home.parent / "dump-2026-12-01.jsonl"
    dump.write_text('{"id": "00000000-0000-4000-8000-000000000001", "play_count": 3, "status": "complete"}')
    ingest_files(run, [dump], None, "suno")
    end(run, "completed", NOW)
    hold(settings, True, "a look at it first", "an operator", NOW)
    found = prints(settings)
    settings.catalog_path.write_bytes(DAMAGED)
    settings.catalog_path.with_name("catalog.duckdb.wal").write_bytes(LOG)
    return home, found


def _settings(home: Path) -> Settings:
    return Settings(home=home, threads=1, encoder=EncoderSettings(source="tiny-random", device="cpu"))


def test_a_killed_restore_is_ended_by_the_next_and_nothing_is_lost(
    damaged: tuple[Path, dict[str, str]], kill: Kill, tmp_path: Path
) -> None:
    home, had = damaged
    whole = _settings(Path(shutil.copytree(home, tmp_path / "whole", symlinks=True)))
    status, changes = kill(whole, -1, 0)
    assert status == 0
    wanted = prints(whole)
    assert {name for name in ("track", "engagement") if wanted[name] != had[name]} == set()
    swap = next(n for n, change in enumerate(changes) if change.startswith("os.link"))
    placed = next(n for n, change in enumerate(changes) if change.startswith("os.rename") and n > swap)
    moments = {n * (swap - 1) // (DEATHS - 1) for n in range(DEATHS)} | set(range(swap, placed + 2))
    for last in sorted(moments):
        settings = _settings(Path(shutil.copytree(home, tmp_path / f"home-{last}", symlinks=True)))
        status, until = kill(settings, last, 0)
        assert (status, len(until)) == (signal.SIGKILL, last)
        if settings.catalog_path.read_bytes() != DAMAGED:
            assert prints(settings) == wanted, "the new one is there whole, or the old one"
        assert kill(settings, -1, 1)[0] == 0
        assert prints(settings) == wanted
        kept = {path.read_bytes() for path in (settings.home / "aside").rglob("*") if path.is_file()}
        assert {DAMAGED, LOG} <= kept
        assert not (settings.home / "restoring").exists()
        shutil.rmtree(settings.home)
