"""Labels find their track by name; what fits none, or several, is a reject with its reason."""

import json
from datetime import UTC, datetime
from pathlib import Path

import pytest

from apex_core.catalog import connect, fingerprint
from apex_core.pipeline.label import run_label
from apex_core.pipeline.run import Run, begin
from apex_core.settings import AestheticsSettings, Settings
from tests.sql.catalog_rows import add, rows

AS_OF = datetime(2026, 11, 22, 3, tzinfo=UTC)


@pytest.fixture
def run(settings: Settings, tmp_path: Path) -> Run:
    files = AestheticsSettings(files=(str(tmp_path / "result*.json"),))
    made = begin(settings.model_copy(update={"aesthetics": files}), "test", AS_OF, "run")
    with made.catalog("test") as connection:
        for platform, track in (("suno", "a"), ("suno", "both"), ("udio", "both")):
            add(connection, "track", platform=platform, track_id=track)
    return made


def say(folder: Path, file: str, **entries: float | None) -> None:
    found = {name: {"Coherence": value, "Clarity": 2} if value is not None else None for name, value in entries.items()}
    (folder / file).write_text(json.dumps(found))


def labels(run: Run) -> list[tuple[object, ...]]:
    with connect(run.settings) as connection:
        return rows(connection, "SELECT platform, track_id, coherence, musicality, clarity FROM aesthetic ORDER BY ALL")


def rejects(run: Run) -> list[tuple[object, ...]]:
    with connect(run.settings) as connection:
        return rows(connection, "SELECT reject_key, reason, times FROM reject ORDER BY ALL")


def test_labels_and_rejects(run: Run, tmp_path: Path) -> None:
    say(tmp_path, "result.json", a=3.5, both=3, nobody=3, broken=None, wild=7)
    run_label(run)
    assert labels(run) == [("suno", "a", 3.5, None, 2.0)]
    assert rejects(run) == [
        ("both", "ambiguous_track", 1),
        ("broken", "not_an_object", 1),
        ("nobody", "no_such_track", 1),
        ("wild", "out_of_range", 1),
    ]


def test_the_same_files_again_change_nothing(run: Run, tmp_path: Path) -> None:
    say(tmp_path, "result.json", a=3.5, nobody=3)
    run_label(run)
    with connect(run.settings) as connection:
        before = fingerprint(connection)
    assert run_label(run).counts["changed"] == 0
    with connect(run.settings) as connection:
        assert fingerprint(connection) == before


def test_a_song_in_two_files_is_still_one_song(run: Run, tmp_path: Path) -> None:
    say(tmp_path, "result-1.json", a=3.5)
    say(tmp_path, "result-2.json", a=3.5)
    run_label(run)
    assert labels(run) == [("suno", "a", 3.5, None, 2.0)]
    assert rejects(run) == []


def test_a_new_value_replaces_the_old_one(run: Run, tmp_path: Path) -> None:
    say(tmp_path, "result.json", a=3.5)
    run_label(run)
    say(tmp_path, "result.json", a=4.5)
    assert run_label(run).counts["changed"] == 1
    assert labels(run) == [("suno", "a", 4.5, None, 2.0)]
