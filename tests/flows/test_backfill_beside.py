"""A backfill that stands in the middle of its extraction while a whole nightly runs, in a process of its own."""

import os
import subprocess
import sys
from collections import Counter
from datetime import timedelta
from pathlib import Path

import pytest

from apex_core.catalog import connect
from apex_core.mert import describe_encoder, read_shard_manifests
from apex_core.sandbox import World
from apex_core.settings import Settings
from apex_core.storage import Store
from flows.artifacts import watched
from flows.backfill import backfill
from flows.ingest import ingest
from flows.local_server import LocalServer

ROOT = Path(__file__).parents[2]

pytestmark = pytest.mark.slow


def test_a_nightly_runs_through_while_a_backfill_encodes(
    settings: Settings, world: World, prefect_server: LocalServer
) -> None:
    ingest(as_of=world.epoch)
    nights: list[subprocess.CompletedProcess[str]] = []

    def watch(what: str, _done: int, _total: int, _detail: str = "", /) -> None:
        if what == "encode" and not nights:
            nights.append(_nightly(prefect_server, world))

    first = min(song.created_at for song in world.tracks).date()
    with watched(watch):
        done = backfill(first, first + timedelta(days=60), dry_run=False)
    [night] = nights
    assert night.returncode == 0, night.stdout + night.stderr
    assert sum(d.report.counts["songs"] for d in done if d.report.stage.startswith("extract")) > 0
    with connect(settings, "test") as connection:
        runs = dict(connection.execute("SELECT flow, state FROM run").fetchall())
        adopted = connection.execute("SELECT count(*), count(DISTINCT sha256) FROM embedding").fetchall()[0]
    assert runs == {"ingest": "completed", "nightly": "completed", "backfill": "completed"}
    encoder_id, _ = describe_encoder(settings.encoder, settings.cache)
    manifests = list(read_shard_manifests(Store.open(settings.store_url), encoder_id))
    songs = Counter(sha256 for manifest in manifests for sha256 in (*manifest.songs, *manifest.failed))
    assert max(songs.values()) == 1, "a song was encoded twice"
    assert adopted == (len(songs), len(songs))


def _nightly(server: LocalServer, world: World) -> "subprocess.CompletedProcess[str]":
    command = [sys.executable, "-m", "flows.cli", "nightly", "--as-of", world.epoch.isoformat()]
    ours = {"PREFECT_API_URL": server.api_url}
    return subprocess.run(command, cwd=ROOT, env=os.environ | ours, capture_output=True, text=True, check=False)
