"""Battles from files: every format, every fault; records in = battles kept and dropped."""

import csv
import json
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import polars as pl
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from apex_core.arena import AESTHETICS, FEATURES, POPULARITY, Battle, read_battles, read_predictions
from apex_core.errors import SourceError
from apex_core.heads import AESTHETICS as HEADS_AESTHETICS
from apex_core.heads import POPULARITY as HEADS_POPULARITY
from tests.arena.votes import Record, predicted, record, write


def as_json(path: Path, records: Sequence[Record]) -> Path:
    return write(path.with_suffix(".json"), records)


def as_lines(path: Path, records: Sequence[Record]) -> Path:
    target = path.with_suffix(".jsonl")
    target.write_text("".join(json.dumps(one) + "\n" for one in records))
    return target


def as_csv(path: Path, records: Sequence[Record]) -> Path:
    target = path.with_suffix(".csv")
    with target.open("w", newline="") as file:
        writer = csv.DictWriter(file, list(dict.fromkeys(name for one in records for name in one)))
        writer.writeheader()
        writer.writerows(records)
    return target


def as_parquet(path: Path, records: Sequence[Record]) -> Path:
    """As the hub has them: a recording is its bytes and its name."""
    heard = {"audio_a", "audio_b"}
    struct = [
        {name: {"bytes": b"x" * 9, "path": value} if name in heard else value for name, value in one.items()}
        for one in records
    ]
    target = path.with_suffix(".parquet")
    pl.DataFrame(struct, infer_schema_length=None).write_parquet(target)
    return target


FORMATS = {"json": as_json, "lines": as_lines, "csv": as_csv, "parquet": as_parquet}


def test_features_are_the_heads_targets() -> None:
    assert (POPULARITY, AESTHETICS) == (HEADS_POPULARITY, HEADS_AESTHETICS)


@pytest.mark.parametrize("kind", FORMATS)
def test_a_battle_reads_the_same_from_every_format(kind: str, tmp_path: Path) -> None:
    lines = 'a prompt,\nwith "a" comma'
    records = [
        record(1, "A", prompt=lines, **predicted([61.5, *range(1, 7)], [40.25, *range(1, 7)])),
        record(2, "TIE", is_instrumental=None, user_pseudonym=None, **predicted(range(7), range(7))),
    ]
    found = read_battles([FORMATS[kind](tmp_path / "battles", records)])
    assert (found.records, found.dropped) == (2, {})
    first, second = found.battles
    assert first == Battle(
        battle_id="00000000-0000-4000-8000-000000000001",
        preference="A",
        audio=("1-a.mp3", "1-b.mp3"),
        systems=("north", "south"),
        prompt=lines,
        user="listener-1",
        instrumental=True,
        given=(
            dict(zip(FEATURES, [61.5, 1, 2, 3, 4, 5, 6], strict=True)),
            dict(zip(FEATURES, [40.25, 1, 2, 3, 4, 5, 6], strict=True)),
        ),
    )
    assert (second.preference, second.instrumental, second.user) == ("TIE", None, "")


@pytest.mark.parametrize(("said", "means"), [("True", True), ("false", False), (1, True), (0, False), ("", None)])
def test_yes_and_no_in_their_spellings(said: Any, means: bool | None, tmp_path: Path) -> None:
    (battle,) = read_battles([write(tmp_path / "b.json", [record(1, is_instrumental=said)])]).battles
    assert battle.instrumental is means


@pytest.mark.parametrize(
    ("faulty", "reason"),
    [
        (record(2, ""), "no_preference"),
        ({**record(2), "preference": None}, "no_preference"),
        (record(2, "C"), "unknown_preference"),
        (record(1), "there_twice"),
        (record(2, audio_b="2-a.mp3"), "same_audio"),
        ([1, 2], "not_an_object"),
        (None, "not_an_object"),
    ],
)
def test_what_is_no_battle_is_dropped_with_its_reason(faulty: Any, reason: str, tmp_path: Path) -> None:
    found = read_battles([write(tmp_path / "b.json", [record(1), faulty])])
    assert (len(found.battles), found.records, found.dropped) == (1, 2, {reason: 1})


def test_a_broken_line_costs_itself_alone(tmp_path: Path) -> None:
    path = as_lines(tmp_path / "b", [record(1), record(2)])
    path.write_text(path.read_text() + '{"battle_uuid": "3", "pref\n')
    found = read_battles([path])
    assert (len(found.battles), found.dropped) == (2, {"not_json": 1})


def test_a_line_may_hold_what_unicode_calls_a_line_separator(tmp_path: Path) -> None:
    path = tmp_path / "b.jsonl"
    one = record(1, prompt="slow\u2028then\x85fast")
    path.write_text("".join(json.dumps(battle, ensure_ascii=False) + "\n" for battle in (one, record(2))))
    found = read_battles([path])
    assert ([battle.prompt for battle in found.battles], found.dropped) == ([one["prompt"], "prompt 2"], {})


def test_battles_without_an_id_are_told_apart_by_their_place(tmp_path: Path) -> None:
    """Monthly parts may have the same name in folders of their own."""
    nameless = [{**record(1), "battle_uuid": None}]
    for month in ("08", "09"):
        (tmp_path / month).mkdir()
    found = read_battles([write(tmp_path / month / "battles.json", nameless) for month in ("08", "09")])
    assert (len(found.battles), found.dropped) == (2, {})


def test_monthly_parts_are_read_together(tmp_path: Path) -> None:
    parts = [write(tmp_path / f"{n}.json", [record(n), record(n + 1)]) for n in (1, 2)]
    found = read_battles(parts)
    assert (len(found.battles), found.records, found.dropped) == (3, 4, {"there_twice": 1})


@pytest.mark.parametrize("value", ["", "high", None, True, float("nan"), "inf", [3]])
def test_a_prediction_that_is_no_finite_number_is_none(value: Any, tmp_path: Path) -> None:
    given = record(1, score_streams_a=value, score_likes_a="3.5")
    (battle,) = read_battles([write(tmp_path / "b.json", [given])]).battles
    assert battle.given == ({"score_likes": 3.5}, {})


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("b.json", b"", "holds no record"),
        ("b.json", b"[]", "holds no record"),
        ("b.json", b"hello", "neither JSON nor JSON lines"),
        ("b.json", b"\xff\xfe\x00\x01", "is no text"),
        ("b.json", b'[{"winner": "a"}]', "no record has a preference; it has winner"),
        ("b.json", b"[3]", "none of its lines is a JSON object"),
        ("b.csv", b"winner,loser\na,b\n", "no record has a preference; it has winner, loser"),
        ("b.csv", b"", "cannot be read as a table"),
        ("b.csv", b'preference,prompt\nA,"x\n', "cannot be read as a table"),
        ("b.parquet", b"PAR1", "is not Parquet"),
    ],
)
def test_a_file_that_is_no_table_of_battles_is_named(name: str, content: bytes, message: str, tmp_path: Path) -> None:
    path = tmp_path / name
    path.write_bytes(content)
    with pytest.raises(SourceError, match=message) as refusal:
        read_battles([path])
    assert str(path) in refusal.value.message
    assert refusal.value.fix


def test_a_file_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(SourceError, match=r"no file .*b\.json"):
        read_battles([tmp_path / "b.json"])


@settings(max_examples=50, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    st.lists(
        st.one_of(
            st.builds(record, st.integers(0, 5), st.sampled_from(["A", "b", "TIE", "BOTH_BAD", "?", ""])),
            st.sampled_from([None, 3, {}, {"preference": {"path": "A"}}, {"preference": "A", "audio_a": [1]}]),
        ),
        max_size=8,
    )
)
def test_records_in_are_battles_kept_and_dropped(tmp_path: Path, records: list[Any]) -> None:
    found = read_battles([write(tmp_path / "b.json", [record(99), *records])])
    assert found.records == len(records) + 1 == len(found.battles) + sum(found.dropped.values())


Write = Callable[[str], Path]


@pytest.fixture
def predictions(tmp_path: Path) -> Write:
    def written(text: str) -> Path:
        path = tmp_path / "predictions.jsonl"
        path.write_text(text)
        return path

    return written


def test_predictions_are_found_by_name_and_else_by_file_name(predictions: Write) -> None:
    known = read_predictions(
        predictions(
            '{"path": "/songs/one.mp3", "model": "v1", "score_streams": 50, "score_likes": 40.5}\n'
            '{"path": "/songs/bad.mp3", "error": "no audio"}\n'
            '{"path": "x/two.mp3", "score_streams": 1}\n'
            '{"path": "y/two.mp3", "score_streams": 2}\n'
        )
    )
    assert known.of("audio/one.mp3") == {"score_streams": 50, "score_likes": 40.5}
    assert known.of("x/two.mp3") == {"score_streams": 1}
    assert known.of("two.mp3") == {}  # two of them, who knows which
    assert known.of("bad.mp3") == {}


def test_predictions_that_contradict_each_other_are_an_error(predictions: Write) -> None:
    with pytest.raises(SourceError, match="two different predictions of a"):
        read_predictions(predictions('{"path": "a", "score_likes": 1}\n{"path": "a", "score_likes": 2}\n'))


def test_a_file_without_predictions_is_an_error(predictions: Write) -> None:
    with pytest.raises(SourceError, match="holds no predictions"):
        read_predictions(predictions('{"path": "a", "error": "x"}\n'))
