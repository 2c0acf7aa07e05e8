"""The prompt of `apex sql`, at a real terminal."""

import stat
from collections.abc import Callable, Iterator
from datetime import timedelta
from pathlib import Path

import pytest

from apex_core.catalog import connect
from apex_core.pipeline.run import begin, end
from apex_core.pipeline.snapshot import run_snapshot
from apex_core.settings import Settings
from flows.commands.prompt import is_whole
from tests.cli.conftest import AS_OF
from tests.cli.typist import Typist

pytestmark = pytest.mark.usefixtures("snapshot")

ENDLESS = "SELECT count(*) FROM range(1000000) AS a, range(1000000) AS b, range(1000) AS c WHERE a.range + b.range < 0;"


@pytest.fixture
def prompt() -> Iterator[Callable[..., Typist]]:
    opened: list[Typist] = []

    def start(*words: str, columns: int = 120) -> Typist:
        opened.append(Typist("sql", *words, columns=columns))
        opened[-1].sees("apex>")
        return opened[-1]

    yield start
    for each in opened:
        each.__exit__(None, None, None)


Prompt = Callable[..., Typist]


def test_questions_are_answered_and_timed_until_somebody_leaves(prompt: Prompt) -> None:
    typist = prompt()
    typist.line("SELECT track_id,")
    typist.sees(r"\.\.\.")
    typist.line("plays * 4 AS four FROM scored_catalog")
    typist.line("ORDER BY ALL;")
    assert typist.sees(r"3 rows in \d+\.\d\d s").count("120") == 1
    typist.sees("apex>")
    typist.type("\x04")
    assert typist.leaves() == 0


@pytest.mark.parametrize("leaving", [".quit\r", "\x04"])
def test_there_are_two_ways_out(prompt: Prompt, leaving: str) -> None:
    typist = prompt()
    typist.type(leaving)
    assert typist.leaves() == 0


@pytest.mark.parametrize(
    ("typed", "said"),
    [
        ("SELEC 1;", "syntax error"),
        ("SELECT nothing FROM track;", "nothing"),
        ("DELETE FROM track;", "DELETE is no question"),
        ("COPY track TO 'elsewhere.csv';", "COPY is no question"),
        ("SELECT * FROM read_text('/etc/passwd');", "has no way to files"),
        ("SELECT (CASE WHEN n = 9 THEN 'x' ELSE '1' END)::INTEGER FROM range(10) AS r(n);", "Could not convert"),
        (".columns nowhere", "no table or view nowhere"),
        (".import songs.csv", "no command .import"),
        (".format parquet", "table, csv or json"),
        (".limit many", "number of rows"),
    ],
)
def test_what_goes_wrong_does_not_end_it(prompt: Prompt, typed: str, said: str) -> None:
    typist = prompt()
    typist.line(typed)
    typist.sees("error: ")
    typist.sees(said)
    typist.line("SELECT 'still ' || 'here';")
    typist.sees("still here")


def test_ctrl_c_stops_a_query_and_the_next_one_is_answered(prompt: Prompt) -> None:
    typist = prompt()
    typist.line(ENDLESS)
    typist.is_heard()
    typist.type("\x03")
    typist.sees("stopped")
    typist.line("SELECT 6 * 7 AS answer;")
    typist.sees(r"42\s+1 row in")


def test_ctrl_c_clears_the_line(prompt: Prompt) -> None:
    typist = prompt()
    typist.type("DROP TABLE \x03")
    typist.sees("stopped")
    typist.line("SELECT 6 * 7 AS answer;")
    typist.sees(r"42\s+1 row in")


def test_a_query_that_takes_too_long_is_stopped_and_how_to_wait_longer_is_told(prompt: Prompt) -> None:
    typist = prompt("--timeout", "0.2")
    typist.line(ENDLESS)
    typist.sees(r"took longer than 0\.2 s")
    typist.sees(r"\.timeout")
    typist.line(".timeout 60")
    typist.line("SELECT sum(range) FROM range(1000);")
    typist.sees("499500")


def test_what_was_typed_is_there_in_the_next_session_and_nobody_elses_business(
    prompt: Prompt, settings: Settings
) -> None:
    first = prompt()
    first.line("SELECT 'a ' || 'long time ago';")
    first.sees("a long time ago")
    first.sees("apex>")
    first.type("\x04")
    first.leaves()
    again = prompt()
    again.type("\x1b[A")  # the key that goes back
    again.sees(r"'long time ago';")
    again.type("\r")
    again.sees("a long time ago")
    assert stat.S_IMODE((settings.home / "sql_history").stat().st_mode) == 0o600


def test_commands_show_tables_columns_and_help(prompt: Prompt) -> None:
    typist = prompt()
    typist.line(".tables")
    shown = typist.sees(r"vectors\.song_vector")
    assert "scored_catalog" in shown
    typist.line(".columns score_run")
    typist.sees(r"as_of\s+TIMESTAMP WITH TIME ZONE")
    typist.line(".schema vectors.song_vector")
    typist.sees(r"vector\s+FLOAT\[")
    typist.line(".help")
    typist.sees(r"\.refresh")


def test_format_and_limit_hold_for_what_follows(prompt: Prompt) -> None:
    typist = prompt()
    typist.line(".format json")
    typist.line("SELECT {'n': 1} AS s;")
    typist.sees(r'\{"s": \{"n": 1\}\}')
    typist.line(".format table")
    typist.line(".limit 2")
    typist.line("FROM range(9);")
    typist.sees(r"2 rows \(only the first 2;")


@pytest.mark.parametrize(
    ("typed", "completed"),
    [
        ("FROM scored_cat\t", "FROM scored_catalog"),
        ("SELECT track.creator_n\t", "track.creator_name"),
        ("select streams_perce\t", "streams_percentile"),
        ("selec\t", "SELECT"),
        (".tab\t", r"\.tables"),
    ],
)
def test_tab_ends_what_was_begun(prompt: Prompt, typed: str, completed: str) -> None:
    typist = prompt()
    typist.type(typed)
    typist.sees(completed)


def test_a_session_keeps_its_snapshot_until_it_is_told_to_go_on(prompt: Prompt, snapshot: Settings) -> None:
    typist = prompt()
    typist.line(".refresh")
    typist.sees("is the newest")
    run = begin(snapshot, "test", AS_OF + timedelta(days=1), "r2")
    with connect(snapshot, "test") as connection:
        connection.execute("UPDATE track SET title = 'Morning Train'")
    run_snapshot(run)
    end(run, "completed", AS_OF + timedelta(days=1))
    titles = "SELECT 'trains: ' || count(*) AS n FROM track WHERE title = 'Morning Train';"
    typist.line(titles)
    typist.sees("trains: 0")
    typist.line(".refresh")
    typist.sees("2026-11-02 00:00 UTC")
    typist.line(titles)
    typist.sees("trains: 3")


def test_without_a_terminal_to_answer_on_there_is_no_prompt(tmp_path: Path) -> None:
    with Typist("sql", "--output", str(tmp_path / "songs.csv")) as typist:
        typist.sees("give a query")
        assert typist.leaves() == 2


@pytest.mark.parametrize(
    ("text", "whole"),
    [
        ("", True),
        (".help", True),
        ("SELECT 1", False),
        ("SELECT 1;", True),
        ("SELECT 1; -- done\n", True),
        ("SELECT ';", False),
        ("SELECT ';'", False),
        ("SELECT 1 -- not yet;", False),
        ("SELECT 1 /* nor here;", False),
        ("SELECT 1; SELECT 2", False),
        ("-- only this", False),
        ("SELECT 'É';", True),
        ("SELECT $$ a;", False),
    ],
)
def test_a_question_ends_with_a_semicolon_of_its_own(text: str, whole: bool) -> None:
    assert is_whole(text) == whole
