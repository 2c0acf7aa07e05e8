"""Publishers that race, each a process of its own, on a folder and on a real S3 server: one wins, the others say so."""

import json
import subprocess
import sys
from contextlib import ExitStack
from pathlib import Path
from typing import Any

from apex_core.registry import alias_history, check_published, list_versions, publish
from apex_core.storage import Store

from .conftest import Stage, Staged

ROOT = Path(__file__).parents[2]


def _race(jobs: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Start a process a job, let all go at once; what each says."""
    with ExitStack() as stack:
        racers = [
            stack.enter_context(
                subprocess.Popen(
                    [sys.executable, "-m", "tests.registry.racer", json.dumps(job)],
                    stdin=subprocess.PIPE,
                    stdout=subprocess.PIPE,
                    text=True,
                    cwd=ROOT,
                )
            )
            for job in jobs
        ]
        for racer in racers:
            assert racer.stdout is not None
            assert racer.stdout.readline() == "ready\n"
        for racer in racers:
            assert racer.stdin is not None
            racer.stdin.write("go\n")
            racer.stdin.flush()
        return [json.loads(racer.communicate()[0]) for racer in racers]


def _job(store_url: str, staged: Staged) -> dict[str, Any]:
    return {"store": store_url, "version": staged.version, "folder": str(staged.folder), "who": staged.folder.name}


def test_of_two_who_set_an_alias_one_wins_and_the_other_says_so(store_url: str, stage: Stage) -> None:
    store, staged = Store.open(store_url), [stage(float(n), f"s{n}") for n in range(3)]
    for one in staged:
        publish(store, one.version, one.folder)
    told = _race(
        [{"store": store_url, "alias": "champion", "version": s.version, "who": s.folder.name} for s in staged]
    )
    (record,) = alias_history(store, "champion")
    assert [answer["won"] for answer in told if "won" in answer] == [record.set_by]
    losers = [answer for answer in told if "lost" in answer]
    assert [answer["lost"] for answer in losers] == ["AlreadyExists"] * 2
    assert all(f"somebody else meanwhile: {record.version}, by {record.set_by}" in a["said"] for a in losers)


def test_of_two_who_publish_different_files_as_one_version_one_wins_and_it_is_whole(
    store_url: str, stage: Stage
) -> None:
    store, staged = Store.open(store_url), [stage(1.0, f"s{n}", card=f"# by {n}\n") for n in range(3)]
    (version,) = {one.version for one in staged}
    told = _race([_job(store_url, one) for one in staged])
    (winner,) = [answer["won"] for answer in told if "won" in answer]
    assert list_versions(store) == [version]
    check_published(store, version)
    assert store.read(f"models/{version}/README.md").decode() == f"# by {winner[1:]}\n"
    assert all("another README.md" in answer["said"] for answer in told if "lost" in answer)


def test_equal_publishers_all_win(store_url: str, stage: Stage) -> None:
    staged = [stage(1.0, f"s{n}") for n in range(2)]
    version = staged[0].version
    told = _race([_job(store_url, one) for one in staged])
    assert [answer.get("won") for answer in told] == ["s0", "s1"]
    check_published(Store.open(store_url), version)
