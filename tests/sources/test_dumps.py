"""Dumps and exports: every form of file comes to the same rows, dated or refused, and nothing odd ends them."""

import csv
import gzip
import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import duckdb
import polars as pl
import pytest
import zstandard

from apex_core.errors import RejectStorm, SourceError
from apex_core.settings import Platform, SourcesSettings
from apex_core.sources import Dump, IngestCounts, Page, find_dumps, land, look_at, refuse_storm, whole_sha256
from apex_core.storage import ForeignFile
from tests.sources.conftest import DAY0, SUNO_ID, UDIO_ID, Catalog, clip, day, record, song

OTHER = "11111111-1111-4111-8111-111111111111"


def dump(path: Path, observed_at: datetime | None = DAY0, platform: Platform | None = None) -> Dump:
    (found,) = find_dumps(str(path))
    return Dump(look_at(found, path, observed_at, platform), path)


def lines(records: list[dict[str, Any]]) -> str:
    return "".join(json.dumps(one) + "\n" for one in records)


def write(folder: Path, name: str, records: list[dict[str, Any]]) -> Path:
    """The same records in the form that a name asks for."""
    path = folder / name
    text = lines(records).encode()
    if name.endswith(".gz"):
        path.write_bytes(gzip.compress(text))
    elif name.endswith(".zst"):
        path.write_bytes(zstandard.compress(text))
    elif name == "list.json":
        path.write_text(json.dumps(records, indent=1))
    elif name == "body.json":
        path.write_text(json.dumps({"clips": records, "has_more": False}, indent=1))
    elif name.endswith(".parquet"):
        write_parquet(path, text, folder / "lines.tmp")
    else:
        path.write_bytes(text)
    return path


def write_parquet(path: Path, text: bytes, scratch: Path) -> None:
    scratch.write_bytes(text)
    with duckdb.connect() as con:
        con.execute(f"COPY (FROM read_json('{scratch}', format = 'newline_delimited')) TO '{path}' (FORMAT parquet)")


FORMS = ("a.jsonl", "a.ndjson", "a.jsonl.gz", "a.jsonl.zst", "lines.json", "list.json", "body.json", "a.parquet")


@pytest.mark.parametrize("name", FORMS)
def test_every_form_of_file_comes_to_the_same_rows(tmp_path: Path, name: str) -> None:
    records = [clip(created_at="2024-04-11T10:20:30.123Z"), record("suno_clip_2026_full.json", id=OTHER)]
    tables: list[Any] = []
    for number, form in enumerate(("a.jsonl", name)):
        folder = tmp_path / str(number)
        folder.mkdir()
        catalog = Catalog(folder)
        counts = catalog.ingest_dumps("suno", [dump(write(folder, form, records))])
        assert (counts.records_in, counts.upserted, counts.nulled) == (2, 2, ())
        tables.append([catalog.table("track"), catalog.table("engagement")])
    assert tables[0] == tables[1]


def test_an_export_of_the_user_interface(catalog: Catalog, tmp_path: Path) -> None:
    path = tmp_path / "library.csv"
    with path.open("w", newline="", encoding="utf-8-sig") as file:
        writer = csv.writer(file)
        writer.writerow(["Title", "Song ID", "Plays", "Likes", "Created", "Duration", "Style", "Lyrics", "My Notes"])
        writer.writerow(["One", SUNO_ID, "1.2K", "", "1712830830123", "4:44", "pop, rock", "first\nsecond", "x"])
        writer.writerow(["Two, or more", OTHER, "", "", "2024-04-11T10:20:30Z", "61", "", "", ""])
    counts = catalog.ingest_dumps("suno", [dump(path, platform="suno")])
    assert (counts.records_in, counts.upserted, counts.observations) == (2, 2, 1)
    made = datetime(2024, 4, 11, 10, 20, 30, 123000, UTC)
    assert catalog.rows("SELECT title, created_at, duration_s, tags, lyrics, extra FROM track ORDER BY title") == [
        ("One", made, 284.0, ["pop", "rock"], "first\nsecond", '{"my_notes":"x"}'),
        ("Two, or more", made.replace(microsecond=0), 61.0, None, None, None),
    ]
    assert catalog.rows("SELECT plays, likes FROM engagement") == [(1200, None)]


def test_an_export_of_songs_of_the_other_platform(catalog: Catalog, tmp_path: Path) -> None:
    path = tmp_path / "udio-songs.csv"
    path.write_text(f"id,title,artist,plays,likes,duration\n{UDIO_ID},Sample,someone,7,,131.5\n", encoding="utf-8")
    assert dump(path).file.source == "udio"
    assert catalog.ingest_dumps("udio", [dump(path)]).upserted == 1
    assert catalog.one("SELECT title, creator_name, duration_s FROM track") == ("Sample", "someone", 131.5)
    assert catalog.one("SELECT plays, likes FROM engagement") == (7, None)


def test_columns_of_a_flattened_table(catalog: Catalog, tmp_path: Path) -> None:
    path = tmp_path / "flat.parquet"
    pl.DataFrame(
        {
            "id": [SUNO_ID],
            "play_count": [5],
            "metadata.duration": [12.5],
            "metadata.tags": ["a, b"],
            "metadata.type": "gen",
        }
    ).write_parquet(path)
    catalog.ingest_dumps("suno", [dump(path)])
    assert catalog.one("SELECT duration_s, tags, kind FROM track") == (12.5, ["a", "b"], "gen")


def test_names_that_look_like_patterns_are_names(catalog: Catalog, tmp_path: Path) -> None:
    for name, number in (("a[1].jsonl", 1), ("a1.jsonl", 2), ("a?.json", 3), ("a*.csv", 4)):
        text = json.dumps([clip(play_count=number)])[1:-1] if name != "a*.csv" else f"id,play_count\n{SUNO_ID},{number}"
        (tmp_path / name).write_text(text + "\n")
    for name, number in (("a[1].jsonl", 1), ("a?.json", 3), ("a*.csv", 4)):
        catalog.con.execute("DELETE FROM engagement")
        catalog.con.execute("DELETE FROM track")
        assert catalog.ingest_dumps("suno", [dump(tmp_path / name)]).records_in == 1
        assert catalog.one("SELECT plays FROM engagement") == number


def test_columns_may_be_called_anything_and_quotes_may_come_late(catalog: Catalog, tmp_path: Path) -> None:
    path = tmp_path / "a.csv"
    rows = [f"{n:08d}-0000-4000-8000-000000000000,{n},plain,a,b" for n in range(25_000)]
    last = f'{SUNO_ID},7,"quoted, with\na ""break""",a,b'
    path.write_text("\n".join(["id,play_count,title,order,group", *rows, last]) + "\n", encoding="utf-8")
    counts = catalog.ingest_dumps("suno", [dump(path)])
    assert (counts.records_in, counts.upserted, counts.rejected) == (25_001, 25_001, 0)
    found = catalog.one(f"SELECT title, extra FROM track WHERE track_id = '{SUNO_ID}'")
    assert found == ('quoted, with\na "break"', '{"order":"a","group":"b"}')


def test_lines_that_are_not_json_are_rejects_and_end_nothing(catalog: Catalog, tmp_path: Path) -> None:
    path = tmp_path / "a.jsonl"
    not_json = b'{"id": "cut\n\n{"id": }\n{"id": "\xff\xfe"}\n\xff\xfe\n  \n'
    path.write_bytes(lines([clip()]).encode() + not_json)
    counts = catalog.ingest_dumps("suno", [dump(path)])
    assert (counts.records_in, counts.upserted, counts.rejected) == (5, 1, 4)
    assert catalog.rows("SELECT reason, count(*) FROM reject GROUP BY reason ORDER BY reason") == [
        ("not_json", 2),
        ("unreadable_line", 2),
    ]


def test_rows_of_a_broken_table_are_rejects_and_end_nothing(catalog: Catalog, tmp_path: Path) -> None:
    path = tmp_path / "suno.csv"
    path.write_bytes(f'id,title,play_count\n{SUNO_ID},fine,3\n{OTHER},"odd"quote,4\n{OTHER},too,many,5,6\n'.encode())
    counts = catalog.ingest_dumps("suno", [dump(path)])
    assert (counts.records_in, counts.upserted, counts.rejected) == (3, 1, 2)
    assert catalog.rows("SELECT title, plays FROM track JOIN engagement USING (track_id)") == [("fine", 3)]
    assert catalog.rows("SELECT DISTINCT reason FROM reject") == [("unreadable_line",)]


def test_landed_pages_can_be_read_again_and_carry_their_own_dates(catalog: Catalog, tmp_path: Path) -> None:
    pages = [Page("suno", n, "http://test", day(n), json.dumps({"clips": [clip(play_count=n)]})) for n in range(2)]
    (file,) = land(catalog.store, "suno", "r", DAY0, pages)
    with catalog.store.local(file.uri) as path:
        found = dump(path, observed_at=None)
        assert (found.file.form, found.file.source, found.file.observed_at) == ("pages", "suno", DAY0)
        assert catalog.ingest_dumps("suno", [found]).records_in == 2
    assert catalog.rows("SELECT observed_at, plays FROM engagement ORDER BY ALL") == [(day(0), 0), (day(1), 1)]


@pytest.mark.parametrize("name", ["a.jsonl.zst", "a.jsonl.gz"])
def test_a_file_that_is_cut_off_is_not_taken_for_whole(catalog: Catalog, tmp_path: Path, name: str) -> None:
    text, path = lines([clip()] * 3_000).encode(), tmp_path / name
    packed = zstandard.compress(text) if name.endswith(".zst") else gzip.compress(text)
    path.write_bytes(packed * 2)  # a file of several frames is whole
    assert len(whole_sha256(path)) == 64
    assert catalog.ingest_dumps("suno", [dump(path)]).records_in == 6_000
    path.write_bytes(packed[: len(packed) // 2])
    cut = dump(path, platform="suno")

    def read() -> str:
        catalog.ingest_dumps("suno", [cut])
        return whole_sha256(path)

    with pytest.raises(SourceError, match=name):
        read()


def test_an_empty_file_is_nothing(catalog: Catalog, tmp_path: Path) -> None:
    (tmp_path / "a.jsonl").write_text("")
    assert catalog.ingest_dumps("suno", [dump(tmp_path / "a.jsonl", platform="suno")]) == IngestCounts()


def test_the_date_is_read_from_the_name_or_must_be_given(tmp_path: Path) -> None:
    for name, expected in (
        ("suno-2024-11-03.jsonl", datetime(2024, 11, 3, tzinfo=UTC)),
        ("suno_20241103_v2.jsonl.zst", datetime(2024, 11, 3, tzinfo=UTC)),
    ):
        assert look_at(ForeignFile(name, 0, ""), write(tmp_path, name, [clip()]), None, "suno").observed_at == expected
    for name in ("suno.jsonl", "1202411030.jsonl", "2024-13-03.jsonl"):
        with pytest.raises(SourceError, match="Nobody says when") as raised:
            look_at(ForeignFile(name, 0, ""), write(tmp_path, name, [clip()]), None, "suno")
        assert "--observed-at" in str(raised.value.fix)


@pytest.mark.parametrize(
    ("name", "text", "expected"),
    [
        ("a.jsonl", json.dumps(clip(title="she plays the song_path blues", play_count=1)), "suno"),
        ("a.jsonl", json.dumps(song(title="audio_url clips")), "udio"),
        ("a.csv", "id,title,Plays,Upvote Count\n", "suno"),
        ("a.csv", "id;title;song_path\n", "udio"),
        ("my-udio-songs.csv", "id,title,plays\n", "udio"),
        ("suno.csv", "id,title,plays\n", "suno"),
        ("a.csv", "id,title,plays\n", None),
        ("a.jsonl", '{"id": 1, "title": "plays"}', None),
        ("suno-and-udio.jsonl", '{"id": 1}', None),
    ],
)
def test_whose_records_they_are_is_told_by_fields_then_by_name_and_never_guessed(
    tmp_path: Path, name: str, text: str, expected: str | None
) -> None:
    path = tmp_path / name
    path.write_text(text)
    if expected is not None:
        assert dump(path).file.source == expected
        return
    with pytest.raises(SourceError, match="Nothing in") as raised:
        dump(path)
    assert "--platform" in str(raised.value.fix)


def test_nothing_to_read_says_what_could_be(tmp_path: Path) -> None:
    (tmp_path / "notes.docx").write_text("")
    (tmp_path / "LICENCE.txt").write_text("not data")
    for place, said in ((tmp_path, "nothing to read"), (tmp_path / "nowhere.jsonl", "does not exist")):
        with pytest.raises(SourceError, match=said):
            find_dumps(str(place))
    assert len(find_dumps(str(tmp_path / "LICENCE.txt"))) == 1


def test_a_file_that_is_not_what_its_name_says_is_named(catalog: Catalog, tmp_path: Path) -> None:
    for name, text in (("a.jsonl.zst", "{}"), ("a.parquet", "no"), ("list.json", "[{]")):
        path = tmp_path / name
        path.write_text(text)
        with pytest.raises(SourceError, match=name):
            catalog.ingest_dumps("suno", [dump(path, platform="suno")])


def test_a_storm_of_rejects_is_refused_with_its_reasons(catalog: Catalog, tmp_path: Path) -> None:
    path = tmp_path / "a.jsonl"
    path.write_text(lines([song()] * 3 + [clip()] * 5), encoding="utf-8")
    counts = catalog.ingest_dumps("suno", [dump(path, platform="suno")])
    with pytest.raises(RejectStorm, match=r"3 of 8 .* 3 other_platform, as '\{"):
        refuse_storm(counts, SourcesSettings(storm_rejects=2, max_reject_share=0.2), "it")
    refuse_storm(counts, SourcesSettings(storm_rejects=3, max_reject_share=0.2), "it")
    refuse_storm(counts, SourcesSettings(storm_rejects=0, max_reject_share=0.4), "it")
