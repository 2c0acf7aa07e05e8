"""The nightly as a whole, against the sandbox with its faults."""

import shutil
from dataclasses import dataclass
from datetime import timedelta

import pytest

from apex_core.catalog import connect, latest_snapshot, open_snapshot, require_checks, sql
from apex_core.pipeline.predict import run_predict
from apex_core.pipeline.report import overview
from apex_core.pipeline.run import StageReport, begin
from apex_core.registry import load_artifact, resolve_alias
from apex_core.sandbox import SandboxServer, World
from apex_core.settings import Settings
from apex_core.storage import Store
from tests.pipeline.nights import night, prints, settings_for


@dataclass(frozen=True)
class FirstNight:
    """A home that has gone through its first night, and what that night said."""

    settings: Settings
    reports: dict[str, StageReport]


@pytest.fixture(scope="module")
def first_night(world: World, tmp_path_factory: pytest.TempPathFactory) -> FirstNight:
    with SandboxServer(world) as server:
        settings = settings_for(tmp_path_factory.mktemp("first-night") / "home", world, server)
        return FirstNight(settings, night(settings, world.epoch, "n1"))


@pytest.fixture
def house(first_night: FirstNight, settings: Settings) -> Settings:
    """Settings of a copy of that home, with a platform of its own."""
    shutil.copytree(first_night.settings.home, settings.home, symlinks=True, dirs_exist_ok=True)
    return settings


def test_first_night_walks_through_the_whole_house(first_night: FirstNight, world: World) -> None:
    settings, reports = first_night.settings, first_night.reports
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


def test_a_night_with_nothing_new_changes_nothing(house: Settings, world: World) -> None:
    before = prints(house)
    reports = night(house, world.epoch + timedelta(minutes=5), "n2")
    assert prints(house) == before
    assert reports["audio"].counts["wanted"] == 0
    assert reports["extract"].counts["songs"] == 0
    assert reports["train"].counts["trained"] == 0
    assert reports["publish"].counts["published"] == 0
    assert reports["predict"].counts["songs"] == 0
    assert reports["snapshot"].counts["published"] == 0


def test_one_new_track_is_one_of_everything(house: Settings, world: World, server: SandboxServer) -> None:
    server.release()
    # Of 30 tracks one is 3 %: this test is about the work a track causes, not about when a retraining is due.
    calm = house.model_copy(
        update={"train": house.train.model_copy(update={"min_new_share": 0.2, "min_target_move": 20})}
    )
    reports = night(calm, world.epoch + timedelta(minutes=5), "n2")
    assert sum(reports[f"ingest {platform}"].counts["upserted"] for platform in ("suno", "udio")) == 1
    assert reports["audio"].counts["wanted"] == 1
    assert reports["extract"].counts["songs"] == 1
    assert reports["train"].counts["trained"] == 0
    assert reports["predict"].counts["songs"] == 1
    assert reports["snapshot"].counts["published"] == 1


def test_a_day_later_counts_grew_and_the_model_is_trained_anew(
    house: Settings, world: World, server: SandboxServer
) -> None:
    tomorrow = world.epoch + timedelta(days=30)
    server.set_clock(tomorrow)
    reports = night(house, tomorrow, "n2")
    assert reports["ingest suno"].counts["observations"] > 0
    assert reports["score"].counts["new_runs"] == 1
    assert reports["train"].counts["trained"] == 1
    assert reports["extract"].counts["songs"] == 0, "no audio is new"
    with connect(house, "test") as connection:
        kept = connection.execute("SELECT count(DISTINCT score_run_id) FROM engagement_score").fetchall()[0][0]
    assert kept == 2


@pytest.mark.slow
def test_segment_mode_and_popularity_alone_go_the_same_way(settings: Settings, world: World) -> None:
    chosen = settings.train.model_copy(update={"mode": "segment", "task": "popularity", "loss": "equal", "shared": 3})
    reports = night(settings.model_copy(update={"train": chosen}), world.epoch, "n1")
    assert reports["publish"].counts["promoted"] == 1
    metrics = {row["target"] for row in overview(settings)["metrics"]}
    assert metrics == {"score_streams", "score_likes"}


@pytest.mark.slow
@pytest.mark.parametrize("files", [()])
def test_without_labels_only_popularity_is_learned(settings: Settings, world: World, files: tuple[str, ...]) -> None:
    unlabelled = settings.model_copy(update={"aesthetics": settings.aesthetics.model_copy(update={"files": files})})
    night(unlabelled, world.epoch, "n1")
    assert {row["target"] for row in overview(settings)["metrics"]} == {"score_streams", "score_likes"}


@pytest.mark.slow
def test_a_champion_that_only_the_store_knows_is_adopted(house: Settings, world: World) -> None:
    before = prints(house)
    with connect(house, "test") as connection:
        for table in ("model_version", "model_alias", "prediction"):
            connection.execute(f"DELETE FROM {table}")
    run = begin(house, "nightly", world.epoch, "n2", alone=True)
    assert run_predict(run).counts["songs"] > 0
    assert prints(house) == before


@pytest.mark.slow
def test_two_flows_that_predict_at_once_leave_one_prediction_a_song(house: Settings, world: World) -> None:
    with connect(house, "test") as connection:
        rows = connection.execute("FROM prediction").fetchall()
        query = "SELECT p.* EXCLUDE (version), shard_id FROM prediction AS p JOIN embedding USING (sha256)"
        again = connection.sql(query)
        connection.register("incoming_prediction", again.to_arrow_table())
        (version, encoder_id), *_ = connection.execute("SELECT version, encoder_id FROM model_version").fetchall()
        connection.execute(sql("predict/insert"), {"version": version, "encoder_id": encoder_id})
        assert len(connection.execute("FROM prediction").fetchall()) == len(rows)
        require_checks(connection)
