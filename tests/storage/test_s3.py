"""What is wrong with S3 is said in words, never as "there is no such object"."""

from collections.abc import Callable
from pathlib import Path

import pytest

from apex_core.errors import NotFound, SettingsError, StorageError
from apex_core.storage import Store

ASKED: dict[str, Callable[[Store], object]] = {
    "exists": lambda store: store.exists("a"),
    "size": lambda store: store.size("a"),
    "list": lambda store: store.list("a"),
    "read": lambda store: store.read("a"),
    "open_file": lambda store: store.open_file("a"),
    "put": lambda store: store.put("a", b"x"),
    "put_file": lambda store: store.put_file("a", Path(__file__)),
    "delete": lambda store: store.delete("a"),
    "local": lambda store: store.local("a").__enter__(),
}


def opened(url: str, monkeypatch: pytest.MonkeyPatch, **changed: str) -> Store:
    """A store of its own: fsspec keeps one client an address, with the credentials it was made with."""
    for name, value in changed.items():
        monkeypatch.setenv(name, value) if value else monkeypatch.delenv(name)
    fs = type(Store.open(url).fs)(skip_instance_cache=True, use_listings_cache=False)
    return Store(url=url, fs=fs, root=url.removeprefix("s3://"))


@pytest.mark.parametrize("asked", ASKED)
def test_missing_credentials_are_a_missing_setting(s3_url: str, monkeypatch: pytest.MonkeyPatch, asked: str) -> None:
    store = opened(s3_url, monkeypatch, AWS_ACCESS_KEY_ID="", AWS_SECRET_ACCESS_KEY="")
    with pytest.raises(SettingsError, match=r"apex-tests.*no S3 credentials") as caught:
        ASKED[asked](store)
    assert "AWS_ACCESS_KEY_ID" in str(caught.value.fix)


@pytest.mark.parametrize("asked", ASKED)
def test_wrong_credentials_are_refused(s3_url: str, monkeypatch: pytest.MonkeyPatch, asked: str) -> None:
    with pytest.raises(StorageError, match=r"apex-tests.*access refused") as caught:
        ASKED[asked](opened(s3_url, monkeypatch, AWS_ACCESS_KEY_ID="nobody"))
    assert not isinstance(caught.value, NotFound)


@pytest.mark.parametrize("asked", ["list", "size", "read", "exists"])
def test_a_bucket_that_is_not_there_is_named(s3_endpoint: str, asked: str) -> None:
    with pytest.raises(StorageError, match=r"s3://apex-no-bucket/x: there is no such bucket") as caught:
        ASKED[asked](Store.open("s3://apex-no-bucket/x"))
    assert not isinstance(caught.value, NotFound)


def test_a_server_that_does_not_answer_is_named(s3_url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    store = opened(s3_url, monkeypatch, AWS_ENDPOINT_URL_S3="http://127.0.0.1:1", AWS_MAX_ATTEMPTS="1")
    with pytest.raises(StorageError, match=r"(?s)Could not connect.*AWS_ENDPOINT_URL_S3") as caught:
        store.exists("a")
    assert not isinstance(caught.value, NotFound)
