"""The cases of SOURCES §5 that metadata has to get right, by number; every record as a page's and as a dump's line."""

from datetime import UTC, datetime
from typing import Any

import pytest

from apex_core.errors import UnknownEnvelope
from apex_core.settings import Platform
from apex_core.sources import mark_gone, refuse_unknown
from tests.sources.conftest import SUNO_ID, UDIO_ID, Catalog, clip, day, one_line, record, shape, song

OTHER_ID = "11111111-1111-4111-8111-111111111111"
ROOT_ID = "22222222-2222-4222-8222-222222222222"


def seen(platform: Platform, plays: object = 259, likes: object = 4, **changes: Any) -> dict[str, Any]:
    """A record of either platform with these counts."""
    if platform == "suno":
        return clip(play_count=plays, upvote_count=likes, **changes)
    return song(plays=plays, likes=likes, **changes)


def metadata(**changes: Any) -> dict[str, Any]:
    """A clip whose metadata members are replaced; ``...`` removes one."""
    merged = {**clip()["metadata"], **changes}
    return clip(metadata={key: value for key, value in merged.items() if value is not ...})


@pytest.mark.parametrize("platform", ["suno", "udio"])
def test_case_01_a_slim_record_erases_nothing(catalog: Catalog, platform: Platform) -> None:
    catalog.ingest(platform, seen(platform))
    full = catalog.table("track")
    slim = {"id": seen(platform)["id"], "title": None, "created_at": "", "tags": None}
    catalog.ingest(platform, [slim], at=1)
    assert catalog.table("track")[0][:20] == full[0][:20]
    assert catalog.one("SELECT count(*) FROM engagement") == 1


def test_case_01_null_and_missing_keys_mean_the_same_and_erase_nothing(catalog: Catalog) -> None:
    catalog.ingest("suno", clip(title="Named"))
    full = catalog.table("track")
    catalog.ingest("suno", {"id": SUNO_ID, "status": None, "title": None, "metadata": None}, at=1)
    catalog.ingest("suno", {"id": SUNO_ID, "status": "complete"}, at=2)
    later = catalog.table("track")
    assert later[0][:20] == full[0][:20]  # all but how often and when it was said
    assert catalog.one("SELECT last_observed_at FROM track") == day(2)


def test_case_01_a_likes_only_record_leaves_plays_unknown(catalog: Catalog) -> None:
    catalog.ingest("suno", {"id": SUNO_ID, "upvote_count": 5})
    assert catalog.rows("SELECT plays, likes FROM engagement") == [(None, 5)]
    assert catalog.one("SELECT status, title FROM track") == ("active", None)


COUNTS = {
    259: [259, 259.0, "259", " 259 "],
    0: [0],
    1_200: ["1.2K", "1,200"],
    3_000_000: ["3M"],
    2_000_000_000: ["2 b"],
}
NO_COUNTS = [-1, "-1", 1.5, "many", True, [1], {"a": 1}, 10**30, "12,34"]


def test_case_02_counts(catalog: Catalog) -> None:
    expected = [(value, form) for value, forms in COUNTS.items() for form in forms]
    expected += [(None, form) for form in ("", None, *NO_COUNTS)]
    records = [clip(play_count=form, upvote_count=1) for _, form in expected]
    assert catalog.typed("suno", records, "plays") == [value for value, _ in expected]
    assert catalog.counts.nulled == (("play_count", len(NO_COUNTS)),)


DURATIONS = {"4:44": 284.0, "1:02:03": 3723.0, 119.96: 119.96, 120: 120.0, "119.96": 119.96, None: None, 0: None}
NO_DURATIONS = [-3, "long", "4:99", [4]]


def test_case_02_durations(catalog: Catalog) -> None:
    records = [metadata(duration=received) for received in (*DURATIONS, *NO_DURATIONS)] + [metadata(duration=...)]
    assert catalog.typed("suno", records, "duration_s") == [*DURATIONS.values(), *[None] * (len(NO_DURATIONS) + 1)]
    assert catalog.counts.nulled == (("duration", len(NO_DURATIONS)),)


def moment(microsecond: int) -> datetime:
    return datetime(2024, 11, 4, 15, 47, 35, microsecond, tzinfo=UTC)


TIMES = {
    "2024-11-04T15:47:35.358Z": moment(358_000),
    "2024-11-04T15:47:35.35801Z": moment(358_010),
    "2024-11-04T15:47:35.358012+00:00": moment(358_012),
    "2024-11-04T17:47:35.358012+02:00": moment(358_012),
    "2024-11-04T15:47:35+0000": moment(0),
    "2024-11-04 15:47:35": moment(0),
    1_730_735_255_358: moment(358_000),
    "1730735255358": moment(358_000),
    1_730_735_255: moment(0),
    "": None,
    None: None,
}
NO_TIMES = ["yesterday", "2024-13-04T15:47:35Z", "infinity", 12, True, {}]


def test_case_03_times(catalog: Catalog) -> None:
    records = [clip(created_at=received) for received in (*TIMES, *NO_TIMES)]
    assert catalog.typed("suno", records, "created_at") == [*TIMES.values(), *[None] * len(NO_TIMES)]
    assert catalog.counts.nulled == (("created_at", len(NO_TIMES)),)


def test_case_03_udio_times(catalog: Catalog) -> None:
    catalog.ingest("udio", record("udio_song_2024_early_drift.json"))
    assert catalog.one("SELECT created_at FROM track") == datetime(2024, 5, 30, 9, 8, 7, 123_450, tzinfo=UTC)


def test_case_04_tags(catalog: Catalog) -> None:
    both, verse = ["synth pop", "female vocals"], ["[Verse]", "rock"]
    expected: list[tuple[Any, list[str] | None]] = [
        ("synth pop, female vocals", both),
        (["synth pop", " female vocals ", "", None, 3], both),
        ("[Verse], rock,, ", verse),
        *[(nothing, None) for nothing in ("", [], None, ..., 7)],
    ]
    records = [metadata(tags=received) for received, _ in expected]
    assert catalog.typed("suno", records, "tags") == [tags for _, tags in expected]
    assert catalog.counts.nulled == (("tags", 1),)


def test_case_04_replaced_tags_are_an_object_and_not_tags(catalog: Catalog) -> None:
    counts = catalog.ingest("udio", song(tags=None))
    assert catalog.one("SELECT tags, extra FROM track") == (None, None)
    assert counts.nulled == ()


SUNO_ENVELOPES = {
    "suno_env_feed_v1.json": 1,
    "suno_env_feed_v2.json": 1,
    "suno_env_feed_v3.json": 1,
    "suno_env_feed_v3_last.json": 0,
    "suno_env_feed_v3_missing_has_more.json": 1,
    "suno_env_homepage.json": 1,
    "suno_env_playlist.json": 1,
    "suno_env_profile_p1.json": 1,
    "suno_env_profile_p2.json": 0,
    "suno_env_search.json": 1,
    "suno_clip_2026_full.json": 1,
}


@pytest.mark.parametrize(("name", "clips"), SUNO_ENVELOPES.items())
def test_case_05_every_suno_envelope(catalog: Catalog, name: str, clips: int) -> None:
    counts = catalog.ingest("suno", shape(name))
    assert (counts.records_in, counts.upserted, counts.pages) == (clips, clips, 1)
    assert counts.bad_pages == ()
    assert catalog.rows("SELECT track_id FROM track") == [(SUNO_ID,)] * clips


def test_case_05_a_projects_clips(catalog: Catalog) -> None:
    assert catalog.ingest("suno", {"id": OTHER_ID, "project_clips": [{"clip": clip()}, {}]}).rejected == 1
    assert catalog.rows("SELECT track_id FROM track") == [(SUNO_ID,)]


@pytest.mark.parametrize("name", ["udio_env_search.json", "udio_env_songs.json", "udio_song_31key.json"])
def test_case_05_every_udio_envelope(catalog: Catalog, name: str) -> None:
    assert catalog.ingest("udio", shape(name)).upserted == 1
    assert catalog.rows("SELECT platform, track_id FROM track") == [("udio", UDIO_ID)]


def test_case_05_a_homepage_holds_more_than_clips(catalog: Catalog) -> None:
    other = {"content_type": "playlist", "content_item": {"id": OTHER_ID, "play_count": 9}}
    page = {"feeds": [{"items": [other, {"content_type": "clip", "content_item": clip()}]}, {"items": []}]}
    counts = catalog.ingest("suno", page)
    assert (counts.records_in, counts.upserted, counts.skipped) == (2, 1, 1)


STRANGE = [
    {"items": [clip()]},
    {"status": 500, "title": "Oops"},
    {},
    "null",
    "3",
    '"text"',
    {"clips": {"0": clip()}},
    {"data": [song()]},
]


def test_case_06_an_unknown_envelope_fails_loudly_and_keeps_the_rest(catalog: Catalog) -> None:
    counts = catalog.ingest("suno", *STRANGE, [clip()])
    assert (counts.records_in, counts.upserted, counts.rejected) == (len(STRANGE) + 1, 1, len(STRANGE))
    assert set(catalog.rows("SELECT reason, stage, times FROM reject")) == {("unknown_envelope", "ingest", 1)}
    assert catalog.one("SELECT payload FROM reject WHERE payload LIKE '%Oops%'") == '{"status": 500, "title": "Oops"}'
    with pytest.raises(UnknownEnvelope, match="http://test/0" if catalog.form == "pages" else ".jsonl"):
        refuse_unknown(counts)


def test_case_06_known_envelopes_raise_nothing(catalog: Catalog) -> None:
    refuse_unknown(catalog.ingest("suno", [clip()], "Too many requests."))


# Case 7 (missing has_more, "" cursor, repeated cursor, short page) is in test_connectors.py, case 11 (ties, zeros, one
# track) in tests/engagement.


def test_case_08_one_id_twice_in_a_run_with_different_counts_and_vintages(catalog: Catalog) -> None:
    old = clip(play_count=10, upvote_count=1, title="Old")
    slim = record("suno_clip_2026_slim.json", play_count=12, upvote_count=None, title="New")
    counts = catalog.ingest_pages("suno", [([slim], 1), ([old], 0)], as_of=1)
    assert (counts.records_in, counts.upserted, counts.duplicate, counts.observations) == (2, 1, 1, 2)
    assert catalog.one("SELECT title, lyrics, model_family FROM track") == ("New", "[Verse]\nplaceholder lyric", "v5")
    assert catalog.table("engagement") == [
        ("suno", SUNO_ID, day(0), 10, 1, day(1)),
        ("suno", SUNO_ID, day(1), 12, None, day(1)),
    ]


@pytest.mark.parametrize("platform", ["suno", "udio"])
def test_case_08_one_id_twice_on_one_page_is_one_observation(catalog: Catalog, platform: Platform) -> None:
    counts = catalog.ingest(platform, [seen(platform, plays) for plays in (9, 11, 10)])
    assert (counts.upserted, counts.duplicate, counts.observations) == (1, 2, 1)
    assert catalog.one("SELECT plays FROM engagement") == 11


@pytest.mark.parametrize("platform", ["suno", "udio"])
def test_case_09_a_counter_that_falls_is_kept(catalog: Catalog, platform: Platform) -> None:
    for at, plays in enumerate([10, 25, 20, 20]):
        catalog.ingest(platform, seen(platform, plays), at=at)
    assert catalog.rows("SELECT observed_at, plays FROM engagement ORDER BY ALL") == [
        (day(0), 10),
        (day(1), 25),
        (day(2), 20),
    ]


@pytest.mark.parametrize("platform", ["suno", "udio"])
def test_case_10_more_likes_than_plays_are_no_fault(catalog: Catalog, platform: Platform) -> None:
    counts = catalog.ingest(platform, seen(platform, 3, 8))
    assert (counts.upserted, counts.rejected, counts.nulled) == (1, 0, ())
    assert catalog.one("SELECT plays, likes FROM engagement") == (3, 8)


def test_case_12_states_of_clips(catalog: Catalog) -> None:
    states = {
        "complete": "complete",
        "submitted": "unfinished",
        "queued": "unfinished",
        "streaming": "unfinished",
        "error": "error",
        "dreaming": None,
    }
    assert catalog.typed("suno", [clip(status=status) for status in states], "state") == list(states.values())
    assert catalog.counts.nulled == (("status", 1),)


def test_case_12_unfinished_shapes(catalog: Catalog) -> None:
    catalog.ingest("suno", shape("suno_clip_2024_submitted.json"))
    assert catalog.one("SELECT state, title, duration_s, audio_url FROM track") == ("unfinished", None, None, None)
    catalog.ingest("udio", shape("udio_song_unfinished.json"))
    query = "SELECT state, audio_url, is_public FROM track WHERE platform = 'udio'"
    assert catalog.one(query) == ("unfinished", None, False)
    catalog.ingest("udio", song(), at=1)
    assert catalog.one(query)[::2] == ("complete", True)
    catalog.ingest("udio", song(id=OTHER_ID, finished=False, error_type="moderation"))
    assert catalog.one(f"SELECT state FROM track WHERE track_id = '{OTHER_ID}'") == "error"


def test_case_13_kinds(catalog: Catalog) -> None:
    kinds = ["gen", "preview", "edit_v3_export", "upload", "stem", "concat", "upsample", "studio_export"]
    assert catalog.typed("suno", [metadata(type=kind) for kind in kinds], "kind") == kinds


def test_case_13_a_generated_stem_is_a_stem(catalog: Catalog) -> None:
    catalog.ingest("suno", metadata(type="gen", task="gen_stem", stem_from_id=ROOT_ID))
    assert catalog.one("SELECT kind, parent_id FROM track") == ("stem", ROOT_ID)


def test_case_14_an_empty_model_version_is_none_and_erases_none(catalog: Catalog) -> None:
    catalog.ingest("suno", shape("suno_clip_edit_empty_model.json"))
    assert catalog.one("SELECT model_family, model_name, kind FROM track") == (None, "chirp-chirp", "edit_v3_export")
    catalog.ingest("suno", clip(), at=1)
    catalog.ingest("suno", shape("suno_clip_edit_empty_model.json"), at=2)
    assert catalog.one("SELECT model_family FROM track") == "v3"


FORBIDDEN = "https://studio-api.prod.suno.com/api/forbidden"
PIPE = f"https://audiopipe.suno.ai/?item_id={SUNO_ID}"


def test_case_15_addresses(catalog: Catalog) -> None:
    addresses = {
        "": None,
        "https://cdn1.suno.ai/None.mp3": None,
        "file:///etc/passwd": None,
        FORBIDDEN: FORBIDDEN,
        PIPE: PIPE,
    }
    assert catalog.typed("suno", [clip(audio_url=url) for url in addresses], "audio_url") == list(addresses.values())


def test_case_15_withheld_audio_wins_over_an_older_address(catalog: Catalog) -> None:
    catalog.ingest("suno", clip())
    catalog.ingest("suno", shape("suno_clip_2026-09_audio_forbidden.json"), at=1)
    assert catalog.one("SELECT audio_url FROM track") == FORBIDDEN


NO_LISTINGS = {
    shape("udio_env_too_many_requests.txt"): "throttled_body",
    shape("suno_env_401.json"): "unauthorized_body",
    '{"detail": "Not found."}': "error_body",
    "<html>Forbidden</html>": "not_json",
    "": "not_json",
    '{"clips": [{"id": ': "not_json",
}


@pytest.mark.parametrize("platform", ["suno", "udio"])
def test_case_15_bodies_that_are_no_listing(catalog: Catalog, platform: Any) -> None:
    bodies = {body: reason for body, reason in NO_LISTINGS.items() if body or catalog.form == "pages"}
    counts = catalog.ingest(platform, *bodies)
    assert (counts.records_in, counts.rejected) == (len(bodies), len(bodies))
    kept = {one_line(payload).strip(): reason for payload, reason in catalog.rows("SELECT payload, reason FROM reject")}
    assert kept == {one_line(body).strip(): reason for body, reason in bodies.items()}
    refuse_unknown(counts)


def test_case_16_a_playlists_own_counts_and_the_viewers_are_not_taken(catalog: Catalog) -> None:
    viewed = clip(play_count=..., upvote_count=..., reaction={"play_count": 77, "upvote_count": 7})
    catalog.ingest("suno", {"entity_type": "playlist_schema", "play_count": 62, "playlist_clips": [{"clip": viewed}]})
    assert catalog.rows("FROM engagement") == []
    catalog.ingest("suno", shape("suno_env_playlist.json"), at=1)
    assert catalog.rows("SELECT track_id, plays, likes FROM engagement") == [(SUNO_ID, 15_668, 328)]
    assert catalog.one("SELECT count(*) FROM track") == 1


def test_case_16_a_playlist_among_clips_is_skipped(catalog: Catalog) -> None:
    playlist = {"entity_type": "playlist_schema", "id": OTHER_ID, "play_count": 62, "upvote_count": 4}
    counts = catalog.ingest("suno", {"clips": [playlist, clip()], "playlists": [playlist]}, playlist)
    assert (counts.records_in, counts.upserted, counts.skipped, counts.rejected) == (3, 1, 2, 0)
    assert catalog.rows("SELECT track_id FROM track") == [(SUNO_ID,)]


def test_case_17_the_same_id_on_both_platforms_is_two_tracks(catalog: Catalog) -> None:
    catalog.ingest("suno", clip(id=UDIO_ID, play_count=1))
    catalog.ingest("udio", song(id=UDIO_ID, plays=2))
    catalog.ingest("suno", clip(id=UDIO_ID, play_count=1), at=1)
    assert catalog.rows("SELECT platform, plays FROM engagement ORDER BY ALL") == [("suno", 1), ("udio", 2)]
    assert catalog.rows("SELECT platform, title FROM track ORDER BY ALL") == [
        ("suno", "Sample"),
        ("udio", "Sample Title"),
    ]


# Case 18 (401 in mid-run) is in test_connectors.py and tests/pipeline/live/test_listing.py.


@pytest.mark.parametrize("platform", ["suno", "udio"])
def test_case_19_a_404_makes_a_tombstone_that_keeps_its_past(catalog: Catalog, platform: Platform) -> None:
    gone = seen(platform)["id"]
    catalog.ingest(platform, seen(platform))
    assert mark_gone(catalog.con, platform, [gone, OTHER_ID], day(1)) == 1
    assert mark_gone(catalog.con, platform, [gone], day(1)) == 0
    assert catalog.one("SELECT status, title FROM track") == ("tombstone", seen(platform)["title"])
    assert catalog.one("SELECT plays FROM engagement") == 259
    catalog.ingest(platform, seen(platform), at=0.5)  # older than the 404
    assert catalog.one("SELECT status FROM track") == "tombstone"
    catalog.ingest(platform, seen(platform), at=2)
    assert catalog.one("SELECT status FROM track") == "active"
    assert mark_gone(catalog.con, platform, [gone], day(1)) == 0


def test_trashed_is_unavailable_and_hidden_is_not_public(catalog: Catalog) -> None:
    catalog.ingest("suno", clip(is_trashed=True))
    assert catalog.one("SELECT status, is_public FROM track") == ("unavailable", True)
    catalog.ingest("suno", clip(is_hidden=True, is_public="True", is_trashed="False"), at=1)
    assert catalog.one("SELECT status, is_public FROM track") == ("active", False)


def test_lineage_of_clips(catalog: Catalog) -> None:
    own = "00000005-0000-4000-8000-000000000000"
    expected: list[tuple[dict[str, Any], tuple[str | None, str | None]]] = [
        ({"cover_clip_id": ROOT_ID}, (ROOT_ID, None)),
        ({"edited_clip_id": f"m_{ROOT_ID}"}, (ROOT_ID, None)),
        ({"history": [{"id": ROOT_ID, "continue_at": 30}, {"id": OTHER_ID}]}, (OTHER_ID, ROOT_ID)),
        ({"concat_history": [{"id": ROOT_ID}, {"id": OTHER_ID}]}, (OTHER_ID, ROOT_ID)),
        ({"cover_clip_id": OTHER_ID, "clip_roots": {"clips": [{"id": ROOT_ID}]}}, (OTHER_ID, ROOT_ID)),
        ({"cover_clip_id": own}, (None, None)),
        ({"cover_clip_id": "", "history": "?"}, (None, None)),
    ]
    records = [metadata(**fields) for fields, _ in expected]
    assert catalog.typed("suno", records, "parent_id, root_id") == [lineage for _, lineage in expected]


def test_a_root_is_what_was_stated_however_early(catalog: Catalog) -> None:
    catalog.ingest("suno", metadata(cover_clip_id=OTHER_ID))
    catalog.ingest("suno", {**metadata(), "clip_roots": {"clips": [{"id": ROOT_ID}]}}, at=-1)
    assert catalog.one("SELECT parent_id, root_id FROM track") == (OTHER_ID, ROOT_ID)


def test_lineage_of_songs(catalog: Catalog) -> None:
    catalog.ingest("udio", record("udio_song_2024_early_drift.json"))
    parent = "7a62ff63-118f-549d-a61d-d2b0996d6ee2"
    assert catalog.one("SELECT parent_id, root_id FROM track") == (parent, None)


def test_a_udio_short_id_is_the_song_of_its_long_one(catalog: Catalog) -> None:
    ids = {
        "h5yXzRiXh4DRL4RSwqJbHu": "82358143-9583-42e3-94dd-1413e166ab9e",
        "1" * 21 + "2": "00000000-0000-0000-0000-000000000001",
    }
    both = [song(id=form) for short, long in ids.items() for form in (short, long.upper())]
    counts = catalog.ingest("udio", {"songs": both})
    assert (counts.upserted, counts.duplicate) == (2, 2)
    assert {row[0] for row in catalog.rows("SELECT track_id FROM track")} == set(ids.values())


def test_what_is_no_id_is_refused(catalog: Catalog) -> None:
    odd: list[Any] = ["z" * 22, "x" + "Z" * 21, "h5yXzRiXh4DRL4RSwqJbH0", "a b", "../x", 7, {"a": 1}]
    missing = [None, "", ...]
    platforms: list[tuple[Platform, dict[str, Any]]] = [("udio", song()), ("suno", clip())]
    for platform, bare in platforms:
        records = [{**bare, "id": bad} for bad in odd] + [{k: v for k, v in bare.items() if k != "id"}]
        counts = catalog.ingest(platform, [*records, {**bare, "id": None}, {**bare, "id": ""}, None, 3, "text"])
        assert counts.rejected == counts.records_in == len(odd) + len(missing) + 3
        reasons = f"SELECT reason, count(*) FROM reject WHERE source = '{platform}' GROUP BY 1 ORDER BY 1"
        assert catalog.rows(reasons) == [("invalid_id", len(odd)), ("missing_id", 3), ("not_an_object", 3)]


def test_a_record_of_the_other_platform_is_refused(catalog: Catalog) -> None:
    assert catalog.ingest("udio", [clip()], {"songs": [clip()]}).rejected == 2
    assert catalog.ingest("suno", [song()], song(id=OTHER_ID)).rejected == 2
    assert set(catalog.rows("SELECT source, reject_key, reason FROM reject")) == {
        ("udio", SUNO_ID, "other_platform"),
        ("suno", UDIO_ID, "other_platform"),
        ("suno", OTHER_ID, "other_platform"),
    }


def test_unknown_fields_are_kept_as_received_and_declared_ones_are_not(catalog: Catalog) -> None:
    body = {**metadata(new_knob=[1, 2], nothing=None), "d\nisliked": False, "brand_new": {"a": "b"}}
    catalog.ingest("suno", body)
    assert catalog.one("SELECT extra FROM track") == (
        '{"d\\nisliked":false,"brand_new":{"a":"b"},"metadata":{"new_knob":[1,2]}}'
    )
    catalog.ingest("udio", {**song(), "d\nisliked": True})
    assert catalog.one("SELECT extra FROM track WHERE platform = 'udio'") == '{"d\\nisliked":true}'


def test_an_object_that_repeats_a_key_ends_nothing(catalog: Catalog) -> None:
    body = f'[{{"id": "{SUNO_ID}", "odd": 1, "odd": 2, "title": "a", "title": "b"}}]'
    assert catalog.ingest("suno", body).upserted == 1
    assert catalog.one("SELECT extra FROM track") is None
