"""Ranges of shards as tasks."""

import pytest
from prefect import flow

from apex_core.errors import ApexError
from apex_core.pipeline.extract import Plan
from apex_core.pipeline.run import Run
from apex_core.sandbox import World
from apex_core.settings import Settings
from flows.encoding import encode_all, told
from flows.local_server import LocalServer
from tests.flows.shards import library_songs, planned, vectors


def test_a_range_that_fails_stops_no_other_and_says_why(
    settings: Settings, world: World, prefect_server: LocalServer
) -> None:
    errors: list[ApexError | None] = []
    good = planned(settings, library_songs(world)[:4], 2)
    shards = ("never-planned", "nor-this", *good.shards)
    plan = Plan(good.encoder_id, shards, 8, 20.0, (*[(2, 5.0)] * 2, *good.sizes))

    @flow
    def encoding() -> None:
        errors.append(encode_all(Run(settings, "night", world.epoch), plan))

    encoding()
    [error] = errors
    assert error is not None
    assert "never-planned" in error.message
    assert vectors(settings, plan.encoder_id).keys() == set(good.shards)


def test_nothing_planned_is_nothing_wrong(settings: Settings, world: World, prefect_server: LocalServer) -> None:
    assert encode_all(Run(settings, "night", world.epoch), Plan("tiny", (), 0, 0.0)) is None


def test_what_went_wrong_is_told_in_bounded_words() -> None:
    assert told(iter(())) is None
    error = told(
        iter([*(ApexError(f"shard {n}", fix="mend it") for n in range(50)), OSError("disk"), ApexError("shard 1")])
    )
    assert error is not None
    assert error.message == "shard 0; shard 1; shard 2; and 48 more"
    assert error.fix == "mend it"
    with pytest.raises(ApexError, match="disk"):
        raise told(iter([OSError("disk")])) or AssertionError
