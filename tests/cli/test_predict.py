"""`apex predict`: a model's folder and songs are all it needs."""

import json
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import pytest
import soundfile
import torch

from apex_core import heads
from apex_core.mert import describe_encoder
from apex_core.registry import publish, set_alias, stage_artifact, version_name
from apex_core.settings import EncoderSettings
from apex_core.storage import Store
from flows.commands.score_table import ending
from tests.cli.conftest import Apex, Shell

AS_OF = datetime(2026, 11, 1, tzinfo=UTC)


@pytest.fixture
def store(tmp_path: Path) -> Store:
    """A store with one model of random weights for the stand-in encoder, the champion."""
    encoder_id, facts = describe_encoder(EncoderSettings(source="tiny-random"), tmp_path / "cache")
    config = heads.HeadsConfig(encoder_id=encoder_id, hidden=facts["hidden"])
    torch.manual_seed(1)
    described = {**config.to_json(), "encoder": {"source": "tiny-random", "revision": facts["revision"]}}
    weights = heads.ApexHeads(config).state_dict()
    sha256 = stage_artifact(tmp_path / "staged", weights, described, {"test": {}}, {}, "# card\n")
    store, version = Store.open(tmp_path / "models-elsewhere"), version_name(AS_OF, sha256)
    publish(store, version, tmp_path / "staged")
    set_alias(store, "champion", version, "first", "test", AS_OF)
    return store


@pytest.fixture
def folder(store: Store) -> str:
    """The model's folder, as somebody would be given it."""
    manifest = next(Path(store.root).glob("models/v*/MANIFEST.json"))
    return str(manifest.parent)


@pytest.fixture
def songs(tmp_path: Path) -> Path:
    """A folder with two songs and a text."""
    noise = np.random.default_rng(1).normal(0, 0.1, 48_000).astype(np.float32)
    (tmp_path / "songs" / "deep").mkdir(parents=True)
    soundfile.write(tmp_path / "songs" / "one.wav", noise, 24_000)
    soundfile.write(tmp_path / "songs" / "deep" / "two.flac", noise[::-1], 24_000)
    (tmp_path / "songs" / "words.txt").write_text("la la la")
    return tmp_path / "songs"


def test_a_folder_of_songs_gets_seven_numbers_each(apex: Apex, folder: str, songs: Path, home: Path) -> None:
    result = apex("predict", str(songs), "--model", folder)
    assert result.exit_code == 0, result.output
    head, *rows = result.stdout.splitlines()
    assert head.split() == ["file", *heads.TARGETS]
    assert [row.split()[0] for row in rows] == [str(songs / "deep" / "two.flac"), str(songs / "one.wav")]
    numbers = [[float(number) for number in row.split()[1:]] for row in rows]
    for (low, high), column in zip(heads.RANGES.values(), zip(*numbers, strict=True), strict=True):
        assert all(low <= number <= high for number in column)
    assert "2 songs by model v20261101-" in result.stderr
    assert not (home / "catalog.duckdb").exists()


def test_lines_of_json_are_one_a_file_and_errors_keep_their_place(apex: Apex, folder: str, songs: Path) -> None:
    paths = [songs / "words.txt", songs / "one.wav", songs / "missing.mp3"]
    result = apex("predict", *map(str, paths), "--model", folder, "--json")
    assert result.exit_code == 1
    lines = [json.loads(line) for line in result.stdout.splitlines()]
    assert [line["path"] for line in lines] == list(map(str, paths))
    assert [set(heads.TARGETS) <= set(line) for line in lines] == [False, True, False]
    assert lines[0]["error"] == "text instead of audio"
    assert "2 could not be scored" in result.stderr


def test_a_table_shows_errors_in_their_place(apex: Apex, folder: str, songs: Path) -> None:
    result = apex("predict", str(songs / "words.txt"), str(songs / "one.wav"), "--model", folder)
    assert result.exit_code == 1
    rows = [line.strip() for line in result.stdout.splitlines()]
    assert rows[2] == "text instead of audio"
    assert rows[3].startswith(str(songs / "one.wav"))


def test_names_are_cut_from_the_front() -> None:
    assert ending("folder/song-1.mp3", 10) == "…ong-1.mp3"
    assert ending("folder/song-1.mp3", None) == ending("folder/song-1.mp3", 17) == "folder/song-1.mp3"


def test_the_champion_of_the_store_is_the_default(
    apex: Apex, store: Store, songs: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("APEX_STORE", store.url)
    assert apex("predict", str(songs / "one.wav")).exit_code == 0


def test_without_a_model_the_way_to_one_is_told(apex: Apex, songs: Path) -> None:
    result = apex("predict", str(songs))
    assert result.exit_code == 1
    assert "There is no model 'champion'" in result.stderr
    assert "--model FOLDER" in result.stderr


def test_a_folder_without_songs_is_one_message(apex: Apex, tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    result = apex("predict", str(tmp_path / "empty"))
    assert result.exit_code == 1
    assert "There is no audio file in" in result.stderr


def test_nothing_is_said_but_the_answer(shell: Shell, folder: str, songs: Path) -> None:
    result = shell("predict", str(songs / "one.wav"), "--model", folder, "--json")
    assert result.returncode == 0
    assert len(result.stderr.splitlines()) == 1
    assert set(heads.TARGETS) < set(json.loads(result.stdout))
