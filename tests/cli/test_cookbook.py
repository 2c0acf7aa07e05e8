"""``apex cookbook``: lists the questions, answers one as ``apex sql`` does, prints its SQL."""

import json
from pathlib import Path

from apex_core.catalog.recipes import recipes
from apex_core.settings import Settings
from tests.cli.conftest import Apex


def test_without_a_name_all_are_listed_with_their_questions(apex: Apex) -> None:
    done = apex("cookbook")
    assert done.exit_code == 0
    for one in recipes():
        assert one.name in done.stdout
        assert one.question in done.stdout


def test_a_recipe_is_answered_from_the_newest_snapshot(apex: Apex, snapshot: Settings) -> None:
    done = apex("cookbook", "like_rate", "--format", "json")
    assert done.exit_code == 0
    assert done.stdout == "", "three songs are too few for a family"
    [row] = map(json.loads, apex("cookbook", "platform", "--format", "json").stdout.splitlines())
    assert (row["platform"], row["tracks"], row["median_plays"], row["likes_per_100_plays"]) == ("suno", 3, 20.0, 10.0)
    assert "How do the platforms compare" in apex("cookbook", "platform").stderr


def test_limit_and_output_are_those_of_apex_sql(apex: Apex, snapshot: Settings, tmp_path: Path) -> None:
    assert len(apex("cookbook", "coverage_gaps", "--format", "csv", "--limit", "1").stdout.splitlines()) == 2
    assert apex("cookbook", "coverage_gaps", "--output", str(tmp_path / "gaps.csv")).exit_code == 0
    assert (tmp_path / "gaps.csv").read_text().startswith("platform,stage,reason,tracks,share\n")


def test_its_sql_can_be_shown_and_pasted(apex: Apex, snapshot: Settings) -> None:
    shown = apex("cookbook", "coverage_gaps", "--show").stdout
    assert shown.startswith("-- Where do tracks get stuck")
    pasted = apex("sql", "--format", "csv", stdin=shown).stdout
    assert pasted == apex("cookbook", "coverage_gaps", "--format", "csv").stdout != ""


def test_an_unknown_recipe_is_one_message_that_names_those_there_are(apex: Apex) -> None:
    done = apex("cookbook", "nothing")
    assert done.exit_code == 1
    assert "no recipe 'nothing'" in done.stderr
    assert "sleepers" in done.stderr
