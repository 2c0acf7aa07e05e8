"""`apex status`: shares, checks, runs, for people and for programs."""

import json
from datetime import timedelta

import pytest

from apex_core.catalog import connect
from apex_core.pipeline.run import begin, end
from apex_core.settings import Settings
from flows.commands.status import print_coverage
from tests.cli.conftest import AS_OF, Apex, occupied
from tests.cli.typist import Typist


def test_programs_get_every_section_in_one_object(apex: Apex, snapshot: Settings) -> None:
    found = json.loads(apex("status", "--json").stdout)
    assert found["totals"][0] | {"tracks": 3, "observations": 3, "scored": 3, "champion": None} == found["totals"][0]
    assert found["snapshot"]["as_of"] == "2026-11-01T00:00:00+00:00"
    assert {row["stage"] for row in found["coverage"]} >= {"known", "scored", "audio"}
    assert found["runs"][0]["state"] == "completed"
    assert found["busy"] is None


def test_the_last_run_of_each_flow_is_told_with_its_end(apex: Apex, snapshot: Settings) -> None:
    end(begin(snapshot, "nightly", AS_OF, "r2"), "failed", AS_OF + timedelta(minutes=90))
    begin(snapshot, "backfill", AS_OF, "r3")
    lines = {" ".join(line.split()) for line in apex("status").stdout.splitlines()}
    assert "nightly failed 2026-11-01 00:00 2026-11-01 01:30 1:30:00" in lines
    assert "backfill running 2026-11-01 00:00" in lines
    assert "test completed 2026-11-01 00:00 2026-11-01 00:00 0:00:00" in lines


def test_labellers_are_told_with_what_they_labelled_and_whose_labels_train(apex: Apex, snapshot: Settings) -> None:
    from apex_core.pipeline.snapshot import run_snapshot

    assert "labels none to train on: heads learn popularity alone" in " ".join(apex("status").stdout.split())
    run = begin(snapshot, "test", AS_OF + timedelta(days=1), "r2")
    with connect(snapshot, "test") as connection:
        connection.execute(
            "INSERT INTO aesthetic BY NAME SELECT 'suno' AS platform, 't' || n AS track_id, who AS labeller, "
            "3 AS coherence, 3 AS musicality, 3 AS memorability, CASE n WHEN 1 THEN 3 END AS clarity, 3 AS naturalness,"
            "$as_of AS labelled_at FROM range(1, 3) AS r(n), (VALUES ('songeval'), ('experts')) AS w(who) "
            "WHERE n = 1 OR who = 'songeval'",
            {"as_of": run.as_of},
        )
    run_snapshot(run)
    end(run, "completed", run.as_of)
    printed = " ".join(apex("status").stdout.split())
    assert (
        "labels experts 1 of 3 eligible tracks, 33 %; songeval 2 of 3 eligible tracks, 67 % (of these clarity 1); "
        "songeval trains"
    ) in printed
    found = {row["labeller"]: row for row in json.loads(apex("status", "--json").stdout)["labels"]}
    assert (found["songeval"]["tracks"], found["songeval"]["clarity"]) == (2, 1)


def test_whoever_is_at_the_catalog_is_named_and_not_waited_for(apex: Apex, snapshot: Settings) -> None:
    with occupied(snapshot, "run 7: score"):
        assert "run 7: score" in apex("status").stdout


def test_checks_that_found_something_are_named_with_the_first(apex: Apex, snapshot: Settings) -> None:
    """Counted from what the snapshot's own checks left, with one that warned made up beside them."""
    from apex_core.pipeline.snapshot import run_snapshot

    run = begin(snapshot, "test", AS_OF + timedelta(days=1), "r2")
    with connect(snapshot, "test") as connection:
        connection.execute("UPDATE track SET title = 'x'")
        connection.execute(
            "INSERT INTO check_result BY NAME SELECT 'r2' AS run_id, 'ingest' AS moment, 'made_up' AS check_name, "
            "'warn' AS severity, 'warned' AS verdict, 2 AS violations, ['suno/t1: odd'] AS first, $as_of AS as_of",
            {"as_of": run.as_of},
        )
    run_snapshot(run)
    end(run, "completed", run.as_of)
    printed = " ".join(apex("status").stdout.split())
    assert "warned made_up, 2 after ingest: suno/t1: odd" in printed
    found = json.loads(apex("status", "--json").stdout)["checks"]
    passed = sum(row["verdict"] == "passed" for row in found)
    assert f"checks {passed} of {len(found)} passed" in printed
    assert passed > 3


@pytest.mark.parametrize("columns", [60, 80, 200])
def test_it_fits_the_terminal(snapshot: Settings, columns: int) -> None:
    with Typist("status", columns=columns) as typist:
        assert typist.leaves() == 0
        shown = [line for line in typist.text.splitlines() if "/store/snapshots" not in line]
    assert max(map(len, map(str.rstrip, shown))) <= columns
    assert any(("█" * (24 if columns > 100 else 12)) + " " in line for line in shown)


@pytest.mark.parametrize(
    ("tracks", "missing", "share"),
    [(0, 0, "–"), (0, 9, "0 %"), (1, 999, "<1 %"), (1, 1, "50 %"), (999, 1, ">99 %"), (9, 0, "100 %")],
)
def test_a_share_is_whole_only_when_it_is(
    capsys: pytest.CaptureFixture[str], tracks: int, missing: int, share: str
) -> None:
    row = {"platform": "suno", "stage": "audio", "tracks": tracks, "missing": missing, "main_reason": "why"}
    print_coverage([row])
    assert f" {share} " in capsys.readouterr().out
