"""Labels and their rejects."""

import json
from datetime import timedelta
from pathlib import Path

from apex_core.catalog import connect
from apex_core.pipeline.label import run_label
from apex_core.pipeline.run import Run, begin
from apex_core.settings import AestheticsSettings, Settings
from tests.sql.catalog_rows import AT, add

ENTRY = {"Coherence": 3.0, "Musicality": 2.5, "Memorability": 4.0, "Clarity": 1.0, "Naturalness": 5.0}


def counted(run: Run) -> dict[str, float]:
    return {name: count for name, count in run_label(run).counts.items() if count}


def test_a_label_that_came_before_its_track_is_taken_in_when_the_track_comes(tmp_path: Path) -> None:
    file = tmp_path / "result.json"
    file.write_text(json.dumps({"a-song": ENTRY}))
    settings = Settings(home=tmp_path / "home", aesthetics=AestheticsSettings(files=(str(file),)))
    run = begin(settings, "nightly", AT, "r1")
    assert counted(run) == {"labels": 1, "rejected": 1}
    with connect(settings) as connection:
        assert connection.execute("SELECT reason FROM rejects_open").fetchall() == [("no_such_track",)]
        add(connection, "track", platform="suno", track_id="a-song")
    later = begin(settings, "nightly", AT + timedelta(days=1), "r2")
    assert counted(later) == {"labels": 1, "new": 1}
    with connect(settings) as connection:
        assert connection.execute("SELECT count(*) FROM rejects_open").fetchall() == [(0,)]
        assert connection.execute("SELECT clarity FROM aesthetic").fetchall() == [(1.0,)]
