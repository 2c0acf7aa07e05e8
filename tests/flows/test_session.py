"""Runs: begun, joined, closed."""

import pytest
from prefect.states import Failed

from apex_core.catalog import connect
from apex_core.errors import ApexError, ArtifactError, ContractViolation, PlatformDown
from apex_core.pipeline.run import begin, end
from apex_core.sandbox import World
from apex_core.settings import Settings
from flows.ingest import ingest
from flows.local_server import LocalServer
from flows.session import passing, trouble


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
