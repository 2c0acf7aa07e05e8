from collections.abc import Iterator
from pathlib import Path

import pytest

from apex_core.sandbox import SandboxServer, World, build_world
from apex_core.settings import SandboxSettings, Settings
from tests.pipeline.nights import settings_for


@pytest.fixture(scope="session")
def world(tmp_path_factory: pytest.TempPathFactory) -> World:
    return build_world(
        SandboxSettings(songs=28, min_seconds=2, max_seconds=3), tmp_path_factory.mktemp("pipeline-world")
    )


@pytest.fixture
def server(world: World) -> Iterator[SandboxServer]:
    with SandboxServer(world) as running:
        yield running


@pytest.fixture
def settings(tmp_path: Path, world: World, server: SandboxServer) -> Settings:
    return settings_for(tmp_path, world, server)
