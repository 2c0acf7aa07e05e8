"""Libraries are looked through every night; the schedule is for URLs alone. All of it local and on S3."""

import hashlib
import os
import threading
from collections.abc import Iterator
from datetime import timedelta
from http.server import BaseHTTPRequestHandler
from pathlib import Path

import pytest

from apex_core.errors import AudioError
from apex_core.pipeline.audio import run_audio
from apex_core.pipeline.run import Window
from apex_core.settings import HttpSettings
from apex_core.storage import Store
from tests.audio.scripted import Platform, body, serving
from tests.audio.shelf import Shelf
from tests.audio.songs import tone, write_ffmpeg
from tests.pipeline.audio_stage import Home, Song, home_at, made

SOON, DAY = timedelta(minutes=5), timedelta(days=1)


@pytest.fixture(scope="module")
def song(tmp_path_factory: pytest.TempPathFactory) -> Song:
    return made(tmp_path_factory.mktemp("made"))


@pytest.fixture
def platform() -> Iterator[Platform]:
    with serving() as platform:
        yield platform


@pytest.fixture
def home(tmp_path: Path, store_url: str, platform: Platform) -> Home:
    return home_at(tmp_path / "home", f"{store_url}/store", platform)


@pytest.fixture
def shelf(store_url: str) -> Shelf:
    return Shelf(f"{store_url}/library")


def sha256(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()


def test_a_library_set_up_later_is_looked_at(home: Home, shelf: Shelf, song: Song) -> None:
    home.know(("suno", "a", None), ("udio", "a", None), ("udio", "b", None))
    assert home.audio() == {"wanted": 3, "unavailable": 3}
    before = home.prints()
    assert home.audio(SOON) == {}
    assert home.prints() == before, "a track neither found nor due is not touched"
    uri = shelf.put("udio/a.flac", song(1))
    shelf.put("suno/a.flac", b"not audio")
    assert home.audio(2 * SOON, libraries=(shelf.url,)) == {"wanted": 2, "available": 1, "corrupt": 1}
    assert home.rows("state, attempts, uri") == [
        ("corrupt", 2, f"{shelf.url}/suno/a.flac"),
        ("available", 2, uri),
        ("unavailable", 1, None),
    ]


def test_a_bad_library_file_waits_for_its_next_try_or_its_replacement(home: Home, shelf: Shelf, song: Song) -> None:
    home.know(("udio", "a", None))
    shelf.put("udio/a.flac", b"not audio")
    assert home.audio(libraries=(shelf.url,)) == {"wanted": 1, "corrupt": 1}
    assert home.audio(SOON, libraries=(shelf.url,)) == {}
    shelf.put("udio/a.flac", song(1))
    assert home.audio(2 * SOON, libraries=(shelf.url,)) == {"wanted": 1, "available": 1}


def test_an_unchanged_library_is_only_listed(home: Home, shelf: Shelf, song: Song) -> None:
    home.know(("udio", "a", None), ("udio", "b", None))
    shelf.put("udio/a.flac", song(1))
    shelf.put("udio/b.flac", song(2))
    assert home.audio(libraries=(shelf.url,)) == {"wanted": 2, "available": 2}
    before = home.prints()
    assert home.audio(DAY, libraries=(shelf.url,)) == {}
    assert home.prints() == before
    assert Store.open(home.settings.store_url).list("audio") == [], "referenced, not copied"


def test_a_changed_library_file_is_another_song(home: Home, shelf: Shelf, song: Song) -> None:
    home.know(("udio", "a", None))
    shelf.put("udio/a.flac", song(1))
    home.audio(libraries=(shelf.url,))
    shelf.put("udio/a.flac", song(2))
    assert home.audio(DAY, libraries=(shelf.url,)) == {"wanted": 1, "available": 1}
    assert home.rows("sha256, bytes, attempts") == [(sha256(song(2)), len(song(2)), 1)]
    assert home.extract(DAY, libraries=(shelf.url,)) == {"songs": 1, "failed": 0, "absent": 0}
    shelf.put("udio/a.flac", b"not audio")
    assert home.audio(2 * DAY, libraries=(shelf.url,)) == {"wanted": 1, "corrupt": 1}
    assert home.rows("reason, sha256") == [("text instead of audio", None)]


def test_a_touched_or_moved_file_is_the_same_song(home: Home, shelf: Shelf, song: Song) -> None:
    home.know(("udio", "a", None))
    home.audio()
    shelf.put("udio/a.flac", song(1))
    assert home.audio(libraries=(shelf.url,))["available"] == 1
    before = home.prints()
    if not shelf.url.startswith("s3://"):  # there equal bytes have equal ETags
        os.utime(f"{shelf.url}/udio/a.flac", (1, 1))
        assert home.audio(DAY, libraries=(shelf.url,)) == {"wanted": 1, "available": 1}
        assert home.prints() == before
        assert home.audio(2 * DAY, libraries=(shelf.url,)) == {}
    shelf.remove("udio/a.flac")
    moved = shelf.put("udio/a.mp3", song(1))  # by its bytes it is judged, not by its name
    assert home.audio(3 * DAY, libraries=(shelf.url,)) == {"wanted": 1, "available": 1}
    assert home.rows("sha256, uri, attempts") == [(sha256(song(1)), moved, 2)], "two tries, and no third"


def test_a_vanished_file_is_looked_for_elsewhere(home: Home, shelf: Shelf, song: Song) -> None:
    url = home.platform.on("/a", body(song(3)))
    home.know(("udio", "a", url), ("udio", "kept", None))
    one, two = (Shelf(f"{shelf.url}/{name}") for name in ("one", "two"))
    libraries = (one.url, two.url)
    one.put("udio/kept.flac", song(0))
    two.put("udio/other.flac", song(0))
    one.put("udio/a.flac", song(1))
    assert home.audio(libraries=libraries)["available"] == 2

    one.remove("udio/a.flac")
    assert home.audio(DAY, libraries=libraries) == {"wanted": 1, "unavailable": 1}
    assert home.rows("state, reason, sha256, attempts")[0] == (
        "unavailable",
        "library file gone; in no library",
        None,
        1,
    )
    assert home.audio(DAY + SOON, libraries=libraries) == {}, "then the schedule decides"

    uri = two.put("udio/a.flac", song(2))
    assert home.audio(DAY + 2 * SOON, libraries=libraries)["available"] == 1
    assert home.rows("uri, sha256")[0] == (uri, sha256(song(2)))

    two.remove("udio/a.flac")
    assert home.audio(2 * DAY, libraries=libraries, fetch=True)["available"] == 1
    assert home.rows("origin, sha256")[0] == ("fetched", sha256(song(3)))


def test_a_library_without_a_single_file_is_not_believed(home: Home, shelf: Shelf, song: Song) -> None:
    home.know(("udio", "a", None))
    shelf.put("udio/a.flac", song(1))
    home.audio(libraries=(shelf.url,))
    shelf.remove("udio/a.flac")
    before = home.prints()
    with pytest.raises(AudioError, match=r"has not one file, and 1 songs were found in it before"):
        home.audio(DAY, libraries=(shelf.url,))
    assert home.audio(DAY) == {}, "nor looked at when it is no library any more"
    assert home.prints() == before


def test_a_bad_file_does_not_hide_a_good_one(home: Home, shelf: Shelf, song: Song) -> None:
    url = home.platform.on("/b", body(song(2)))
    home.know(("udio", "a", None), ("udio", "b", url))
    libraries = (Shelf(f"{shelf.url}/one").url, Shelf(f"{shelf.url}/two").url)
    shelf.put("one/udio/a.flac", b"not audio")
    shelf.put("one/udio/b.flac", b"not audio")
    good = shelf.put("two/udio/a.flac", song(1))
    assert home.audio(libraries=libraries, fetch=True) == {"wanted": 2, "available": 2}
    assert home.rows("origin, sha256") == [("library", sha256(song(1))), ("fetched", sha256(song(2)))]
    assert home.rows("uri")[0] == (good,)
    assert home.audio(DAY, libraries=libraries, fetch=True) == {}


def test_bytes_that_a_manifest_does_not_mean_are_refused(home: Home, shelf: Shelf, song: Song) -> None:
    home.know(("udio", "a", None), ("udio", "b", None))
    for number, name in enumerate("ab"):
        shelf.put(f"{name}.bin", song(number))
    lines = [f"udio,{name},{name}.bin,{sha256(song(0))}" for name in "ab"]
    shelf.put("manifest.csv", "\n".join(["platform,track_id,path,sha256", *lines]).encode())
    assert home.audio(libraries=(shelf.url,)) == {"wanted": 2, "available": 1, "corrupt": 1}
    assert home.rows("state, reason") == [
        ("available", None),
        ("corrupt", "not the bytes that its manifest names"),
    ]
    # Now the manifest means the other bytes: what was fine is not, and the other way round.
    lines = [line.replace(sha256(song(0)), sha256(song(1)).upper()) for line in lines]
    shelf.put("manifest.csv", "\n".join(["platform,track_id,path,sha256", *lines]).encode())
    assert home.audio(SOON, libraries=(shelf.url,)) == {"wanted": 2, "available": 1, "corrupt": 1}
    assert [state for (state,) in home.rows("state")] == ["corrupt", "available"]


@pytest.mark.parametrize("workers", [0, 1])
def test_songs_of_a_library_are_encoded_where_they_lie(home: Home, shelf: Shelf, song: Song, workers: int) -> None:
    encoder = home.settings.encoder.model_copy(update={"decode_workers": workers})
    home.settings = home.settings.model_copy(update={"encoder": encoder})
    home.know(("udio", "a", None), ("udio", "b", None), ("udio", "c", None))
    names = ("udio/a.flac", "udio/b.flac", "udio/c.flac")
    for number, name in enumerate(names):
        shelf.put(name, song(number))
    libraries = (shelf.url,)
    assert home.audio(libraries=libraries)["available"] == 3
    shelf.remove("udio/b.flac")
    shelf.put("udio/c.flac", song(7))
    assert home.extract(libraries=libraries) == {"songs": 1, "failed": 0, "absent": 2}
    assert home.rows("reason") == [(None,), ("file not found",), ("file has changed since it was verified",)]
    assert home.audio(SOON, libraries=libraries) == {"wanted": 2, "available": 1, "unavailable": 1}
    assert home.extract(SOON, libraries=libraries) == {"songs": 1, "failed": 0, "absent": 0}


def test_the_same_bytes_on_two_tracks_are_stored_and_encoded_once(home: Home, shelf: Shelf, song: Song) -> None:
    same = [home.platform.on(f"/{name}", body(song(1))) for name in "ab"]
    home.know(("suno", "a", same[0]), ("suno", "b", same[1]), ("udio", "a", None))
    shelf.put("udio/a.flac", song(1))
    assert home.audio(fetch=True, libraries=(shelf.url,)) == {"wanted": 3, "available": 3}
    assert len({digest for (digest,) in home.rows("sha256")}) == 1
    key = f"audio/{sha256(song(1))[:2]}/{sha256(song(1))}.flac"
    assert Store.open(home.settings.store_url).list("audio") == [key]
    assert home.extract(fetch=True) == {"songs": 1, "failed": 0, "absent": 0}


@pytest.mark.parametrize("harm", ["altered", "gone"])
def test_a_stored_song_that_was_harmed_is_fetched_anew(home: Home, song: Song, harm: str) -> None:
    home.know(("udio", "a", home.platform.on("/a", body(song(1)))))
    home.audio(fetch=True)
    [(key,)] = home.rows("uri")
    store = Store.open(home.settings.store_url)
    if harm == "gone":
        store.delete(key)
    else:
        store.put(key, song(2), replace=True)
    assert home.extract() == {"songs": 0, "failed": 0, "absent": 1}
    assert home.audio(SOON, fetch=True) == {"wanted": 1, "available": 1}
    assert (home.rows("uri"), store.sha256(key)) == ([(key,)], sha256(song(1)))
    assert home.extract(SOON) == {"songs": 1, "failed": 0, "absent": 0}


def test_a_backfill_waits_for_no_schedule(home: Home) -> None:
    home.know(("udio", "a", None), ("suno", "a", None))
    assert home.audio()["wanted"] == 2
    assert home.audio(SOON, Window(platform="udio"))["wanted"] == 1
    assert home.rows("platform, attempts") == [("suno", 1), ("udio", 2)]


def test_a_night_that_begins_a_little_earlier_still_tries_what_is_due(home: Home) -> None:
    home.know(("udio", "a", None))
    assert home.audio()["wanted"] == 1
    assert home.audio(timedelta(hours=12)) == {}
    assert home.audio(timedelta(hours=23, minutes=59, seconds=50))["wanted"] == 1


def test_tries_grow_rarer_by_the_schedule(home: Home) -> None:
    home.know(("udio", "a", home.platform.on("/a", body(b"", 404))))
    tried = [day for day in range(26) if home.audio(day * DAY, fetch=True, retry_days=(1, 3, 7))]
    assert tried == [0, 1, 4, 11, 18, 25]
    assert home.rows("state, reason, attempts") == [("unavailable", "missing (404)", 6)]


def test_a_fault_that_passes_counts_no_try_and_is_due_at_once(home: Home, song: Song) -> None:
    home.know(("udio", "a", home.platform.on("/a", body(song(1)))))
    up = home.settings
    # A port that nobody listens at.
    http = HttpSettings(connect_to={"audio.test": "127.0.0.1:1"}, retries=0)
    home.settings = up.model_copy(update={"http": http})
    assert home.audio(fetch=True) == {"wanted": 1, "unavailable": 1, "left_undone": 1}
    assert home.rows("reason, attempts, next_try_at = checked_at") == [("temporary: cannot connect", 0, True)]
    home.settings = up
    assert home.audio(SOON, fetch=True) == {"wanted": 1, "available": 1}


def test_case_15_of_sources(home: Home, song: Song, tmp_path: Path) -> None:
    """SOURCES §5: what stands where audio should be, each as a state with its reason."""
    m4a = write_ffmpeg(tmp_path / "a.m4a", tone(44100, 44100), 44100, "aac", "mp4").read_bytes()
    middle = len(m4a) // 2
    addresses = {
        "a forbidden URL": home.platform.on("/api/forbidden", body(b"", 403)),
        "audiopipe": "https://audiopipe.suno.ai/?item_id=1",
        "empty": home.platform.on("/empty", body(b"")),
        "encrypted m4a": home.platform.on("/enc.m4a", body(m4a.replace(b"mp4a", b"enca").replace(b"esds", b"sinf"))),
        "None.mp3": home.platform.on("/None.mp3", body(song(1))),
        "status 403": home.platform.on("/403", body(b"<Error><Code>AccessDenied</Code></Error>", 403)),
        "text with 200": home.platform.on("/text", body(b"Too many requests.", kind="text/plain")),
        "tiny": home.platform.on("/tiny", body(b"\xff\xfb\x90\x64" * 9)),
        "undecodable m4a": home.platform.on("/bad.m4a", body(m4a[:middle] + b"\xff" * 999 + m4a[middle + 999 :])),
        "web page": home.platform.on("/page", body(b"<html>" * 99)),
    }
    home.know(*(("suno", name, address) for name, address in addresses.items()))
    home.audio(fetch=True)
    found = {name: (state, reason) for name, state, reason in home.rows("track_id, state, reason")}
    assert found == {
        "a forbidden URL": ("unavailable", "withheld by the platform"),
        "audiopipe": ("unavailable", "a live stream, not a file"),
        "empty": ("corrupt", "empty file"),
        "encrypted m4a": ("corrupt", "encrypted"),
        "None.mp3": ("unavailable", "never rendered"),
        "status 403": ("unavailable", "forbidden (403)"),
        "text with 200": ("unavailable", "temporary: throttled"),
        "tiny": ("corrupt", "fewer than 512 bytes"),
        "undecodable m4a": ("corrupt", "cannot be decoded as mp4"),
        "web page": ("unavailable", "html instead of audio"),
    }
    assert Store.open(home.settings.store_url).list("audio") == []


@pytest.mark.parametrize("concurrency", [1, 3])
def test_as_many_songs_at_once_as_the_setting_says(home: Home, song: Song, concurrency: int) -> None:
    together, now, most = threading.Barrier(concurrency), threading.Semaphore(concurrency), []

    def answer(request: BaseHTTPRequestHandler) -> None:
        most.append(now.acquire(blocking=False))  # one more than there may be
        together.wait(30)  # fewer than there may be
        threading.Event().wait(0.1)  # time for one more to come
        now.release()
        body(song(1))(request)

    home.know(*(("udio", f"{number}", home.platform.on(f"/{number}", answer)) for number in range(6)))
    assert home.audio(fetch=True, concurrency=concurrency)["available"] == 6
    assert most == [True] * 6


def test_progress_is_shown_from_the_listing_on(home: Home, shelf: Shelf, song: Song) -> None:
    home.know(*(("udio", f"{number:02}", None) for number in range(40)))
    shelf.put("udio/01.flac", song(1))
    seen: list[tuple[str, int, int]] = []
    run_audio(home.begin(SOON, lambda *step: seen.append(step), libraries=(shelf.url,)))
    listed = [("audio libraries", 1, 0), ("audio libraries", 1, 1)]
    assert seen == [*listed, ("audio", 0, 40), ("audio", 32, 40), ("audio", 40, 40)]


def test_nothing_is_left_lying_about(home: Home, song: Song, tmp_path: Path) -> None:
    scratch = home.settings.cache / "audio"
    (scratch / "killed").mkdir(parents=True)
    (scratch / "at-work").mkdir()
    os.utime(scratch / "killed", (1, 1))
    home.know(("udio", "a", home.platform.on("/a", body(song(1)))))
    home.audio(fetch=True)
    assert os.listdir(scratch) == ["at-work"]
