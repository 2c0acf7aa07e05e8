"""Fetching over real HTTP: what is let through, what is refused and why, and what is tried again."""

import socket
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler
from pathlib import Path

import pytest

from apex_core.audio import Fetcher, verify
from apex_core.audio.fetch import retry_after
from apex_core.audio.gate import is_public
from apex_core.errors import AudioError, TooLarge, Unavailable, Undecodable
from apex_core.settings import AudioSettings, HttpSettings

from .scripted import Platform, Script, body, cut, redirect, the_rest
from .songs import tone, write

ETAG = {"ETag": '"v1"'}


@pytest.fixture(scope="module")
def song(tmp_path_factory: pytest.TempPathFactory) -> bytes:
    return write(tmp_path_factory.mktemp("song") / "song.flac", tone(44100, 44100), 44100).read_bytes()


@pytest.fixture
def naps() -> list[float]:
    return []


@pytest.fixture
def fetcher(settings: AudioSettings, http: HttpSettings, naps: list[float]) -> Iterator[Fetcher]:
    with Fetcher(settings, http, sleep=naps.append) as fetcher:
        yield fetcher


@pytest.fixture
def target(tmp_path: Path) -> Path:
    return tmp_path / "target"


def reason(fetcher: Fetcher, url: str, target: Path, kind: type[AudioError] = Unavailable) -> str:
    with pytest.raises(kind) as caught:
        fetcher.fetch(url, target)
    assert list(target.parent.iterdir()) == []
    assert caught.value.transient == caught.value.message.startswith("temporary: ")
    return caught.value.message


def test_a_song_arrives_whole(
    platform: Platform, fetcher: Fetcher, target: Path, song: bytes, settings: AudioSettings
) -> None:
    fetcher.fetch(platform.on("/a.flac", body(song)), target)
    assert target.read_bytes() == song
    assert verify(target, settings).codec == "flac"
    assert [path.name for path in target.parent.iterdir()] == ["target"]
    assert platform.seen[0][1]["host"] == "audio.test"


def test_a_redirect_is_followed(platform: Platform, fetcher: Fetcher, target: Path, song: bytes) -> None:
    platform.on("/b", redirect("c?x=1"))
    platform.on("/c?x=1", body(song))
    fetcher.fetch(platform.on("/a", redirect("http://audio.test/b")), target)
    assert target.read_bytes() == song


@pytest.mark.parametrize(
    ("location", "why"),
    [
        ("http://elsewhere.test/a", "host not allowed: elsewhere.test"),
        ("http://audio.test:22/a", "host not allowed: audio.test"),
        ("http://169.254.169.254/latest", "host not allowed: 169.254.169.254"),
        ("file:///etc/passwd", "not an http address"),
        ("/api/forbidden", "withheld by the platform"),
        ("/a", "too many redirects"),
    ],
)
def test_every_redirect_is_checked_anew(
    platform: Platform, fetcher: Fetcher, target: Path, location: str, why: str
) -> None:
    assert reason(fetcher, platform.on("/a", redirect(location)), target) == why
    assert len(platform.seen) == (6 if why == "too many redirects" else 1)


@pytest.mark.parametrize(
    ("url", "why"),
    [
        ("", "no address"),
        ("https://audio.test/api/forbidden", "withheld by the platform"),
        ("https://audio.test/api/forbidden/?t=1", "withheld by the platform"),
        ("https://audio.test/None.mp3", "never rendered"),
        ("https://audiopipe.suno.ai/?item_id=1", "a live stream, not a file"),
        ("ftp://audio.test/a", "not an http address"),
        ("not an address", "not an http address"),
        ("http://[::1", "not an address"),
        ("http://user:word@audio.test/a", "an address with credentials"),
        ("http://elsewhere.test/a", "host not allowed: elsewhere.test"),
        ("http://audio.test@elsewhere.test/a", "an address with credentials"),
    ],
)
def test_some_addresses_are_never_asked(platform: Platform, fetcher: Fetcher, target: Path, url: str, why: str) -> None:
    assert reason(fetcher, url, target) == why
    assert platform.seen == []


@pytest.mark.parametrize("host", ["localhost", "127.0.0.1", "[::1]"])
def test_private_addresses_are_refused_even_when_the_name_is_allowed(
    platform: Platform, target: Path, host: str
) -> None:
    port = platform.address.rpartition(":")[2]
    audio = AudioSettings(allowed_hosts=(f"{host.strip('[]')}:{port}",))
    with Fetcher(audio, HttpSettings()) as fetcher:
        why = reason(fetcher, f"http://{host}:{port}/a", target)
    assert why == f"host resolves to a private address: {host.strip('[]')}"
    assert platform.seen == []


def test_private_addresses_may_be_allowed(platform: Platform, target: Path, song: bytes) -> None:
    # The name may resolve to ::1 first, where nobody listens: the next address is dialled.
    platform.on("/a", body(song))
    port = platform.address.rpartition(":")[2]
    with Fetcher(AudioSettings(allowed_hosts=(f"localhost:{port}",)), HttpSettings(allow_private=True)) as fetcher:
        fetcher.fetch(f"http://localhost:{port}/a", target)
    assert target.read_bytes() == song
    assert platform.seen[0][1]["host"] == f"localhost:{port}"


@pytest.mark.parametrize(
    ("address", "public"),
    [
        ("93.184.216.34", True),
        ("2606:2800:220:1::1", True),
        ("10.0.0.1", False),
        ("100.64.0.1", False),
        ("127.0.0.1", False),
        ("169.254.169.254", False),
        ("192.168.1.1", False),
        ("0.0.0.0", False),
        ("224.0.0.1", False),
        ("255.255.255.255", False),
        ("::1", False),
        ("::", False),
        ("fe80::1%eth0", False),
        ("fd00::1", False),
        ("ff02::1", False),
        ("::ffff:127.0.0.1", False),
        ("2002:7f00:1::", False),
        ("64:ff9b::a9fe:a9fe", False),
        ("64:ff9b::5db8:d822", True),
    ],
)
def test_public_addresses_are_told_from_others(address: str, public: bool) -> None:
    assert is_public(address) is public


def test_proxies_of_the_environment_are_ignored(
    platform: Platform, fetcher: Fetcher, target: Path, song: bytes, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HTTP_PROXY", "http://127.0.0.1:9")
    fetcher.fetch(platform.on("/a", body(song)), target)
    assert target.read_bytes() == song


@pytest.mark.parametrize(
    ("status", "why"),
    [
        (401, "asks for a login (401)"),
        (403, "forbidden (403)"),
        (404, "missing (404)"),
        (410, "gone (410)"),
        (418, "status 418"),
        (204, "status 204"),
    ],
)
def test_a_refusal_is_final(platform: Platform, fetcher: Fetcher, target: Path, status: int, why: str) -> None:
    assert reason(fetcher, platform.on("/a", body(b"", status)), target) == why
    assert len(platform.seen) == 1


@pytest.mark.parametrize(
    ("data", "kind", "error", "why"),
    [
        (b"<html></html>", "text/html; charset=utf-8", Unavailable, "text/html instead of audio"),
        (b"{}", "application/json", Unavailable, "application/json instead of audio"),
        (b"<html></html>" * 99, "audio/mpeg", Unavailable, "html instead of audio"),
        (b'{"a": 1}' * 99, "", Unavailable, "json instead of audio"),
        (b"gone fishing", "text/plain", Unavailable, "text instead of audio"),
        (b"", "audio/mpeg", Undecodable, "empty file"),
        (b"\xff\xfb\x90\x64", "audio/mpeg", Undecodable, "fewer than 512 bytes"),
        (bytes(range(256)) * 40, "audio/mpeg", Undecodable, "not audio"),
    ],
)
def test_what_is_not_audio_is_not_kept(
    platform: Platform, fetcher: Fetcher, target: Path, data: bytes, kind: str, error: type[AudioError], why: str
) -> None:
    assert reason(fetcher, platform.on("/a", body(data, kind=kind)), target, error) == why


@pytest.mark.parametrize("stated", [True, False])
def test_more_bytes_than_allowed_are_not_fetched(
    platform: Platform, http: HttpSettings, settings: AudioSettings, target: Path, song: bytes, stated: bool
) -> None:
    def endless(request: BaseHTTPRequestHandler) -> None:
        request.send_response(200)
        request.send_header("Connection", "close")
        request.end_headers()
        request.wfile.write(song)

    url = platform.on("/a", body(song) if stated else endless)
    small = settings.model_copy(update={"max_bytes": 10_000})
    with Fetcher(small, http) as fetcher:
        assert reason(fetcher, url, target, TooLarge) == "more than 10000 bytes"


def test_temporary_faults_are_tried_again_with_growing_waits(
    platform: Platform, fetcher: Fetcher, target: Path, song: bytes, naps: list[float]
) -> None:
    url = platform.on("/a", body(b"", 503), body(b"", 429), body(b"Too many requests.", kind="text/plain"), body(song))
    fetcher.fetch(url, target)
    assert target.read_bytes() == song
    assert naps == [30, 60, 120]


def test_the_server_may_say_how_long_to_wait(
    platform: Platform, fetcher: Fetcher, target: Path, song: bytes, naps: list[float]
) -> None:
    url = platform.on("/a", body(b"", 429, Retry_After="0"), body(b"", 429, Retry_After="7"), body(song))
    fetcher.fetch(url, target)
    assert naps == [0, 7]


def test_waits_are_read_as_seconds_or_dates() -> None:
    date = "Wed, 21 Oct 2026 07:28:00 GMT"
    assert retry_after({"Retry-After": "1.5"}) == 1.5
    assert retry_after({"Retry-After": "Wed, 21 Oct 2026 07:28:30 GMT", "Date": date}) == 30
    assert retry_after({"Retry-After": "Wed, 21 Oct 2015 07:28:00 GMT", "Date": date}) == 0
    for unreadable in ("soon", "nan", "", date):
        assert retry_after({"Retry-After": unreadable}) is None


@pytest.mark.parametrize(
    ("script", "why"),
    [
        (body(b"", 500), "temporary: status 500"),
        (body(b"", 429), "temporary: status 429"),
        (body(b"Too many requests."), "temporary: throttled"),
        (cut(b"x" * 1000, 0), "temporary: connection cut"),
    ],
)
def test_patience_ends(platform: Platform, fetcher: Fetcher, target: Path, script: Script, why: str) -> None:
    assert reason(fetcher, platform.on("/a", script), target) == why
    assert len(platform.seen) == 4


def test_patience_with_a_host_that_is_down_is_not_spent_on_every_song(
    platform: Platform, fetcher: Fetcher, target: Path, song: bytes, naps: list[float]
) -> None:
    down = platform.on("/down", body(b"", 503))
    for tries in (4, 8, 12, 13, 14):
        reason(fetcher, down, target)
        assert len(platform.seen) == tries
    fetcher.fetch(platform.on("/up", body(song)), target)
    target.unlink()
    reason(fetcher, down, target)
    assert len(platform.seen) == 14 + 1 + 4


def test_nobody_listening_is_temporary(settings: AudioSettings, target: Path) -> None:
    with Fetcher(settings, HttpSettings(connect_to={"audio.test": "127.0.0.1:1"}, retries=0)) as fetcher:
        assert reason(fetcher, "http://audio.test/a", target) == "temporary: cannot connect"


def test_a_server_that_does_not_answer_is_temporary(platform: Platform, settings: AudioSettings, target: Path) -> None:
    def silent(request: BaseHTTPRequestHandler) -> None:
        request.rfile.read(1)  # until the client has given up
        request.close_connection = True

    http = HttpSettings(connect_to={"audio.test": platform.address}, retries=0, timeout_s=0.1)
    with Fetcher(settings, http) as fetcher:
        assert reason(fetcher, platform.on("/a", silent), target) == "temporary: timed out"


def test_a_drip_ends_with_the_time_cap(platform: Platform, settings: AudioSettings, target: Path) -> None:
    pause = threading.Event()

    def drip(request: BaseHTTPRequestHandler) -> None:
        request.send_response(200)
        request.send_header("Content-Length", "19000000")
        request.end_headers()
        try:
            while True:
                request.wfile.write(b"fLaC" * 4)
                pause.wait(0.001)
        except OSError:
            request.close_connection = True

    http = HttpSettings(connect_to={"audio.test": platform.address}, retries=3, timeout_s=0.1)
    with Fetcher(settings, http) as fetcher:
        assert reason(fetcher, platform.on("/a", drip), target) == "temporary: too slow"
    assert len(platform.seen) < 4, "not tried to the end of our patience"


def test_a_cut_connection_is_resumed_at_once(
    platform: Platform, fetcher: Fetcher, target: Path, song: bytes, naps: list[float]
) -> None:
    url = platform.on("/a", cut(song, 30_000, **ETAG), the_rest(song, **ETAG))
    fetcher.fetch(url, target)
    assert target.read_bytes() == song
    assert naps == []
    assert platform.seen[1][1]["range"] == "bytes=30000-"
    assert platform.seen[1][1]["if-range"] == '"v1"'


@pytest.mark.parametrize("etag", [{}, {"ETag": 'W/"v1"'}])
def test_without_a_strong_etag_the_song_is_fetched_anew(
    platform: Platform, fetcher: Fetcher, target: Path, song: bytes, etag: dict[str, str]
) -> None:
    fetcher.fetch(platform.on("/a", cut(song, 30_000, **etag), body(song)), target)
    assert target.read_bytes() == song
    assert "range" not in platform.seen[1][1]


def test_a_song_that_changed_meanwhile_is_not_pieced_together(
    platform: Platform, fetcher: Fetcher, target: Path, song: bytes, tmp_path: Path
) -> None:
    newer = write(tmp_path / "newer.flac", tone(30_000, 44100), 44100).read_bytes()
    (tmp_path / "newer.flac").unlink()
    fetcher.fetch(platform.on("/a", cut(song, 30_000, **ETAG), body(newer, ETag='"v2"')), target)
    assert target.read_bytes() == newer


@pytest.mark.parametrize("misfit", [body(b"", 416), body(b"xyz", 206, Content_Range="bytes 0-2/3"), body(b"xyz", 206)])
def test_a_range_that_does_not_fit_starts_over(
    platform: Platform, fetcher: Fetcher, target: Path, song: bytes, misfit: Script
) -> None:
    fetcher.fetch(platform.on("/a", cut(song, 30_000, **ETAG), misfit, body(song)), target)
    assert target.read_bytes() == song


def test_fetching_can_be_switched_off(settings: AudioSettings, http: HttpSettings, target: Path) -> None:
    with Fetcher(settings.model_copy(update={"fetch": False}), http) as fetcher:
        assert reason(fetcher, "http://audio.test/a", target) == "fetching is switched off"


def test_https_names_the_host_it_means_and_not_the_address_it_dials(target: Path) -> None:
    hellos: list[bytes] = []

    def listen(server: socket.socket) -> None:
        connection, _ = server.accept()
        with connection:
            hellos.append(connection.recv(4096))

    with socket.create_server(("127.0.0.1", 0)) as server:
        thread = threading.Thread(target=listen, args=(server,))
        thread.start()
        http = HttpSettings(connect_to={"audio.test": f"127.0.0.1:{server.getsockname()[1]}"}, retries=0)
        with Fetcher(AudioSettings(allowed_hosts=("audio.test",)), http) as fetcher:
            assert reason(fetcher, "https://audio.test/a", target) == "temporary: cannot connect"
        thread.join()
    assert hellos[0].startswith(b"\x16\x03")  # a TLS greeting, nothing in the clear
    assert b"audio.test" in hellos[0]
