"""Progress and tables."""

from typing import Any

from prefect import flow

from flows.artifacts import ProgressArtifacts, table
from flows.local_server import LocalServer
from tests.flows.pages import post


def shown(server: LocalServer, key: str) -> list[dict[str, Any]]:
    """All artifacts of this key."""
    return post(server, "artifacts/filter", {"artifacts": {"key": {"any_": [key]}}})


def test_progress_is_one_artifact_that_ends_at_a_hundred(prefect_server: LocalServer) -> None:
    @flow
    def counting() -> None:
        progress = ProgressArtifacts(every_s=3600)
        for n in range(1, 201):
            progress("counting songs", n, 200)

    counting()
    [artifact] = shown(prefect_server, "progress-counting-songs")
    assert artifact["data"] == 100
    assert artifact["description"] == "counting songs: 200 of 200"


def test_progress_of_an_unknown_number_is_not_shown(prefect_server: LocalServer) -> None:
    @flow
    def listing() -> None:
        ProgressArtifacts()("listing", 7, 0)

    listing()
    assert shown(prefect_server, "progress-listing") == []


def test_a_cell_may_hold_any_text() -> None:
    assert table(("a", "b"), [("x|y", "two\nlines <b>"), (None, 0.123456)]).splitlines() == [
        "| a | b |",
        "| --- | --- |",
        r"| x\|y | two lines &lt;b> |",
        "|  | 0.1235 |",
    ]
