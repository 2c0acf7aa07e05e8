"""What was forgotten is taken out of every envelope, and nobody else's record with it."""

import json
from pathlib import Path
from typing import Any
from uuid import UUID

import duckdb
import pytest
import zstandard
from hypothesis import given
from hypothesis import strategies as st

from apex_core.catalog import sql
from apex_core.sources.erasure import Forgotten, clear_body, clear_landed
from apex_core.sources.share_links import long_id, short_id

SHAPES = Path(__file__).parent / "shapes"
THEIRS = "75784516-20ef-5ad6-9e0c-68ae36f4f340"
CREATOR = "c316782f-2df0-5bc0-a2e9-eb7c204c3b90"
OTHER = "11111111-2222-4333-8444-555555555555"


def shape(name: str) -> Any:
    return json.loads((SHAPES / name).read_text())


def cleared(body: Any, *, tracks: tuple[str, ...] = (), creators: tuple[str, ...] = ()) -> Any:
    found = clear_body(json.dumps(body), Forgotten(tracks, creators))
    return None if found.text is None else json.loads(found.text)


SUNO = sorted(path.name for path in SHAPES.glob("suno_*.json") if THEIRS in path.read_text())


@pytest.mark.parametrize("name", SUNO)
@pytest.mark.parametrize("by", ["track", "creator"])
def test_a_record_goes_from_every_envelope_of_suno(name: str, by: str) -> None:
    body = shape(name)
    left = cleared(body, **({"tracks": (THEIRS,)} if by == "track" else {"creators": (CREATOR,)}))
    text = json.dumps(left)
    assert THEIRS not in text
    assert "Sample" not in text or by == "track", "the creator's own page loses the creator"
    assert left is None or isinstance(left, type(body))


@pytest.mark.parametrize("name", SUNO)
def test_another_record_beside_it_stays_as_it_was(name: str) -> None:
    both = json.loads((SHAPES / name).read_text().replace(THEIRS, OTHER).replace(CREATOR, OTHER))
    text = json.dumps([both, shape(name)])
    left = clear_body(text, Forgotten([THEIRS], [CREATOR]))
    assert left.text is not None
    assert json.loads(left.text)[0] == both


@pytest.mark.parametrize("name", ["udio_env_search.json", "udio_env_songs.json"])
def test_a_record_goes_from_udios_envelopes_in_either_form_of_its_id(name: str) -> None:
    body = shape(name)
    key = "data" if "data" in body else "songs"
    first = body[key][0]
    for written in (first["id"], short_id(first["id"]), first["id"].upper()):
        first["id"] = written
        left = cleared(body, tracks=(long_id(written) or "",))
        assert left == {**body, key: body[key][1:]}


def test_lineage_of_others_keeps_the_bare_id_and_nothing_else_of_it() -> None:
    other = {
        "id": OTHER,
        "image_url": f"https://cdn2.suno.ai/image_{THEIRS}.jpeg",
        "original_user": CREATOR,
        "clip_roots": {"clips": [{"id": THEIRS, "title": "Theirs", "user_id": CREATOR}]},
        "metadata": {"cover_clip_id": THEIRS, "audio_prompt_id": f"m_{THEIRS}", "history": [{"id": THEIRS}]},
    }
    assert cleared([other], tracks=(THEIRS,), creators=(CREATOR,)) == [
        {
            "id": OTHER,
            "image_url": "https://cdn2.suno.ai/image_forgotten.jpeg",
            "original_user": None,
            "clip_roots": {"clips": [{"id": THEIRS}]},
            "metadata": {"cover_clip_id": THEIRS, "audio_prompt_id": f"m_{THEIRS}", "history": [{"id": THEIRS}]},
        }
    ]


def test_a_creators_playlist_keeps_the_songs_of_others() -> None:
    page = {"id": "p", "user_id": CREATOR, "handle": "them", "playlist_clips": [{"clip": {"id": OTHER}}], "stats": {}}
    assert cleared(page, creators=(CREATOR,)) == {"playlist_clips": [{"clip": {"id": OTHER}}]}


def test_a_text_that_is_no_json_and_names_one_is_given_up_whole() -> None:
    assert clear_body(f"<html>{THEIRS}", Forgotten([THEIRS], [])).text is None
    assert clear_body("<html>", Forgotten([THEIRS], [])).text == "<html>"


def landed(*bodies: str, url: str = "https://x.test/feed") -> bytes:
    lines = [
        {"page": n, "url": url, "fetched_at": "2026-11-01T00:00:00+00:00", "body": b} for n, b in enumerate(bodies)
    ]
    return zstandard.compress("".join(json.dumps(line, ensure_ascii=False) + "\n" for line in lines).encode())


def test_a_landed_file_loses_records_pages_and_addresses_and_nothing_else() -> None:
    kept = '{"clips":  [ {"id": "' + OTHER + '"} ]}'
    data = landed(kept, json.dumps({"id": THEIRS, "title": "T"}), "Too many requests.", url=f"https://x.test/{THEIRS}")
    found = clear_landed(data, Forgotten([THEIRS], []))
    assert found is not None
    assert found.data is not None
    pages = [json.loads(line) for line in zstandard.decompress(found.data).splitlines()]
    assert [(page["page"], page["body"]) for page in pages] == [(0, kept), (2, "Too many requests.")]
    assert {page["url"] for page in pages} == {"https://x.test/forgotten"}
    assert found.pages == 2
    assert clear_landed(found.data, Forgotten([THEIRS], [])) is None, "a second time there is nothing to do"


def test_a_file_of_nothing_else_is_gone_and_one_of_others_is_untouched() -> None:
    body = json.dumps({"id": THEIRS})
    found = clear_landed(landed(body), Forgotten([THEIRS], []))
    assert found is not None
    assert (found.data, found.pages) == (None, 0)
    naming = json.dumps({"id": OTHER, "metadata": {"cover_clip_id": THEIRS}})
    assert clear_landed(landed(naming), Forgotten([THEIRS], [])) is None


@given(st.uuids())
def test_the_short_form_is_the_one_the_ingest_reads(track: UUID) -> None:
    with duckdb.connect() as connection:
        for name in ("uuid", "short_uuid"):
            connection.execute(sql(f"ingest/macro_{name}"))
        read = connection.execute("SELECT short_uuid_of(to_json($1::VARCHAR))", [short_id(str(track))]).fetchone()
    assert read == (str(track),)
    assert long_id(short_id(str(track))) == str(track)


KEYS = ["id", "user_id", "clip", "clips", "history", THEIRS, "title"]
Json = st.recursive(
    st.none() | st.integers() | st.sampled_from([THEIRS, CREATOR, OTHER, f"see {THEIRS}", "x"]),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(["id", "user_id", "clip", "clips", "history", THEIRS, "title"]), inner, max_size=4
        )
    ),
    max_leaves=12,
)


@given(Json)
def test_what_is_left_names_no_creator_and_tracks_only_bare(value: Any) -> None:
    left = cleared(value, tracks=(THEIRS,), creators=(CREATOR,))
    assert CREATOR not in json.dumps(left)
    assert f"see {THEIRS}" not in json.dumps(left)
    assert cleared(left, tracks=(THEIRS,), creators=(CREATOR,)) == left
