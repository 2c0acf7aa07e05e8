"""A night as its operator sees it: one page, progress that moves, logs of the library too; and no secret anywhere."""

import os
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import duckdb
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from apex_core.sandbox import SandboxServer, World
from flows.local_server import LocalServer
from tests.flows.conftest import variables
from tests.flows.pages import get, page, post

pytestmark = pytest.mark.slow

SECRETS = {
    "APEX_SOURCES__SUNO__TOKEN": "kept-secret-token",
    "APEX_SOURCES__UDIO__TOKEN": "kept-secret-token",
    "AWS_SECRET_ACCESS_KEY": "kept-secret-s3",
    "AWS_SESSION_TOKEN": "kept-secret-session",
    "HF_TOKEN": "kept-secret-hub",
    "PREFECT_API_AUTH_STRING": "admin:kept-secret-password",
    "APEX_ALERT_WEBHOOK": "http://127.0.0.1/kept-secret-hook",
}
SECRET = b"kept-secret"


class Seen:
    """A night that has run in a process of its own; ``run`` is its flow run as the API describes it."""

    def __init__(self, server: LocalServer, home: Path, said: bytes) -> None:
        self.server, self.home, self.said = server, home, said
        self.run = self.flow_runs("nightly")[0]

    def flow_runs(self, flow: str) -> list[dict[str, Any]]:
        asked = {"flows": {"name": {"any_": [flow]}}, "sort": "START_TIME_DESC", "limit": 1}
        return post(self.server, "flow_runs/filter", asked)

    def artifacts(self) -> dict[str, dict[str, Any]]:
        found = post(self.server, "artifacts/filter", {"sort": "CREATED_DESC"})
        mine = {run["id"] for flow in ("nightly", "ingest", "extract", "train") for run in self.flow_runs(flow)}
        return {one["key"]: one for one in reversed(found) if one["flow_run_id"] in mine}


@pytest.fixture(scope="module")
def seen(tmp_path_factory: pytest.TempPathFactory, world: World, prefect_server: LocalServer) -> Iterator[Seen]:
    """Suno wants another token when all of it is listed, and a profile is to be."""
    home = tmp_path_factory.mktemp("seen")
    with SandboxServer(world, token=SECRETS["APEX_SOURCES__SUNO__TOKEN"]) as platform:
        pages = -(-world.planted["suno"]["rows"] // 4)
        platform.plant("suno", "unauthorized", at=pages + 4, times=100)  # a few are asked for twice
        profile = next(song.creator.name for song in world.songs if song.platform == "suno")
        paging = {"APEX_SOURCES__SUNO__PAGE_SIZE": "4", "APEX_SOURCES__SUNO__PROFILES": f'["{profile}"]'}
        more = {"PREFECT_API_URL": prefect_server.api_url, **paging}
        own = os.environ | variables(home, world, platform) | SECRETS | more
        del own["PREFECT_LOGGING_EXTRA_LOGGERS"]
        command = [sys.executable, "-m", "flows.cli", "nightly", "--verbose", "--as-of", world.epoch.isoformat()]
        ended = subprocess.run(command, env=own, capture_output=True, timeout=900, check=False)
        yield Seen(prefect_server, home, ended.stdout + ended.stderr)


def test_a_night_that_did_part_of_its_work_is_not_green_and_says_how_to_do_the_rest(seen: Seen) -> None:
    told = seen.said.decode()
    assert (seen.run["state_name"], seen.run["state_type"]) == ("Partial", "FAILED"), told
    assert seen.flow_runs("ingest")[0]["state_name"] == "Partial"
    assert seen.flow_runs("extract")[0]["state_name"] == "Completed"
    written = page(seen.server, "nightly")
    assert "partly done" in written.splitlines()[0]
    assert "apex retry reconcile suno" in written
    assert "apex retry reconcile suno" in seen.run["state"]["message"]
    assert "apex retry reconcile suno" in told


def test_one_page_tells_the_night(seen: Seen) -> None:
    written = page(seen.server, "nightly")
    rows = {row.split(" | ")[0]: row.split(" | ") for row in written.partition("## Stages")[2].splitlines()}
    assert rows["| reconcile suno"][1] == "partial"
    assert rows["| audio"][1] == "done"
    assert rows["| audio"][3].endswith("songs/s")
    assert rows["| extract"][3].endswith("× real time")
    assert written.count("](data:image/svg+xml;base64,") >= 2
    linked = dict(re.findall(r"\[([^\]]+)\]\(/artifacts/artifact/([0-9a-f-]{36})\)", written))
    assert get(seen.server, f"artifacts/{linked['The catalog after this run']}")["key"] == "report"
    card = get(seen.server, f"artifacts/{linked['The card of the model']}")["data"]
    assert card.count("](data:image/png;base64,") >= 3
    assert "](plots/" not in card
    assert not card.lstrip().startswith("---")


def test_progress_of_every_long_stage_moved_and_ended(seen: Seen) -> None:
    found = {key: one for key, one in seen.artifacts().items() if key.startswith("progress-")}
    stages = ("ingest-suno", "ingest-udio", "audio", "encode", "train", "predict", "snapshot")
    long = {f"progress-{stage}" for stage in stages}
    assert long <= found.keys()
    assert {key: found[key]["data"] for key in long} == dict.fromkeys(long, 100)
    assert [key for key in long if found[key]["updated"] <= found[key]["created"]] == []


def test_what_the_library_logs_in_threads_is_on_the_task_that_it_is_about(seen: Seen) -> None:
    logs = post(seen.server, "logs/filter", {"logs": {"flow_run_id": {"any_": [seen.run["id"]]}}, "limit": 200})
    fetching = [log for log in logs if log["message"].startswith("Fetching from ")]
    assert fetching, "the sandbox answers one download with 503"
    [audio] = post(
        seen.server,
        "task_runs/filter",
        {"flow_runs": {"id": {"any_": [seen.run["id"]]}}, "task_runs": {"name": {"like_": "audio"}}},
    )
    assert {(log["name"], log["task_run_id"]) for log in fetching} == {("apex_core.audio", audio["id"])}


def test_no_secret_is_anywhere(seen: Seen) -> None:
    files = [path for folder in (seen.home, seen.server.home) for path in folder.rglob("*") if path.is_file()]
    contents = {path: content(path) for path in files}
    holding = [path for path, text in contents.items() if SECRET in text]
    assert holding == []
    assert SECRET not in seen.said
    # What is looked for is found where it is.
    song = post(seen.server, "logs/filter", {"limit": 1})[0]["message"].encode()
    assert any(song in text for path, text in contents.items() if path.is_relative_to(seen.server.home))
    for kind in ("catalog.duckdb", "*.parquet", "*.jsonl.zst"):
        assert any(b"suno" in contents[path] for path in files if path.match(kind)), kind


def content(path: Path) -> bytes:
    """What a file says, unpacked where it is packed."""
    if path.suffix == ".duckdb":
        with duckdb.connect(str(path), read_only=True) as connection:
            names = [row[0] for row in connection.execute("SELECT table_name FROM duckdb_tables()").fetchall()]
            return "".join(str(connection.execute(f'FROM "{name}"').fetchall()) for name in names).encode()
    if path.suffix == ".parquet":
        return str(pq.read_table(path).to_pylist()).encode()
    if path.suffix == ".zst":
        with pa.OSFile(str(path)) as file, pa.CompressedInputStream(file, "zstd") as packed:
            return packed.read()
    return path.read_bytes()
