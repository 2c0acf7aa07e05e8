"""Holds and decisions: create-only, the newest in force, and what they say survives."""

import subprocess
import sys
from pathlib import Path

import pytest

from apex_core.errors import ArtifactError
from apex_core.registry import (
    Decision,
    decided,
    decision_history,
    describe_version,
    hold_history,
    newest_decision,
    record_decision,
    resolve_hold,
    set_hold,
    unread_decisions,
)
from apex_core.storage import Store

from .conftest import AS_OF

REFUSED = Decision("refused", ("too weak", "and stale"), {"candidate": {"score_likes": {"n": 3, "spearman": 0.1}}})


def test_a_hold_is_in_force_until_it_is_released(store: Store) -> None:
    assert resolve_hold(store, "champion") is None
    held = set_hold(store, "champion", True, "it ranks nonsense", "ann", AS_OF)
    assert (held.n, held.held, held.set_by) == (1, True, "ann")
    assert set_hold(store, "champion", True, "again", "bob", AS_OF) == held
    released = set_hold(store, "champion", False, "looked at", "bob", AS_OF)
    assert resolve_hold(store, "champion") == released
    assert hold_history(store, "champion") == (held, released)


def test_what_is_not_held_cannot_be_released(store: Store) -> None:
    with pytest.raises(ArtifactError, match="is not held"):
        set_hold(store, "champion", False, "", "ann", AS_OF)


def test_a_decision_keeps_every_reason_beside_the_version(store: Store, versions: list[str]) -> None:
    files = store.list(f"models/{versions[0]}")
    record = record_decision(store, versions[0], REFUSED, versions[1], "nightly-1", AS_OF)
    assert newest_decision(store, versions[0]) == record
    assert (record.n, record.reasons, record.champion) == (1, ["too weak", "and stale"], versions[1])
    assert record.figures == REFUSED.figures
    assert store.list(f"models/{versions[0]}") == files  # the version itself never changes
    assert describe_version(store, versions[0]).version == versions[0]


def test_the_same_decision_again_is_no_new_record(store: Store, versions: list[str]) -> None:
    first = record_decision(store, versions[0], REFUSED, None, "nightly-1", AS_OF)
    assert record_decision(store, versions[0], REFUSED, None, "nightly-2", AS_OF) == first
    record_decision(store, versions[0], REFUSED, versions[1], "nightly-2", AS_OF)
    promoted = record_decision(store, versions[0], Decision("promoted", ("by hand",)), None, "ann", AS_OF)
    assert [record.n for record in decision_history(store, versions[0])] == [1, 2, 3]
    assert decided(store) == {versions[0]: [1, 2, 3]}
    assert unread_decisions(store, versions[0], {versions[0]: {1, 2}}) == (promoted,)


def test_what_a_later_apex_adds_to_a_record_is_left_out(store: Store) -> None:
    raw = {"alias": "champion", "n": 1, "held": True, "reason": "", "set_by": "ann", "set_at": "", "until": "never"}
    store.put_json("models/holds/champion/1.json", raw)
    held = resolve_hold(store, "champion")
    assert held is not None
    assert held.set_by == "ann"


@pytest.mark.parametrize("name", ["config.json", "metrics.json", "lineage.json"])
def test_a_description_believes_no_altered_file(store: Store, versions: list[str], name: str) -> None:
    store.put(f"models/{versions[0]}/{name}", b"{}", replace=True)
    with pytest.raises(ArtifactError, match=f"{name} was altered"):
        describe_version(store, versions[0])


def test_the_registry_is_looked_at_without_torch() -> None:
    """``apex models list`` must not wait seconds for it."""
    code = "import sys, flows.commands.models, apex_core.pipeline.models, apex_core.pipeline.models_shown\n"
    code += "sys.exit('torch' in sys.modules)"
    subprocess.run([sys.executable, "-c", code], check=True, cwd=Path(__file__).parents[2])
