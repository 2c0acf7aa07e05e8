"""`apex why` and `apex similar`, as somebody calls them."""

import json
from pathlib import Path

import pytest

from apex_core.catalog import connect
from apex_core.settings import Settings
from tests.catalog.publisher import publish_night, settings_for
from tests.cli.conftest import Apex
from tests.cli.typist import Typist


def test_each_stage_is_a_line_with_what_would_move_the_track_on(apex: Apex, snapshot: Settings) -> None:
    result = apex("why", "suno/t2")
    assert result.exit_code == 0
    lines = [" ".join(line.split()) for line in result.stdout.splitlines()]
    assert lines[0].startswith("suno/t2 Tower")
    assert any(line.startswith("✓ scored streams") for line in lines)
    at = next(n for n, line in enumerate(lines) if line.startswith("… audio not looked for yet"))
    assert lines[at + 1].startswith("→ the next nightly run")
    assert "\x1b" not in result.stdout  # the title would clear the screen
    assert "as of the snapshot of 2026-11-01 00:00 UTC" in result.stderr


def test_programs_get_an_object(apex: Apex, snapshot: Settings) -> None:
    found = json.loads(apex("why", "t3", "--json").stdout)
    assert (found["track"], found["known"], found["rejects"]) == ("suno/t3", True, [])
    assert found["as_of"] == "2026-11-01T00:00:00+00:00"
    stages = {stage["stage"]: stage for stage in found["stages"]}
    assert stages["scored"]["standing"] == "done"
    assert stages["scored"]["since"] == "2026-11-01T00:00:00+00:00"
    assert stages["audio"]["next"]


def test_an_unknown_track_is_no_fault_but_an_answer(apex: Apex, snapshot: Settings) -> None:
    result = apex("why", "suno/nobody")
    assert result.exit_code == 0
    assert "no track of this name is in the snapshot" in " ".join(result.stdout.split())
    assert json.loads(apex("why", "suno/nobody", "--json").stdout)["known"] is False


def test_it_does_not_wait_for_a_writer(apex: Apex, snapshot: Settings) -> None:
    with connect(snapshot, "a long stage"):
        assert apex("why", "suno/t1").exit_code == 0


@pytest.mark.parametrize("columns", [50, 80])
def test_it_fits_a_narrow_terminal(snapshot: Settings, columns: int) -> None:
    with Typist("why", "suno/t1", columns=columns) as typist:
        assert typist.leaves() == 0
        assert max(len(line.rstrip()) for line in typist.text.splitlines()) <= columns


def test_similar_lists_neighbours_of_a_published_night(apex: Apex, home: Path) -> None:
    home.mkdir()
    publish_night(settings_for(home, ""), 1)
    known = "SELECT track_id FROM scored_catalog WHERE embedding_state = 'embedded' ORDER BY ALL LIMIT 1"
    track_id = apex("sql", known, "--format", "csv").stdout.split()[1]
    table = apex("similar", f"suno/{track_id}", "-n", "2")
    assert table.exit_code == 0, table.stderr
    assert table.stdout.split()[:3] == ["similarity", "platform", "track_id"]
    assert f"nearest to suno/{track_id}" in table.stderr
    rows = [json.loads(line) for line in apex("similar", track_id, "--format", "json").stdout.splitlines()]
    assert len(rows) == 4
    assert track_id not in {row["track_id"] for row in rows}
    assert rows == sorted(rows, key=lambda row: -row["similarity"])
    without = "SELECT track_id FROM scored_catalog WHERE embedding_state IS NULL ORDER BY ALL LIMIT 1"
    other = apex("sql", without, "--format", "csv").stdout.split()[1]
    refused = apex("similar", other)
    assert refused.exit_code == 1
    assert f"suno/{other} has no vector: not looked for yet" in refused.stderr
    assert f"→ apex why suno/{other}" in refused.stderr
