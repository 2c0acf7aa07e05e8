"""The sweep on a small frozen training set: what it trains, that a killed one goes on, what is written of it."""

import csv
import io
import json
import os
import signal
import subprocess
import sys
from contextlib import suppress
from pathlib import Path

import pytest

from apex_core import heads
from apex_core.errors import TrainingError
from apex_core.pipeline import sweep as sweeps
from apex_core.pipeline import sweep_table
from apex_core.pipeline import training_set as sets
from apex_core.settings import AUTHORS_TRAINING, TrainSettings
from apex_core.storage import Store
from tests.pipeline.frozen_sets import freeze

OURS = TrainSettings(device="cpu")


def test_it_is_the_24_published_conditions_as_published_and_ours() -> None:
    found = sweeps.conditions(OURS.model_copy(update={"learning_rate": 0.5, "epochs": 7}), "set")
    assert [one.name for one in found] == [*heads.CONDITIONS, "song/full/standardised/2"]
    for one in found[:-1]:
        assert {name: getattr(one.settings, name) for name in AUTHORS_TRAINING} == dict(AUTHORS_TRAINING)
    assert (found[-1].settings.learning_rate, found[-1].settings.epochs) == (0.5, 7)
    assert len({one.key for one in found}) == 25


def test_what_is_trained_with_else_is_another_record_and_where_it_is_trained_is_not() -> None:
    (plain,) = sweeps.conditions(OURS, "set", "song/full/equal/2")
    (shorter,) = sweeps.conditions(OURS, "set", "song/full/equal/2", {"epochs": 2})
    (elsewhere,) = sweeps.conditions(OURS.model_copy(update={"device": "cuda"}), "set", "song/full/equal/2")
    assert shorter.settings.epochs == 2
    assert plain.key != shorter.key
    assert plain.key == elsewhere.key


def test_ours_is_of_the_standardised_loss_whatever_is_trained_otherwise() -> None:
    published = TrainSettings(device="cpu", loss="equal", shared=3, resident_mb=7)
    (ours,) = sweeps.conditions(published, "set", "*/standardised/*")
    assert ours.settings == TrainSettings(device="cpu", resident_mb=7)


def test_a_pattern_without_conditions_is_an_error() -> None:
    with pytest.raises(TrainingError, match="No condition matches 'songs"):
        sweeps.conditions(OURS, "set", "songs/*")


def test_records_hold_what_training_alone_gives_and_are_not_made_twice(tmp_path: Path) -> None:
    store = Store.open(tmp_path)
    chosen = sets.read(store, freeze(store))
    wanted = sweeps.conditions(OURS, chosen.training_set_id, "*/popularity/equal/2", {"epochs": 2})
    assert [one.settings.mode for one in wanted] == ["song", "segment"]
    first = sweeps.run_sweep(store, chosen, wanted, tmp_path)
    for one, record in zip(wanted, first.records, strict=True):
        data = sets.load_data(store, chosen, one.settings.mode)
        alone = heads.train(data, one.settings)
        assert record["metrics"]["test"] == heads.rounded(heads.evaluate(alone.model, data, "test"))
        assert record["rows"]["train"] == int(data.rows("train").sum())
    written = {key: store.modified(key) for key in store.list("sweeps")}
    again = sweeps.run_sweep(store, chosen, wanted, tmp_path)
    assert (first.found, again.found) == (0, 2)
    assert again.records == first.records
    assert {key: store.modified(key) for key in store.list("sweeps")} == written


@pytest.mark.slow
def test_a_killed_sweep_goes_on_where_it_was(tmp_path: Path) -> None:
    store = Store.open(tmp_path / "store")
    name = freeze(store)
    command = [sys.executable, "-m", "flows.cli", "sweep", "--training-set", name, "--epochs", "20"]
    command += ["--conditions", "song/popularity/*"]
    environment = {**os.environ, "APEX_HOME": str(tmp_path), "APEX_STORE": str(tmp_path / "store"),
                   "OMP_NUM_THREADS": "1"}  # fmt: skip
    root = Path(__file__).parents[2]
    with subprocess.Popen(command, env=environment, cwd=root, stderr=subprocess.DEVNULL) as killed:
        while killed.poll() is None and not _records(store):
            with suppress(subprocess.TimeoutExpired):
                killed.wait(timeout=0.02)
        killed.send_signal(signal.SIGKILL)
    assert killed.returncode == -signal.SIGKILL, "it was done before it could be killed"
    kept = {key: store.modified(key) for key in _records(store)}
    assert 1 <= len(kept) < 6
    output = tmp_path / "table.json"
    done = subprocess.run([*command, "-o", str(output)], env=environment, cwd=root, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert f"{6 - len(kept)} trained, {len(kept)} were there before" in done.stderr.replace("\n", " ")
    assert {key: store.modified(key) for key in kept} == kept
    undisturbed = Store.open(tmp_path / "other")
    freeze(undisturbed)
    wanted = sweeps.conditions(OURS, name, "song/popularity/*", {"epochs": 20})
    expected = sweeps.run_sweep(undisturbed, sets.read(undisturbed, name), wanted, tmp_path).records
    assert [_lasting(record) for record in json.loads(output.read_text())] == [_lasting(one) for one in expected]


def _records(store: Store) -> list[str]:
    return [key for key in store.list("sweeps") if key.endswith(".json")]


def _lasting(record: sweep_table.Record) -> sweep_table.Record:
    return {name: value for name, value in record.items() if name != "seconds"}


def test_without_vectors_of_segments_the_table_says_so(tmp_path: Path) -> None:
    store = Store.open(tmp_path)
    chosen = sets.read(store, freeze(store, segments=False))
    wanted = sweeps.conditions(OURS, chosen.training_set_id, "*/popularity/equal/2", {"epochs": 1})
    records = sweeps.run_sweep(store, chosen, wanted, tmp_path).records
    assert [store.exists(one.key) for one in wanted] == [True, False]  # they may be kept one day
    song, segment = sweep_table.as_markdown(records).splitlines()[2:4]
    assert "| 1/1 |" in song
    assert "not kept" in segment
    assert segment.count("–") == len(sweep_table.COLUMNS)


def test_the_files_hold_the_figures_and_the_table_marks_the_best(tmp_path: Path) -> None:
    store = Store.open(tmp_path)
    chosen = sets.read(store, freeze(store))
    wanted = sweeps.conditions(OURS, chosen.training_set_id, "song/*/[2]", {"epochs": 2, "batch_size": 16})
    records = sweeps.run_sweep(store, chosen, wanted[::3], tmp_path).records
    rows = list(csv.DictReader(io.StringIO(sweep_table.as_csv(records))))
    assert [row["condition"] for row in rows] == [record["condition"] for record in records]
    test = records[0]["metrics"]["test"]
    assert float(rows[0]["score_likes_mse"]) == test["score_likes"]["mse"]
    lines = sweep_table.as_markdown(records).splitlines()
    best = max(records, key=lambda record: record["metrics"]["test"]["score_streams"]["spearman"])
    marked = f"**{best['metrics']['test']['score_streams']['spearman']:.3f}**"
    (line,) = [line for line in lines if line.startswith(f"| {best['condition']} |")]
    assert line.split(" | ")[2] == marked
