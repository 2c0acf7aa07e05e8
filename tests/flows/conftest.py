"""A real Prefect server for the session, a sandbox platform, and settings that come from the environment."""

import json
import os
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

# Prefect reads this when it is imported, and would make its files in the user's home.
os.environ.setdefault("PREFECT_HOME", tempfile.mkdtemp(prefix="apex-test-prefect-"))

from apex_core.sandbox import AUDIO_HOST, SandboxServer, World, build_world
from apex_core.settings import SandboxSettings, Settings, get_settings
from flows.local_server import LocalServer, local_server


@pytest.fixture(scope="session")
def prefect_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LocalServer]:
    with local_server(tmp_path_factory.mktemp("prefect")) as server:
        yield server


@pytest.fixture(scope="session")
def world(tmp_path_factory: pytest.TempPathFactory) -> World:
    return build_world(SandboxSettings(songs=44, min_seconds=2, max_seconds=3), tmp_path_factory.mktemp("flows-world"))


@pytest.fixture
def sandbox(world: World) -> Iterator[SandboxServer]:
    with SandboxServer(world) as running:
        yield running


@pytest.fixture
def variables(tmp_path: Path, world: World, sandbox: SandboxServer) -> dict[str, str]:
    """The ``APEX_*`` variables of a small pipeline against the sandbox; shards of 8 songs, two a task."""
    connectors = {
        f"APEX_SOURCES__{platform}__{name}": value
        for platform in ("SUNO", "UDIO")
        for name, value in {
            "ENABLED": "true",
            "BASE_URL": sandbox.base_url,
            "TOKEN": sandbox.token,
            "REQUESTS_PER_SECOND": "1000",
        }.items()
    }
    return connectors | {
        "APEX_HOME": str(tmp_path / "home"),
        "APEX_THREADS": "2",
        "APEX_HTTP__CONNECT_TO": json.dumps({AUDIO_HOST: sandbox.address}),
        "APEX_HTTP__ALLOW_PRIVATE": "true",
        "APEX_HTTP__BACKOFF_S": "0.01",
        "APEX_AUDIO__ALLOWED_HOSTS": json.dumps([AUDIO_HOST]),
        "APEX_ENCODER__SOURCE": "tiny-random",
        "APEX_ENCODER__DEVICE": "cpu",
        "APEX_ENCODER__SHARD_SONGS": "8",
        "APEX_ENCODER__RANGE_SHARDS": "2",
        "APEX_ENCODER__DECODE_WORKERS": "0",
        "APEX_AESTHETICS__FILES": json.dumps(list(map(str, world.labels))),
        "APEX_TRAIN__EPOCHS": "3",
        "APEX_TRAIN__BATCH_SIZE": "16",
        "APEX_TRAIN__DEVICE": "cpu",
    }


@pytest.fixture
def settings(variables: dict[str, str], monkeypatch: pytest.MonkeyPatch) -> Iterator[Settings]:
    """The settings as flows of this process read them."""
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    get_settings.cache_clear()
    yield get_settings()
    get_settings.cache_clear()
