"""The report for programs, people and eyes."""

import json
from pathlib import Path

import pytest

from apex_core.arena import Policy, contest, evaluate, read_battles
from apex_core.errors import ContractViolation
from apex_core.pipeline.arena import Arena
from tests.arena.votes import record, world, write


@pytest.fixture(scope="module")
def arena(tmp_path_factory: pytest.TempPathFactory) -> Arena:
    records = world(150, 1, taste=[1, 0, 0, 0, 0, 0, 0], systems=5)
    for number, one in enumerate(records):
        if number % 10 == 0:
            one["preference"] = "TIE" if number % 20 else "BOTH_BAD"
    odd = dict.fromkeys(("system_a", "prompt"), "</td><script>alert(1)</script>")
    records.append({**records[1], "battle_uuid": "odd", **odd, "is_instrumental": None})
    records.append(record(999, "?"))
    found = read_battles([write(tmp_path_factory.mktemp("arena") / "battles.json", records)])
    policy = Policy(resamples=100, folds=5)
    made = contest(found.battles, [battle.given for battle in found.battles], policy)
    report = evaluate(made, policy, records=found.records, unreadable=found.dropped, progress=lambda *_: None)
    return Arena(report, "v20261101-01234567", ())


def test_programs_get_every_figure(arena: Arena) -> None:
    found = json.loads(arena.written("json"))
    assert found["records"] == 152 == found["used"] + sum(found["dropped"].values())
    assert found["dropped"] == {"both_bad": 8, "unknown_preference": 1}
    assert found["undecided"] == 7
    assert found["policy"]["ties"] == "half"
    assert found["subsets"] == {"all": 143, "instrumental": 75, "vocal": 67}
    rows = {(row["protocol"], row["features"], row["method"]): row["measures"] for row in found["rows"]}
    streams = rows["rule", "score_streams", "higher wins"]["all"]
    assert streams["battles"] == 143
    assert 0.5 < streams["auc"]["low"] < streams["auc"]["value"] < streams["auc"]["high"] < 1
    assert rows["grouped", "system identity", "logistic"]["vocal"]["auc_above"]["value"] == 0


def test_the_same_report_is_the_same_bytes(arena: Arena) -> None:
    for kind in ("json", "html", "png"):
        assert arena.written(kind) == arena.written(kind)


def test_the_page_needs_nothing_else_and_lets_no_foreign_text_in(arena: Arena) -> None:
    page = arena.written("html").decode()
    assert "<script" not in page
    assert "src=" not in page
    assert "http://www.w3.org" in page  # the picture's name space, and no other address
    assert page.count("http") == page.count("http://www.w3.org")
    assert "143 of 152 battles, scored by model v20261101-01234567" in page
    assert "8 both bad, 1 unknown preference" in page


def test_the_picture_is_one(arena: Arena) -> None:
    assert arena.written("png").startswith(b"\x89PNG")


def test_battles_that_vanish_are_an_error(tmp_path: Path) -> None:
    found = read_battles([write(tmp_path / "b.json", world(20, 1))])
    made = contest(found.battles, [battle.given for battle in found.battles], Policy())
    with pytest.raises(ContractViolation, match="21 battles in, 20 used and 0 dropped"):
        evaluate(made, Policy(), records=21, unreadable={}, progress=lambda *_: None)
