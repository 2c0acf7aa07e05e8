"""Dumps through the whole stage: from disk and S3, by reference, known again by their hash, or stopped whole."""

import json
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import fsspec
import pytest

from apex_core.catalog import connect
from apex_core.errors import RejectStorm, SourceError
from apex_core.pipeline.ingest import ingest_files
from apex_core.pipeline.run import StageReport, begin
from apex_core.settings import Settings, SourcesSettings
from tests.bench.records import write_suno
from tests.pipeline.nights import prints

DAY = datetime(2026, 11, 1, tzinfo=UTC)


def ingest(settings: Settings, *places: str | Path, at: datetime | None = DAY) -> StageReport:
    run = begin(settings, "ingest", DAY, f"run-{len(rows(settings, 'FROM run'))}")
    return ingest_files(run, places, at)


def rows(settings: Settings, query: str) -> list[Any]:
    with connect(settings, "test") as connection:
        return connection.execute(query).fetchall()


def test_the_same_file_again_is_known_by_its_hash_and_adds_nothing(settings: Settings, tmp_path: Path) -> None:
    write_suno(tmp_path / "a.jsonl", 50, dirty=0.5)
    first = ingest(settings, tmp_path / "a.jsonl")
    before = prints(settings)
    (tmp_path / "a.jsonl").rename(tmp_path / "b.jsonl")
    again = ingest(settings, tmp_path / "b.jsonl")
    rejected = first.counts["rejected"]
    assert (again.counts["records_in"], again.counts["rejected"]) == (50, rejected)
    assert again.counts["unchanged"] == 50 - rejected
    assert "known by their hash" in again.note
    assert prints(settings) == before
    assert rejected
    later = ingest(settings, tmp_path / "b.jsonl", at=DAY + timedelta(days=1))
    assert later.counts["unchanged"] == first.counts["upserted"]  # the same counts, seen again a day later
    assert "known by" not in later.note


def test_a_file_that_another_contract_read_is_read_again(settings: Settings, tmp_path: Path) -> None:
    write_suno(tmp_path / "a.jsonl", 50)
    ingest(settings, tmp_path / "a.jsonl")
    rows(settings, "UPDATE landing SET contract = 'older' RETURNING 1")
    assert ingest(settings, tmp_path / "a.jsonl").note == ""


def test_a_storm_of_rejects_is_stopped_before_it_is_written(settings: Settings, tmp_path: Path) -> None:
    dump = tmp_path / "suno.jsonl"
    dump.write_text("".join(json.dumps({"id": n, "play_count": 1}) + "\n" for n in range(200)), encoding="utf-8")
    before = prints(settings)
    with pytest.raises(RejectStorm, match=r"suno\.jsonl: 200 of 200 .* 200 invalid_id"):
        ingest(settings, dump)
    assert prints(settings) == before
    assert rows(settings, "FROM landing") == []
    patient = settings.model_copy(update={"sources": SourcesSettings(max_reject_share=1)})
    assert ingest(patient, dump).counts["rejected"] == 200
    assert rows(settings, "SELECT count(*) FROM rejects_open") == [(200,)]


def test_a_date_must_be_known(settings: Settings, tmp_path: Path) -> None:
    write_suno(tmp_path / "a.jsonl", 3)
    with pytest.raises(SourceError, match="Nobody says when"):
        ingest(settings, tmp_path / "a.jsonl", at=None)
    (tmp_path / "a.jsonl").rename(tmp_path / "a-2024-11-03.jsonl")
    ingest(settings, tmp_path / "a-2024-11-03.jsonl", at=None)
    assert rows(settings, "SELECT DISTINCT observed_at FROM engagement") == [(datetime(2024, 11, 3, tzinfo=UTC),)]


def test_a_date_that_is_yet_to_come_is_refused(settings: Settings, tmp_path: Path) -> None:
    write_suno(tmp_path / "a-2062-01-01.jsonl", 3)
    with pytest.raises(SourceError, match="2062-01-01, which is yet to come"):
        ingest(settings, tmp_path / "a-2062-01-01.jsonl", at=None)


def test_a_file_read_in_the_wrong_form_is_read_again_in_the_right_one(settings: Settings, tmp_path: Path) -> None:
    clips = {"clips": [{"id": "75784516-20ef-5ad6-9e0c-68ae36f4f340", "title": "x", "play_count": 1}]}
    (tmp_path / "a.jsonl").write_text(json.dumps(clips, indent=1))
    assert ingest(settings, tmp_path / "a.jsonl").counts["upserted"] == 0
    (tmp_path / "a.jsonl").rename(tmp_path / "a.json")
    assert ingest(settings, tmp_path / "a.json").counts["upserted"] == 1


def test_a_folder_of_both_platforms(settings: Settings, tmp_path: Path) -> None:
    write_suno(tmp_path / "a.jsonl", 20)
    song = {"id": "a2fe638b-df3d-52e2-8ef5-77cac93a7f66", "title": "x", "plays": 1, "song_path": None}
    (tmp_path / "b.json").write_text(json.dumps([song]))
    (tmp_path / "empty.jsonl").touch()
    assert ingest(settings, tmp_path).counts["records_in"] == 21
    found = rows(settings, "SELECT platform, count(*) FROM track GROUP BY ALL ORDER BY ALL")
    assert found == [("suno", 20), ("udio", 1)]


def test_dumps_on_s3_are_read_where_they_lie(settings: Settings, s3_url: str, tmp_path: Path) -> None:
    write_suno(tmp_path / "a.jsonl", 30)
    fs: Any = fsspec.filesystem("s3")
    fs.put_file(str(tmp_path / "a.jsonl"), f"{s3_url}/dumps/a.jsonl")
    assert ingest(settings, f"{s3_url}/dumps").counts["upserted"] == 30
    assert rows(settings, "SELECT uri FROM landing") == [(f"{s3_url}/dumps/a.jsonl",)]
    assert "known by their hash" in ingest(settings, f"{s3_url}/dumps/").note
    assert "known by their hash" in ingest(settings, f"{s3_url}/dumps/a.jsonl").note
    with pytest.raises(SourceError, match=r"nothing to read|does not exist"):
        ingest(settings, f"{s3_url}/dumps/b.jsonl")
    assert ingest(settings, tmp_path / "a.jsonl").note  # the same bytes, wherever they lie
