"""A pipeline that publishes: each night all counts change, a few more songs have vectors, and that is how readers can
tell one night's catalog from a mixture of two.

As a process, ``python -m tests.catalog.publisher HOME STORE NIGHTS``, it says "published" after each.
"""

import json
import sys
from datetime import UTC, datetime, timedelta
from hashlib import sha256
from pathlib import Path
from uuid import UUID

import numpy as np

from apex_core.catalog import Connection
from apex_core.mert.shards import ShardSong, write_shard
from apex_core.pipeline.ingest import ingest_files
from apex_core.pipeline.run import Run, StageReport, begin, end
from apex_core.pipeline.score import run_score
from apex_core.pipeline.snapshot import run_snapshot
from apex_core.settings import Settings, SnapshotSettings
from apex_core.storage import Store

FIRST = datetime(2026, 11, 1, 3, tzinfo=UTC)
TRACKS, SHARD, STEP = 60, 5, 10
# A snapshot goes when its successor is a day old: with these steps, four publications after it was the newest.
NIGHT, KEPT = timedelta(hours=9), timedelta(days=1)
FACTS = {"precision": "fp32", "device": "cpu", "torch": "2"}


def settings_for(home: Path, store: str) -> Settings:
    return Settings(
        home=home,
        store=store,
        threads=1,
        memory_limit="500MB",
        snapshot=SnapshotSettings(keep_days=KEPT.days, backups=1),
    )


def publish_night(settings: Settings, number: int) -> StageReport:
    """Ingest, score and publish: every track has ``STEP * number`` plays and likes, ``SHARD * number`` have vectors."""
    as_of = FIRST + number * NIGHT
    run = begin(settings, "nightly", as_of, f"night-{number}", alone=True)
    dump = settings.home / f"dump-{number}.jsonl"
    dump.write_text("".join(json.dumps(_record(n, STEP * number)) + "\n" for n in range(TRACKS)), encoding="utf-8")
    ingest_files(run, [dump], as_of)
    run_score(run)
    _embed(run, number)
    report = run_snapshot(run)
    end(run, "completed", as_of)
    return report


def _record(number: int, count: int) -> dict[str, object]:
    return {
        "id": _id(number),
        "title": f"Song {number}",
        "status": "complete",
        "is_public": True,
        "created_at": "2026-10-01T00:00:00.000Z",
        "play_count": count,
        "upvote_count": count,
        "metadata": {"duration": 120.0, "tags": "ambient"},
    }


def _id(number: int) -> str:
    return str(UUID(int=number + 1, version=4))


def _embed(run: Run, number: int) -> None:
    """One more committed shard, of the next ``SHARD`` songs."""
    tracks = range(SHARD * (number - 1), SHARD * number)
    random = np.random.default_rng(number)
    songs = [ShardSong(_song(n), random.normal(size=(1, 4, 16)).astype(np.float32), None, 30.0) for n in tracks]
    write_shard(run.store, "e1", f"h{number}", songs, FACTS)
    with run.catalog("test") as connection:
        for track in tracks:
            song: dict[str, object] = {"sha256": _song(track)}
            where: dict[str, object] = {"uri": "x", "origin": "library", "attempts": 1, "checked_at": run.as_of}
            _insert(connection, "audio", platform="suno", track_id=_id(track), state="available", **song, **where)
            state: dict[str, object] = {"state": "embedded", "segments": 1}
            _insert(connection, "embedding", encoder_id="e1", shard_id=f"h{number}", **song, **state)
        counts: dict[str, object] = {"songs": SHARD, "failed": 0, "segments": SHARD, "audio_s": 30.0 * SHARD}
        device: dict[str, object] = {"precision": "fp32", "device": "cpu", "adopted_at": run.as_of}
        _insert(connection, "embedding_shard", encoder_id="e1", shard_id=f"h{number}", **counts, **device)
        if number == 1:
            _insert(connection, "encoder", encoder_id="e1", source="test", facts="{}", first_used_at=run.as_of)


def _song(number: int) -> str:
    return sha256(str(number).encode()).hexdigest()


def _insert(connection: Connection, table: str, **values: object) -> None:
    marks = ", ".join(f"${name}" for name in values)
    connection.execute(f"INSERT INTO {table} ({', '.join(values)}) VALUES ({marks})", values)


def main(home: str, store: str, nights: str) -> None:
    settings = settings_for(Path(home), store)
    for number in range(1, int(nights) + 1):
        report = publish_night(settings, number)
        kept = {key.split("/")[1] for key in Store.open(store).list("snapshots")} - {"latest"}
        sys.stdout.write(json.dumps({"removed": report.counts["removed"], "kept": len(kept)}) + "\n")
        sys.stdout.flush()


if __name__ == "__main__":
    main(*sys.argv[1:])
