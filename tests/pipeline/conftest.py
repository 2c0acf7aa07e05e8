import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from apex_core.sandbox import SandboxServer, World, build_world
from apex_core.settings import SandboxSettings, Settings
from tests.pipeline.nights import settings_for

# This seed spreads its few creators over all three sides of the split.
SIZE = SandboxSettings(seed=9, songs=24, min_seconds=2, max_seconds=3)


@pytest.fixture(scope="session")
def world(tmp_path_factory: pytest.TempPathFactory) -> World:
    return build_world(SIZE, tmp_path_factory.mktemp("pipeline-world"))


@pytest.fixture
def server(world: World) -> Iterator[SandboxServer]:
    with SandboxServer(world) as running:
        yield running


@pytest.fixture
def settings(tmp_path: Path, world: World, server: SandboxServer) -> Settings:
    return settings_for(tmp_path, world, server)


def start_mortal(module: str) -> subprocess.Popen[str]:
    """A process that takes a job a line and answers each with a line; it ends with the block that it is opened for."""
    command, root = [sys.executable, "-m", f"tests.pipeline.{module}"], Path(__file__).parents[2]
    return subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, cwd=root)
