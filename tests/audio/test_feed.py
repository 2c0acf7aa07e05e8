"""The feed keeps order, stays within its window, survives its decoders, and leaves none behind."""

import contextlib
import hashlib
import logging
import os
import signal
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from operator import length_hint
from pathlib import Path
from typing import cast

import numpy as np
import pytest

from apex_core.audio import SEGMENT_SAMPLES, AudioRef, Feed, NativeSong, decode, reach, segments, windows_on
from apex_core.audio.facts import Origin
from apex_core.errors import AudioError, TooLarge, Unavailable, Undecodable
from apex_core.settings import AudioSettings
from apex_core.storage import Store

from .decoders import children, first_decoders, gone_within, importing_first, poisonous, standing_still
from .songs import scrambled, tone, write

SETTINGS = AudioSettings(max_seconds=40)


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> Store:
    return Store.open(tmp_path_factory.mktemp("store"))


@pytest.fixture(scope="module")
def feed(store: Store) -> Iterator[Feed]:
    with Feed(store.url, SETTINGS, workers=2) as feed:
        yield feed


@pytest.fixture(scope="module")
def songs(tmp_path_factory: pytest.TempPathFactory) -> list[AudioRef]:
    """Of 1 to 31 seconds: the long ones first, so that order has to be kept."""
    folder = tmp_path_factory.mktemp("songs")
    seconds = [31, 1, 1, 30, 1, 1, 1]
    return [ref(write(folder / f"{n}.flac", tone(44100 * s, 44100), 44100)) for n, s in enumerate(seconds)]


def ref(path: Path) -> AudioRef:
    return AudioRef(sha256(path), str(path), "library")


def sha256(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


@pytest.mark.parametrize("workers", [0, 2])
def test_songs_come_out_whole_and_in_order(feed: Feed, store: Store, songs: list[AudioRef], workers: int) -> None:
    feed = feed if workers else Feed(store.url, SETTINGS, 0)
    outcomes = list(feed.stream(songs))
    assert [song for song, _ in outcomes] == songs
    for song, windows in outcomes:
        assert isinstance(windows, np.ndarray)
        wanted = segments(decode(Path(song.uri), SETTINGS))
        assert windows.dtype == np.float32
        np.testing.assert_array_equal(windows, wanted)


@pytest.mark.parametrize("workers", [0, 1])
def test_native_songs_become_the_same_windows(
    store: Store, songs: list[AudioRef], tmp_path: Path, workers: int
) -> None:
    high = ref(write(tmp_path / "high.wav", tone(96_000, 96_000), 96_000))
    (tmp_path / "text.mp3").write_text("Too many requests.")
    refs = [*songs[:2], high, ref(tmp_path / "text.mp3")]
    with Feed(store.url, SETTINGS, workers, native=True) as feed:
        *outcomes, fault = [outcome for _, outcome in feed.stream(refs)]
    rates: list[int] = []
    for song, outcome in zip(refs, outcomes, strict=False):
        assert isinstance(outcome, NativeSong)
        rates.append(outcome.sample_rate)
        wanted = segments(decode(Path(song.uri), SETTINGS))
        np.testing.assert_allclose(windows_on(outcome, "cpu").numpy(), wanted, rtol=0, atol=1e-6)
    assert rates == [44_100, 44_100, 24_000], "above 48 kHz there is more to move than to gain"
    assert isinstance(fault, Undecodable)


def test_what_waits_for_a_slow_taker_is_bounded_in_bytes(store: Store, tmp_path: Path) -> None:
    """Long songs stand still half decoded, and end up whole, also when a decoder is killed meanwhile."""
    settings = AudioSettings(ahead_mb=1, max_seconds=100)
    refs = [ref(write(tmp_path / f"{n}.flac", tone(24_000 * 60 + n, 24_000, 1), 24_000)) for n in range(6)]
    rest, others = iter(refs), children()
    with Feed(store.url, settings, 2) as feed:
        stream = feed.stream(rest)
        outcomes = [next(stream)]
        decoders = children() - others
        held = standing_still(decoders)
        assert len(held) == 2
        assert all(0 < size <= 500_000 for size in held), "a quarter of 2 MB each, of a song's 5.8 MB"
        assert len(refs) - length_hint(rest) == 4, "nor are more begun than there is room for"
        os.kill(min(decoders), signal.SIGKILL)
        outcomes += stream
    assert [song for song, _ in outcomes] == refs
    for song, windows in outcomes:
        assert isinstance(windows, np.ndarray)
        np.testing.assert_array_equal(windows, segments(decode(Path(song.uri), settings)))


def test_songs_on_s3_are_decoded_without_a_file_of_theirs(
    s3_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    store = Store.open(s3_url)
    song = write(tmp_path / "song.flac", tone(44100, 44100), 44100)
    key = f"audio/aa/{sha256(song)}.flac"
    store.put_file(key, song)
    monkeypatch.setenv("TMPDIR", str(tmp_path / "temp"))
    monkeypatch.setattr(tempfile, "tempdir", None)
    (tmp_path / "temp").mkdir()
    for origin, uri in (("library", f"{s3_url}/{key}"), ("fetched", key)):
        with contextlib.ExitStack() as stack:
            path = reach(stack, store, cast(Origin, origin), uri)
            assert path.read_bytes() == song.read_bytes()
            assert not list((tmp_path / "temp").iterdir()), "a kill would leave it behind"
    with Feed(store.url, SETTINGS, 1) as feed:
        outcomes = [
            o for _, o in feed.stream([AudioRef(sha256(song), key, "fetched"), AudioRef("0" * 64, "no", "fetched")])
        ]
    assert isinstance(outcomes[0], np.ndarray)
    assert isinstance(outcomes[1], Unavailable)
    assert outcomes[1].message == "not in the store"


def test_a_stream_is_read_only_as_far_ahead_as_the_window(feed: Feed, songs: list[AudioRef]) -> None:
    taken = 0

    def endless() -> Iterator[AudioRef]:
        nonlocal taken
        while True:
            taken += 1
            yield songs[1]

    stream = feed.stream(endless())
    for given in range(1, 20):
        next(stream)
        assert taken <= given + 6
    stream.close()  # pyright: ignore[reportAttributeAccessIssue]
    # Left early, it leaves nothing to the next.
    assert [song for song, _ in feed.stream(songs[1:3])] == songs[1:3]


@pytest.mark.parametrize("workers", [0, 2])
def test_a_song_that_fails_is_the_only_one(
    feed: Feed, store: Store, songs: list[AudioRef], tmp_path: Path, workers: int
) -> None:
    (tmp_path / "text.mp3").write_text("Too many requests.")
    digest = "10f59d2222faca8cdc6e4beb27bba1ddc4f0b0c68fbe7a2a8f7d1c2f5f0d5f5c"
    long = ref(write(tmp_path / "long.flac", tone(8000 * 41, 8000, 1), 8000))
    faulty = [
        AudioRef(digest, str(tmp_path / "none.mp3"), "library"),
        AudioRef(digest, str(tmp_path / "text.mp3"), "library"),
        AudioRef(digest, "audio/10/none.mp3", "fetched"),
        long,
    ]
    feed = feed if workers else Feed(store.url, SETTINGS, 0)
    outcomes = [outcome for _, outcome in feed.stream([*faulty, songs[1]])]
    assert [(type(o), o.message) for o in outcomes[:4] if isinstance(o, AudioError)] == [
        (Unavailable, "file not found"),
        (Unavailable, "file has changed since it was verified"),
        (Unavailable, "not in the store"),
        (TooLarge, "longer than 40 s"),
    ]
    assert isinstance(outcomes[4], np.ndarray)


def test_fetched_songs_come_from_the_store(feed: Feed, store: Store, songs: list[AudioRef]) -> None:
    key = f"audio/aa/{songs[1].sha256}.flac"
    store.put_file(key, Path(songs[1].uri))
    [(_, windows)] = feed.stream([AudioRef(songs[1].sha256, key, "fetched")])
    assert isinstance(windows, np.ndarray)
    assert windows.shape == (1, SEGMENT_SAMPLES)


def test_a_decoder_that_is_killed_costs_no_song(feed: Feed, songs: list[AudioRef]) -> None:
    stream = feed.stream(songs)
    outcomes = [next(stream)]
    os.kill(min(children()), signal.SIGKILL)
    outcomes += stream
    assert [song for song, _ in outcomes] == songs
    assert all(isinstance(windows, np.ndarray) for _, windows in outcomes)


def test_a_song_that_kills_its_decoders_fails_alone(store: Store, songs: list[AudioRef], tmp_path: Path) -> None:
    poison = AudioRef("0" * 64, str(tmp_path / "poison.mp3"), "library")
    with poisonous(tmp_path), Feed(store.url, SETTINGS, 1) as feed:
        outcomes = list(feed.stream([songs[1], poison, *songs[2:]]))
    assert [song for song, _ in outcomes] == [songs[1], poison, *songs[2:]]
    fault = outcomes.pop(1)[1]
    assert isinstance(fault, Undecodable)
    assert fault.message == "decoder died (SIGSEGV)"
    assert all(isinstance(windows, np.ndarray) for _, windows in outcomes)


def test_decoders_that_cannot_start_stop_the_stream(store: Store, songs: list[AudioRef], tmp_path: Path) -> None:
    with (
        importing_first(tmp_path, "soundfile", "raise ImportError('no such library')\n"),
        Feed(store.url, SETTINGS, 1) as feed,
        pytest.raises(AudioError, match=r"(?s)could not start: .* \(exit status 1\)\..*no such library"),
    ):
        list(feed.stream(songs))


@pytest.mark.parametrize("workers", [0, 2])
def test_a_fault_that_is_not_the_songs_is_transient(feed: Feed, store: Store, workers: int) -> None:
    feed = feed if workers else Feed(store.url, SETTINGS, 0)
    # A regular file that gives an error when it is read, like one on a failing disk.
    [(_, fault)] = feed.stream([AudioRef("0" * 64, "/proc/self/mem", "library")])
    assert isinstance(fault, Unavailable)
    assert (fault.message, fault.transient) == ("temporary: OSError while reading", True)
    [(_, fault)] = feed.stream([AudioRef("0" * 64, "/none", "library")])
    assert isinstance(fault, Unavailable)
    assert not fault.transient


def test_what_decoders_say_is_logged_and_never_shown(
    store: Store, tmp_path: Path, caplog: pytest.LogCaptureFixture, capfd: pytest.CaptureFixture[str]
) -> None:
    damaged = ref(scrambled(tmp_path / "song.mp3"))
    with caplog.at_level(logging.DEBUG, "apex_core.audio"), Feed(store.url, SETTINGS, 1) as feed:
        assert [song for song, _ in feed.stream([damaged])] == [damaged]
    assert "Illegal Audio-MPEG-Header" in caplog.text
    assert capfd.readouterr().err == ""


def test_decoders_end_with_their_feed(store: Store, songs: list[AudioRef]) -> None:
    before = children()
    with Feed(store.url, SETTINGS, 1) as feed:
        assert len(children() - before) == 1
        assert feed.stream(songs)
    assert children() == before


PARENT = """
import sys
from apex_core.audio import AudioRef, Feed
from apex_core.settings import AudioSettings

with Feed(sys.argv[1], AudioSettings(), 1) as feed:
    def forever():
        while True:
            yield AudioRef(sys.argv[3], sys.argv[2], "library")
    for number, _ in enumerate(feed.stream(forever())):
        if number == 2:
            print("busy", flush=True)
"""


@pytest.mark.parametrize("busy", [True, False])
def test_decoders_die_with_a_parent_that_is_killed(store: Store, songs: list[AudioRef], busy: bool) -> None:
    """Killed in the midst of decoding, and while its decoders are still starting."""
    song = songs[0]
    arguments = [sys.executable, "-c", PARENT, store.url, song.uri, song.sha256]
    with subprocess.Popen(arguments, stdout=subprocess.PIPE, text=True) as parent:
        assert parent.stdout is not None
        decoders = first_decoders(parent.pid)
        if busy:
            assert parent.stdout.readline() == "busy\n"
        parent.kill()
        parent.wait()
        assert gone_within(10, decoders)
