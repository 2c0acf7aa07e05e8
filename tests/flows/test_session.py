"""Runs: begun, joined, closed."""

import pytest
from prefect.states import Failed

from apex_core.catalog import connect
from apex_core.errors import ApexError, ArtifactError, ContractViolation, PlatformDown, StorageError
from apex_core.pipeline.run import begin, end
from apex_core.sandbox import World
from apex_core.settings import Settings, get_settings
from flows.ingest import ingest
from flows.local_server import LocalServer
from flows.session import passing, trouble
from tests.flows.pages import post


def test_a_run_presumed_dead_cannot_be_joined(settings: Settings, world: World, prefect_server: LocalServer) -> None:
    run = begin(settings, "nightly", world.epoch, "gone")
    end(run, "failed", world.epoch)
    with pytest.raises(ApexError, match="gone may not write"):
        ingest(run_id="gone", as_of=world.epoch)


def test_a_run_is_joined_with_its_moment_or_not_at_all(settings: Settings, prefect_server: LocalServer) -> None:
    with pytest.raises(ApexError, match="without its as_of"):
        ingest(run_id="nightly-x")


def test_a_flow_on_its_own_begins_and_ends_a_run(settings: Settings, world: World, prefect_server: LocalServer) -> None:
    ingest(as_of=world.epoch)
    with connect(settings, "test") as connection:
        assert connection.execute("SELECT flow, state FROM run").fetchall() == [("ingest", "completed")]


@pytest.mark.parametrize(
    ("error", "again"),
    [
        (PlatformDown("down"), True),
        (OSError("disk"), True),
        (ContractViolation("5 in, 4 out"), False),
        (ArtifactError("altered"), False),
    ],
)
def test_only_what_may_pass_is_tried_again(error: Exception, again: bool) -> None:
    assert passing(None, None, Failed(data=error)) is again  # type: ignore[arg-type]


def test_trouble_says_what_did_not_happen_and_what_to_do() -> None:
    failure = trouble("udio was not ingested", PlatformDown("status 503", fix="look at its status page"))
    assert str(failure) == "udio was not ingested: status 503\n  → look at its status page"
    assert trouble("udio was not ingested", ValueError("odd")).fix


def test_a_run_does_not_begin_where_too_little_disk_is_free(
    settings: Settings, world: World, prefect_server: LocalServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("APEX_MIN_FREE_GB", "1e9")
    get_settings.cache_clear()
    with pytest.raises(StorageError, match=r"Too little disk is free to begin: .* GB at /"):
        ingest(as_of=world.epoch)
    assert not settings.catalog_path.exists()
    asked = {"flows": {"name": {"any_": ["ingest"]}}, "sort": "START_TIME_DESC", "limit": 1}
    [run] = post(prefect_server, "flow_runs/filter", asked)
    assert run["state_type"] == "FAILED"
    assert "Too little disk is free" in run["state"]["message"]
    assert "lower APEX_MIN_FREE_GB" in run["state"]["message"]
