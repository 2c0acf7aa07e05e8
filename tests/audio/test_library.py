from pathlib import Path

import pytest

from apex_core.audio import find_in_libraries
from apex_core.errors import AudioError, SettingsError


def put(path: Path) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(b"x")
    return path


def test_songs_lie_at_platform_and_id(tmp_path: Path) -> None:
    a = put(tmp_path / "suno" / "a.mp3")
    b = put(tmp_path / "udio" / "a.M4A")
    put(tmp_path / "suno" / "b.txt")
    put(tmp_path / "suno" / "unasked.mp3")
    found = find_in_libraries([tmp_path], [("suno", "a"), ("udio", "a"), ("suno", "b"), ("udio", "c")])
    assert found == {("suno", "a"): a, ("udio", "a"): b}


def test_lossless_files_and_earlier_libraries_win(tmp_path: Path) -> None:
    put(tmp_path / "one" / "suno" / "a.mp3")
    flac = put(tmp_path / "one" / "suno" / "a.flac")
    put(tmp_path / "two" / "suno" / "a.wav")
    b = put(tmp_path / "two" / "suno" / "b.wav")
    found = find_in_libraries([tmp_path / "one", tmp_path / "two"], [("suno", "a"), ("suno", "b")])
    assert found == {("suno", "a"): flac, ("suno", "b"): b}


MANIFESTS = {
    "manifest.csv": "\ufeffplatform,track_id,path,note\nsuno,a,deep/er/x.bin,\nsuno,gone,no.mp3,\nudio,a,deep/y,z\n",
    "manifest.jsonl": '{"platform": "suno", "track_id": "a", "path": "deep/er/x.bin", "more": 1}\n\n'
    '{"platform": "udio", "track_id": "a", "path": "deep/y"}\n',
}


@pytest.mark.parametrize("name", sorted(MANIFESTS))
def test_a_manifest_names_files_of_any_name(tmp_path: Path, name: str) -> None:
    (tmp_path / name).write_text(MANIFESTS[name], encoding="utf-8")
    x, y = put(tmp_path / "deep" / "er" / "x.bin"), put(tmp_path / "deep" / "y")
    found = find_in_libraries([tmp_path], [("suno", "a"), ("udio", "a"), ("suno", "gone")])
    assert found == {("suno", "a"): x, ("udio", "a"): y}


@pytest.mark.parametrize("path", ["../secret.mp3", "{outside}/secret.mp3", "link.mp3", "linked/secret.mp3"])
def test_nothing_outside_the_library_is_found(tmp_path: Path, path: str) -> None:
    outside, library = tmp_path / "outside", tmp_path / "library"
    put(outside / "secret.mp3")
    put(tmp_path / "secret.mp3")
    (library / "suno").mkdir(parents=True)
    (library / "link.mp3").symlink_to(outside / "secret.mp3")
    (library / "suno" / "b.mp3").symlink_to(outside / "secret.mp3")
    (library / "linked").symlink_to(outside)
    row = f"suno,a,{path.format(outside=outside)}"
    (library / "manifest.csv").write_text(f"platform,track_id,path\n{row}\n")
    assert find_in_libraries([library], [("suno", "a"), ("suno", "b")]) == {}


def test_an_id_never_becomes_a_path(tmp_path: Path) -> None:
    put(tmp_path / "secret.mp3")
    (tmp_path / "library" / "suno").mkdir(parents=True)
    wanted = [("suno", "../../secret"), ("..", "secret"), ("suno/..", "../secret")]
    assert find_in_libraries([tmp_path / "library"], wanted) == {}


def test_a_library_that_is_not_mounted_stops_the_search(tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match="not a folder"):
        find_in_libraries([tmp_path / "none"], [("suno", "a")])


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("manifest.csv", "platform,id,path\nsuno,a,b\n"),
        ("manifest.csv", "platform,track_id,path\nsuno,a\n"),
        ("manifest.jsonl", "{not json\n"),
        ("manifest.jsonl", '["suno", "a", "x"]\n'),
        ("manifest.jsonl", '{"platform": "suno", "track_id": 7, "path": "x"}\n'),
    ],
)
def test_a_faulty_manifest_is_named_with_its_line(tmp_path: Path, name: str, text: str) -> None:
    (tmp_path / name).write_text(text)
    with pytest.raises(AudioError, match=rf"{name}, line \d"):
        find_in_libraries([tmp_path], [("suno", "a")])
