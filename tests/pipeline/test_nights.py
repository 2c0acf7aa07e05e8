"""The nightly as a whole, against the sandbox with its faults."""

from datetime import timedelta

import pytest

from apex_core.catalog import connect, latest_snapshot, open_snapshot, require_checks, sql
from apex_core.pipeline.predict import run_predict
from apex_core.pipeline.report import overview
from apex_core.pipeline.run import begin
from apex_core.registry import load_artifact, resolve_alias
from apex_core.sandbox import SandboxServer, World
from apex_core.settings import Settings
from apex_core.storage import Store
from tests.pipeline.nights import night, prints


def test_first_night_walks_through_the_whole_house(settings: Settings, world: World) -> None:
    reports = night(settings, world.epoch, "n1")
    for platform in ("suno", "udio"):
        counts = reports[f"ingest {platform}"].counts
        assert counts["records_in"] == sum(
            counts[name] for name in ("upserted", "unchanged", "duplicate", "skipped", "rejected")
        )
        assert counts["records_in"] == world.planted[platform]["rows"]
    assert reports["audio"].counts["available"] == len(world.songs) + len(world.vanishing)
    assert reports["extract"].counts["failed"] == 0
    assert reports["publish"].counts["promoted"] == 1
    champion = resolve_alias(Store.open(settings.store_url), "champion")
    assert champion is not None
    assert load_artifact(Store.open(settings.store_url), champion.version).metrics["test"]["score_streams"]["n"] > 0
    with open_snapshot(latest_snapshot(settings)) as snapshot:
        scored, predicted, tracks = snapshot.execute(
            "SELECT count(coalesce(score_streams, score_likes)), count(predicted_streams), count(*) FROM scored_catalog"
        ).fetchall()[0]
        vectors = snapshot.execute("SELECT count(*) FROM vectors.song_vector").fetchall()[0][0]
    # A bad value in an optional field costs the value, not the song.
    spoilt = ("negative_count", "garbage_count", "garbage_created_at")
    kept = sum(world.planted[platform]["malformed"][kind] for platform in ("suno", "udio") for kind in spoilt)
    assert scored == len(world.tracks) + kept
    assert predicted == vectors == len(world.songs) + len(world.vanishing)
    assert tracks > scored
    assert overview(settings)["metrics"]


def test_a_night_with_nothing_new_changes_nothing(settings: Settings, world: World) -> None:
    night(settings, world.epoch, "n1")
    before = prints(settings)
    reports = night(settings, world.epoch + timedelta(minutes=5), "n2")
    assert prints(settings) == before
    assert reports["audio"].counts["wanted"] == 0
    assert reports["extract"].counts["songs"] == 0
    assert reports["train"].counts["trained"] == 0
    assert reports["publish"].counts["published"] == 0
    assert reports["predict"].counts["songs"] == 0
    assert reports["snapshot"].counts["published"] == 0


def test_one_new_track_is_one_of_everything(settings: Settings, world: World, server: SandboxServer) -> None:
    night(settings, world.epoch, "n1")
    server.release()
    # Of 30 tracks one is 3 %: this test is about the work a track causes, not about when a retraining is due.
    calm = settings.model_copy(
        update={"train": settings.train.model_copy(update={"min_new_share": 0.2, "min_target_move": 20})}
    )
    reports = night(calm, world.epoch + timedelta(minutes=5), "n2")
    assert sum(reports[f"ingest {platform}"].counts["upserted"] for platform in ("suno", "udio")) == 1
    assert reports["audio"].counts["wanted"] == 1
    assert reports["extract"].counts["songs"] == 1
    assert reports["train"].counts["trained"] == 0
    assert reports["predict"].counts["songs"] == 1
    assert reports["snapshot"].counts["published"] == 1


def test_a_day_later_counts_grew_and_the_model_is_trained_anew(
    settings: Settings, world: World, server: SandboxServer
) -> None:
    night(settings, world.epoch, "n1")
    tomorrow = world.epoch + timedelta(days=30)
    server.set_clock(tomorrow)
    reports = night(settings, tomorrow, "n2")
    assert reports["ingest suno"].counts["observations"] > 0
    assert reports["score"].counts["new_runs"] == 1
    assert reports["train"].counts["trained"] == 1
    assert reports["extract"].counts["songs"] == 0, "no audio is new"
    with connect(settings, "test") as connection:
        kept = connection.execute("SELECT count(DISTINCT score_run_id) FROM engagement_score").fetchall()[0][0]
    assert kept == 2


@pytest.mark.slow
def test_segment_mode_and_popularity_alone_go_the_same_way(settings: Settings, world: World) -> None:
    chosen = settings.train.model_copy(update={"mode": "segment", "task": "popularity", "loss": "equal", "shared": 3})
    reports = night(settings.model_copy(update={"train": chosen}), world.epoch, "n1")
    assert reports["publish"].counts["promoted"] == 1
    metrics = {row["target"] for row in overview(settings)["metrics"]}
    assert metrics == {"score_streams", "score_likes"}


@pytest.mark.parametrize("files", [()])
def test_without_labels_only_popularity_is_learned(settings: Settings, world: World, files: tuple[str, ...]) -> None:
    unlabelled = settings.model_copy(update={"aesthetics": settings.aesthetics.model_copy(update={"files": files})})
    night(unlabelled, world.epoch, "n1")
    assert {row["target"] for row in overview(settings)["metrics"]} == {"score_streams", "score_likes"}


@pytest.mark.slow
def test_a_champion_that_only_the_store_knows_is_adopted(settings: Settings, world: World) -> None:
    night(settings, world.epoch, "n1")
    before = prints(settings)
    with connect(settings, "test") as connection:
        for table in ("model_version", "model_alias", "prediction"):
            connection.execute(f"DELETE FROM {table}")
    run = begin(settings, "nightly", world.epoch, "n2", alone=True)
    assert run_predict(run).counts["songs"] > 0
    assert prints(settings) == before


@pytest.mark.slow
def test_two_flows_that_predict_at_once_leave_one_prediction_a_song(settings: Settings, world: World) -> None:
    night(settings, world.epoch, "n1")
    with connect(settings, "test") as connection:
        rows = connection.execute("FROM prediction").fetchall()
        connection.register("incoming_prediction", connection.sql("FROM prediction").to_arrow_table())
        connection.execute(sql("predict/insert"))
        assert len(connection.execute("FROM prediction").fetchall()) == len(rows)
        require_checks(connection)
