"""However large the catalog, a flow run has 200 task runs at most (DESIGN §7)."""

from collections.abc import Generator, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from apex_core.catalog import connect
from apex_core.mert import ShardSong, write_shard
from apex_core.pipeline.extract_plan import read_planned
from apex_core.settings import EncoderSettings, Settings, get_settings
from apex_core.storage import Store
from flows import extract as stage
from flows.extract import extract
from flows.local_server import LocalServer
from tests.flows.conftest import environment
from tests.flows.pages import post, settled

SONGS, MOST = 100_000, 200
AS_OF = datetime(2026, 11, 1, tzinfo=UTC)
_FACTS = {"precision": "fp32", "device": "cpu", "torch": "none"}
_TRACKS = """
    INSERT INTO track BY NAME
    SELECT
        'suno' AS platform, 'song-' || n AS track_id, 'active' AS status, 'complete' AS state, 'gen' AS kind,
        'c' || n % 500 AS creator_id, 120.0 AS duration_s, $as_of AS created_at, $as_of AS first_observed_at,
        $as_of AS last_observed_at
    FROM range($songs) AS r (n)
"""
_AUDIO = """
    INSERT INTO audio BY NAME
    SELECT platform, track_id, 'available' AS state, sha256(track_id) AS sha256, 'songs/' || track_id AS uri,
           'library' AS origin, 120.0 AS duration_s, 1 AS attempts, $as_of AS checked_at
    FROM track
"""


@pytest.fixture
def settings(tmp_path: Path) -> Iterator[Settings]:
    """As many task runs as the settings can be made to allow, and more shards than that."""
    most = max(limit.le for limit in EncoderSettings.model_fields["max_tasks"].metadata if hasattr(limit, "le"))
    told = {"SOURCE": "tiny-random", "DEVICE": "cpu", "SHARD_SONGS": 400, "RANGE_SHARDS": 1, "MAX_TASKS": most}
    values = {f"APEX_ENCODER__{name}": str(value) for name, value in told.items()}
    with environment({"APEX_HOME": str(tmp_path), **values}) as read:
        yield read


@contextmanager
def null_encoder() -> Generator[None]:
    """An encoder that costs nothing: as soon as shards are planned, somebody else has committed them all.

    So the flow, its plan, its task runs and what it adopts are real, and no song has to be heard.
    """

    def encode(_task: Any, _run: Any, _state: Any) -> None:
        settings = get_settings()
        store = Store.open(settings.store_url)
        vector = np.zeros((1, 4, 8), np.float32)
        for key in store.list("shard_plans"):
            _folder, encoder_id, name = key.split("/")
            shard_id = name.removesuffix(".json")
            songs = [
                ShardSong(song.ref.sha256, vector, None, song.seconds)
                for song in read_planned(store, encoder_id, shard_id)
            ]
            write_shard(store, encoder_id, shard_id, songs, _FACTS, segments=False)

    stage.plan.on_completion(encode)
    try:
        yield
    finally:
        stage.plan.on_completion_hooks.remove(encode)


@pytest.mark.slow
def test_a_hundred_thousand_planned_songs(settings: Settings, prefect_server: LocalServer) -> None:
    with connect(settings, "test") as connection:
        connection.execute(_TRACKS, {"as_of": AS_OF, "songs": SONGS})
        connection.execute(_AUDIO, {"as_of": AS_OF})
    with null_encoder():
        [done] = extract(as_of=AS_OF)
    counts = done.report.counts
    assert (counts["songs"], counts["missing_shards"]) == (SONGS, 0)
    assert counts["shards"] > settings.encoder.max_tasks
    with connect(settings, "test") as connection:
        [(run_id, embedded)] = connection.execute(
            "SELECT (SELECT run_id FROM run), count(*) FROM embedding WHERE state = 'embedded'"
        ).fetchall()
    assert embedded == SONGS
    assert settings.encoder.max_tasks < task_runs(prefect_server, run_id) <= MOST


def task_runs(server: LocalServer, run_id: str) -> int:
    """How many task runs the flow run has that a run of the catalog is named after."""
    newest = post(server, "flow_runs/filter", {"sort": "START_TIME_DESC"})
    [flow_run] = [run["id"] for run in newest if run_id.endswith(run["id"][-8:])]
    return int(settled(server, "task_runs/count", {"flow_runs": {"id": {"any_": [flow_run]}}}))
