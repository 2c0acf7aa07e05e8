"""Lines in, as many lines out, in their order, whatever they say."""

import json
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from apex_core.pipeline.predictor import Scores
from apex_core.pipeline.score_file import as_line, own_keys, record
from apex_core.pipeline.song_lines import answers

OWN = own_keys(("score_streams",), placed=True)
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=6,
)
NAMED = st.fixed_dictionaries({"path": st.text()}, optional=dict.fromkeys(("id", "error", "model", "tags"), JSON))
LINES = st.one_of(
    st.binary().filter(lambda data: b"\n" not in data), (JSON | NAMED).map(lambda x: json.dumps(x).encode())
)


def lengths(paths: Iterable[Path]) -> Iterator[Scores]:
    """Scores that say which path they are of; every third cannot be had."""
    for n, path in enumerate(paths):
        found = {"score_streams": float(len(str(path)))}
        yield Scores(path, None, "no song") if n % 3 == 2 else Scores(path, found, percentiles=found)


def answered(lines: list[bytes]) -> list[dict[str, Any]]:
    found = (record("v1", scores, given) for given, scores in answers(lengths, lines, OWN))
    return [json.loads(as_line(one).encode()) for one in found]


def spoken(line: bytes, *, first: bool) -> Any:
    try:
        return json.loads(line.decode("utf-8-sig" if first else "utf-8"))
    except (ValueError, RecursionError):
        return None


@given(lines=st.lists(LINES, max_size=12))
def test_every_line_is_answered_in_its_place(lines: list[bytes]) -> None:
    found = answered(lines)
    assert len(found) == len(lines)
    for number, (line, answer) in enumerate(zip(lines, found, strict=True)):
        assert ("error" in answer) != ("score_streams" in answer)
        assert answer["model"] == "v1"
        said = spoken(line, first=number == 0)
        if "score_streams" in answer:
            assert answer["score_streams"] == len(str(Path(said["path"])))
        if isinstance(said, dict) and "is no JSON" not in answer.get("error", ""):
            assert {k: v for k, v in answer.items() if k not in OWN} == {k: v for k, v in said.items() if k not in OWN}


def test_what_is_wrong_with_a_line_is_said() -> None:
    wrong = [b"", b"{", b"[1]", b'{"path": 1}', b'{"path": ""}', b'{"path": "a\\u0000"}', b'{"path": "\\ud800"}']
    wrong += [b'{"path": "a", "x": NaN}', b'{"path": "a", "x": 1e999}', b"\xff", b"[" * 100_000]
    told = [answer["error"] for answer in answered(wrong)]
    assert told[:3] == ["line 1 is no JSON: it is empty", told[1], "line 3 is no JSON object"]
    assert told[3] == told[4].replace("5", "4") == 'line 4 names no file: "path" is missing'
    assert told[5] == told[6] == "no file can have this name"
    assert all("is no JSON" in one for one in told[7:]), told


def test_an_answer_that_is_asked_again_loses_what_it_said() -> None:
    stale = {"path": "a.mp3", "model": "v0", "score_streams": 1, "score_streams_percentile": 2, "error": "x", "id": 7}
    (found,) = answered([json.dumps(stale).encode()])
    assert found == {"path": "a.mp3", "id": 7, "model": "v1", "score_streams": 5.0, "score_streams_percentile": 5.0}


def test_lines_are_read_no_further_than_songs_are() -> None:
    read: list[int] = []

    def lines() -> Iterator[bytes]:
        for n in range(100):
            read.append(n)
            yield b'{"path": "a"}'

    found = answers(lengths, lines(), OWN)
    next(found)
    assert len(read) == 1
