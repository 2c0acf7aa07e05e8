"""Names that change their mind: what was checked is what is dialled, at every step."""

import socket
from pathlib import Path
from typing import Any

import pytest

from apex_core.audio import Fetcher
from apex_core.errors import Unavailable
from apex_core.settings import AudioSettings, HttpSettings

from .scripted import Platform, body, redirect

_SONG = b"fLaC" + bytes(1000)


@pytest.fixture
def port(platform: Platform) -> int:
    return int(platform.address.rpartition(":")[2])


@pytest.fixture
def answers(monkeypatch: pytest.MonkeyPatch) -> dict[str, list[str]]:
    """A resolver of the test's own: what a name resolves to, look-up by look-up; the last answer repeats."""
    scripted: dict[str, list[str]] = {}
    real = socket.getaddrinfo

    def resolve(host: Any, *args: Any, **kwargs: Any) -> Any:
        if host not in scripted:
            return real(host, *args, **kwargs)
        found = scripted[host]
        return real(found.pop(0) if len(found) > 1 else found[0], *args, **kwargs)

    monkeypatch.setattr(socket, "getaddrinfo", resolve)
    return scripted


def test_a_redirect_to_a_name_with_a_private_address_is_refused(platform: Platform, port: int, tmp_path: Path) -> None:
    """The name is allowed; what it resolves to is not."""
    audio = AudioSettings(allowed_hosts=("audio.test", f"localhost:{port}"))
    platform.on("/secret", body(_SONG))
    url = platform.on("/a", redirect(f"http://localhost:{port}/secret"))
    http = HttpSettings(connect_to={"audio.test": platform.address}, retries=0)
    with Fetcher(audio, http) as fetcher, pytest.raises(Unavailable, match="resolves to a private address: localhost"):
        fetcher.fetch(url, tmp_path / "target")
    assert [path for path, _ in platform.seen] == ["/a"]


def test_the_second_answer_of_a_rebinding_name_is_never_asked(
    platform: Platform, port: int, tmp_path: Path, answers: dict[str, list[str]]
) -> None:
    # 127.0.0.2 stands for what the attacker means; the checked address is the one that is dialled.
    answers["rebinding.test"] = ["127.0.0.1", "127.0.0.2"]
    platform.on("/a", body(_SONG))
    audio = AudioSettings(allowed_hosts=(f"rebinding.test:{port}",))
    with Fetcher(audio, HttpSettings(allow_private=True, retries=0)) as fetcher:
        fetcher.fetch(f"http://rebinding.test:{port}/a", tmp_path / "target")
    assert answers["rebinding.test"] == ["127.0.0.2"], "one look-up"
    assert (tmp_path / "target").read_bytes() == _SONG


def test_a_name_that_turns_private_after_a_redirect_is_refused(
    platform: Platform, port: int, tmp_path: Path, answers: dict[str, list[str]]
) -> None:
    answers["rebinding.test"] = ["127.0.0.1"]
    audio = AudioSettings(allowed_hosts=("audio.test", f"rebinding.test:{port}"))
    url = platform.on("/a", redirect(f"http://rebinding.test:{port}/b"))
    http = HttpSettings(connect_to={"audio.test": platform.address}, retries=0)
    with Fetcher(audio, http) as fetcher, pytest.raises(Unavailable, match=r"private address: rebinding\.test"):
        fetcher.fetch(url, tmp_path / "target")
    assert [path for path, _ in platform.seen] == ["/a"]


@pytest.mark.parametrize("others", [["93.184.216.34", "10.0.0.1"], ["10.0.0.1", "93.184.216.34"]])
def test_one_private_address_among_public_ones_is_enough(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, others: list[str]
) -> None:
    def resolve(*_: Any, **__: Any) -> Any:
        return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", (address, 80)) for address in others]

    monkeypatch.setattr(socket, "getaddrinfo", resolve)
    with (
        Fetcher(AudioSettings(allowed_hosts=("both.test",)), HttpSettings(retries=0)) as fetcher,
        pytest.raises(Unavailable, match=r"private address: both\.test"),
    ):
        fetcher.fetch("http://both.test/a", tmp_path / "target")
