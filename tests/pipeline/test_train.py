"""The train and publish stages on one small night: what is measured, what is published, what stops them."""

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from huggingface_hub import ModelCard

from apex_core import heads
from apex_core.catalog import connect
from apex_core.errors import TrainingError
from apex_core.pipeline import training_set as sets
from apex_core.pipeline.audio import run_audio
from apex_core.pipeline.extract import run_extract
from apex_core.pipeline.label import run_label
from apex_core.pipeline.live import ingest_platform
from apex_core.pipeline.measuring import song_keys
from apex_core.pipeline.publish import run_publish
from apex_core.pipeline.registry_mirror import adopt_registry
from apex_core.pipeline.run import Run, begin
from apex_core.pipeline.score import run_score
from apex_core.pipeline.train import Candidate, run_train
from apex_core.registry import Decision, load_artifact, publish, record_decision, stage_artifact, version_name
from apex_core.sandbox import SandboxServer, World
from apex_core.settings import PLATFORMS, Settings, TrainSettings
from tests.pipeline.nights import settings_for

pytestmark = pytest.mark.slow


@dataclass(frozen=True)
class Trained:
    run: Run
    candidate: Candidate
    version: str

    @property
    def folder(self) -> Path:
        return Path(self.run.store.path(f"models/{self.version}"))

    def json(self, name: str) -> Any:
        return json.loads((self.folder / name).read_text())


@pytest.fixture(scope="module")
def house(world: World, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Settings]:
    """A catalog up to its labels."""
    with SandboxServer(world) as server:
        plain = settings_for(tmp_path_factory.mktemp("train"), world, server)
        train = TrainSettings(epochs=3, batch_size=16, bootstrap_draws=30, device="cpu")
        settings = plain.model_copy(update={"train": train})
        run = begin(settings, "nightly", world.epoch, "n1")
        for platform in PLATFORMS:
            ingest_platform(run, platform)
        for stage in (run_audio, run_score, run_extract, run_label):
            stage(run)
        yield settings


@pytest.fixture(scope="module")
def trained(house: Settings, world: World) -> Trained:
    run = begin(house, "nightly", world.epoch, "n2")
    _, candidate = run_train(run)
    assert candidate is not None
    report = run_publish(run, candidate)
    return Trained(run, candidate, report.note.split(":")[0])


def later(trained: Trained, name: str) -> Run:
    return begin(trained.run.settings, "nightly", trained.run.as_of + timedelta(days=1), name)


def test_all_that_was_measured_is_published(trained: Trained) -> None:
    metrics = trained.json("metrics.json")
    assert metrics == json.loads(json.dumps(trained.candidate.metrics))
    assert set(metrics) == {
        *heads.SPLITS,
        *("baselines", "intervals", "groups", "calibration", "extremes", "segment_song", "time_split"),
    }
    songs = metrics["test"]["score_streams"]["n"]
    assert metrics["baselines"]["ridge"]["score_streams"]["n"] == songs
    assert metrics["segment_song"]["song"]["score_streams"] == {
        name: value if name == "n" else pytest.approx(value, abs=1e-5)
        for name, value in metrics["test"]["score_streams"].items()
    }
    tested = trained.candidate.training_set.rows.filter(trained.candidate.training_set.rows["split"] == "test")
    assert set(metrics["groups"]["platform"]) == set(tested["platform"])
    assert sum(metrics["time_split"]["rows"].values()) < len(trained.candidate.training_set.rows)
    assert "too few songs" in metrics["time_split"]["reason"]


def test_published_files_name_no_song_but_the_training_set_does(trained: Trained) -> None:
    """What is published never changes: whoever is to be forgotten must not be in it."""
    rows = trained.candidate.training_set.rows
    ids = rows["track_id"].to_list()
    with connect(trained.run.settings, "test") as connection:
        ids += [one for (one,) in connection.execute("SELECT DISTINCT creator_id FROM track").fetchall() if one]
    for file in trained.folder.rglob("*"):
        if file.is_file():
            data = file.read_bytes()
            assert not [one for one in ids if one.encode() in data], file
    names = [f"{platform}/{track_id}" for platform, track_id in rows.select("platform", "track_id").rows()]
    keys = dict(zip(song_keys(trained.candidate.training_set.training_set_id, names), names, strict=True))
    found = trained.json("metrics.json")["extremes"]["score_streams"]["highest_predicted"][0]
    assert keys[found["song"]] in set(trained.candidate.scored.names.tolist())


def test_the_card_shows_its_pictures_and_they_are_part_of_the_version(trained: Trained) -> None:
    card = (trained.folder / "README.md").read_text()
    pictures = re.findall(r"!\[[^\]]+\]\((plots/\w+\.png)\)", card)
    assert {"plots/learning_curves.png", "plots/predicted_against_actual.png"} <= set(pictures)
    assert {f"plots/{path.name}" for path in (trained.folder / "plots").iterdir()} == set(pictures)
    assert set(pictures) <= set(trained.json("MANIFEST.json")["files"])
    assert re.search(r"songs created from \d{4}-\d\d-\d\d to \d{4}-\d\d-\d\d", card)
    ModelCard.load(trained.folder / "README.md")


def test_the_same_candidate_gives_the_same_bytes(trained: Trained, tmp_path: Path) -> None:
    from apex_core.pipeline.publish import _stage  # pyright: ignore[reportPrivateUsage]

    for name in ("one", "two"):
        _stage(trained.run, trained.candidate, tmp_path / name, trained.version)
    one = {path.relative_to(tmp_path / "one"): path.read_bytes() for path in (tmp_path / "one").rglob("*.*")}
    two = {path.relative_to(tmp_path / "two"): path.read_bytes() for path in (tmp_path / "two").rglob("*.*")}
    assert one == two
    published = {path.relative_to(trained.folder): path.read_bytes() for path in trained.folder.rglob("*.*")}
    assert one[Path("metrics.json")] == published[Path("metrics.json")]
    drawn = Path("plots/predicted_against_actual.png")
    assert one[drawn] == published[drawn]


def test_the_next_card_stands_beside_the_champion(trained: Trained) -> None:
    assert load_artifact(trained.run.store, trained.version).version == trained.version
    run = later(trained, "n3")
    settings = run.settings.model_copy(update={"train": run.settings.train.model_copy(update={"seed": 43})})
    run = replace(run, settings=settings)
    _, candidate = run_train(run, force=True)
    report = run_publish(run, candidate)
    card = run.store.read(f"models/{report.note.split(':')[0]}/README.md").decode()
    assert re.search(rf"\| target \| this model \| {trained.version} \|( mean \|)? ridge \|", card)
    assert f"{trained.version} is the champion at the time" in card


def test_a_version_of_another_store_is_not_what_was_trained_last(trained: Trained, tmp_path: Path) -> None:
    """Its training set is not here: nothing can be compared with that."""
    run, source = later(trained, "n6"), load_artifact(trained.run.store, trained.version)
    weights = {name: tensor + 1e-3 for name, tensor in source.weights.items()}
    lineage = {**source.lineage, "training_set_id": "elsewhere"}
    sha256 = stage_artifact(tmp_path / "theirs", weights, source.config, source.metrics, lineage, "# card\n")
    version = version_name(run.as_of, sha256)
    publish(run.store, version, tmp_path / "theirs")
    record_decision(run.store, version, Decision("held", ("imported",)), None, "ann", run.as_of)
    adopt_registry(run)
    report, candidate = run_train(run)
    assert candidate is None
    assert report.note.startswith("not trained: 0.0% of the rows came or went")


def test_a_track_that_a_former_set_had_elsewhere_is_used_in_nothing(trained: Trained) -> None:
    before = trained.candidate.training_set
    moved = before.rows.filter(before.rows["split"] == "train")["track_id"][0]
    run = later(trained, "n4")
    with run.catalog("test") as connection:
        connection.execute("UPDATE split SET split = 'test', group_key = 'new' WHERE track_id = ?", [moved])
    try:
        _, candidate = run_train(run, force=True)
        assert candidate is not None
        assert moved not in candidate.training_set.rows["track_id"].to_list()
        again = sets.select(run, before.encoder_id)
        assert again is not None
        assert again.training_set_id == candidate.training_set.training_set_id
        with run.catalog("test") as connection:
            found = connection.execute("SELECT quarantined FROM split WHERE track_id = ?", [moved]).fetchall()
        assert found == [(True,)]
    finally:
        restored = "UPDATE split SET split = 'train', quarantined = false WHERE track_id = ?"
        with run.catalog("test") as connection:
            connection.execute(restored, [moved])


def test_a_group_on_two_sides_stops_the_training(trained: Trained) -> None:
    rows = trained.candidate.training_set.rows
    one, other = (rows.filter(rows["split"] == side)["track_id"][-1] for side in ("val", "test"))
    run = later(trained, "n5")
    together = "UPDATE split SET group_key = 'together' WHERE track_id IN (?, ?)"
    with run.catalog("test") as connection:
        connection.execute(together, [one, other])
    with pytest.raises(TrainingError, match=r"group(.|\n)*two sides") as error:
        run_train(run, force=True)
    assert one in str(error.value)
    assert other in str(error.value)
