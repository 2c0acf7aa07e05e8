"""What is typed in one pass says the same as what is looked at closely, whatever the fields hold."""

import json
import tempfile
from pathlib import Path
from typing import Any, Literal

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from apex_core.settings import Platform
from tests.sources.conftest import Catalog, clip, song

ODD = [
    None, "", " ", 0, 7, -1, 2.5, True, False, "true", "7", " 7 ", "1,234", "1.2K", "1e3", "007", "nan", [], [1],
    ["a", " b"], {}, {"a": 1}, "[Verse] one", "[1]", "[]", "{", "{}", " padded ", "a,, b ,", "x" * 30, "http://a/b c",
    "https://a/b.mp3", "https://a/None.mp3", "2024-04-11T10:20:30.123Z", "2024-04-11 10:20:30",
    "2024-04-11T10:20:30+02:00", "2024-04-31T10:20:30Z", 1712830830123, "4:44",
    "m_75784516-20ef-5ad6-9e0c-68ae36f4f340", "75784516-20EF-5ad6-9e0c-68ae36f4f340",
    [{"id": "75784516-20ef-5ad6-9e0c-68ae36f4f340"}], "complete", "queued",
    "gen_stem", "song_schema", "\u00e9\n\t\"quoted\"",
]  # fmt: skip
odd = st.sampled_from(ODD)
suno = st.dictionaries(
    st.sampled_from([*clip(), "is_hidden", "entity_type", "clip_roots", "tags", "duration", "unheard_of"]),
    odd,
    max_size=2,
)
suno_metadata = st.dictionaries(
    st.sampled_from([*clip()["metadata"], "task", "cover_clip_id", "clip_roots", "unheard_of"]), odd, max_size=2
)
udio = st.dictionaries(st.sampled_from([*song(), "parent_id", "unheard_of"]), odd, max_size=3)
MANY = settings(max_examples=8, deadline=None, suppress_health_check=[HealthCheck.too_slow])


def tables(platform: Platform, records: list[dict[str, Any]], form: Literal["pages", "lines"]) -> dict[str, Any]:
    with tempfile.TemporaryDirectory() as folder:
        catalog = Catalog(Path(folder), form)
        counts = catalog.ingest(platform, *records)
        return {
            "counts": (counts.upserted, counts.duplicate, counts.skipped, counts.rejected, counts.nulled),
            "reject": catalog.rows("SELECT reject_key, reason FROM reject ORDER BY ALL"),
            **{name: catalog.table(name) for name in ("track", "engagement")},
        }


def numbered(records: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Ids of their own, where the id is not what is odd."""
    return [
        {**record, "id": f"{n:08d}-0000-4000-8000-000000000000"}
        if record["id"] in (clip()["id"], song()["id"])
        else record
        for n, record in enumerate(records)
    ]


@MANY
@given(changes=st.lists(st.tuples(suno, suno_metadata), min_size=20, max_size=60))
def test_clips(changes: list[tuple[dict[str, Any], dict[str, Any]]]) -> None:
    records = numbered([clip(**{"metadata": {**clip()["metadata"], **inner}, **outer}) for outer, inner in changes])
    assert tables("suno", records, "lines") == tables("suno", records, "pages")


@MANY
@given(changes=st.lists(udio, min_size=20, max_size=60))
def test_songs(changes: list[dict[str, Any]]) -> None:
    records = numbered([song(**outer) for outer in changes])
    assert tables("udio", records, "lines") == tables("udio", records, "pages")


@pytest.mark.parametrize(("platform", "record"), [("suno", clip()), ("udio", song())])
def test_an_ordinary_record_is_typed_in_one_pass(tmp_path: Path, platform: Platform, record: dict[str, Any]) -> None:
    catalog = Catalog(tmp_path, "lines")
    path = tmp_path / "a.jsonl"
    path.write_text(json.dumps(record) + "\n")
    assert catalog.odd_lines(platform, path) == 0
