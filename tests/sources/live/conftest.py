"""The sandbox as the platform that is asked, and an access to it that waits without sleeping."""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from pydantic import SecretStr

from apex_core.sandbox import SandboxServer, World, build_world
from apex_core.settings import ConnectorSettings, HttpSettings, Platform, SandboxSettings
from apex_core.sources import Access

Asked = Callable[..., Access]


@pytest.fixture(scope="session")
def world(tmp_path_factory: pytest.TempPathFactory) -> World:
    size = SandboxSettings(seed=9, songs=60, min_seconds=1, max_seconds=1)
    return build_world(size, tmp_path_factory.mktemp("sources-world"))


@pytest.fixture
def sandbox(world: World) -> Iterator[SandboxServer]:
    with SandboxServer(world, faults=False) as running:
        yield running


@pytest.fixture
def waits() -> list[float]:
    """The seconds that were waited, as far as they are no mere pacing."""
    return []


@pytest.fixture
def asked(sandbox: SandboxServer, tmp_path: Path, waits: list[float]) -> Asked:
    """An access to the sandbox: settings of the connector and of HTTP by name."""

    def access(platform: Platform = "suno", **changes: Any) -> Access:
        http = {name: changes.pop(name) for name in list(changes) if name in HttpSettings.model_fields}
        connector = ConnectorSettings(
            enabled=True,
            base_url=sandbox.base_url,
            token=SecretStr(sandbox.token),
            requests_per_second=1e5,
            page_size=7,
        )
        values = {"timeout_s": 5.0, "retries": 3, "backoff_s": 30.0, **http}

        def waiting(seconds: float) -> None:
            if seconds > 0.01:
                waits.append(seconds)

        return Access(
            platform,
            connector.model_copy(update=changes),
            HttpSettings.model_validate(values),
            tmp_path / "home",
            waiting,
        )

    return access
