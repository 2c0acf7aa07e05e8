"""A world on disk: rendered once, resumed when cut off, the same however it came to be."""

import json
import subprocess
import sys
from pathlib import Path

import soundfile

from apex_core.sandbox import World, build_world
from apex_core.sandbox.attributes import AESTHETICS
from apex_core.settings import SandboxSettings

_BUILDER = """
import sys
from pathlib import Path
from apex_core.sandbox import build_world
from apex_core.settings import SandboxSettings

def say(done, total):
    print(done, flush=True)
    sys.stdin.read()  # stay here, in the midst of the build

build_world(SandboxSettings.model_validate_json(sys.argv[1]), Path(sys.argv[2]), say)
"""


def test_every_song_decodes_to_what_its_record_says(world: World) -> None:
    for song in world.songs + world.vanishing + world.spares:
        wave, rate = soundfile.read(world.path(song), dtype="float32")
        assert rate == song.rate
        assert wave.shape[1] == 2
        assert abs(len(wave) / rate - song.seconds) < 0.1
        assert 0.001 < abs(wave).max() <= 1.05
    assert {song.codec for song in world.songs} == {"mp3", "flac"}


def test_a_truncated_file_is_not_whole(world: World) -> None:
    cut = [song for song in world.unavailable if song.sound == "truncated"]
    assert cut
    for song in cut:
        try:
            wave, rate = soundfile.read(world.path(song))
        except soundfile.LibsndfileError:
            continue
        assert len(wave) / rate < 0.9 * song.seconds


def test_a_second_build_finds_everything_done(world: World, tiny: SandboxSettings) -> None:
    reports: list[tuple[int, int]] = []
    times = {path: path.stat().st_mtime_ns for path in world.folder.glob("*/*.*")}
    again = build_world(tiny, world.folder, lambda done, total: reports.append((done, total)))
    assert reports == [(len(world.files), len(world.files))]
    assert (again.plan, again.files) == (world.plan, world.files)
    assert times == {path: path.stat().st_mtime_ns for path in times}


def test_a_killed_build_leaves_no_process_and_goes_on_where_it_was(
    world: World, tiny: SandboxSettings, tmp_path: Path
) -> None:
    command = [sys.executable, "-c", _BUILDER, tiny.model_dump_json(), str(tmp_path)]
    build = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    assert build.stdout is not None
    assert build.stdout.readline() == "1\n"
    build.kill()
    # The workers hold the same output: it ends when the last of them is gone.
    build.communicate(timeout=30)
    assert not (tmp_path / "world.json").exists()
    finished = {path: path.stat().st_mtime_ns for path in tmp_path.glob("*/*.*") if path.suffix != ".part"}
    assert finished

    resumed = build_world(tiny, tmp_path)
    assert resumed.files == world.files, "bytes do not depend on how the build went"
    assert finished == {path: path.stat().st_mtime_ns for path in finished}, "kept, not made again"
    assert not list(tmp_path.rglob("*.part"))


def test_truth_covers_all_tracks_and_spares_and_lies_beside_them(world: World) -> None:
    assert set(world.truth) == {song.key for song in world.tracks + world.spares}
    written = json.loads((world.folder / "truth.json").read_text())
    assert written == {"/".join(key): value for key, value in world.truth.items()}


def test_what_was_planted_is_written_down(world: World) -> None:
    assert json.loads((world.folder / "planted.json").read_text()) == json.loads(json.dumps(world.planted))
    for platform in ("suno", "udio"):
        planted = world.planted[platform]
        kinds = [planted[kind].values() for kind in ("unavailable", "skipped", "malformed", "non_songs")]
        total = sum(map(sum, kinds)) + planted["songs"] + planted["vanishing"] + planted["duplicates"]
        assert planted["rows"] == total == len(world.rows[platform])


def test_labels_are_keyed_by_file_name_with_planted_gaps(world: World) -> None:
    entries = {name: label for path in world.labels for name, label in json.loads(path.read_text()).items()}
    ids = {song.track_id for song in world.songs + world.vanishing}
    assert [path.name for path in world.labels] == ["result.json", "result.json"]
    assert sum(name not in ids for name in entries) == world.label_facts.unknown_names == 1
    assert len(entries) == world.label_facts.entries + 1
    assert 0 < world.label_facts.missing < 0.5 * len(ids)
    values = [value for label in entries.values() for value in label.values()]
    assert sum(value is None for value in values) == 1
    assert all(tuple(label) == AESTHETICS for label in entries.values())


def test_a_lost_file_is_rendered_again(tiny: SandboxSettings, tmp_path: Path) -> None:
    small = tiny.model_copy(update={"songs": 8, "min_seconds": 1.0, "max_seconds": 1.5, "workers": 1})
    first = build_world(small, tmp_path)
    lost = first.path(first.songs[0])
    content = lost.read_bytes()
    lost.unlink()
    assert build_world(small, tmp_path).files == first.files
    assert lost.read_bytes() == content
