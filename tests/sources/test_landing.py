"""The landing keeps pages as received, and files of others stay where they are."""

import gzip
import json
from collections.abc import Iterator
from pathlib import Path

import pytest
import zstandard

from apex_core.catalog import transaction
from apex_core.errors import PlatformDown
from apex_core.sources import (
    IngestCounts,
    LandedFile,
    Page,
    adopt,
    land,
    landed_by,
    merge,
    record_landing,
    stage_landed,
)
from apex_core.storage import Store
from tests.sources.conftest import SHAPES, SUNO_ID, UDIO_ID, Catalog, clip, day, dumps_at, shape


def page(number: int, body: str = "{}") -> Page:
    return Page("suno", number, f"http://test/{number}", day(number / 100), body)


def ingest(catalog: Catalog, files: list[LandedFile], platform: str = "suno") -> IngestCounts:
    assert platform in ("suno", "udio")
    with transaction(catalog.con):
        stage_landed(catalog.con, catalog.store, platform, files)
        return merge(catalog.con, platform, day(9), "r")


def test_pages_are_landed_as_received(tmp_path: Path) -> None:
    store, body = Store.open(tmp_path), ' {"odd":  1.50, "é": "\\u00e9\u2028"}\n'
    (file,) = land(store, "suno", "r1", day(0), [page(3, body)])
    assert file.uri == "landing/suno/2026/11/01/r1/000000.jsonl.zst"
    assert file.sha256 == store.sha256(file.uri)
    line = json.loads(zstandard.decompress(store.read(file.uri)))
    assert line == {"page": 3, "url": "http://test/3", "fetched_at": page(3).fetched_at.isoformat(), "body": body}


def test_fifty_pages_make_a_file_and_a_resumed_run_adds_to_them(tmp_path: Path) -> None:
    store = Store.open(tmp_path)
    files = list(land(store, "suno", "r1", day(0), map(page, range(120))))
    assert [file.pages for file in files] == [50, 50, 20]
    assert files[0].observed_at == page(49).fetched_at
    files += land(store, "suno", "r1", day(0), [page(120)])
    assert [file.uri[-16:] for file in files] == [f"{n:06d}.jsonl.zst" for n in range(4)]
    assert landed_by(store, "suno", "r1", day(0)) == files
    assert adopt(store, "suno", files[2].uri) == files[2]


def test_no_pages_make_no_file(tmp_path: Path) -> None:
    assert list(land(Store.open(tmp_path), "suno", "r1", day(0), [])) == []
    assert landed_by(Store.open(tmp_path), "suno", "r1", day(0)) == []


def test_what_came_before_an_error_is_landed(tmp_path: Path) -> None:
    def breaking() -> Iterator[Page]:
        yield from map(page, range(51))
        raise PlatformDown("gone")

    files: list[LandedFile] = []
    with pytest.raises(PlatformDown, match="gone"):
        files.extend(land(Store.open(tmp_path), "suno", "r1", day(0), breaking()))
    assert [file.pages for file in files] == [50, 1]


def test_a_folder_is_all_its_files_sorted(catalog: Catalog, tmp_path: Path) -> None:
    folder = tmp_path / "dump"
    (folder / "deep").mkdir(parents=True)
    ids = [f"{n:08d}-0000-4000-8000-000000000000" for n in range(6)]
    lines = [json.dumps(clip(id=each)) for each in ids]
    (folder / "a.jsonl").write_text(f'{lines[0]}\n\n{lines[1]}\nnot json, "quoted\n', encoding="utf-8")
    (folder / "b.jsonl.gz").write_bytes(gzip.compress(f"{lines[2]}\r\n".encode()))
    (folder / "deep" / "c.jsonl.zst").write_bytes(zstandard.compress(f"{lines[3]}\n".encode()))
    (folder / "d.json").write_text(f"[{lines[4]},\n {lines[5]}]", encoding="utf-8-sig")
    (folder / "e.json").write_text(shape("udio_env_too_many_requests.txt"), encoding="utf-8")
    (folder / "notes.md").write_text("not data", encoding="utf-8")
    dumps = dumps_at(folder, day(2), "suno")
    assert [(dump.path.name, dump.file.form) for dump in dumps] == [
        ("a.jsonl", "lines"),
        ("b.jsonl.gz", "lines"),
        ("d.json", "array"),
        ("c.jsonl.zst", "lines"),
        ("e.json", "body"),
    ]
    counts = catalog.ingest_dumps("suno", dumps)
    assert (counts.records_in, counts.upserted, counts.rejected) == (8, 6, 2)
    assert catalog.rows("SELECT DISTINCT observed_at FROM engagement") == [(day(2),)]
    assert catalog.rows("SELECT reason, payload FROM reject ORDER BY 1") == [
        ("not_json", 'not json, "quoted'),
        ("throttled_body", "Too many requests."),
    ]


def test_landed_files_are_noted_once(catalog: Catalog, tmp_path: Path) -> None:
    files = list(land(catalog.store, "suno", "r1", day(0), [page(0)]))
    for run in ("r1", "r2"):
        record_landing(catalog.con, files, run)
    assert catalog.rows("SELECT uri, pages, run_id FROM landing") == [(files[0].uri, 1, "r2")]


def test_every_shape_lands(catalog: Catalog) -> None:
    mine = [dump for dump in dumps_at(SHAPES, day(0), "suno") if dump.path.name.startswith("suno")]
    counts = catalog.ingest_dumps("suno", mine)
    assert (counts.records_in, counts.upserted, counts.duplicate, counts.rejected) == (18, 1, 16, 1)
    others = [dump for dump in dumps_at(SHAPES, day(0), "udio") if dump.path.name.startswith("udio")]
    others += dumps_at(SHAPES / "udio_env_too_many_requests.txt", day(0), "udio")
    counts = catalog.ingest_dumps("udio", others)
    assert (counts.records_in, counts.upserted, counts.duplicate, counts.rejected) == (6, 1, 4, 1)
    assert catalog.rows("SELECT platform, track_id, extra FROM track ORDER BY 1") == [
        ("suno", SUNO_ID, None),
        ("udio", UDIO_ID, None),
    ]


FIXTURES = Path(__file__).parents[3] / "shared" / "data" / "suno-fixtures"


@pytest.mark.skipif(not FIXTURES.is_dir(), reason="the raw API bodies are not beside this checkout")
def test_real_profile_pages_add_up_to_their_own_sums(catalog: Catalog) -> None:
    profile = [dumps_at(FIXTURES / f"profile-page{n}.json", day(n), "suno")[0] for n in (1, 2)]
    counts = catalog.ingest_dumps("suno", profile)
    assert (counts.records_in, counts.upserted, counts.rejected, counts.nulled) == (26, 26, 0, ())
    assert catalog.one("SELECT count(*), sum(plays), sum(likes) FROM engagement") == (26, 736, 55)
    likes = "SELECT likes, count(*) FROM engagement GROUP BY 1 ORDER BY 1"
    assert catalog.rows(likes) == [(1, 1), (2, 21), (3, 4)]
    assert catalog.one("SELECT min(plays), max(plays), count(DISTINCT plays) FROM engagement") == (4, 93, 16)
    again = catalog.ingest_dumps("suno", dumps_at(FIXTURES / "clip-complete.json", day(1), "suno"))
    assert (again.records_in, again.unchanged) == (1, 1)
    assert catalog.one("SELECT count(*) FROM track WHERE extra IS NOT NULL") == 0
