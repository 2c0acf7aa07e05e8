"""Progress and tables."""

from typing import Any

from prefect import flow

from apex_core.pipeline.run import StageReport
from flows.artifacts import ProgressArtifacts, show_extraction
from flows.local_server import LocalServer
from flows.run_page import table
from tests.flows.pages import post


def shown(server: LocalServer, key: str) -> list[dict[str, Any]]:
    """All artifacts of this key."""
    return post(server, "artifacts/filter", {"artifacts": {"key": {"any_": [key]}}})


def test_progress_is_one_artifact_that_ends_at_a_hundred(prefect_server: LocalServer) -> None:
    @flow
    def counting() -> None:
        progress = ProgressArtifacts(every_s=3600)
        for n in (*range(1, 201), 200):  # that it ended may be said twice
            progress("counting songs", n, 200)

    counting()
    [artifact] = shown(prefect_server, "progress-counting-songs")
    assert artifact["data"] == 100
    assert artifact["description"] == "counting songs: 200 of 200"


def test_of_an_unknown_number_the_count_moves_until_it_is_known(prefect_server: LocalServer) -> None:
    @flow
    def listing(*steps: tuple[int, int]) -> list[tuple[float, str]]:
        progress, seen = ProgressArtifacts(every_s=0), []
        for done, total in steps:
            progress("count what nobody knows", done, total)
            seen += [
                (one["data"], one["description"]) for one in shown(prefect_server, "progress-count-what-nobody-knows")
            ]
        return seen

    assert listing((0, 0), (7, 0), (1200, 0), (1200, 1200)) == [
        (0, "count what nobody knows: 7 so far"),
        (0, "count what nobody knows: 1,200 so far"),
        (100, "count what nobody knows: 1,200 of 1,200"),
    ]


def test_a_cell_may_hold_any_text() -> None:
    assert table(("a", "b"), [("x|y", "two\nlines <b>"), (None, 0.123456)]).splitlines() == [
        "| a | b |",
        "| --- | --- |",
        r"| x\|y | two lines &lt;b> |",
        "|  | 0.1235 |",
    ]


def test_progress_says_what_else_there_is_to_say(prefect_server: LocalServer) -> None:
    @flow
    def encoding() -> None:
        ProgressArtifacts()("encode some", 1, 4, "0.1 h of audio, 95× real time, feed-bound")

    encoding()
    [artifact] = shown(prefect_server, "progress-encode-some")
    assert artifact["description"] == "encode some: 1 of 4 (0.1 h of audio, 95× real time, feed-bound)"


def test_an_extraction_leaves_where_and_how_fast_and_what_failed(prefect_server: LocalServer) -> None:
    counts = {"songs": 250.0, "audio_s": 36_000.0, "missing_shards": 1.0}
    machine = {"host": "box", "device": "cuda", "shards": 1, "times_real_time": 950.5, "feed_percent": 80.0}
    failure = {"reason": "text <instead> of audio", "songs": 6}

    @flow
    def encoding() -> None:
        report = StageReport("extract", counts, "mert: 10.0 h of audio, 950× real time, feed-bound")
        show_extraction(report, {"machines": [machine], "failures": [failure]})

    encoding()
    [artifact] = [found for found in shown(prefect_server, "extraction") if "| box |" in found["data"]]
    lines = artifact["data"].splitlines()
    assert lines[0] == "# 250 songs, 10.00 h of audio"
    assert "**1 shards were not encoded.**" in lines
    assert "| box | cuda | 1 | 950.5 | 80 |" in lines
    assert "| text &lt;instead> of audio | 6 |" in lines
