"""Snapshots of small hand-made catalogs, from empty to one with all there is to show."""

import json
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from apex_core.catalog import Connection, connect, latest_snapshot
from apex_core.catalog.reader import Snapshot
from apex_core.pipeline.run import Run, begin
from apex_core.pipeline.score import run_score
from apex_core.pipeline.snapshot import run_snapshot
from apex_core.settings import Settings
from tests.sql.catalog_rows import add

FIRST = datetime(2026, 11, 1, tzinfo=UTC)
SECOND = FIRST + timedelta(days=1)

Fill = Callable[[Connection], None]

# Counts a stranger could have chosen: zeros, ties, one giant.
COUNTS = {
    "suno": [(0, 0), (0, 2), (1, 0), (5, 5), (5, 1), (40, 9), (300, 20), (300, 35), (9_000, 800), (120_000, 4_000)],
    "udio": [(0, 0), (3, 1), (12, 12), (90, 4), (700, 60)],
}


def settings_of(home: Path) -> Settings:
    return Settings(home=home, threads=1, memory_limit="500MB", lock_timeout_s=20)


def first_run(settings: Settings) -> Run:
    return begin(settings, "nightly", FIRST, "nightly-20261101T000000Z-aaaaaaaa")


def second_run(settings: Settings) -> Run:
    return begin(settings, "nightly", SECOND, "nightly-20261102T000000Z-bbbbbbbb")


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return settings_of(tmp_path / "home")


@pytest.fixture
def run(settings: Settings) -> Run:
    return first_run(settings)


@pytest.fixture
def second(settings: Settings, run: Run) -> Run:
    return second_run(settings)


@pytest.fixture(scope="session")
def full(tmp_path_factory: pytest.TempPathFactory) -> Snapshot:
    """A snapshot with all there is to show; for reading only."""
    settings = settings_of(tmp_path_factory.mktemp("full"))
    return everything(first_run(settings), second_run(settings))


def published(run: Run, *fill: Fill, scored: bool = True) -> Snapshot:
    """Fill the catalog, score it and publish it."""
    with connect(run.settings, "test") as connection:
        for step in fill:
            step(connection)
    if scored:
        run_score(run)
    run_snapshot(run)
    return latest_snapshot(run.settings)


def tracks(connection: Connection, platforms: tuple[str, ...] = ("suno", "udio"), title: str = "Night Train") -> None:
    """Songs with the counts above."""
    for platform in platforms:
        for n, (plays, likes) in enumerate(COUNTS[platform]):
            row = {"platform": platform, "track_id": f"{platform}-{n}"}
            add(connection, "track", **row, title=f"{title} {n}", first_observed_at=FIRST, last_observed_at=FIRST)
            add(connection, "engagement", **row, plays=plays, likes=likes, observed_at=FIRST, recorded_at=FIRST)


def only_suno(connection: Connection) -> None:
    tracks(connection, ("suno",))


def without_plays(connection: Connection) -> None:
    """Songs that nobody has heard."""
    for n in range(3):
        add(connection, "track", track_id=f"t{n}", first_observed_at=FIRST, last_observed_at=FIRST)
        add(connection, "engagement", track_id=f"t{n}", plays=0, likes=0, observed_at=FIRST, recorded_at=FIRST)


def a_day_later(connection: Connection) -> None:
    """Some are heard again, one is new, one is gone."""
    for n, (plays, likes) in {3: (900, 60), 5: (45, 9), 0: (1, 0)}.items():
        row = {"track_id": f"suno-{n}", "observed_at": SECOND, "recorded_at": SECOND}
        add(connection, "engagement", **row, plays=plays, likes=likes)
    add(connection, "track", track_id="suno-new", first_observed_at=SECOND, last_observed_at=SECOND)
    add(connection, "engagement", track_id="suno-new", plays=7, likes=1, observed_at=SECOND, recorded_at=SECOND)
    connection.execute("UPDATE track SET status = 'unavailable' WHERE track_id = 'suno-1'")


def a_model(connection: Connection, reason: str = "first champion") -> None:
    """Audio, vectors, a champion with a refused successor, and predictions."""
    add(connection, "encoder", first_used_at=FIRST)
    add(connection, "embedding_shard", adopted_at=FIRST)
    for platform, counts in COUNTS.items():
        for n in range(len(counts)):
            row = {"platform": platform, "track_id": f"{platform}-{n}"}
            sha256 = f"{platform}{n}".ljust(64, "0")
            add(connection, "audio", **row, sha256=sha256, uri=f"audio/{sha256}.mp3")
            add(connection, "embedding", sha256=sha256, state="failed", reason="no vectors in this test")
            add(connection, "split", **row, split=["train", "test"][n % 2], group_key=f"{platform}{n}")
            add(connection, "prediction", sha256=sha256, score_streams=30.0 + 5 * n, score_likes=60.0 - 2 * n)
    for n, version in enumerate(("v1", "v2")):
        targets = ("score_streams", "score_likes", "coherence")
        figures = {target: {"n": 7, "spearman": 0.4 + 0.1 * n, "mae": 20.0} for target in targets}
        add(
            connection,
            "model_version",
            version=version,
            metrics=json.dumps({"test": figures}),
            created_at=FIRST + timedelta(hours=n),
            decision=["promoted", "refused"][n],
            reason=reason,
        )
    add(connection, "model_alias", version="v1")


def rejects(connection: Connection, reason: str = "missing_id") -> None:
    add(connection, "reject", reject_key="k1", reason=reason, first_seen=FIRST, last_seen=SECOND)
    add(connection, "reject", reject_key="k2", reason=reason, first_seen=SECOND, last_seen=SECOND)
    add(connection, "reject", reject_key="k3", reason="resolved", first_seen=FIRST, last_seen=FIRST, resolved_at=SECOND)


def stats(connection: Connection) -> None:
    """What a run counted."""
    run_id = "nightly-20261102T000000Z-bbbbbbbb"
    found = {
        ("ingest suno", "records_in"): 12,
        ("ingest suno", "upserted"): 4,
        ("ingest suno", "rejected"): 1,
        ("score", "tracks"): 15,
        ("score", "new_runs"): 1,
        ("predict", "songs"): 15,
    }
    for (stage, measure), value in found.items():
        connection.execute("INSERT INTO run_stat VALUES (?, ?, ?, ?)", [run_id, stage, measure, value])


def everything(run: Run, second: Run) -> Snapshot:
    """Two nights, a model and rejects: no section of the page is empty."""
    published(run, tracks, a_model)
    return published(second, a_day_later, rejects, stats)
