"""Appeal is a fixed function of the attributes, about standard normal over fresh songs."""

import numpy as np

from apex_core.sandbox import attributes
from apex_core.sandbox.attributes import AESTHETICS, appeal, draw, likes_appeal, streams_appeal, vary


def _songs(number: int) -> list[attributes.Attributes]:
    rng = np.random.default_rng(0)
    return [draw(rng) for _ in range(number)]


def test_both_appeals_are_standardised_and_close_to_each_other_but_not_the_same() -> None:
    songs = _songs(2000)
    streams, likes = ([of(song) for song in songs] for of in (streams_appeal, likes_appeal))
    for values in (streams, likes):
        assert abs(float(np.mean(values))) < 0.1
        assert abs(float(np.std(values)) - 1) < 0.1
    assert 0.8 < np.corrcoef(streams, likes)[0, 1] < 0.95


def test_appeal_has_no_noise_and_stays_in_its_range() -> None:
    for song in _songs(50):
        assert appeal(song) == appeal(song)
        assert all(0 <= value <= 100 for value in appeal(song).values())


def test_what_can_be_heard_most_weighs_most() -> None:
    songs = _songs(1500)
    streams = [streams_appeal(song) for song in songs]
    weight = {
        knob: abs(np.corrcoef([getattr(song, knob) for song in songs], streams)[0, 1]) for knob in attributes.KNOBS
    }
    assert set(sorted(weight, key=weight.__getitem__)[-3:]) == {"brightness", "percussion", "density"}


def test_an_edit_stays_close_to_its_root() -> None:
    rng = np.random.default_rng(1)
    songs = _songs(200)
    roots = [streams_appeal(song) for song in songs]
    edits = [streams_appeal(vary(song, rng)) for song in songs]
    assert np.corrcoef(roots, edits)[0, 1] > 0.7


def test_aesthetic_labels_are_on_their_scale_with_four_decimals() -> None:
    rng = np.random.default_rng(1)
    labels = [attributes.aesthetics(song, rng) for song in _songs(200)]
    for label in labels:
        assert tuple(label) == AESTHETICS
        assert all(1 <= value <= 5 and round(value, 4) == value for value in label.values())
    assert all(np.std([label[name] for label in labels]) > 0.3 for name in AESTHETICS)
