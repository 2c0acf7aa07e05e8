"""Battles as arrays: which are used, and which belong together."""

from typing import Any

import numpy as np
import pytest

from apex_core.arena import FEATURES, Battle, Policy, contest, group
from apex_core.errors import SourceError

SCORES = dict.fromkeys(FEATURES, 3.0)


def battle(number: int, preference: Any = "A", **more: Any) -> Battle:
    facts: dict[str, Any] = {
        "battle_id": str(number),
        "preference": preference,
        "audio": (f"{number}-a", f"{number}-b"),
        "systems": ("north", "south"),
        "prompt": f"prompt {number}",
        "user": f"user {number}",
        "instrumental": False,
        "given": (SCORES, SCORES),
    }
    return Battle(**facts | more)


def of(*battles: Battle, **policy: Any) -> Any:
    return contest(battles, [one.given for one in battles], Policy(**policy))


def test_by_default_a_tie_is_half_a_win_each_and_both_bad_says_nothing() -> None:
    found = of(battle(1, "A"), battle(2, "B"), battle(3, "TIE"), battle(4, "BOTH_BAD"))
    assert found.outcome.tolist() == [1.0, 0.0, 0.5]
    assert found.dropped == {"both_bad": 1}


@pytest.mark.parametrize(
    ("policy", "outcome", "dropped"),
    [
        ({"ties": "drop"}, [1.0], {"tie": 1, "both_bad": 1}),
        ({"both_bad": "half"}, [1.0, 0.5, 0.5], {}),
        ({"ties": "drop", "both_bad": "half"}, [1.0, 0.5], {"tie": 1}),
    ],
)
def test_other_policies(policy: dict[str, Any], outcome: list[float], dropped: dict[str, int]) -> None:
    found = of(battle(1), battle(2, "TIE"), battle(3, "BOTH_BAD"), **policy)
    assert (found.outcome.tolist(), found.dropped) == (outcome, dropped)


def test_differences_are_side_a_less_side_b() -> None:
    found = of(battle(1, given=({"score_streams": 60.0}, {"score_streams": 45.5})))
    assert (found.features, found.differences.tolist()) == (("score_streams",), [[14.5]])


def test_all_methods_see_the_same_battles() -> None:
    """What most have is asked of all; what most lack, of none."""
    popularity = {"score_streams": 1.0, "score_likes": 2.0}
    most = [battle(n, given=(popularity, popularity)) for n in range(3)]
    few = battle(3, given=(SCORES, SCORES))
    none = battle(4, given=({}, popularity))
    found = of(*most, few, none)
    assert found.features == ("score_streams", "score_likes")
    assert found.lacking == FEATURES[2:]
    assert (len(found.outcome), found.dropped) == (4, {"no_prediction": 1})


def test_where_systems_are_named_a_battle_must_name_both() -> None:
    assert of(battle(1), battle(2, systems=("north", ""))).dropped == {"no_system": 1}
    assert of(battle(1, systems=("", "")), battle(2, systems=("", ""))).systems is None


def test_nothing_left_says_why() -> None:
    with pytest.raises(SourceError, match="No battle is left to judge of 2: 1 both_bad, 1 no_prediction") as refusal:
        of(battle(1, given=({}, {})), battle(2, "BOTH_BAD"))
    assert "--predictions" in str(refusal.value.fix)


def test_battles_that_share_a_recording_on_whichever_side_belong_together() -> None:
    battles = [battle(1), battle(2, audio=("2-a", "1-a")), battle(3, audio=("2-a", "3-b")), battle(4)]
    assert group(battles, "recording").tolist() == [0, 0, 0, 1]


def test_prompts_and_listeners_link_where_asked() -> None:
    battles = [battle(1, prompt="Jazz"), battle(2, prompt="jazz", user="x"), battle(3, user="x"), battle(4, prompt="")]
    assert group(battles, "recording").tolist() == [0, 1, 2, 3]
    assert group(battles, "prompt").tolist() == [0, 0, 1, 2]
    assert group(battles, "user").tolist() == [0, 0, 0, 1]


def test_what_is_not_said_links_nothing() -> None:
    battles = [battle(n, audio=("", ""), prompt="", user="") for n in range(3)]
    assert group(battles, "user").tolist() == [0, 1, 2]


def test_long_chains_are_followed() -> None:
    battles = [battle(n, audio=(str(n), str(n + 1))) for n in range(5_000)]
    order = np.random.default_rng(1).permutation(5_000)
    assert set(group([battles[n] for n in order], "recording").tolist()) == {0}
