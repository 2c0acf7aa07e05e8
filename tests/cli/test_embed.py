"""`apex embed`: an encoder and songs are all it needs, and nothing of them is lost."""

import hashlib
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import duckdb
import numpy as np
import polars as pl
import pyarrow.parquet as pq
import pytest
import soundfile

from apex_core.audio import decode, segments
from apex_core.mert import describe_encoder, load_encoder, mix
from apex_core.settings import AudioSettings, EncoderSettings
from tests.cli.conftest import ROOT, Apex, Shell

TINY = ("--encoder", "tiny-random", "--device", "cpu")
LAYERS = ["layer_2", "layer_5", "layer_8", "layer_12"]
SONG = ["path", "sha256", "seconds", "segments", *LAYERS, "mixed", "encoder_id", "precision", "device", "error"]


@pytest.fixture
def songs(tmp_path: Path) -> Path:
    """A folder with two songs, one of them longer than a segment, and two files that are none."""
    folder = tmp_path / "songs"
    (folder / "deep").mkdir(parents=True)
    noise = np.random.default_rng(1).normal(0, 0.1, 32 * 24_000).astype(np.float32)
    soundfile.write(folder / "b-long.wav", noise, 24_000)
    soundfile.write(folder / "deep" / "c-short.flac", np.stack([noise[:44_100], noise[1:44_101]], axis=1), 44_100)
    (folder / "a-words.mp3").write_text("la la la")
    (folder / "notes.txt").write_text("not looked at")
    return folder


def write_noise(path: Path, seed: int, seconds: float) -> Path:
    samples = np.random.default_rng(seed).normal(0, 0.1, int(24_000 * seconds)).astype(np.float32)
    soundfile.write(path, samples, 24_000)
    return path


def test_every_file_has_its_row_in_order(apex: Apex, songs: Path, tmp_path: Path, home: Path) -> None:
    out = tmp_path / "out.parquet"
    missing = tmp_path / "missing.mp3"
    result = apex("embed", str(missing), str(songs), str(missing), "-o", str(out), *TINY)
    assert result.exit_code == 1, result.output
    rows = pl.read_parquet(out)
    assert rows.columns == SONG
    names = [missing, songs / "a-words.mp3", songs / "b-long.wav", songs / "deep" / "c-short.flac", missing]
    assert rows["path"].to_list() == list(map(str, names))
    gone = "file not found"
    assert rows["error"].to_list() == [gone, "text instead of audio", None, None, gone]
    assert rows["segments"].to_list() == [None, None, 2, 1, None]
    assert rows["seconds"].to_list() == [None, None, 32.0, 1.0, None]
    hashes = [hashlib.sha256(path.read_bytes()).hexdigest() if path.exists() else None for path in names]
    assert rows["sha256"].to_list() == hashes
    assert "5 files by tiny-random-" in result.stderr
    assert "3 without" in result.stderr
    assert not (home / "catalog.duckdb").exists()
    assert not (home / "store").exists()


def test_vectors_are_those_of_the_encoder(apex: Apex, songs: Path, tmp_path: Path) -> None:
    paths = [songs / "b-long.wav", songs / "deep" / "c-short.flac"]
    assert apex("embed", *map(str, paths), "-o", "whole.parquet", *TINY).exit_code == 0
    assert apex("embed", *map(str, paths), "-o", "parts.parquet", "--segments", *TINY).exit_code == 0
    encoder = load_encoder(EncoderSettings(source="tiny-random", device="cpu"), tmp_path / "cache")
    means = [encoder.encode(segments(decode(path, AudioSettings()))) for path in paths]
    whole, parts = pl.read_parquet("whole.parquet"), pl.read_parquet("parts.parquet")
    assert set(whole["encoder_id"]) == {encoder.encoder_id}
    assert set(whole["device"]) == {"cpu"}
    for n, layer in enumerate(LAYERS):
        expected = np.stack([of_song.mean(axis=0)[n] for of_song in means])
        np.testing.assert_allclose(whole[layer].to_numpy(), expected, rtol=1e-4, atol=1e-5)
        expected = np.concatenate([of_song[:, n] for of_song in means])
        np.testing.assert_allclose(parts[layer].to_numpy(), expected, rtol=1e-4, atol=1e-5)
    np.testing.assert_allclose(parts["mixed"].to_numpy(), mix(np.concatenate(means)), rtol=1e-4, atol=1e-5)
    assert parts.select("segment", "start_s", "seconds").rows() == [(0, 0.0, 32.0), (1, 30.0, 32.0), (0, 0.0, 1.0)]


def test_duckdb_and_polars_read_it_directly(apex: Apex, songs: Path) -> None:
    assert apex("embed", str(songs), "-o", "out.parquet", *TINY).exit_code == 1
    near = duckdb.sql(
        "SELECT array_cosine_similarity(a.mixed::FLOAT[96], b.mixed::FLOAT[96])"
        " FROM 'out.parquet' AS a, 'out.parquet' AS b WHERE a.path < b.path AND a.mixed IS NOT NULL"
    ).fetchall()
    assert len(near) == 1
    assert -1 < near[0][0] < 1
    assert duckdb.sql("SELECT count(*), count(mixed) FROM 'out.parquet'").fetchall() == [(3, 2)]
    frame = pl.read_parquet("out.parquet")
    assert frame.schema["mixed"] == pl.Array(pl.Float32, 96)
    assert frame["mixed"].drop_nulls().to_numpy().shape == (2, 96)


def test_a_file_that_is_there_is_not_replaced_unless_told_to(apex: Apex, songs: Path) -> None:
    song = str(songs / "deep" / "c-short.flac")
    Path("out.parquet").write_text("precious")
    result = apex("embed", song, "-o", "out.parquet", *TINY)
    assert result.exit_code == 1
    assert "out.parquet is there already" in result.stderr
    assert Path("out.parquet").read_text() == "precious"
    assert apex("embed", song, "-o", "out.parquet", "--force", *TINY).exit_code == 0
    assert pl.read_parquet("out.parquet").height == 1


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (("-o", "nowhere/out.parquet", *TINY), "There is no folder nowhere"),
        (("-o", "out.parquet", "--encoder", "tiny-random", "--device", "cuda:99"), "There is no device 'cuda:99'"),
        (("-o", "out.parquet", "--encoder", "./no/such"), "neither a folder nor a hub id"),
    ],
)
def test_what_cannot_be_is_one_message_and_no_file(
    apex: Apex, songs: Path, words: tuple[str, ...], told: str, tmp_path: Path
) -> None:
    result = apex("embed", str(songs / "b-long.wav"), *words)
    assert result.exit_code == 1
    assert told in result.stderr
    assert not list(tmp_path.glob("*out.parquet*"))


def test_files_that_are_all_none_are_still_a_table(apex: Apex, songs: Path) -> None:
    assert apex("embed", str(songs / "a-words.mp3"), "missing.mp3", "-o", "out.parquet", *TINY).exit_code == 1
    rows = pl.read_parquet("out.parquet")
    assert rows["error"].to_list() == ["text instead of audio", "file not found"]
    assert rows.schema["mixed"] == pl.Array(pl.Float32, 96)


def test_a_name_that_is_no_text_costs_no_row(apex: Apex, songs: Path) -> None:
    os.rename(songs / "a-words.mp3", os.fsencode(songs) + b"/odd\xff.mp3")
    os.rename(songs / "deep" / "c-short.flac", os.fsencode(songs) + b"/deep/odd\xff.flac")
    assert apex("embed", str(songs), "-o", "out.parquet", *TINY).exit_code == 1
    rows = pl.read_parquet("out.parquet").sort("path")
    names = ["b-long.wav", "odd\N{REPLACEMENT CHARACTER}.flac", "odd\N{REPLACEMENT CHARACTER}.mp3"]
    assert [Path(path).name for path in rows["path"]] == names
    assert rows["segments"].to_list() == [2, 1, None]


def test_the_settings_say_which_encoder_unless_a_flag_does(
    apex: Apex, songs: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("APEX_ENCODER__SOURCE", "tiny-random")
    assert apex("embed", str(songs / "deep"), "-o", "out.parquet").exit_code == 0
    expected, _ = describe_encoder(EncoderSettings(source="tiny-random"), tmp_path)
    assert pl.read_parquet("out.parquet")["encoder_id"].to_list() == [expected]


def test_rows_are_written_as_they_come(apex: Apex, tmp_path: Path) -> None:
    folder = tmp_path / "many"
    folder.mkdir()
    for number in range(300):
        (folder / f"{number:03}.mp3").write_text("no song")
    write_noise(folder / "150.wav", 1, 1)
    assert apex("embed", str(folder), "-o", "out.parquet", *TINY).exit_code == 1
    groups = pq.ParquetFile("out.parquet").metadata
    assert [groups.row_group(n).num_rows for n in range(groups.num_row_groups)] == [256, 45]
    paths = pl.read_parquet("out.parquet")["path"].to_list()
    assert paths == sorted(paths)


@pytest.mark.slow
def test_a_run_that_is_killed_leaves_no_file_of_that_name(apex: Apex, home: Path, tmp_path: Path) -> None:
    songs = [str(write_noise(tmp_path / f"{seed}.wav", seed, 200)) for seed in range(20)]
    command = [sys.executable, "-m", "flows.cli", "embed", *songs, "-o", "out.parquet", *TINY]
    with subprocess.Popen(command, cwd=tmp_path, env=os.environ | {"PYTHONPATH": str(ROOT)}) as process:
        while not list(tmp_path.glob(".out.parquet.part")):
            assert process.poll() is None
            time.sleep(0.01)
        process.send_signal(signal.SIGKILL)
    assert not (tmp_path / "out.parquet").exists()
    assert apex("embed", songs[0], "-o", str(tmp_path / "out.parquet"), *TINY).exit_code == 0
    assert pl.read_parquet(tmp_path / "out.parquet").height == 1
    assert not list(tmp_path.glob(".*.part*")), "what was left is not in the way, and does not stay"


@pytest.mark.slow
def test_a_shell_sees_one_line_a_fault_and_a_summary(shell: Shell, songs: Path) -> None:
    result = shell("embed", str(songs), "-o", "out.parquet", *TINY)
    assert result.returncode == 1
    assert result.stdout == ""
    faults, summary = result.stderr.splitlines()
    assert faults.endswith("a-words.mp3: text instead of audio")
    assert "3 files by tiny-random-" in summary
    assert "real time" in summary
    assert summary.endswith("→ out.parquet")
