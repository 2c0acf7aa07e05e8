"""``kill -9`` of a run that has landed pages and not merged them: the next run, whatever it does, has them."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from datetime import datetime, timedelta

import pytest

from apex_core.catalog import connect
from apex_core.errors import Unauthorized
from apex_core.pipeline.revisit import revisit_platform
from apex_core.pipeline.run import begin
from apex_core.sandbox import SandboxServer, World
from apex_core.settings import Settings
from apex_core.storage import Store
from tests.catalog.other_process import ROOT
from tests.pipeline.live.runs import ingest, rows, run
from tests.pipeline.nights import prints

DAY = timedelta(days=1)
STAGE = """
import sys
from datetime import datetime
from pathlib import Path
from pydantic import SecretStr
from apex_core.pipeline.live import ingest_platform
from apex_core.pipeline.revisit import revisit_platform
from apex_core.pipeline.run import begin
from apex_core.settings import Settings
settings = Settings.model_validate_json(Path(sys.argv[1]).read_text())
suno = settings.sources.suno.model_copy(update={"token": SecretStr("sandbox")})
settings = settings.model_copy(update={"sources": settings.sources.model_copy(update={"suno": suno})})
stages = {"ingest": ingest_platform, "revisit": revisit_platform}
stages[sys.argv[3]](begin(settings, "ingest", datetime.fromisoformat(sys.argv[2]), "killed"), "suno")
"""


@pytest.fixture
def patient(settings: Settings) -> Settings:
    return settings.model_copy(update={"http": settings.http.model_copy(update={"timeout_s": 1.0})})


def kill_between_landing_and_merge(settings: Settings, server: SandboxServer, as_of: datetime, stage: str) -> None:
    """Run a stage in a process that finds the catalog's door closed once it has landed a file, and kill it there."""
    (settings.home / "settings.json").write_text(settings.model_dump_json())
    (settings.home / "suno.turns").unlink(missing_ok=True)
    server.plant("suno", "silent")  # once it asks, there is time to close the door before it
    before = landed(settings)
    command = [sys.executable, "-c", STAGE, str(settings.home / "settings.json"), as_of.isoformat(), stage]
    with subprocess.Popen(command, cwd=ROOT) as process:
        try:
            until(lambda: (settings.home / "suno.turns").exists(), process)
            with connect(settings, "test"):
                until(lambda: landed(settings) != before, process)
                os.kill(process.pid, signal.SIGKILL)
                process.wait()
        finally:
            process.kill()


def until(true: Callable[[], bool], process: subprocess.Popen[bytes]) -> None:
    deadline = time.monotonic() + 60
    while not true():
        assert process.poll() is None
        assert time.monotonic() < deadline
        time.sleep(0.01)


def landed(settings: Settings) -> list[str]:
    return Store.open(settings.store_url).list("landing/suno")


def test_a_killed_listing_is_not_lost(patient: Settings, world: World, server: SandboxServer) -> None:
    begin(patient, "ingest", world.epoch, "first")  # the catalog is there
    kill_between_landing_and_merge(patient, server, world.epoch, "ingest")
    assert rows(patient, "FROM track") == []
    server.plant("suno", "unauthorized")  # the next run gets nothing from the platform itself
    with pytest.raises(Unauthorized):
        ingest(patient, world.epoch + DAY)
    assert len(rows(patient, "FROM track")) > len(world.songs) / 2
    assert rows(patient, "SELECT uri FROM landing") == [(key,) for key in landed(patient)]
    adopted = prints(patient)
    assert ingest(patient, world.epoch + 2 * DAY).counts["adopted"] == 0
    assert prints(patient) == adopted, "it had been all of the listing"


def test_a_killed_revisit_is_not_lost_and_not_asked_again(
    patient: Settings, world: World, server: SandboxServer
) -> None:
    ingest(patient, world.epoch)
    later = world.epoch + 30 * DAY
    server.set_clock(later)
    kill_between_landing_and_merge(patient, server, later, "revisit")
    seen = "FROM engagement"
    before = len(rows(patient, seen))
    report = revisit_platform(run(patient, later + timedelta(hours=1)), "suno")
    assert len(rows(patient, seen)) > before
    # Of those that were landed nobody is due; who is gone or private was not marked yet, and is asked for again.
    assert report.counts["due"] == report.counts["gone"] + report.counts["withheld"]
