"""A run: only while it is alive does it write, and a flow runs once a host."""

import logging
import threading
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from apex_core.catalog import connect
from apex_core.errors import CatalogError, Fenced, Locked
from apex_core.pipeline.run import (
    Run,
    StageReport,
    begin,
    declare_crashed,
    end,
    exclusive,
    living,
    record,
    undisturbed,
)
from apex_core.settings import Settings
from apex_core.storage import Store
from tests.catalog.other_process import other_process

AS_OF = datetime(2026, 11, 22, 3, tzinfo=UTC)


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return Settings(home=tmp_path, threads=1, memory_limit="500MB", lock_timeout_s=20)


def states(settings: Settings) -> dict[str, str]:
    with connect(settings) as connection:
        return dict(connection.execute("SELECT run_id, state FROM run ORDER BY token").fetchall())


def write(run: Run) -> None:
    with run.catalog("test") as connection:
        connection.execute("INSERT INTO run_stat VALUES ($1, 'test', 'writes', 1)", [run.run_id])


def test_a_run_that_is_alive_writes(settings: Settings) -> None:
    run = begin(settings, "nightly", AS_OF, "one")
    write(run)
    end(run, "completed", AS_OF)
    assert states(settings) == {"one": "completed"}


def test_a_run_declared_dead_is_fenced_from_everything(settings: Settings) -> None:
    zombie = begin(settings, "nightly", AS_OF, "zombie", alone=True)
    begin(settings, "nightly", AS_OF, "next", alone=True)
    with pytest.raises(Fenced, match="zombie may not write: it is crashed") as refused:
        write(zombie)
    assert refused.value.fix
    with pytest.raises(Fenced):
        record(zombie, StageReport("score", {}), 1)
    with pytest.raises(Fenced):
        end(zombie, "completed", AS_OF)
    assert states(settings) == {"zombie": "crashed", "next": "running"}


@pytest.mark.parametrize("state", ["completed", "failed"])
def test_a_run_that_has_ended_is_fenced_too(settings: Settings, state: str) -> None:
    run = begin(settings, "nightly", AS_OF, "one")
    end(run, state, AS_OF)
    with pytest.raises(Fenced, match=f"it is {state}"):
        write(run)


def test_a_run_that_never_began_is_fenced(settings: Settings) -> None:
    with pytest.raises(Fenced, match="it is unknown"):
        write(Run(settings, "stranger", AS_OF))


def test_only_runs_of_the_same_flow_are_declared_dead(settings: Settings) -> None:
    begin(settings, "ingest", AS_OF, "ingest-1")
    finished = begin(settings, "nightly", AS_OF, "nightly-1")
    end(finished, "completed", AS_OF)
    begin(settings, "nightly", AS_OF, "nightly-2", alone=True)
    assert states(settings) == {"ingest-1": "running", "nightly-1": "completed", "nightly-2": "running"}


def test_a_run_begun_again_goes_on(settings: Settings) -> None:
    """A flow that is retried keeps its id: it must not fence itself."""
    begin(settings, "nightly", AS_OF, "one", alone=True)
    begin(settings, "nightly", AS_OF, "other", alone=True)
    again = begin(settings, "nightly", AS_OF, "one", alone=True)
    write(again)
    assert states(settings) == {"other": "crashed", "one": "running"}


def test_whoever_had_a_run_before_it_was_begun_again_is_fenced(settings: Settings) -> None:
    """The same id does not make it the same run: the token tells them apart."""
    before = begin(settings, "nightly", AS_OF, "one", alone=True)
    again = begin(settings, "nightly", AS_OF, "one", alone=True)
    with pytest.raises(Fenced, match="begun anew"):
        write(before)
    write(again)
    write(Run(settings, "one", AS_OF))  # joined by its id


def test_a_run_that_crashed_elsewhere_is_declared_dead_here(settings: Settings) -> None:
    zombie = begin(settings, "nightly", AS_OF, "zombie", flow_run="0190-a")
    other = begin(settings, "backfill", AS_OF, "other", flow_run="0190-b")
    assert declare_crashed(settings, "0190-a", AS_OF + timedelta(hours=1)) == ["zombie"]
    assert declare_crashed(settings, "0190-a", AS_OF + timedelta(hours=2)) == []
    with pytest.raises(Fenced):
        write(zombie)
    write(other)
    with connect(settings) as connection:
        ended = connection.execute("SELECT ended_at FROM run WHERE run_id = 'zombie'").fetchall()
    assert ended == [(AS_OF + timedelta(hours=1),)]


def test_a_run_that_said_how_it_ended_keeps_its_word(settings: Settings) -> None:
    end(begin(settings, "nightly", AS_OF, "one", flow_run="0190-a"), "completed", AS_OF)
    assert declare_crashed(settings, "0190-a", AS_OF) == []
    assert states(settings) == {"one": "completed"}


def test_a_commit_in_the_store_is_refused_to_a_fenced_run(settings: Settings) -> None:
    run = begin(settings, "nightly", AS_OF, "one", flow_run="0190-a")
    with run.committing("publish"):
        run.store.put_json("models/a.json", {})
    declare_crashed(settings, "0190-a", AS_OF)
    with pytest.raises(Fenced), run.committing("publish"):
        run.store.put_json("models/b.json", {})
    assert run.store.list("models") == ["models/a.json"]


def test_nobody_is_declared_dead_in_the_midst_of_a_commit(settings: Settings) -> None:
    run = begin(settings, "nightly", AS_OF, "one", flow_run="0190-a")
    with run.committing("publish"):
        script = (
            "import sys; from apex_core.settings import Settings; from apex_core.pipeline.run import declare_crashed\n"
            "from apex_core.errors import Locked; from datetime import datetime, UTC\n"
            "try: declare_crashed(Settings(home=sys.argv[1], lock_timeout_s=0.2), '0190-a', datetime.now(UTC))\n"
            "except Locked: print('waits')"
        )
        with other_process("-c", script, settings.home) as other:
            assert other.says() == "waits"
    assert declare_crashed(settings, "0190-a", AS_OF) == ["one"]


def test_tokens_only_grow(settings: Settings) -> None:
    for name in ("a", "b", "a", "c"):
        begin(settings, "nightly", AS_OF, name)
    with connect(settings) as connection:
        tokens = dict(connection.execute("SELECT run_id, token FROM run").fetchall())
    assert tokens == {"b": 2, "a": 3, "c": 4}


def test_a_stage_recorded_twice_is_one_row_a_measure(settings: Settings) -> None:
    run = begin(settings, "nightly", AS_OF, "one")
    record(run, StageReport("score", {"tracks": 3, "retired": 1}), 2.5)
    record(run, StageReport("score", {"tracks": 4}), 1.5)
    with connect(settings) as connection:
        rows = connection.execute("SELECT measure, value FROM run_stat ORDER BY measure").fetchall()
    assert rows == [("seconds", 1.5), ("tracks", 4)]


def test_a_flow_runs_once_a_host(settings: Settings) -> None:
    script = (
        "import sys; from apex_core.settings import Settings; from apex_core.pipeline.run import exclusive\n"
        "with exclusive(Settings(home=sys.argv[1]), 'nightly'):\n"
        "    print('in'); sys.stdin.readline()"
    )
    with other_process("-c", script, settings.home) as other:
        assert other.says() == "in"
        with pytest.raises(Locked, match=f"flow 'nightly' is held by pid {other.pid}"), exclusive(settings, "nightly"):
            pass
        with exclusive(settings, "backfill"):
            pass
        other.process.kill()
        other.ends()
        with exclusive(settings, "nightly"):
            pass


HOLDS = """
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path
from apex_core.errors import Fenced
from apex_core.pipeline.run import begin, exclusive, living
from apex_core.settings import Settings
from apex_core.storage import Store

settings = Settings(home=Path(sys.argv[1]), threads=1)
with exclusive(settings, "nightly", "zombie"), living(settings, "predicting.lock", "zombie: predict", 0, "It"):
    run = begin(settings, "nightly", datetime(2026, 11, 22, 3, tzinfo=UTC), "zombie", alone=True, flow_run="0190-a")
    print("in", flush=True)
    sys.stdin.readline()
    try:
        with run.committing("publish"):
            run.store.put_json("models/zombie.json", {})
    except Fenced:
        print("fenced", flush=True)
"""


def test_the_next_run_goes_past_one_that_was_declared_dead_and_is_there_still(settings: Settings) -> None:
    with other_process("-c", HOLDS, settings.home) as zombie:
        assert zombie.says() == "in"
        with pytest.raises(Locked, match=f"held by pid {zombie.pid} .*zombie"), exclusive(settings, "nightly", "next"):
            pass
        predicting = ("predicting.lock", "next: predict", 0, "The prediction")
        with pytest.raises(Locked, match="zombie: predict"), living(settings, *predicting):
            pass
        declare_crashed(settings, "0190-a", AS_OF)
        with exclusive(settings, "nightly", "next"), living(settings, *predicting):
            begin(settings, "nightly", AS_OF, "next", alone=True)
            with other_process("-c", HOLDS, settings.home) as third:  # the living keeps others waiting, as ever
                assert third.says() == ""
                assert third.ends() != 0
            zombie.tell("wake")
            assert zombie.says() == "fenced"
            assert zombie.ends() == 0
        assert states(settings) == {"zombie": "crashed", "next": "running"}
    assert Store.open(settings.store_url).list("models") == []


def test_a_flow_that_runs_keeps_the_catalog_open_to_others(settings: Settings) -> None:
    with exclusive(settings, "nightly"):
        assert states(settings) == {}
        with pytest.raises(CatalogError, match="'nightly' is already open"), exclusive(settings, "nightly"):
            pass


def test_the_store_is_nobodys_alone_while_flows_are_at_work(settings: Settings) -> None:
    refused = pytest.raises(Locked, match="The store is held")
    with exclusive(settings, "nightly"), exclusive(settings, "backfill"), refused, undisturbed(settings):
        pass
    with undisturbed(settings):
        pass


def test_a_flow_that_begins_meanwhile_waits_and_says_for_whom(settings: Settings) -> None:
    waiting, order = threading.Event(), list[str]()

    class Heard(logging.Handler):
        def emit(self, record: logging.LogRecord) -> None:
            order.append(record.getMessage())
            waiting.set()

    def flow() -> None:
        with exclusive(settings, "nightly"):
            order.append("nightly")

    logger, heard = logging.getLogger("apex_core.catalog"), Heard()
    logger.addHandler(heard)
    night = threading.Thread(target=flow)
    try:
        with undisturbed(settings):
            night.start()
            assert waiting.wait(30)
            order.append("forgotten")
        night.join()
    finally:
        logger.removeHandler(heard)
    assert "(apex forget); waiting until that is done." in order[0]
    assert order[1:] == ["forgotten", "nightly"]
