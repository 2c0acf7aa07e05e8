"""A world is planned by its seed alone, and holds something of everything."""

from collections import Counter

import pytest

from apex_core.sandbox.plan import SPARES, SPREAD_DAYS, plan
from apex_core.sandbox.song import EPOCH
from apex_core.settings import SandboxSettings

SETTINGS = SandboxSettings(songs=120)


def test_the_seed_and_the_size_decide_and_workers_do_not() -> None:
    assert plan(SETTINGS) == plan(SETTINGS.model_copy(update={"workers": 1}))
    for change in ({"seed": 8}, {"songs": 121}, {"max_seconds": 15.0}):
        other = plan(SETTINGS.model_copy(update=change))
        ids = {song.track_id for song in plan(SETTINGS).songs}
        assert ids.isdisjoint(song.track_id for song in other.songs), "files of two worlds never collide"


@pytest.mark.parametrize("songs", [8, 14, 120, 1200])
def test_every_size_has_its_songs_spares_and_oddities(songs: int) -> None:
    planned = plan(SandboxSettings(songs=songs))
    assert len(planned.songs) == songs
    assert len(planned.spares) == SPARES
    assert len({song.fate for song in planned.oddities}) == 14
    assert {song.sound for song in planned.unavailable} >= {"forbidden", "none_mp3", "http_403", "html", "empty"}
    assert {song.platform for song in planned.vanishing} == {"suno", "udio"}


def test_the_songs_are_spread_over_platforms_creators_and_months() -> None:
    songs = plan(SETTINGS).songs
    assert Counter(song.platform for song in songs)["suno"] == 78
    per_creator = Counter(song.creator.creator_id for song in songs)
    assert max(per_creator.values()) >= 5
    ages = [(EPOCH - song.created_at).days for song in songs]
    assert min(ages) >= 0
    assert 90 < max(ages) <= SPREAD_DAYS


def test_edits_and_covers_share_what_they_inherit() -> None:
    songs = plan(SETTINGS).songs
    by_key = {song.key: song for song in songs}
    children = [song for song in songs if song.root_id]
    assert len(children) > 15
    for child in children:
        root = by_key[child.platform, str(child.root_id)]
        assert root.root_id is None
        assert (child.title, child.tags) == (root.title, root.tags)
        assert child.created_at >= root.created_at
        assert (child.creator == root.creator) or child.lineage == "cover"


def test_one_id_exists_on_both_platforms() -> None:
    ids = Counter(song.track_id for song in plan(SETTINGS).songs)
    assert [times for times in ids.values() if times > 1] == [2]
