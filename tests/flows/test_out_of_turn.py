"""Flows that an operator starts by hand, or the week does, one after the other in one house."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from apex_core.catalog import connect, fingerprint, latest_snapshot
from apex_core.errors import ApexError, ArtifactError
from apex_core.registry import CHAMPION, alias_history, list_versions, newest_decision, resolve_alias, resolve_hold
from apex_core.sandbox import SandboxServer, World
from apex_core.settings import Settings
from apex_core.storage import Store
from flows.ingest import ingest
from flows.local_server import LocalServer
from flows.maintenance import maintenance
from flows.nightly import nightly
from flows.predict import predict
from flows.publish import promote, rollback
from flows.retrain import retrain
from flows.session import Done
from tests.flows.conftest import environment, variables

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def house(
    tmp_path_factory: pytest.TempPathFactory, world: World, sandbox: SandboxServer, prefect_server: LocalServer
) -> Iterator[Settings]:
    """A home after a night, and a second model that was trained out of turn."""
    home = variables(tmp_path_factory.mktemp("house"), world, sandbox)
    with environment(home):
        nightly(as_of=world.epoch)
    with environment(home | {"APEX_TRAIN__LEARNING_RATE": "0.003"}) as settings:
        retrain(force=True)
        yield settings


def champion(settings: Settings) -> str:
    record = resolve_alias(Store.open(settings.store_url), CHAMPION)
    assert record is not None
    return record.version


def other(settings: Settings) -> str:
    """The version that is not champion."""
    [version] = {*list_versions(Store.open(settings.store_url))} - {champion(settings)}
    return version


def stages(done: list[Done]) -> list[str]:
    return [one.report.stage for one in done]


def test_retraining_publishes_and_the_gate_decides(house: Settings) -> None:
    decision = newest_decision(Store.open(house.store_url), other(house))
    assert decision is not None
    assert decision.reasons


def test_a_person_promotes_and_rolls_back(house: Settings) -> None:
    store, before = Store.open(house.store_url), latest_snapshot(house).stamp
    first, second = champion(house), other(house)
    done = promote(version=second, reason="sounds better", by="ann")
    assert stages(done) == ["promote", "predict", "snapshot", "report"]
    record = alias_history(store, CHAMPION)[-1]
    assert (record.version, record.set_by, record.reason) == (second, "ann", "sounds better")
    with connect(house, "test") as connection:
        shown = connection.execute("SELECT DISTINCT model_version FROM scored_catalog").fetchall()
    assert (second,) in shown
    assert latest_snapshot(house).stamp != before, "readers see it at once"

    assert stages(rollback(reason="it does not")) == ["rollback", "predict", "snapshot", "report"]
    assert champion(house) == first
    held = resolve_hold(store, CHAMPION)
    assert held is not None
    assert held.held


def test_a_word_that_cannot_be_followed_changes_nothing(house: Settings) -> None:
    before = champion(house)
    with pytest.raises(ApexError, match="called 'v1'"):
        promote(version="v1", reason="a slip")
    with pytest.raises(ArtifactError, match="is champion already"):
        rollback(reason="a slip", to=before)
    assert champion(house) == before


def test_predicting_when_all_is_predicted_changes_nothing(house: Settings) -> None:
    with connect(house, "test") as connection:
        before = fingerprint(connection)
    done = {one.report.stage: one.report for one in predict()}
    assert done["predict"].counts["songs"] == 0
    assert done["snapshot"].counts["published"] == 0
    with connect(house, "test") as connection:
        assert fingerprint(connection) == before


def test_the_hour_lists_what_is_new_and_looks_at_nothing_again(house: Settings) -> None:
    done = ingest(lookback_days=0.25, look_again=False, fetch_audio=True)
    assert stages(done) == ["ingest suno", "ingest udio", "check ingest", "audio"]
    only = ingest(platform="udio", look_again=False)
    assert stages(only) == ["ingest udio"]


def test_the_week_finds_what_was_altered_and_removes_what_was_left(house: Settings) -> None:
    store = Store.open(house.store_url)
    done = {one.report.stage: one for one in maintenance(verify_parts=1)}
    assert list(done) == ["snapshot", "collect", "compact", "verify", "rehearsal"]
    assert done["verify"].report.counts["files"] > len(list_versions(store))
    assert not [one for one in done.values() if one.trouble]

    shard = next(key for key in store.list("embeddings") if key.endswith(".songs.parquet"))
    page = next(key for key in store.list("landing"))
    altered, gone = Path(store.path(shard)), Path(store.path(page))
    whole, page_bytes = altered.read_bytes(), gone.read_bytes()
    altered.write_bytes(whole[:-1] + b"?")
    gone.unlink()
    try:
        with pytest.raises(ApexError, match="2 files of the store are missing or altered") as raised:
            maintenance(verify_parts=1, rehearse_restore=False)
    finally:
        altered.write_bytes(whole)
        gone.write_bytes(page_bytes)
    assert shard in raised.value.message
    assert page in raised.value.message
