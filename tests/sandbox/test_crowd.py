"""Engagement: zero-inflated, heavy-tailed, driven by appeal, growing with the clock."""

from dataclasses import replace
from datetime import timedelta
from itertools import pairwise

import numpy as np
import pytest

from apex_core.sandbox.attributes import appeal
from apex_core.sandbox.ceiling import ceiling, spearman
from apex_core.sandbox.crowd import FALL_AT, Counts, counts
from apex_core.sandbox.plan import plan
from apex_core.sandbox.song import EPOCH, Song
from apex_core.settings import PLATFORMS, SandboxSettings

DAY = timedelta(days=1)


@pytest.fixture(scope="module", params=[7, 11])
def songs(request: pytest.FixtureRequest) -> tuple[Song, ...]:
    return plan(SandboxSettings(seed=request.param)).songs


def _gini(values: list[int]) -> float:
    ordered = np.sort(values)
    place = np.arange(1, len(ordered) + 1)
    return float(2 * (place * ordered).sum() / (len(ordered) * ordered.sum()) - (len(ordered) + 1) / len(ordered))


def _at_epoch(songs: tuple[Song, ...]) -> list[Counts]:
    return [counts(song, EPOCH) for song in songs]


def test_many_counts_are_zero_and_few_are_large(songs: tuple[Song, ...]) -> None:
    for values in zip(*((count.plays, count.likes) for count in _at_epoch(songs)), strict=True):
        assert 0.1 < values.count(0) / len(values) < 0.4
        assert _gini(list(values)) > 0.6
        assert max(values) > 20 * np.median(values)


def test_likes_go_with_plays(songs: tuple[Song, ...]) -> None:
    found = _at_epoch(songs)
    assert spearman([count.plays for count in found], [count.likes for count in found]) > 0.75
    assert any(count.likes > count.plays for count in found), "likes above plays happen and are no error"


def test_a_perfect_reader_of_the_audio_would_rank_well_but_not_perfectly(songs: tuple[Song, ...]) -> None:
    truth = {song.key: appeal(song.attributes) for song in songs}
    for platform in PLATFORMS:
        mine = [song for song in songs if song.platform == platform]
        rows = [(*song.key, float(count.plays), float(count.likes)) for song in mine for count in [counts(song, EPOCH)]]
        assert all(0.75 < value < 0.95 for value in ceiling(truth, rows).values())


def test_counts_rise_day_by_day_but_for_the_corrected_few(songs: tuple[Song, ...]) -> None:
    days = [EPOCH + n * DAY for n in range(5)]
    falling = 0
    for song in songs:
        plays = [counts(song, day).plays for day in days]
        falls = any(later < earlier for earlier, later in pairwise(plays))
        assert falls == song.falls
        falling += falls
    assert 0 < falling < 0.1 * len(songs)
    assert sum(counts(song, days[1]) != counts(song, EPOCH) for song in songs) > 0.3 * len(songs)


def test_a_correction_shows_at_its_hour(songs: tuple[Song, ...]) -> None:
    song = next(song for song in songs if song.falls)
    before, after = counts(song, FALL_AT - timedelta(seconds=1)), counts(song, FALL_AT)
    assert after.plays < before.plays
    assert counts(replace(song, falls=False), FALL_AT).plays >= before.plays


def test_counts_are_a_function_of_the_time_alone(songs: tuple[Song, ...]) -> None:
    late = [counts(song, EPOCH + 9 * DAY) for song in songs]
    assert _at_epoch(songs) == _at_epoch(songs)
    assert late == [counts(song, EPOCH + 9 * DAY) for song in songs]


def test_before_its_first_day_is_over_a_song_has_no_counts(songs: tuple[Song, ...]) -> None:
    assert all(counts(song, song.created_at + timedelta(hours=23)) == Counts(0, 0) for song in songs)
