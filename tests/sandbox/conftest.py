from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import httpx
import pytest

from apex_core.sandbox import SandboxServer, World, build_world
from apex_core.settings import SandboxSettings

Connect = Callable[[SandboxServer], httpx.Client]


@pytest.fixture(scope="session")
def tiny() -> SandboxSettings:
    return SandboxSettings(songs=14, min_seconds=2, max_seconds=3, workers=2)


@pytest.fixture(scope="session")
def world(tiny: SandboxSettings, tmp_path_factory: pytest.TempPathFactory) -> World:
    return build_world(tiny, tmp_path_factory.mktemp("world"))


@pytest.fixture
def connect() -> Iterator[Connect]:
    """Clients with the right token, closed at the end."""
    with ExitStack() as clients:

        def connected(server: SandboxServer) -> httpx.Client:
            headers = {"Authorization": f"Bearer {server.token}"}
            return clients.enter_context(httpx.Client(base_url=server.base_url, headers=headers, trust_env=False))

        yield connected


@pytest.fixture
def server(world: World) -> Iterator[SandboxServer]:
    with SandboxServer(world, faults=False) as running:
        yield running


@pytest.fixture
def client(server: SandboxServer, connect: Connect) -> httpx.Client:
    return connect(server)


@pytest.fixture(scope="session")
def shapes() -> Path:
    return Path(__file__).parent / "shapes"
