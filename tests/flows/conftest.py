"""A real Prefect server for the session, a sandbox platform, and settings that come from the environment."""

import json
import os
import tempfile
from collections.abc import Generator, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

# Prefect reads this when it is imported, and would make its files in the user's home.
os.environ.setdefault("PREFECT_HOME", tempfile.mkdtemp(prefix="apex-test-prefect-"))

from apex_core.sandbox import AUDIO_HOST, SandboxServer, World, build_world
from apex_core.settings import SandboxSettings, Settings, get_settings
from flows.local_server import LocalServer, local_server

# Of the small worlds, one whose creators fall on all three sides of the split: it can be trained on.
SIZE = SandboxSettings(seed=3, songs=28, min_seconds=2, max_seconds=3)


@pytest.fixture(scope="session")
def prefect_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LocalServer]:
    with local_server(tmp_path_factory.mktemp("prefect")) as server:
        yield server


@pytest.fixture(scope="session")
def world(tmp_path_factory: pytest.TempPathFactory) -> World:
    return build_world(SIZE, tmp_path_factory.mktemp("flows-world"))


@pytest.fixture(scope="session")
def sandbox(world: World) -> Iterator[SandboxServer]:
    with SandboxServer(world) as running:
        yield running


def variables(home: Path, world: World, sandbox: SandboxServer) -> dict[str, str]:
    """The ``APEX_*`` variables of a small pipeline against the sandbox; shards of 8 songs, two a task."""
    connector = {
        "ENABLED": "true",
        "BASE_URL": sandbox.base_url,
        "TOKEN": sandbox.token,
        "REQUESTS_PER_SECOND": "1000",
    }
    others = {
        "HOME": str(home),
        "THREADS": "2",
        "HTTP__CONNECT_TO": json.dumps({AUDIO_HOST: sandbox.address}),
        "HTTP__ALLOW_PRIVATE": "true",
        "HTTP__BACKOFF_S": "0.01",
        "AUDIO__ALLOWED_HOSTS": json.dumps([AUDIO_HOST]),
        "ENCODER__SOURCE": "tiny-random",
        "ENCODER__DEVICE": "cpu",
        "ENCODER__SHARD_SONGS": "8",
        "ENCODER__RANGE_SHARDS": "2",
        "ENCODER__DECODE_WORKERS": "0",
        "AESTHETICS__FILES": json.dumps(list(map(str, world.labels))),
        "TRAIN__EPOCHS": "3",
        "TRAIN__BATCH_SIZE": "16",
        "TRAIN__DEVICE": "cpu",
        # Three epochs on a handful of songs beat nothing.
        "PROMOTION__MIN_GAIN": "-2",
        "PROMOTION__MIN_GAIN_OVER_RIDGE": "-2",
        "PROMOTION__MAX_LOSS_OF_TARGET": "2",
    }
    sources = {f"SOURCES__{p}__{name}": value for p in ("SUNO", "UDIO") for name, value in connector.items()}
    return {f"APEX_{name}": value for name, value in (others | sources).items()}


@contextmanager
def environment(values: dict[str, str]) -> Generator[Settings]:
    """The settings as flows of this process read them, with ``values`` in the environment."""
    with pytest.MonkeyPatch.context() as patch:
        for name, value in values.items():
            patch.setenv(name, value)
        get_settings.cache_clear()
        yield get_settings()
    get_settings.cache_clear()


@pytest.fixture
def settings(tmp_path: Path, world: World, sandbox: SandboxServer) -> Iterator[Settings]:
    """An empty home."""
    with environment(variables(tmp_path / "home", world, sandbox)) as read:
        yield read
