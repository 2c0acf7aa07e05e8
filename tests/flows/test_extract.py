"""Ranges of shards as tasks."""

from prefect import flow

from apex_core.errors import NotFound
from apex_core.pipeline.extract import Plan
from apex_core.pipeline.run import Run
from apex_core.sandbox import World
from apex_core.settings import Settings
from flows.extract import encode_all
from flows.local_server import LocalServer


def test_a_range_that_fails_ends_the_encoding_and_says_why(
    settings: Settings, world: World, prefect_server: LocalServer
) -> None:
    errors: list[BaseException | None] = []

    @flow
    def encoding() -> None:
        plan = Plan("tiny", ("never-planned",), 1, 30.0)
        errors.append(encode_all(Run(settings, "night", world.epoch), plan))

    encoding()
    [error] = errors
    assert isinstance(error, NotFound)
    assert "never-planned" in error.message


def test_nothing_planned_is_nothing_wrong(settings: Settings, world: World, prefect_server: LocalServer) -> None:
    assert encode_all(Run(settings, "night", world.epoch), Plan("tiny", (), 0, 0.0)) is None
