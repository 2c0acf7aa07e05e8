"""``kill -9`` in the middle of the label stage, then a rerun: the catalog of an undisturbed one."""

import json
import signal
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from apex_core.catalog import connect
from apex_core.pipeline.run import begin
from apex_core.settings import Settings
from tests.pipeline.conftest import start_mortal
from tests.pipeline.label_mortal import settings_of
from tests.pipeline.nights import prints
from tests.sql.catalog_rows import AT, add

pytestmark = pytest.mark.slow

ENTRY = {"Coherence": 3.0, "Clarity": 2.0}

Die = Callable[[Settings, int], tuple[int, int]]


@pytest.fixture
def die(tmp_path: Path) -> Iterator[Die]:
    """Run the stage to a moment; its status, and how many moments it lived through when it was not killed."""
    with start_mortal("label_mortal") as process:

        def run(settings: Settings, last: int) -> tuple[int, int]:
            assert process.stdin is not None
            assert process.stdout is not None
            job = {"home": str(settings.home), "files": str(tmp_path), "run_id": f"r{last}", "last": last}
            process.stdin.write(json.dumps(job) + "\n")
            process.stdin.flush()
            answer = json.loads(process.stdout.readline())
            return answer["status"], answer["moments"]

        yield run


def catalog(tmp_path: Path, name: str) -> Settings:
    """Two tracks, one with a label that will change and one that an open reject waits for."""
    settings = settings_of(str(tmp_path / name), str(tmp_path))
    begin(settings, "test", AT, "r0")
    with connect(settings) as connection:
        for track in ("a", "b"):
            add(connection, "track", track_id=track)
        add(connection, "aesthetic", track_id="a", coherence=1.0)
        add(connection, "reject", source="labels:songeval", reject_key="b", stage="label", reason="no_such_track")
    return settings


def test_a_killed_import_run_again_leaves_what_an_undisturbed_one_leaves(tmp_path: Path, die: Die) -> None:
    (tmp_path / "songeval.json").write_text(json.dumps({"a": ENTRY, "b": ENTRY, "nobody": ENTRY, "broken": None}))
    (tmp_path / "experts.json").write_text(json.dumps({"a": {"Clarity": 4}}))
    undisturbed = catalog(tmp_path, "undisturbed")
    status, moments = die(undisturbed, -1)
    assert status == 0
    assert moments > 8
    wanted = prints(undisturbed)
    # Before the labels are written, between labels and rejects, before and after the commit.
    for last in (2, 4, moments - 2, moments - 1):
        settings = catalog(tmp_path, f"killed-{last}")
        before = prints(settings)
        assert die(settings, last) == (signal.SIGKILL, 0)
        if last < moments - 1:  # not committed: nothing has happened
            assert prints(settings) == before
        assert die(settings, -1)[0] == 0
        assert prints(settings) == wanted, f"killed at moment {last} of {moments}"
