"""``apex forget``: a plan first, a receipt after, and a message for every slip of the pen."""

import json

import pytest

from apex_core.catalog import connect
from apex_core.settings import Settings
from apex_core.storage import Store
from tests.cli.conftest import Apex

_THEIRS = ("forget", "--platform", "suno", "--track", "t1")


def tracks(settings: Settings) -> list[str]:
    with connect(settings, "test") as connection:
        return [row[0] for row in connection.execute("SELECT track_id FROM track ORDER BY ALL").fetchall()]


def test_without_yes_it_shows_what_would_go_and_changes_nothing(apex: Apex, snapshot: Settings) -> None:
    result = apex(*_THEIRS)
    assert result.exit_code == 0, result.output
    lines = {" ".join(line.split()) for line in result.stdout.splitlines()}
    assert {"catalog track 1", "catalog engagement 1", "catalog engagement_score 1", "snapshots files 1"} <= lines
    assert "nothing was changed; --yes removes it" in result.stderr
    assert "stays: forgotten" in result.stderr
    assert tracks(snapshot) == ["t1", "t2", "t3"]
    assert Store.open(snapshot.store_url).list("receipts") == []


def test_with_yes_it_removes_and_prints_the_receipt(apex: Apex, snapshot: Settings) -> None:
    result = apex(*_THEIRS, "--track", "t2", "--yes")
    assert result.exit_code == 0, result.output
    receipt = json.loads(result.stdout)
    assert receipt["asked"] == {"kind": "track", "ids": ["t1", "t2"]}
    assert receipt == Store.open(snapshot.store_url).read_json(receipt["receipt"])
    assert receipt["receipt"] in result.stderr
    assert tracks(snapshot) == ["t3"]
    assert '"t3"' in apex("sql", "--format", "json", "SELECT track_id FROM scored_catalog").stdout
    with connect(snapshot, "test") as connection:
        runs = connection.execute("SELECT flow, state FROM run WHERE flow = 'forget'").fetchall()
    assert runs == [("forget", "completed")]
    again = apex(*_THEIRS, "--yes")
    assert (again.exit_code, again.stdout) == (0, "")
    assert "forgotten before" in again.stderr
    assert "Nothing of it is left." in apex(*_THEIRS).stdout


@pytest.mark.parametrize("yes", [(), ("--yes",)])
def test_an_unknown_id_is_one_message_and_no_run(apex: Apex, snapshot: Settings, yes: tuple[str, ...]) -> None:
    result = apex("forget", "--platform", "udio", "--creator", "nobody", *yes)
    assert result.exit_code == 1
    assert "Neither the catalog nor the landing has a creator nobody of udio." in result.stderr
    assert "→ " in result.stderr
    with connect(snapshot, "test") as connection:
        assert connection.execute("FROM run WHERE flow = 'forget'").fetchall() == []


def test_where_there_is_no_catalog_none_is_made(apex: Apex, settings: Settings) -> None:
    result = apex(*_THEIRS)
    assert result.exit_code == 1
    assert "There is no catalog" in result.stderr
    assert not settings.home.exists()


@pytest.mark.parametrize(
    "words",
    [
        ["forget", "--platform", "suno"],
        ["forget", "--platform", "suno", "--track", "a", "--creator", "b"],
        ["forget", "--track", "a"],
        ["forget", "--platform", "spotify", "--track", "a"],
    ],
)
def test_calling_it_wrong_is_a_usage_error(apex: Apex, words: list[str]) -> None:
    result = apex(*words)
    assert result.exit_code == 2
    assert "Traceback" not in result.output
