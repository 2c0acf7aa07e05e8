"""Records have exactly the keys of their vintage, and what is wrong with an item can be seen in it."""

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from apex_core.sandbox import listing
from apex_core.sandbox.plan import Plan, plan
from apex_core.sandbox.song import EPOCH, Fate, Song, Sound, Vintage
from apex_core.settings import Platform, SandboxSettings

Record = dict[str, Any]


@pytest.fixture(scope="module")
def planned() -> Plan:
    return plan(SandboxSettings(songs=40))


def _expected(shapes: Path, name: str) -> Record:
    return json.loads((shapes / f"{name}.json").read_text())


def _pick(planned: Plan, wanted: Callable[[Song], bool]) -> Song:
    return next(song for song in planned.tracks + planned.oddities if wanted(song))


def _root(planned: Plan, platform: Platform) -> Song:
    return _pick(planned, lambda song: song.platform == platform and song.lineage is None and song.fate == "song")


def _same_shape(made: Record, expected: Record) -> None:
    """The same keys with the same kinds of values; a free text or number may differ."""
    assert set(made) == set(expected)
    for key, value in expected.items():
        assert isinstance(made[key], type(value)), key
    if "metadata" in expected:
        _same_shape(made["metadata"], expected["metadata"])


@pytest.mark.parametrize(
    ("vintage", "shape"),
    [
        ("2024_nulls", "suno_clip_2024_v1_explicit_nulls"),
        ("2024_omitted", "suno_clip_2024-11_nulls_omitted"),
        ("2026_full", "suno_clip_2026_full"),
        ("2026_medium", "suno_clip_2026_medium_profile"),
        ("2026_slim", "suno_clip_2026_slim"),
    ],
)
def test_a_clip_has_the_keys_of_its_vintage(planned: Plan, shapes: Path, vintage: Vintage, shape: str) -> None:
    song = replace(_root(planned, "suno"), vintage=vintage, sound="file")
    _same_shape(listing.record(song, EPOCH), _expected(shapes, shape))


@pytest.mark.parametrize("fate", ["submitted", "streaming"])
def test_an_unfinished_clip_has_explicit_nulls(planned: Plan, shapes: Path, fate: Fate) -> None:
    song = _pick(planned, lambda song: song.fate == fate)
    made, expected = listing.record(song, EPOCH), _expected(shapes, f"suno_clip_2024_{fate}")
    _same_shape(made, expected)
    assert made["status"] == fate


def test_withheld_audio_says_so(planned: Plan, shapes: Path) -> None:
    song = replace(_pick(planned, lambda song: song.sound == "forbidden"), vintage="2026_full")
    made = listing.record(song, EPOCH)
    _same_shape(made, _expected(shapes, "suno_clip_2026-09_audio_forbidden"))
    assert made["audio_url"].endswith("/api/forbidden")


def test_an_edit_has_no_model_version_and_names_its_root(planned: Plan, shapes: Path) -> None:
    song = _pick(planned, lambda song: song.lineage == "edit" and song.platform == "suno")
    made, expected = listing.record(song, EPOCH), _expected(shapes, "suno_clip_edit_empty_model")
    assert made["metadata"].pop("edited_clip_id") == song.root_id
    _same_shape(made, expected)
    assert made["major_model_version"] == ""


def test_udio_songs_have_31_keys_or_the_early_drift(planned: Plan, shapes: Path) -> None:
    song = _root(planned, "udio")
    full = listing.record(replace(song, vintage="31_keys"), EPOCH)
    _same_shape(full, _expected(shapes, "udio_song_31key"))
    early = listing.record(replace(song, vintage="early_drift", seed=1, root_id="x"), EPOCH)
    _same_shape(early, _expected(shapes, "udio_song_2024_early_drift"))
    spoilt = listing.record(replace(song, vintage="early_drift", seed=4), EPOCH)
    assert "d\nisliked" in spoilt


def test_an_unfinished_udio_song_has_no_path(planned: Plan, shapes: Path) -> None:
    song = replace(_pick(planned, lambda song: song.fate == "unfinished"), vintage="31_keys")
    made = listing.record(song, EPOCH)
    _same_shape(made, _expected(shapes, "udio_song_unfinished"))
    assert made["finished"] is False


def test_times_have_the_digits_of_their_platform(planned: Plan) -> None:
    suno = listing.record(_root(planned, "suno"), EPOCH)["created_at"]
    assert suno.endswith("Z")
    assert len(suno.partition(".")[2]) == 4
    udio = [listing.record(song, EPOCH) for song in planned.songs if song.platform == "udio"]
    digits = {len(record["published_at"].partition(".")[2].removesuffix("+00:00")) for record in udio}
    assert digits <= {5, 6}
    assert all(record["created_at"].endswith("+00:00") for record in udio)


@pytest.mark.parametrize(
    ("fate", "key", "value"),
    [
        ("private", "is_public", False),
        ("trashed", "is_trashed", True),
        ("error", "status", "error"),
        ("bad_id", "id", "../../etc/passwd"),
        ("negative_count", "play_count", -3),
        ("garbage_count", "upvote_count", "a lot"),
        ("garbage_created_at", "created_at", "the other day"),
        ("playlist", "entity_type", "playlist_schema"),
    ],
)
def test_what_is_wrong_with_a_clip_can_be_seen(planned: Plan, fate: Fate, key: str, value: object) -> None:
    song = _pick(planned, lambda song: song.fate == fate and song.platform == "suno")
    assert listing.record(song, EPOCH)[key] == value


@pytest.mark.parametrize("kind", ["preview", "stem"])
def test_previews_and_stems_are_typed(planned: Plan, kind: Fate) -> None:
    metadata = listing.record(_pick(planned, lambda song: song.fate == kind), EPOCH)["metadata"]
    assert metadata["type"] == kind
    assert ("stem_from_id" in metadata) == (kind == "stem")


@pytest.mark.parametrize(("sound", "end"), [("none_mp3", "/None.mp3"), ("forbidden", "/api/forbidden")])
def test_an_address_can_lead_nowhere(planned: Plan, sound: Sound, end: str) -> None:
    song = _pick(planned, lambda song: song.sound == sound)
    assert listing.record(song, EPOCH)["audio_url"].endswith(end)


def test_no_address_leads_out_of_the_sandbox(planned: Plan) -> None:
    for platform in ("suno", "udio"):
        text = json.dumps([row.record(EPOCH) for row in listing.listed(planned, platform)])
        hosts = {part.split("/")[0] for part in text.split("://")[1:]}
        assert all(host.endswith("sandbox.test") for host in hosts)
