"""`apex predict`: a model's folder and songs are all it needs."""

import csv
import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
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


def published(place: str, staging: Path, *, quantiles: bool = False, **condition: Any) -> Store:
    """A store with one model of random weights for the stand-in encoder, the champion."""
    encoder_id, facts = describe_encoder(EncoderSettings(source="tiny-random"), staging / "cache")
    config = heads.HeadsConfig(encoder_id=encoder_id, hidden=facts["hidden"], **condition)
    torch.manual_seed(1)
    described = {**config.to_json(), "encoder": {"source": "tiny-random", "revision": facts["revision"]}}
    if quantiles:
        described["quantiles"] = {t: np.linspace(*heads.RANGES[t], 101).tolist() for t in config.targets}
    weights = heads.ApexHeads(config).state_dict()
    sha256 = stage_artifact(staging / "staged", weights, described, {"test": {}}, {}, "# card\n")
    store, version = Store.open(place), version_name(AS_OF, sha256)
    publish(store, version, staging / "staged")
    set_alias(store, "champion", version, "first", "test", AS_OF)
    return store


@pytest.fixture(autouse=True)
def alone(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Songs of a second are decoded sooner than a process starts."""
    monkeypatch.setenv("APEX_ENCODER__DECODE_WORKERS", "0")


@pytest.fixture
def store(tmp_path: Path) -> Store:
    """A model without quantiles."""
    return published(str(tmp_path / "models-elsewhere"), tmp_path)


@pytest.fixture
def placing(tmp_path: Path) -> str:
    """The address of a store whose champion has quantiles: 0, 1 ... 100, and 1 to 5."""
    return published(str(tmp_path / "placing"), tmp_path / "with-quantiles", quantiles=True).url


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
    short = json.loads(apex("predict", str(songs / "one.wav"), "--model", "v2026", "--json").stdout)["model"]
    assert short == next(Path(store.root).glob("models/v*")).name


def test_without_a_model_the_way_to_one_is_told(apex: Apex, songs: Path) -> None:
    result = apex("predict", str(songs))
    assert result.exit_code == 1
    assert "No model is called 'champion'" in result.stderr
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


def lines(text: str) -> list[dict[str, Any]]:
    return [json.loads(line) for line in text.splitlines()]


def test_globs_take_the_audio_they_match_once(apex: Apex, folder: str, songs: Path) -> None:
    for pattern in ("songs/**", "songs/**/*.*", "songs*"):
        result = apex("predict", pattern, "--model", folder, "--json")
        assert [line["path"] for line in lines(result.stdout)] == ["songs/deep/two.flac", "songs/one.wav"], pattern
    (songs / "one.wav").rename(songs / "one [live].wav")
    result = apex("predict", "songs/one [live].wav", "--model", folder, "--json")
    assert result.exit_code == 0, "a file of that name is no glob"
    result = apex("predict", "songs/*.mp3", "--model", folder)
    assert "There is no audio file that songs/*.mp3 matches" in result.stderr


def test_each_line_of_json_is_answered_in_its_place(apex: Apex, placing: str, songs: Path, tmp_path: Path) -> None:
    asked = ['{"path": "songs/one.wav", "id": 1}', "no json", '{"path": "songs/none.mp3", "tags": ["a"]}', "", "{}"]
    asked += ['{"path": "songs/deep/two.flac", "error": "stale", "id": "Ü"}']
    (tmp_path / "in.jsonl").write_text("\n".join(asked))
    result = apex("predict", "--jsonl", "in.jsonl", "--store", placing)
    assert result.exit_code == 1
    found = lines(result.stdout)
    assert len(found) == len(asked)
    assert ["score_streams" in one for one in found] == [True, False, False, False, False, True]
    assert [one.get("id") for one in found] == [1, None, None, None, None, "Ü"]
    assert found[2]["tags"] == ["a"]
    assert found[2]["path"] == "songs/none.mp3"
    assert "error" not in found[5]
    for one in (found[0], found[5]):
        assert one["score_streams_percentile"] == pytest.approx(one["score_streams"], abs=0.01)
        assert one["clarity_percentile"] == pytest.approx((one["clarity"] - 1) * 25, abs=0.01)
    assert "6 songs by model v20261101-" in result.stderr
    assert "4 could not be scored" in result.stderr
    piped = apex("predict", "--jsonl", "-", "--store", placing, stdin="\n".join(asked))
    assert lines(piped.stdout) == found


def test_scores_are_written_as_they_are_printed(apex: Apex, placing: str, songs: Path, tmp_path: Path) -> None:
    (tmp_path / "in.jsonl").write_text('{"path": "songs/one.wav", "id": [1]}\n{"path": "songs/words.txt"}\nno\n')
    printed = lines(apex("predict", "--jsonl", "in.jsonl", "--store", placing).stdout)
    for name in ("out.jsonl", "out.csv", "out.parquet"):
        assert apex("predict", "--jsonl", "in.jsonl", "--store", placing, "-o", name).stdout == ""
    again = apex("predict", "--jsonl", "in.jsonl", "--store", placing, "-o", "out.csv")
    assert "is there already" in again.stderr, "nothing is written over unasked"
    assert apex("predict", "--jsonl", "in.jsonl", "--store", placing, "-o", "out.csv", "--force").stdout == ""
    assert lines((tmp_path / "out.jsonl").read_text()) == printed
    table = pl.read_parquet(tmp_path / "out.parquet").to_dicts()
    with (tmp_path / "out.csv").open(newline="") as file:
        texts = list(csv.DictReader(file))
    assert len(table) == len(texts) == 3
    assert [row["path"] for row in table] == ["songs/one.wav", "songs/words.txt", None]
    assert [row["input"] for row in table] == ['{"id": [1]}', None, None]
    assert [bool(row["error"]) for row in table] == [False, True, True]
    for name in [name for name in printed[0] if name not in ("path", "model", "id")]:
        assert table[0][name] == float(texts[0][name]) == printed[0][name]
        assert (table[1][name], texts[1][name]) == (None, "")
    assert not list(tmp_path.glob(".*.part"))


def test_what_cannot_be_written_is_said_before_the_work(apex: Apex, folder: str, songs: Path) -> None:
    assert "scores are written as .jsonl" in apex("predict", "songs", "--model", folder, "-o", "out.xls").stderr
    assert "There is no folder" in apex("predict", "songs", "--model", folder, "-o", "none/out.csv").stderr
    assert "name audio files, or --jsonl" in apex("predict", "--model", folder).stderr
    assert apex("predict", "songs", "--jsonl", "-", "--model", folder).exit_code == 2


def test_embeddings_are_scored_as_their_songs_are(apex: Apex, placing: str, songs: Path, tmp_path: Path) -> None:
    noise = np.random.default_rng(2).normal(0, 0.1, 24_000 * 70).astype(np.float32)
    soundfile.write(songs / "three-segments.wav", noise, 24_000)
    paths = [str(songs / name) for name in ("one.wav", "words.txt", "three-segments.wav")]
    heard = lines(apex("predict", *paths, "--store", placing, "--json").stdout)
    for more in ([], ["--segments"]):
        assert apex("embed", *paths, "-o", "out.parquet", "--encoder", "tiny-random", "--force", *more).exit_code == 1
        result = apex("predict", "--embeddings", "out.parquet", "--store", placing, "--json")
        assert result.exit_code == 1, "one has no vectors"
        assert lines(result.stdout) == heard


def test_a_model_of_segments_with_its_own_mix_and_members(apex: Apex, songs: Path, tmp_path: Path) -> None:
    own: dict[str, Any] = {"mode": "segment", "layer_mix": "learned", "members": 2, "task": "popularity"}
    url = published(str(tmp_path / "own"), tmp_path / "own-staged", **own).url
    heard = lines(apex("predict", "songs", "--model", url, "--json").stdout)
    assert [{"score_streams", "score_likes"} < set(one) for one in heard] == [True, True]
    apex("embed", "songs", "-o", "songs.parquet", "--encoder", "tiny-random")
    apex("embed", "songs", "-o", "segments.parquet", "--encoder", "tiny-random", "--segments")
    assert lines(apex("predict", "--embeddings", "segments.parquet", "--model", url, "--json").stdout) == heard
    refused = apex("predict", "--embeddings", "songs.parquet", "--model", url)
    assert "apex embed --segments" in refused.stderr


def test_another_encoders_embeddings_are_refused(apex: Apex, folder: str, songs: Path, tmp_path: Path) -> None:
    apex("embed", "songs", "-o", "mine.parquet", "--encoder", "tiny-random")
    made = pl.read_parquet(tmp_path / "mine.parquet")
    made.with_columns(encoder_id=pl.lit("another")).write_parquet(tmp_path / "theirs.parquet")
    made.drop("encoder_id").write_parquet(tmp_path / "bare.parquet")
    theirs = apex("predict", "--embeddings", "theirs.parquet", "--model", folder, "-o", "out.csv")
    assert theirs.exit_code == 1
    assert f"was trained on vectors of {made['encoder_id'][0]}, those of theirs.parquet are of another" in theirs.stderr
    assert not (tmp_path / "out.csv").exists()
    assert "it lacks encoder_id" in apex("predict", "--embeddings", "bare.parquet", "--model", folder).stderr
    (tmp_path / "text.parquet").write_text("no parquet")
    assert "cannot be read as Parquet" in apex("predict", "--embeddings", "text.parquet", "--model", folder).stderr


def test_a_model_lies_on_s3_as_well(apex: Apex, songs: Path, s3_url: str, tmp_path: Path) -> None:
    store = published(s3_url, tmp_path)
    version = next(key for key in store.list("models") if key.endswith("MANIFEST.json")).split("/")[1]
    named = (["--model", f"{s3_url}/models/{version}"], ["--model", s3_url], ["--store", s3_url, "--model", version])
    found = [
        apex("predict", str(songs / "one.wav"), "--json", *words).stdout for words in (*named, ["--store", s3_url])
    ]
    assert len(set(found)) == 1
    assert set(heads.TARGETS) < set(json.loads(found[0]))
    nothing = apex("predict", "songs", "--model", f"{s3_url}/elsewhere")
    assert "holds neither a model" in nothing.stderr
