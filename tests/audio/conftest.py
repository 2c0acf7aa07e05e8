"""A scripted HTTP server on loopback, and settings that reach it under a made-up name."""

from collections.abc import Iterator

import pytest

from apex_core.settings import AudioSettings, HttpSettings

from .scripted import Platform, serving


@pytest.fixture
def platform() -> Iterator[Platform]:
    with serving() as platform:
        yield platform


@pytest.fixture
def settings() -> AudioSettings:
    return AudioSettings(max_seconds=120, max_bytes=20_000_000, allowed_hosts=("audio.test",))


@pytest.fixture
def http(platform: Platform) -> HttpSettings:
    return HttpSettings(connect_to={"audio.test": platform.address}, retries=3, backoff_s=30, timeout_s=5)
