"""``kill -9`` at every side effect of a retirement, between the store and the catalog too, then another one."""

import json
import signal
import subprocess
import sys
from pathlib import Path

import pytest

pytestmark = pytest.mark.slow


def test_a_retirement_killed_anywhere_ends_as_one_undisturbed(tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "tests.engagement.mortal", str(tmp_path)],
        check=True, stdout=subprocess.PIPE, text=True, cwd=Path(__file__).parents[2],
    )  # fmt: skip
    found = json.loads(done.stdout)
    effects, left = found["effects"], found["left"]
    assert sum(effect == "before commit" for effect in effects) == 1
    assert sum(effect.startswith("before rename") and "MANIFEST" in effect for effect in effects) == 1
    assert len(left["here"]) == 2
    assert len(left["store"]) == 4
    assert all(rows[0] for rows in left["rows"].values()), "every run has rows, here or in the store"
    for effect, (status, again, after) in zip(effects, found["deaths"], strict=True):
        assert (status, again) == (signal.SIGKILL, 0), effect
        assert after == left, effect
