"""`apex arena`: battles in, figures beside the baseline out; no catalog, and a model for recordings alone."""

import json
from pathlib import Path

import numpy as np
import pytest
import soundfile

from tests.arena.votes import predicted, record, world, write
from tests.cli.conftest import Apex, Shell
from tests.cli.test_predict import folder, store

__all__ = ["folder", "store"]  # fixtures

QUICK = ("--resamples", "100", "--folds", "4")


@pytest.fixture
def battles(tmp_path: Path) -> Path:
    return write(tmp_path / "battles.json", world(80, 1, taste=[1, 0, 0, 0, 0, 0, 0], systems=5))


def test_a_table_names_every_method_the_baseline_and_what_went_in(apex: Apex, battles: Path) -> None:
    result = apex("arena", str(battles), *QUICK)
    assert result.exit_code == 0, result.output
    lines = [" ".join(line.split()) for line in result.stdout.splitlines()]
    assert any(line.startswith("score_streams 80 0.") for line in lines)
    assert sum(line.startswith("system identity, logistic 80 0.") for line in lines) == 2
    assert sum(line.startswith("popularity + aesthetics, linear SVM 80 0.") for line in lines) == 2
    assert "80 battles in, 80 used, 0 dropped" in lines


def test_without_torch(shell: Shell, battles: Path, tmp_path: Path) -> None:
    """Figures of columns wait for no encoder."""
    (tmp_path / "torch.py").write_text("raise RuntimeError('torch is imported')")
    result = shell("arena", str(battles), *QUICK, "--json")
    assert result.returncode == 0, result.stderr
    assert json.loads(result.stdout)["used"] == 80


@pytest.mark.parametrize("kind", ["json", "html", "png"])
def test_a_report_is_written_whole_and_replaces_nothing_unasked(
    kind: str, apex: Apex, battles: Path, tmp_path: Path
) -> None:
    target = tmp_path / f"report.{kind}"
    assert apex("arena", str(battles), *QUICK, "-o", str(target)).exit_code == 0
    assert target.stat().st_size > 1_000
    before = target.read_bytes()
    refused = apex("arena", str(battles), *QUICK, "-o", str(target))
    assert (refused.exit_code, target.read_bytes()) == (1, before)
    assert "--force" in refused.stderr
    assert apex("arena", str(battles), *QUICK, "-o", str(target), "--force").exit_code == 0


def test_published_rules_are_told_the_right_way_round(apex: Apex, tmp_path: Path) -> None:
    """FACTS §7: where .557 was published for the rule "more streams win", its sign was reversed: it is .443."""
    records = [record(n, "B", **predicted([n - 443 + 0.5], [0], ["score_streams"])) for n in range(1000)]
    records += [record(n, "A", **predicted([0], [0], ["score_streams"])) for n in (1000, 1001)]
    result = apex("arena", str(write(tmp_path / "b.json", records)), *QUICK, "--json")
    (rule,) = [row for row in json.loads(result.stdout)["rows"] if row["protocol"] == "rule"]
    assert rule["measures"]["all"]["auc"]["value"] == pytest.approx(0.443)


def test_predictions_come_in_a_file_of_their_own(apex: Apex, tmp_path: Path) -> None:
    battles = write(tmp_path / "battles.json", [record(n, "A" if n % 2 else "B") for n in range(60)])
    lines = [
        {"path": f"/songs/{n}-{side}.mp3", "score_streams": 50 + (side == "a") * (1 if n % 2 else -1)}
        for n in range(60)
        for side in "ab"
    ]
    predictions = tmp_path / "predictions.jsonl"
    predictions.write_text("".join(json.dumps(line) + "\n" for line in lines[:-1]))
    result = apex("arena", str(battles), *QUICK, "--predictions", str(predictions), "--json")
    found = json.loads(result.stdout)
    assert (found["used"], found["dropped"]) == (59, {"no_prediction": 1})
    assert found["rows"][0]["measures"]["all"]["auc"]["value"] == 1.0


def test_recordings_are_scored_by_a_model(apex: Apex, folder: str, tmp_path: Path) -> None:
    """Each once; what is not there, leads out of the folder or is no audio costs its battles, with a reason."""
    songs = tmp_path / "songs"
    songs.mkdir()
    rng = np.random.default_rng(1)
    for name in ("one", "two", "three"):
        soundfile.write(songs / f"{name}.wav", rng.normal(0, 0.1, 24_000).astype(np.float32), 24_000)
    (songs / "text.wav").write_text("la la la")
    (tmp_path / "outside.wav").write_bytes((songs / "one.wav").read_bytes())
    pairs = [("one", "two"), ("two", "three"), ("one", "gone"), ("text", "two"), ("../outside", "two")]
    records = [record(n, audio_a=f"{a}.wav", audio_b=f"{b}.wav") for n, (a, b) in enumerate(pairs)]
    battles = write(tmp_path / "b.json", records)
    result = apex("arena", str(battles), *QUICK, "--audio", str(songs), "--model", folder, "--json")
    assert result.exit_code == 0, result.output
    found = json.loads(result.stdout)
    assert (found["used"], found["dropped"]) == (2, {"no_prediction": 3})
    assert found["model"] == Path(folder).name
    assert set(found["failed"]) == {"gone.wav", "../outside.wav", "text.wav"}
    assert found["failed"]["gone.wav"] == found["failed"]["../outside.wav"] == "no such file in the folder"
    assert len(found["features"]) == 7


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (("none.json",), "no file none.json"),
        (("battles.json", "-o", "x.pdf"), "x.pdf is none of .json, .html, .png"),
        (("battles.json", "-o", "nowhere/x.png"), "no folder nowhere"),
        (("battles.json", "--audio", "nowhere"), "no folder nowhere"),
        (("battles.json", "--audio", "."), "None of the 160 recordings"),
        (("battles.json", "--audio", ".", "--predictions", "x"), "leave one of them out"),
        (("battles.json", "--predictions", "battles.json"), "holds no predictions"),
    ],
)
def test_what_cannot_be_is_said_in_a_message(words: tuple[str, ...], message: str, apex: Apex, battles: Path) -> None:
    result = apex("arena", *words)
    assert result.exit_code == 1
    assert message in " ".join(result.stderr.split())
    assert "Traceback" not in result.output
