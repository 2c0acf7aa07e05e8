from collections.abc import Iterator
from pathlib import Path

import pytest

from apex_core.sandbox import SandboxServer, World
from apex_core.settings import Settings
from tests.pipeline.live.runs import changed
from tests.pipeline.nights import settings_for


@pytest.fixture
def server(world: World) -> Iterator[SandboxServer]:
    with SandboxServer(world, faults=False) as running:
        yield running


@pytest.fixture
def settings(tmp_path: Path, world: World, server: SandboxServer) -> Settings:
    return changed(settings_for(tmp_path / "home", world, server), page_size=4)
