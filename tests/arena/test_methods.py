"""What can be learned is learned, what cannot is not: worlds with a known answer."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from apex_core.arena import Contest, Policy, Report, contest, evaluate, read_battles
from apex_core.arena.methods import _folds, _pairs, grouped, unseen
from tests.arena.votes import Record, record, world, write

FAST = Policy(resamples=100)


def arrays(folder: Path, records: Sequence[Record], policy: Policy = FAST) -> Contest:
    found = read_battles([write(folder / "battles.json", records)])
    return contest(found.battles, [battle.given for battle in found.battles], policy)


def judged(folder: Path, records: Sequence[Record], policy: Policy = FAST) -> Report:
    made = arrays(folder, records, policy)
    return evaluate(made, policy, records=len(records), unreadable={}, progress=lambda *_: None)


def auc(report: Report, protocol: str, features: str, method: str = "logistic") -> float:
    rows = {(row.protocol, row.features, row.method): row for row in report.rows}
    value = rows[protocol, features, method].measures["all"].auc.value
    assert value is not None
    return value


EVERYTHING = "popularity + aesthetics"


def test_random_features_say_nothing(tmp_path: Path) -> None:
    report = judged(tmp_path, world(1500, 11))
    for row in report.rows:
        found = row.measures["all"].auc.value
        assert found == pytest.approx(0.5, abs=0.06), row.features


def test_a_planted_taste_is_found_to_near_its_ceiling(tmp_path: Path) -> None:
    """The ceiling is the AUC of the pull that listeners themselves followed."""
    taste = np.array([1.0, -0.5, 0, 0, 1.0, 0, 0.3])
    records = world(1500, 12, taste=list(taste))
    made = arrays(tmp_path, records)
    from apex_core.arena.measures import measure

    (ceiling,) = measure([made.differences @ taste], made.outcome, made.groups, 0, 1)
    best = ceiling.auc.value or 0
    assert best > 0.85
    report = judged(tmp_path, records)
    for protocol in ("grouped", "unseen systems"):
        for method in ("logistic", "linear SVM"):
            assert auc(report, protocol, EVERYTHING, method) > best - 0.015
            assert auc(report, protocol, "popularity", method) < best - 0.05
    assert auc(report, "rule", "score_streams", "higher wins") > 0.65
    assert auc(report, "rule", "score_likes", "higher wins") < 0.45  # listeners like what is predicted to be liked less
    assert auc(report, "grouped", "system identity") == pytest.approx(0.5, abs=0.06)


def test_planted_systems_lift_the_baseline_and_nothing_else(tmp_path: Path) -> None:
    report = judged(tmp_path, world(1500, 13, strength=1.5))
    assert auc(report, "grouped", "system identity") > 0.75
    for features in ("popularity", EVERYTHING):
        assert auc(report, "unseen systems", features) == pytest.approx(0.5, abs=0.06)
    assert auc(report, "unseen systems", "system identity") == 0.5


def test_features_that_only_betray_the_system_fall_to_chance_with_systems_they_do_not_know(tmp_path: Path) -> None:
    """The trap of FACTS §7: a figure far above chance that rests on who made a song. Systems are few: four worlds."""
    seen, never = [], []
    for seed in range(4):
        made = arrays(tmp_path, world(400, seed, systems=6, strength=1.5, accent=3.0))
        known = {one.features: one.scores for one in grouped(made, 5, 1) if one.method == "logistic"}
        new = {one.features: one.scores for one in unseen(made, lambda *_: None) if one.method == "logistic"}
        seen.append(_auc(known[EVERYTHING], made))
        never.append(_auc(new[EVERYTHING], made))
    assert np.mean(seen) > 0.75
    assert np.mean(never) < np.mean(seen) - 0.15
    assert abs(np.mean(never) - 0.5) < 0.15


def _auc(scores: np.ndarray[Any, Any], made: Contest) -> float:
    from apex_core.arena.measures import measure

    return measure([scores], made.outcome, made.groups, 0, 1)[0].auc.value or 0


def test_which_side_a_song_was_on_cannot_be_learned(tmp_path: Path) -> None:
    """Side a wins nearly always; features say nothing of it, so nor do the scores."""
    report = judged(tmp_path, world(800, 14, lean=3.0))
    assert (report.won_by_a or 0) > 0.9
    for row in report.rows:
        found = row.measures["all"].auc.value
        assert found == pytest.approx(0.5, abs=0.12), row.features


def test_swapping_the_sides_turns_every_score_s_sign(tmp_path: Path) -> None:
    records = world(200, 15, taste=[1, 0, 0, 0, 0, 0, 0], strength=1)
    one = arrays(tmp_path, records)
    other = arrays(tmp_path, [swapped(record) if n % 3 else record for n, record in enumerate(records)])
    sign = np.where(np.arange(200) % 3 > 0, -1, 1)
    for a, b in zip(grouped(one, 5, 1), grouped(other, 5, 1), strict=True):
        np.testing.assert_allclose(a.scores, sign * b.scores, rtol=1e-3, atol=1e-4)


def swapped(one: Record) -> Record:
    turned = {name[:-1] + {"a": "b", "b": "a"}[name[-1]]: x for name, x in one.items() if name.endswith(("_a", "_b"))}
    return {**one, **turned, "preference": {"A": "B", "B": "A"}[one["preference"]]}


def test_no_recording_and_no_prompt_is_learned_from_and_tested_on(tmp_path: Path) -> None:
    """Both are shared at random; a fold, or a pair of systems held out, shares none with what it learns from."""
    rng = np.random.default_rng(16)
    records = world(300, 16, systems=5)
    for one in records:
        one |= {f"audio_{side}": f"{one[f'system_{side}']}-{rng.integers(500)}" for side in "ab"}
        one["prompt"] = f"prompt {rng.integers(600)}"
    made = arrays(tmp_path, records)
    kept = read_battles([tmp_path / "battles.json"]).battles
    tested = np.zeros(len(kept), dtype=int)
    for held_out in (list(_folds(made, 4, 1)), list(_pairs(made))):
        for train, test in held_out:
            assert heard(kept, train).isdisjoint(heard(kept, test))
            tested += test
    for train, test in _pairs(made):
        assert systems(kept, train).isdisjoint(systems(kept, test))
    assert (tested == 2).all()
    assert len(set(made.groups)) < 250  # they are shared indeed


def heard(battles: Sequence[Any], rows: np.ndarray[Any, Any]) -> set[str]:
    return {name for one, used in zip(battles, rows, strict=True) if used for name in (*one.audio, one.prompt)}


def systems(battles: Sequence[Any], rows: np.ndarray[Any, Any]) -> set[str]:
    return {system for battle, used in zip(battles, rows, strict=True) if used for system in battle.systems}


def test_a_file_without_systems_has_no_baseline_and_says_so(tmp_path: Path) -> None:
    records = [{**one, "system_a": None, "system_b": None} for one in world(100, 17)]
    report = judged(tmp_path, records)
    assert {row.protocol for row in report.rows} == {"rule", "grouped"}
    assert any("no system is named" in note for note in report.notes)


def test_battles_that_are_all_linked_train_nothing_and_say_so(tmp_path: Path) -> None:
    report = judged(tmp_path, [{**one, "prompt": "the same"} for one in world(100, 18)])
    assert {row.protocol for row in report.rows} == {"rule"}
    assert any("links the battles to 1 groups" in note for note in report.notes)


def test_two_systems_cannot_be_left_out(tmp_path: Path) -> None:
    report = judged(tmp_path, world(100, 19, systems=2))
    assert {row.protocol for row in report.rows} == {"rule", "grouped"}
    assert any("2 systems" in note for note in report.notes)


def test_instrumental_and_vocal_are_told_apart(tmp_path: Path) -> None:
    """Listeners of songs with vocals follow streams, those of instrumentals the opposite."""
    records = world(400, 20, taste=[3, 0, 0, 0, 0, 0, 0])
    for one in records:
        if one["is_instrumental"]:
            one["preference"] = {"A": "B", "B": "A"}[one["preference"]]
    records += [record(1000, is_instrumental=None, **{n: x for n, x in records[0].items() if n[-2:] in ("_a", "_b")})]
    report = judged(tmp_path, records)
    assert report.subsets == {"all": 401, "instrumental": 200, "vocal": 200}
    (row,) = [row for row in report.rows if row.features == "score_streams"]
    assert (row.measures["vocal"].auc.value or 0) > 0.8
    assert (row.measures["instrumental"].auc.value or 1) < 0.2
