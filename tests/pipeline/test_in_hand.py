"""Two runs beside one another: what one has planned the other leaves alone, and neither waits."""

import os
import signal
import subprocess
import sys
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest

from apex_core.catalog import connect
from apex_core.mert import describe_encoder, read_shard_manifests
from apex_core.pipeline.audio import run_audio
from apex_core.pipeline.extract import plan_extract, run_extract
from apex_core.pipeline.in_hand import in_hand
from apex_core.pipeline.live import ingest_platform
from apex_core.pipeline.run import Run, StageReport, Window, begin, end
from apex_core.pipeline.score import run_score
from apex_core.sandbox import World
from apex_core.settings import Settings
from apex_core.storage import Store

ROOT = Path(__file__).parents[2]
# Says how much it has planned, and waits.
PLANS = """
import sys
from datetime import UTC, datetime
from apex_core.pipeline.extract import plan_extract
from apex_core.pipeline.in_hand import in_hand
from apex_core.pipeline.run import Run
from apex_core.settings import Settings

run = Run(Settings.model_validate_json(sys.argv[1]), "fill", datetime(2026, 11, 1, tzinfo=UTC))
with in_hand(run) as hand:
    print(plan_extract(run, hand=hand).songs, flush=True)
    input()
"""


@pytest.fixture
def runs(settings: Settings, world: World) -> tuple[Run, Run]:
    """A backfill and a nightly, when Suno's songs are known."""
    listed = begin(settings, "ingest", world.epoch, "listed")
    ingest_platform(listed, "suno")
    end(listed, "completed", world.epoch)
    return begin(settings, "backfill", world.epoch, "fill"), begin(settings, "nightly", world.epoch, "night")


def test_a_run_goes_through_while_another_is_in_the_middle(runs: tuple[Run, Run], world: World) -> None:
    fill, night = runs
    # One half is the backfill's.
    first = Window("suno", None, world.epoch - timedelta(days=30))
    with beside(fill, "audio", lambda: run_audio(night)) as (run, nights):
        report = run_audio(run, first)
    [meanwhile] = nights
    assert report.counts["wanted"] > 0
    assert meanwhile.counts["wanted"] > 0
    assert run_audio(night, first).counts["wanted"] == report.counts["unavailable"] + report.counts["corrupt"]

    def goes_on() -> StageReport:
        # In the same thread: if anything of the catalog were held, this would not nest.
        run_score(night)
        return run_extract(night)

    with beside(fill, "encode", goes_on) as (run, nights):
        report = run_extract(run, first)
    [meanwhile] = nights
    assert report.counts["songs"] > 0
    assert meanwhile.counts["songs"] > 0
    assert max(encoded(night.settings).values()) == 1, "a song was encoded twice"
    assert plan_extract(night).shards == ()
    assert not list((night.settings.home / "in_hand").iterdir())


def test_what_a_killed_run_had_in_hand_is_planned_again(runs: tuple[Run, Run]) -> None:
    fill, night = runs
    run_audio(fill)
    command = [sys.executable, "-c", PLANS, fill.settings.model_dump_json()]
    with subprocess.Popen(command, cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as other:
        assert other.stdout is not None
        songs = int(other.stdout.readline())
        try:
            assert songs > 0
            assert plan_extract(night).songs == 0
        finally:
            os.kill(other.pid, signal.SIGKILL)
    assert plan_extract(night).songs == songs


def test_what_a_run_that_was_declared_dead_has_in_hand_is_planned_again(runs: tuple[Run, Run], world: World) -> None:
    fill, night = runs
    run_audio(fill)
    with in_hand(fill) as hand:
        planned = plan_extract(fill, hand=hand)
        assert plan_extract(night).songs == 0
        end(fill, "failed", world.epoch)
        assert plan_extract(night).songs == planned.songs > 0


@contextmanager
def beside(run: Run, what: str, other: Callable[[], StageReport]) -> Iterator[tuple[Run, list[StageReport]]]:
    """``run`` with ``other`` called once, as soon as it tells how far it is with ``what``."""
    done: list[StageReport] = []

    def progress(doing: str, _done: int, _total: int, _detail: str = "", /) -> None:
        if doing == what and not done:
            done.append(other())

    yield replace(run, progress=progress), done


def encoded(settings: Settings) -> Counter[str]:
    """How many shards hold each song."""
    encoder_id, _ = describe_encoder(settings.encoder, settings.cache)
    with connect(settings, "test") as connection:
        known = connection.execute("SELECT count(*) FROM embedding_shard").fetchall()[0][0]
    manifests = list(read_shard_manifests(Store.open(settings.store_url), encoder_id))
    assert len(manifests) == known
    return Counter(sha256 for manifest in manifests for sha256 in (*manifest.songs, *manifest.failed))
