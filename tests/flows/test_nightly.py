"""A whole nightly against the sandbox, reporting to a real Prefect server."""

import httpx
import pytest

from apex_core.catalog import connect
from apex_core.errors import ApexError
from apex_core.pipeline.report import overview
from apex_core.sandbox import SandboxServer, World
from apex_core.settings import Settings, get_settings
from flows.local_server import LocalServer
from flows.nightly import nightly

pytestmark = pytest.mark.usefixtures("prefect_server")

STAGES = ["ingest suno", "ingest udio", "audio", "score", "extract", "label", "train", "publish", "predict", "snapshot"]


def runs(settings: Settings) -> list[tuple[str, str]]:
    with connect(settings, "test") as connection:
        return connection.execute("SELECT flow, state FROM run ORDER BY token").fetchall()


def page(server: LocalServer, key: str) -> str:
    """The newest artifact of this key."""
    return str(httpx.get(f"{server.api_url}/artifacts/{key}/latest", trust_env=False).json()["data"])


def test_a_night_runs_every_stage_in_order_and_leaves_a_page(
    settings: Settings, world: World, prefect_server: LocalServer
) -> None:
    done = nightly(as_of=world.epoch)
    assert [d.report.stage for d in done] == STAGES
    assert runs(settings) == [("nightly", "completed")]
    assert overview(settings)["totals"][0]["predicted"] >= len(world.songs)
    text = page(prefect_server, "nightly")
    assert "completed" in text.splitlines()[0]
    assert all(f"| {stage} |" in text for stage in STAGES)


def test_a_platform_that_fails_does_not_take_the_night_with_it(
    settings: Settings, world: World, monkeypatch: pytest.MonkeyPatch, prefect_server: LocalServer
) -> None:
    monkeypatch.setenv("APEX_SOURCES__UDIO__TOKEN", "expired")
    get_settings.cache_clear()
    with pytest.raises(ApexError, match=r"(?s)udio was not ingested.*→") as raised:
        nightly(as_of=world.epoch)
    assert "suno" not in raised.value.message
    assert runs(settings) == [("nightly", "failed")]
    assert {row["platform"] for row in overview(settings)["coverage"]} == {"suno"}
    assert "udio was not ingested" in page(prefect_server, "nightly")


def test_a_second_night_at_the_same_moment_finds_nothing_to_do(settings: Settings, sandbox: SandboxServer) -> None:
    nightly(as_of=sandbox.clock)
    again = {d.report.stage: d.report for d in nightly(as_of=sandbox.clock)}
    assert again["extract"].counts["songs"] == 0
    assert again["snapshot"].counts["published"] == 0
