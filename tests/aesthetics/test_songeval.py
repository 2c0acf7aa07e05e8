"""SongEval result files as they are (FACTS §6): capitalised keys, rounded values, names up to the first dot."""

import json
from pathlib import Path
from typing import Any

import pytest

from apex_core.aesthetics import DIMENSIONS, Label
from apex_core.aesthetics import read_results as read_all
from apex_core.errors import SourceError
from apex_core.storage import Store


def read_results(patterns: list[str]) -> list[Label]:
    return list(read_all(patterns))


GOOD = {"Coherence": 3.1234, "Musicality": 2.7, "Memorability": 1, "Clarity": 5.0, "Naturalness": 4.4321}


def label(tmp_path: Path, entry: object, name: str = "song") -> Label:
    path = tmp_path / "result.json"
    path.write_text(json.dumps({name: entry}))
    (read,) = read_results([str(path)])
    return read


def test_dimensions_come_in_the_toolkits_order(tmp_path: Path) -> None:
    assert DIMENSIONS == ("coherence", "musicality", "memorability", "clarity", "naturalness")
    read = label(tmp_path, GOOD, "a2fe638b-df3d-52e2-8ef5-77cac93a7f66")
    assert read.name == "a2fe638b-df3d-52e2-8ef5-77cac93a7f66"
    assert read.values == (3.1234, 2.7, 1.0, 5.0, 4.4321)
    assert read.reason is None


def test_the_order_and_case_of_keys_do_not_matter(tmp_path: Path) -> None:
    turned = {key.upper(): value for key, value in reversed(GOOD.items())}
    assert label(tmp_path, turned).values == label(tmp_path, GOOD).values


def test_a_missing_dimension_is_null_and_the_rest_is_used(tmp_path: Path) -> None:
    entry = {key: value for key, value in GOOD.items() if key != "Clarity"}
    read = label(tmp_path, entry)
    assert read.values == (3.1234, 2.7, 1.0, None, 4.4321)
    assert read.reason is None


def test_dimensions_we_do_not_know_are_left_alone(tmp_path: Path) -> None:
    assert label(tmp_path, {**GOOD, "Overall": 99}).reason is None


@pytest.mark.parametrize("value", [None, "3.5", "", True, [3], {"mean": 3}, float("nan"), float("inf")])
def test_a_value_that_is_no_number_is_missing(tmp_path: Path, value: Any) -> None:
    read = label(tmp_path, {**GOOD, "Musicality": value})
    assert read.values[1] is None
    assert read.reason is None


@pytest.mark.parametrize("value", [0.9999, 5.0001, -1, 0, 100])
def test_a_value_out_of_range_refuses_the_entry(tmp_path: Path, value: float) -> None:
    read = label(tmp_path, {**GOOD, "Musicality": value})
    assert read.reason == "out_of_range"
    assert json.loads(read.payload) == {"song": {**GOOD, "Musicality": value}}


@pytest.mark.parametrize("value", [1, 5, 1.0, 5.0])
def test_the_ends_of_the_scale_are_on_it(tmp_path: Path, value: float) -> None:
    assert label(tmp_path, {**GOOD, "Musicality": value}).reason is None


@pytest.mark.parametrize("entry", [{}, {"Overall": 3}, dict.fromkeys(GOOD)])
def test_an_entry_without_any_dimension_is_refused(tmp_path: Path, entry: object) -> None:
    assert label(tmp_path, entry).reason == "no_dimension"


@pytest.mark.parametrize("entry", [None, 3.5, "good", [1, 2, 3, 4, 5]])
def test_an_entry_that_is_no_object_is_refused(tmp_path: Path, entry: object) -> None:
    assert label(tmp_path, entry).reason == "not_an_object"


def test_one_bad_entry_does_not_cost_the_others(tmp_path: Path) -> None:
    path = tmp_path / "result.json"
    path.write_text(json.dumps({"a": GOOD, "b": None, "c": GOOD}))
    assert [read.reason for read in read_results([str(path)])] == [None, "not_an_object", None]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "is not JSON"),
        ('{"a": ', "is not JSON"),
        ("[]", "not an object of song names"),
        ("3", "not an object of song names"),
        (b"\xff\xfe\x00", "is not JSON"),
    ],
)
def test_a_file_that_is_no_result_file_is_named(tmp_path: Path, text: str | bytes, message: str) -> None:
    path = tmp_path / "result.json"
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    with pytest.raises(SourceError, match=message) as refusal:
        read_results([str(path)])
    assert str(path) in refusal.value.message
    assert refusal.value.fix


def test_a_pattern_without_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(SourceError, match=r"none-\*\.json"):
        read_results([str(tmp_path / "none-*.json")])


def test_files_are_found_by_pattern_and_read_in_order(tmp_path: Path) -> None:
    for night in ("2", "1"):
        (tmp_path / night).mkdir()
        (tmp_path / night / "result.json").write_text(json.dumps({f"song-{night}": GOOD}))
    read = read_results([str(tmp_path / "**" / "result.json")])
    assert [one.name for one in read] == ["song-1", "song-2"]


def test_nothing_configured_is_no_label() -> None:
    assert read_results([]) == []


def test_a_name_ends_at_its_first_dot_however_many_follow(tmp_path: Path) -> None:
    assert label(tmp_path, GOOD, "song.mp3").name == "song"
    assert label(tmp_path, GOOD, "song.mp3.mp3").name == "song"
    assert label(tmp_path, GOOD, " song ").name == "song"


@pytest.mark.parametrize("name", ["", ".", " ", ".mp3"])
def test_an_entry_without_a_name_is_refused(tmp_path: Path, name: str) -> None:
    assert label(tmp_path, GOOD, name).reason == "no_name"


def test_a_name_that_is_there_twice_is_two_entries(tmp_path: Path) -> None:
    path = tmp_path / "result.json"
    path.write_text('{"a": {"Clarity": 2}, "a": {"Clarity": 3}}')
    assert [one.values[3] for one in read_results([str(path)])] == [2.0, 3.0]


@pytest.mark.parametrize(("other", "reason"), [(3, "dimension_there_twice"), (2, None), ("null", None)])
def test_a_dimension_that_is_there_twice_must_say_one_thing(tmp_path: Path, other: object, reason: str | None) -> None:
    path = tmp_path / "result.json"
    path.write_text(f'{{"a": {{"Clarity": 2, "clarity": {other}, "Clarity": {other}}}}}')
    (read,) = read_results([str(path)])
    assert read.reason == reason
    if reason is None:
        assert read.values[3] == 2.0


def test_values_are_what_the_toolkit_rounds_to(tmp_path: Path) -> None:
    read = label(tmp_path, {"Clarity": 5.00004, "Coherence": 0.99996, "Musicality": 3.1234000205993652})
    assert read.values == (1.0, 3.1234, None, 5.0, None)


def test_a_byte_order_mark_is_no_part_of_the_file(tmp_path: Path) -> None:
    path = tmp_path / "result.json"
    path.write_bytes(b"\xef\xbb\xbf" + json.dumps({"a": GOOD}).encode())
    assert [one.name for one in read_results([str(path)])] == ["a"]


def test_a_file_that_two_patterns_name_is_read_once(tmp_path: Path) -> None:
    (tmp_path / "result.json").write_text(json.dumps({"a": GOOD}))
    assert len(read_results([str(tmp_path / "*.json"), str(tmp_path / "result.json")])) == 1


def test_files_on_s3_are_found_by_address_and_by_pattern(s3_url: str) -> None:
    store = Store.open(s3_url)
    for night in ("2", "1"):
        store.put(f"labels/{night}/result.json", json.dumps({f"song-{night}": GOOD}).encode())
    store.put("labels/notes.txt", b"nothing")
    assert [one.name for one in read_results([f"{s3_url}/labels/*.json"])] == ["song-1", "song-2"]
    assert [one.name for one in read_results([f"{s3_url}/labels/2/result.json"])] == ["song-2"]
    with pytest.raises(SourceError, match="No label file"):
        read_results([f"{s3_url}/labels/3/*.json"])
