"""A folder of one's own audio and a JSONL of records go the same way as everything else, to predictions."""

import csv
import json
import shutil
from datetime import UTC, datetime
from pathlib import Path

from apex_core.catalog import latest_snapshot, open_snapshot
from apex_core.pipeline.audio import run_audio
from apex_core.pipeline.extract import run_extract
from apex_core.pipeline.ingest import ingest_files
from apex_core.pipeline.predict import run_predict
from apex_core.pipeline.predictor import Predictor
from apex_core.pipeline.publish import run_publish
from apex_core.pipeline.run import begin
from apex_core.pipeline.score import run_score
from apex_core.pipeline.snapshot import run_snapshot
from apex_core.pipeline.train import run_train
from apex_core.sandbox import World
from apex_core.settings import AudioSettings, EncoderSettings, PromotionSettings, Settings, TrainSettings

SEEN = datetime(2026, 11, 2, tzinfo=UTC)


def library(folder: Path, world: World) -> Path:
    """Files under names of their own, and the manifest that says whose they are."""
    folder.mkdir()
    rows = [("platform", "track_id", "path")]
    for number, song in enumerate(world.songs):
        name = f"take {number}.{song.codec}"
        shutil.copy(world.path(song), folder / name)
        rows.append(("suno", song.track_id, name))
    with (folder / "manifest.csv").open("w", newline="") as file:
        csv.writer(file).writerows(rows)
    return folder


def records(file: Path, world: World) -> Path:
    """Next to nothing but an id and counts: every other field is optional."""
    lines = (
        {
            "id": song.track_id,
            "title": song.title,
            "play_count": 10 * number,
            "upvote_count": number // 2,
            "status": "complete",
            "created_at": "2026-10-01T00:00:00Z",
        }
        for number, song in enumerate(world.songs)
    )
    file.write_text("".join(json.dumps(line) + "\n" for line in lines))
    return file


def test_own_songs_end_with_predictions(tmp_path: Path, world: World) -> None:
    # One id stands on both platforms; here it is one track, whose file is that of the manifest's first line.
    songs = {song.track_id: song for song in reversed(world.songs)}
    settings = Settings(
        home=tmp_path / "home",
        audio=AudioSettings(libraries=(str(library(tmp_path / "music", world)),), fetch=False),
        encoder=EncoderSettings(source="tiny-random", device="cpu", decode_workers=0),
        train=TrainSettings(epochs=2, batch_size=8, device="cpu"),
        # Two epochs beat nothing, and the gate is not what this is about.
        promotion=PromotionSettings(min_gain=-2, min_gain_over_ridge=-2, max_loss_of_target=2),
    )
    run = begin(settings, "nightly", SEEN, "own")
    assert ingest_files(run, [records(tmp_path / "songs.jsonl", world)], SEEN).counts["upserted"] == len(songs)
    assert run_audio(run).counts["available"] == len(songs)
    run_score(run)
    assert run_extract(run).counts["failed"] == 0
    _, candidate = run_train(run)
    run_publish(run, candidate)
    run_predict(run)
    run_snapshot(run)
    with open_snapshot(latest_snapshot(settings)) as snapshot:
        rows = snapshot.execute(
            "SELECT track_id, predicted_streams, predicted_coherence FROM scored_catalog"
        ).fetchall()
    assert {row[0] for row in rows} == set(songs)
    assert [row for row in rows if row[1] is None or row[2] is not None] == [], "all scored; nobody labelled them"
    # The Predictor, with the model and a file alone, says what the catalog says.
    track_id, streams, _ = rows[0]
    (found,) = Predictor.load(settings).score([world.path(songs[track_id])])
    assert found.values is not None
    assert abs(found.values["score_streams"] - streams) < 1e-3
