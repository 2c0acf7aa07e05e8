"""Labels find their track by name; what fits none, or several, or contradicts another, is a reject with its reason."""

import json
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given
from hypothesis import settings as limits
from hypothesis import strategies as st

from apex_core.catalog import connect, fingerprint
from apex_core.pipeline.label import run_label
from apex_core.pipeline.run import Run, begin
from apex_core.settings import AestheticsSettings, Settings
from tests.sql.catalog_rows import add, rows

AS_OF = datetime(2026, 11, 22, 3, tzinfo=UTC)
SHA = "5a" * 32
OUTCOMES = ("new", "updated", "unchanged", "duplicate", "forgotten", "rejected")


def started(settings: Settings, as_of: datetime = AS_OF, **chosen: Any) -> Run:
    aesthetics = AestheticsSettings(**chosen)
    return begin(settings.model_copy(update={"aesthetics": aesthetics}), "test", as_of, f"run {as_of}")


@pytest.fixture
def run(settings: Settings, tmp_path: Path) -> Run:
    made = started(settings, files=(str(tmp_path / "result*.json"),))
    with made.catalog("test") as connection:
        for platform, track in (("suno", "a"), ("suno", "b"), ("suno", "both"), ("udio", "both")):
            add(connection, "track", platform=platform, track_id=track)
    return made


def say(folder: Path, file: str, **entries: float | None) -> None:
    found = {name: {"Coherence": value, "Clarity": 2} if value is not None else None for name, value in entries.items()}
    (folder / file).write_text(json.dumps(found))


def labels(run: Run) -> list[tuple[object, ...]]:
    with connect(run.settings) as connection:
        return rows(connection, "SELECT platform, track_id, coherence, musicality, clarity FROM aesthetic ORDER BY ALL")


def by_labeller(run: Run) -> list[tuple[object, ...]]:
    with connect(run.settings) as connection:
        return rows(connection, "SELECT labeller, track_id, coherence FROM aesthetic ORDER BY ALL")


def rejects(run: Run) -> list[tuple[object, ...]]:
    with connect(run.settings) as connection:
        return rows(connection, "SELECT reject_key, reason, times FROM reject WHERE resolved_at IS NULL ORDER BY ALL")


def imported(run: Run) -> dict[str, float]:
    """The outcomes that there were; in = out."""
    counts = run_label(run).counts
    assert counts["labels"] == sum(counts[name] for name in OUTCOMES)
    return {name: counts[name] for name in OUTCOMES if counts[name]}


def test_labels_and_rejects(run: Run, tmp_path: Path) -> None:
    say(tmp_path, "result.json", a=3.5, both=3, nobody=3, broken=None, wild=7)
    assert imported(run) == {"new": 1, "rejected": 4}
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
    assert imported(run) == {"unchanged": 1, "rejected": 1}
    with connect(run.settings) as connection:
        assert fingerprint(connection) == before


def test_a_song_in_two_files_is_still_one_song(run: Run, tmp_path: Path) -> None:
    say(tmp_path, "result-1.json", a=3.5)
    say(tmp_path, "result-2.json", a=3.5)
    assert imported(run) == {"new": 1, "duplicate": 1}
    assert labels(run) == [("suno", "a", 3.5, None, 2.0)]
    assert rejects(run) == []


def test_two_entries_that_contradict_each_other_are_both_refused(run: Run, tmp_path: Path) -> None:
    say(tmp_path, "result-1.json", a=3.5, b=2)
    say(tmp_path, "result-2.json", a=4.5, b=2)
    assert imported(run) == {"new": 1, "duplicate": 1, "rejected": 2}
    assert [row[1] for row in labels(run)] == ["b"]
    assert rejects(run) == [("a", "contradicting_labels", 1)]
    with connect(run.settings) as connection:
        ((payload,),) = rows(connection, "SELECT payload FROM reject")
    assert [entry["coherence"] for entry in json.loads(str(payload))] == [3.5, 4.5]


def test_a_contradiction_leaves_what_was_imported_before_and_ends_when_one_side_goes(run: Run, tmp_path: Path) -> None:
    say(tmp_path, "result-1.json", a=3.5)
    run_label(run)
    say(tmp_path, "result-2.json", a=4.5)
    assert imported(run) == {"rejected": 2}
    assert labels(run) == [("suno", "a", 3.5, None, 2.0)]
    (tmp_path / "result-1.json").unlink()
    assert imported(run) == {"updated": 1}
    assert labels(run) == [("suno", "a", 4.5, None, 2.0)]
    assert rejects(run) == []


def test_a_corrected_file_updates(run: Run, tmp_path: Path) -> None:
    say(tmp_path, "result.json", a=3.5)
    run_label(run)
    say(tmp_path, "result.json", a=4.5)
    assert imported(run) == {"updated": 1}
    assert labels(run) == [("suno", "a", 4.5, None, 2.0)]


def test_more_decimals_than_the_toolkit_writes_say_no_more(run: Run, tmp_path: Path) -> None:
    say(tmp_path, "result.json", a=3.1234)
    run_label(run)
    say(tmp_path, "result.json", a=3.1234000205993652)
    assert imported(run) == {"unchanged": 1}


def test_files_named_by_the_hash_of_the_audio_label_every_track_with_that_audio(run: Run, tmp_path: Path) -> None:
    with run.catalog("test") as connection:
        for track in ("a", "b"):
            add(connection, "audio", track_id=track, sha256=SHA, uri=f"audio/5a/{SHA}.mp3", origin="fetched")
    say(tmp_path, "result.json", **{SHA: 3.5})
    assert imported(run) == {"new": 1}
    assert [row[1] for row in labels(run)] == ["a", "b"]
    say(tmp_path, "result-2.json", a=3.5)
    assert imported(run) == {"unchanged": 2}  # the one says it of a, the other of b
    say(tmp_path, "result-2.json", a=2.5)
    assert imported(run) == {"rejected": 2}


def test_a_name_that_is_two_tracks_of_one_recording_is_no_riddle(run: Run, tmp_path: Path) -> None:
    with run.catalog("test") as connection:
        for platform in ("suno", "udio"):
            add(connection, "audio", platform=platform, track_id="both", sha256=SHA, origin="fetched")
    say(tmp_path, "result.json", both=3.5)
    assert imported(run) == {"new": 1}
    assert [row[:2] for row in labels(run)] == [("suno", "both"), ("udio", "both")]


def test_files_of_a_library_are_known_by_their_names_up_to_the_first_dot(run: Run, tmp_path: Path) -> None:
    with run.catalog("test") as connection:
        add(connection, "audio", track_id="a", sha256="1" * 64, uri="/music/My Song.take.mp3", origin="library")
        add(connection, "audio", track_id="b", sha256="2" * 64, uri="s3://music/x/Other.flac", origin="library")
    (tmp_path / "result.json").write_text(
        json.dumps({"My Song": {"Clarity": 2}, "Other.flac": {"Clarity": 3}, "music": {"Clarity": 4}})
    )
    assert imported(run) == {"new": 2, "rejected": 1}
    assert [(row[1], row[4]) for row in labels(run)] == [("a", 2.0), ("b", 3.0)]


def test_two_files_of_one_name_up_to_the_first_dot_are_told_apart_by_nobody(run: Run, tmp_path: Path) -> None:
    with run.catalog("test") as connection:
        add(connection, "audio", track_id="a", sha256="1" * 64, uri="/music/My Song.take1.mp3", origin="library")
        add(connection, "audio", track_id="b", sha256="2" * 64, uri="/music/My Song.take2.mp3", origin="library")
    (tmp_path / "result.json").write_text(json.dumps({"My Song": {"Clarity": 2}}))
    assert imported(run) == {"rejected": 1}
    assert rejects(run) == [("My Song", "ambiguous_track", 1)]


def test_one_track_s_id_that_is_another_s_file_name_is_ambiguous(run: Run, tmp_path: Path) -> None:
    with run.catalog("test") as connection:
        add(connection, "audio", track_id="b", sha256="2" * 64, uri="/music/a.mp3", origin="library")
    say(tmp_path, "result.json", a=3.5)
    assert imported(run) == {"rejected": 1}
    assert rejects(run) == [("a", "ambiguous_track", 1)]


def test_an_entry_of_a_forgotten_track_leaves_no_trace(run: Run, tmp_path: Path) -> None:
    with run.catalog("test") as connection:
        for track in ("gone", "b"):  # b is also a track of the other platform
            add(connection, "forgotten", platform="udio", id=track)
    say(tmp_path, "result.json", gone=3, b=3, a=3)
    assert imported(run) == {"new": 1, "forgotten": 2}
    assert rejects(run) == []


def test_labellers_are_side_by_side_and_one_does_not_touch_the_other_s(settings: Settings, tmp_path: Path) -> None:
    files = {"files": (str(tmp_path / "songeval.json"),), "others": {"experts": (str(tmp_path / "experts.json"),)}}
    run = started(settings, **files)
    with run.catalog("test") as connection:
        for track in ("a", "b"):
            add(connection, "track", track_id=track)
    say(tmp_path, "songeval.json", a=3, b=3)
    say(tmp_path, "experts.json", a=4, nobody=1)
    report = run_label(run)
    assert by_labeller(run) == [("experts", "a", 4.0), ("songeval", "a", 3.0), ("songeval", "b", 3.0)]
    assert report.note == "experts: 1 of 2 eligible tracks; songeval: 2 of 2 eligible tracks"
    say(tmp_path, "experts.json", a=5)
    run_label(started(settings, AS_OF + timedelta(days=1), **files))
    assert by_labeller(run) == [("experts", "a", 5.0), ("songeval", "a", 3.0), ("songeval", "b", 3.0)]
    assert rejects(run) == []


def test_files_that_are_no_longer_named_leave_their_labels_and_no_open_rejects(
    run: Run, settings: Settings, tmp_path: Path
) -> None:
    say(tmp_path, "result.json", a=3, nobody=3)
    run_label(run)
    assert imported(started(settings, AS_OF + timedelta(days=1))) == {}
    assert len(labels(run)) == 1
    assert rejects(run) == []


def test_coverage_counts_dimensions_and_eligible_tracks_alone(run: Run, tmp_path: Path) -> None:
    with run.catalog("test") as connection:
        add(connection, "track", track_id="early", state="unfinished")
    (tmp_path / "result.json").write_text(
        json.dumps({"a": {"Clarity": 2, "Musicality": float("nan")}, "b": {"Musicality": 3}, "early": {"Clarity": 1}})
    )
    run_label(run)
    with connect(run.settings) as connection:
        found = rows(
            connection,
            "SELECT platform, labeller, tracks, missing, musicality, clarity FROM label_coverage ORDER BY platform",
        )
    assert found == [("suno", "songeval", 2, 1, 1, 1), ("udio", "songeval", 0, 1, 0, 0)]


_NAMES = st.sampled_from(["a", "b", "both", "nobody", "a.mp3", "a.b.c", ".", SHA])
_KEYS, _SAID = st.sampled_from(["Coherence", "CLARITY", "x"]), st.sampled_from([1, 2.5, 9, None, "3"])
_ENTRIES = st.one_of(st.none(), st.dictionaries(_KEYS, _SAID, max_size=3))


@limits(max_examples=30, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(files=st.lists(st.lists(st.tuples(_NAMES, _ENTRIES), max_size=6), max_size=3))
def test_whatever_comes_in_comes_out_and_twice_is_once(
    run: Run, tmp_path: Path, files: list[list[tuple[str, object]]]
) -> None:
    for old in tmp_path.glob("result*.json"):
        old.unlink()
    for number, entries in enumerate([[], *files]):
        body = ", ".join(f"{json.dumps(name)}: {json.dumps(entry)}" for name, entry in entries)
        (tmp_path / f"result-{number}.json").write_text(f"{{{body}}}")  # a name may be there twice
    assert sum(imported(run).values()) == sum(map(len, files))
    with connect(run.settings) as connection:
        before = fingerprint(connection)
    assert not {"new", "updated"} & imported(run).keys()
    with connect(run.settings) as connection:
        assert fingerprint(connection) == before
