"""One door: who is inside, who waits, what the waiting ends with."""

import os
import signal
import socket
import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import duckdb
import pytest

from apex_core.catalog import connect, fingerprint, peek, rewrite, transaction
from apex_core.errors import CatalogError, Locked
from apex_core.settings import Settings
from tests.catalog.other_process import at_the_door, other_process


def _patience(settings: Settings, seconds: float) -> Settings:
    return settings.model_copy(update={"lock_timeout_s": seconds})


def _stats(settings: Settings) -> list[tuple[str, float]]:
    with connect(settings) as connection:
        query = "SELECT run_id, sum(value) FROM run_stat GROUP BY run_id ORDER BY run_id"
        return connection.execute(query).fetchall()


def test_the_first_visit_makes_the_catalog(settings: Settings) -> None:
    with connect(settings) as connection:
        assert connection.execute("SELECT count(*) FROM scored_catalog").fetchall() == [(0,)]
    assert settings.catalog_path.is_file()


def test_times_are_utc_wherever_the_host_is(settings: Settings) -> None:
    with connect(settings) as connection:
        assert connection.execute("SELECT current_setting('TimeZone')").fetchall() == [("UTC",)]


def test_the_connection_is_closed_with_the_context(settings: Settings) -> None:
    with connect(settings) as connection:
        pass
    with pytest.raises(duckdb.ConnectionException):
        connection.execute("SELECT 1")


def test_a_second_process_waits_and_gets_in_when_the_first_has_left(settings: Settings) -> None:
    with other_process(*at_the_door(settings, "first")) as first:
        assert first.says() == "in"
        with ThreadPoolExecutor(1) as pool:
            entered = pool.submit(_stats, settings)
            with pytest.raises(TimeoutError):
                entered.result(timeout=0.5)
            first.tell()
            assert entered.result(timeout=30) == [("first", 1.0)]
        assert first.ends() == 0


def test_waiting_ends_with_the_holders_name(settings: Settings) -> None:
    with other_process(*at_the_door(settings, "run-7: score")) as first:
        assert first.says() == "in"
        with pytest.raises(Locked) as refusal, connect(_patience(settings, 0.1)):
            pass
        assert f"pid {first.pid} on {socket.gethostname()} (run-7: score)" in str(refusal.value)
        assert refusal.value.fix


def test_a_killed_holder_keeps_nobody_out(settings: Settings) -> None:
    with other_process(*at_the_door(settings, "killed")) as first:
        assert first.says() == "in"
        os.kill(first.pid, signal.SIGKILL)
        first.ends()
        assert _stats(_patience(settings, 10)) == [("killed", 1.0)], "what it had committed is kept"


def test_a_killed_transaction_leaves_nothing(settings: Settings) -> None:
    script = (
        "import sys; from apex_core.settings import Settings; from apex_core.catalog import connect, transaction\n"
        "with connect(Settings(home=sys.argv[1], threads=1)) as c, transaction(c):\n"
        "    c.execute(\"INSERT INTO run_stat SELECT 'half', 's', 'm', 1 FROM range(200000)\")\n"
        "    print('in'); sys.stdin.readline()"
    )
    with other_process("-c", script, settings.home) as first:
        assert first.says() == "in"
        os.kill(first.pid, signal.SIGKILL)
        first.ends()
        assert _stats(settings) == []


def test_a_failed_transaction_leaves_nothing(settings: Settings) -> None:
    with connect(settings) as connection:
        with pytest.raises(duckdb.ConversionException), transaction(connection):
            connection.execute("INSERT INTO run_stat VALUES ('half', 's', 'm', 1); SELECT 'no number'::INTEGER")
        assert connection.execute("FROM run_stat").fetchall() == []


def test_connections_of_one_thread_do_not_nest(settings: Settings) -> None:
    with (
        connect(settings, "outer"),
        pytest.raises(CatalogError, match=r"already open in this thread, by 'outer'"),
        connect(settings, "inner"),
    ):
        pass
    with connect(settings):
        pass


def test_a_relative_home_is_the_same_catalog(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(settings.home.parent)
    relative = settings.model_copy(update={"home": Path(settings.home.name)})
    with connect(settings), pytest.raises(CatalogError, match="does not nest"), connect(relative):
        pass


def test_threads_wait_for_one_another(settings: Settings) -> None:
    inside = threading.Semaphore(1)

    def visit(number: int) -> None:
        with connect(settings, f"thread {number}") as connection:
            assert inside.acquire(blocking=False), "two threads were inside"
            connection.execute("INSERT INTO run_stat VALUES ('threads', 's', 'm', 1)")
            inside.release()

    with ThreadPoolExecutor(4) as pool:
        list(pool.map(visit, range(12)))
    assert _stats(settings) == [("threads", 12.0)]


def test_a_thread_that_waits_in_vain_learns_who_is_inside(settings: Settings) -> None:
    def knock() -> None:
        with connect(_patience(settings, 0.05)):
            pass

    with connect(settings, "run-9: extract"), ThreadPoolExecutor(1) as pool:
        refused = pool.submit(knock)
        error = refused.exception(timeout=30)
    assert isinstance(error, Locked)
    assert "run-9: extract" in str(error)


def test_an_error_inside_opens_the_door_again(settings: Settings) -> None:
    with pytest.raises(ZeroDivisionError), connect(settings):
        _ = 1 / 0
    assert _stats(_patience(settings, 1)) == []


def test_of_two_busy_processes_no_committed_row_is_lost(settings: Settings) -> None:
    script = (
        "import sys; from apex_core.settings import Settings; from apex_core.catalog import connect, transaction\n"
        "settings = Settings(home=sys.argv[1], threads=1, lock_timeout_s=60)\n"
        "for _ in range(20):\n"
        "    with connect(settings, sys.argv[2]) as c, transaction(c):\n"
        "        c.execute('INSERT INTO run_stat VALUES ($1, $1, $1, 1)', [sys.argv[2]])\n"
    )
    with (
        other_process("-c", script, settings.home, "one") as one,
        other_process("-c", script, settings.home, "two") as two,
    ):
        assert (one.ends(), two.ends()) == (0, 0)
    assert _stats(settings) == [("one", 20.0), ("two", 20.0)]


def test_a_program_that_went_around_the_door_is_told_of(settings: Settings) -> None:
    with connect(settings):
        pass
    script = "import sys, duckdb; c = duckdb.connect(sys.argv[1]); print('in'); sys.stdin.readline()"
    with other_process("-c", script, settings.catalog_path) as stranger:
        assert stranger.says() == "in"
        with pytest.raises(Locked, match=f"open in another program.*PID {stranger.pid}"), connect(settings):
            pass


def test_a_file_that_is_no_catalog_is_named(settings: Settings) -> None:
    settings.home.mkdir()
    settings.catalog_path.write_bytes(b"not a database" * 1000)
    with pytest.raises(CatalogError, match="cannot be opened"), connect(settings):
        pass


def test_a_rewritten_catalog_is_the_same_without_the_remains_of_what_was_deleted(settings: Settings) -> None:
    remains = b"a reason that nobody may read any more"
    with connect(settings) as connection:
        row = "INSERT INTO reject BY NAME SELECT 'suno' AS source, 'k' AS reject_key, $reason AS reason, 's' AS stage, "
        row += "TIMESTAMP '2026-11-01' AS first_seen, TIMESTAMP '2026-11-01' AS last_seen, 1 AS times"
        connection.execute(row, {"reason": remains.decode()})
        connection.execute("INSERT INTO run_stat VALUES ('r', 's', 'm', 1)")
    assert remains in settings.catalog_path.read_bytes()
    with connect(settings) as connection:
        connection.execute("DELETE FROM reject")
        before = fingerprint(connection)
    assert remains in settings.catalog_path.read_bytes(), "else there is nothing to show"
    rewrite(settings, "test")
    assert remains not in settings.catalog_path.read_bytes()
    assert {path.name for path in settings.home.iterdir()} == {"catalog.duckdb", "catalog.duckdb.lock"}
    with connect(settings) as connection:
        assert fingerprint(connection) == before
        assert connection.execute("FROM run_stat").fetchall() == [("r", "s", "m", 1.0)]
        assert connection.execute("SELECT count(*) FROM scored_catalog").fetchall() == [(0,)]


def test_a_look_writes_not_a_byte_even_beside_what_a_killed_writer_left(settings: Settings) -> None:
    with other_process(*at_the_door(settings, "killed")) as writer:
        assert writer.says() == "in"
        os.kill(writer.pid, signal.SIGKILL)
        assert writer.ends() == -signal.SIGKILL
    with peek(settings) as connection:
        assert connection.execute("SELECT count(*) FROM scored_catalog").fetchall() == [(0,)]
    before = _files(settings)
    with peek(settings) as connection, pytest.raises(duckdb.InvalidInputException, match="read-only"):
        connection.execute("INSERT INTO run_stat VALUES ('r', 's', 'm', 1)")
    assert _files(settings) == before


def _files(settings: Settings) -> dict[str, tuple[int, int]]:
    """Sizes and times of the catalog's files; all are closed."""
    found = settings.catalog_path.parent.glob(settings.catalog_path.name + "*")
    return {path.name: (path.stat().st_size, path.stat().st_mtime_ns) for path in found if path.suffix != ".lock"}
