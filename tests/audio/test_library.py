"""What libraries offer: the same in a folder and under an s3 prefix."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from apex_core.audio import list_libraries
from apex_core.audio.index import rows_of
from apex_core.errors import AudioError, SettingsError

from .shelf import Shelf

Rows = list[dict[str, Any]]


@pytest.fixture
def shelf(store_url: str) -> Shelf:
    return Shelf(f"{store_url}/library")


def offers(tmp_path: Path, *libraries: str) -> Rows:
    """Best first."""
    scratch = tmp_path / "scratch"
    scratch.mkdir(exist_ok=True)
    listing = list_libraries(libraries, scratch, lambda _: None)
    rows = list(rows_of(listing.path))
    assert sum(listing.files.values()) == len(rows)
    return sorted(rows, key=lambda row: (row["library"], row["place"], row["uri"]))


def found(tmp_path: Path, *libraries: str) -> dict[tuple[str, str], str]:
    """Of each track the best."""
    return {(row["platform"], row["track_id"]): row["uri"] for row in reversed(offers(tmp_path, *libraries))}


def test_songs_lie_at_platform_and_id(shelf: Shelf, tmp_path: Path) -> None:
    a = shelf.put("suno/a.mp3")
    b = shelf.put("udio/a.b.M4A")
    for name in ("suno/b.txt", "suno/deeper/c.mp3", "elsewhere/d.mp3", "e.mp3", "suno/.mp3", "suno/mp3"):
        shelf.put(name)
    assert found(tmp_path, shelf.url) == {("suno", "a"): a, ("udio", "a.b"): b}


def test_lossless_files_and_earlier_libraries_win(shelf: Shelf, tmp_path: Path) -> None:
    shelf.put("one/suno/a.mp3")
    flac = shelf.put("one/suno/a.flac")
    shelf.put("two/suno/a.wav")
    b = shelf.put("two/suno/b.wav")
    libraries = (f"{shelf.url}/one", f"{shelf.url}/two")
    assert found(tmp_path, *libraries) == {("suno", "a"): flac, ("suno", "b"): b}


def test_a_file_is_told_from_another_by_size_and_stamp(shelf: Shelf, tmp_path: Path) -> None:
    shelf.put("suno/a.mp3", b"one")
    [first] = offers(tmp_path, shelf.url)
    assert first["bytes"] == 3
    [same] = offers(tmp_path, shelf.url)
    assert same == first
    shelf.put("suno/a.mp3", b"two")
    [other] = offers(tmp_path, shelf.url)
    assert (other["bytes"], other["stamp"] == first["stamp"]) == (3, False)


def parquet(rows: Rows) -> bytes:
    sink = pa.BufferOutputStream()
    pq.write_table(pa.Table.from_pylist(rows), sink)
    return sink.getvalue().to_pybytes()


HASH = "ab" * 32
LISTED: Rows = [
    {"platform": "suno", "track_id": "a", "path": "deep/er/x.bin", "note": "", "sha256": HASH},
    {"platform": "suno", "track_id": "gone", "path": "no.mp3", "note": "", "sha256": None},
    {"platform": "udio", "track_id": "a", "path": "deep/ü y", "note": "z", "sha256": None},
]
MANIFESTS: dict[str, Callable[[], bytes]] = {
    "manifest.csv": lambda: "".join(
        [
            "\ufeffplatform,track_id,path,note,sha256\n",
            *(",".join(str(value or "") for value in row.values()) + "\n" for row in LISTED),
        ]
    ).encode(),
    "manifest.jsonl": lambda: "\n\n".join(json.dumps(row) for row in LISTED).encode(),
    "manifest.parquet": lambda: parquet(LISTED),
}


@pytest.mark.parametrize("name", sorted(MANIFESTS))
def test_a_manifest_names_files_of_any_name(shelf: Shelf, tmp_path: Path, name: str) -> None:
    shelf.put(name, MANIFESTS[name]())
    x, y = shelf.put("deep/er/x.bin", b"xx"), shelf.put("deep/ü y")
    rows = offers(tmp_path, shelf.url)
    facts = [(row["platform"], row["track_id"], row["uri"], row["bytes"], row["sha256"]) for row in rows]
    assert facts == [("suno", "a", x, 2, HASH), ("udio", "a", y, 1, None)]


def test_a_manifest_comes_before_convention_and_its_first_line_first(shelf: Shelf, tmp_path: Path) -> None:
    shelf.put("suno/a.flac")
    shelf.put("two.mp3")
    one = shelf.put("one.mp3")
    shelf.put("manifest.jsonl", b'{"platform": "suno", "track_id": "a", "path": "two.mp3"}')
    shelf.put("manifest.csv", b"platform,track_id,path\nsuno,a,one.mp3\nsuno,a,two.mp3\n")
    assert found(tmp_path, shelf.url) == {("suno", "a"): one}
    assert len(offers(tmp_path, shelf.url)) == 4


def test_a_path_may_be_the_whole_address(shelf: Shelf, tmp_path: Path) -> None:
    x = shelf.put("x.mp3")
    shelf.put("manifest.csv", f"platform,track_id,path\nsuno,a,{x}\n".encode())
    assert found(tmp_path, shelf.url) == {("suno", "a"): x}


@pytest.mark.parametrize(
    "path", ["../secret.mp3", "deep/../../secret.mp3", "{outside}/secret.mp3", "/secret.mp3", "s3://other/secret.mp3"]
)
def test_no_line_leads_out_of_the_library(
    shelf: Shelf, tmp_path: Path, path: str, caplog: pytest.LogCaptureFixture
) -> None:
    outside = Shelf(f"{shelf.url}/outside")
    outside.put("secret.mp3")
    Shelf(f"{shelf.url}/inside").put("suno/b.mp3")
    line = f"suno,a,{path.format(outside=outside.url)}"
    Shelf.put(shelf, "inside/manifest.csv", f"platform,track_id,path\n{line}\n".encode())
    assert set(found(tmp_path, f"{shelf.url}/inside")) == {("suno", "b")}
    assert "1 files lie outside" in caplog.text
    assert "manifest.csv, line 2" in caplog.text


def test_no_link_leads_out_of_the_library(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    outside, library = tmp_path / "outside", tmp_path / "library"
    Shelf(str(outside)).put("secret.mp3")
    (outside / "udio").mkdir()
    (outside / "udio" / "c.mp3").write_bytes(b"x")
    Shelf(str(library)).put("real/own.mp3")
    (library / "suno").mkdir()
    (library / "link.mp3").symlink_to(outside / "secret.mp3")
    (library / "linked").symlink_to(outside)
    (library / "udio").symlink_to(outside / "udio")
    (library / "suno" / "b.mp3").symlink_to(outside / "secret.mp3")
    (library / "suno" / "own.mp3").symlink_to(library / "real" / "own.mp3")
    (library / "suno" / "loop.mp3").symlink_to(library / "suno" / "loop.mp3")
    lines = "suno,a,link.mp3\nsuno,c,linked/secret.mp3\n"
    (library / "manifest.csv").write_text(f"platform,track_id,path\n{lines}")
    assert found(tmp_path, str(library)) == {("suno", "own"): str(library / "suno" / "own.mp3")}
    assert "4 files lie outside" in caplog.text


def test_a_linked_library_is_a_library(tmp_path: Path) -> None:
    Shelf(str(tmp_path / "real")).put("suno/a.mp3")
    (tmp_path / "link").symlink_to(tmp_path / "real")
    assert found(tmp_path, str(tmp_path / "link")) == {("suno", "a"): str(tmp_path / "link" / "suno" / "a.mp3")}


def test_a_name_that_is_no_text_is_passed_over(tmp_path: Path) -> None:
    shelf = Shelf(str(tmp_path / "library"))
    a = shelf.put("suno/a.mp3")
    Path(f"{shelf.url}/suno/b\udcff.mp3").write_bytes(b"x")
    assert found(tmp_path, shelf.url) == {("suno", "a"): a}


def test_a_library_that_is_not_mounted_stops_the_search(tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match="not a folder"):
        offers(tmp_path, str(tmp_path / "none"))


def test_a_folder_that_cannot_be_listed_is_not_an_empty_one(tmp_path: Path) -> None:
    shelf = Shelf(str(tmp_path / "library"))
    Path(shelf.url, "suno").symlink_to(Path(shelf.url, "suno"))  # of all errors the one that root gets as well
    with pytest.raises(AudioError, match="library/suno cannot be listed"):
        offers(tmp_path, shelf.url)


FAULTY: list[tuple[str, bytes, str]] = [
    ("manifest.csv", b"platform,id,path\nsuno,a,b\n", "line 2: needs text in"),
    ("manifest.csv", b"platform,track_id,path\nsuno,b,x\nsuno,a\n", "line 3: needs text in"),
    ("manifest.csv", b"platform,track_id,path,sha256\nsuno,a,x,123\n", "line 2: sha256 is not"),
    ("manifest.csv", b"platform,track_id,path\nsuno,a,\xff\n", r"line \d: cannot be read"),
    ("manifest.jsonl", b"\n{not json\n", "line 2: not JSON"),
    ("manifest.jsonl", b'["suno", "a", "x"]\n', "line 1: needs text in"),
    ("manifest.jsonl", b'{"platform": "suno", "track_id": 7, "path": "x"}\n', "line 1: needs text in"),
    ("manifest.parquet", b"not one", "is not a Parquet file"),
    ("manifest.parquet", parquet([{"platform": "suno", "track_id": "a"}]), "line 1: needs text in"),
    ("manifest.parquet", parquet([LISTED[0], {**LISTED[0], "path": None}]), "line 2: needs text in"),
]


@pytest.mark.parametrize(("name", "data", "fault"), FAULTY)
def test_a_faulty_manifest_is_named_with_its_line(
    shelf: Shelf, tmp_path: Path, name: str, data: bytes, fault: str
) -> None:
    shelf.put(name, data)
    with pytest.raises(AudioError, match=f"{name}.*{fault}"):
        offers(tmp_path, shelf.url)


def test_many_files_are_listed_batch_by_batch(tmp_path: Path) -> None:
    shelf = Shelf(str(tmp_path / "library"))
    Path(shelf.url, "suno").mkdir()
    for number in range(9000):
        Path(shelf.url, "suno", f"{number}.mp3").touch()
    seen: list[int] = []
    list_libraries([shelf.url], tmp_path, seen.append)
    assert seen == [8192, 9000]
