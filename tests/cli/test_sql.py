"""`apex sql`: answers in three formats, and polite refusals."""

import csv
import io
import json
from pathlib import Path

import pytest

from apex_core.settings import Settings
from tests.cli.conftest import Apex

pytestmark = pytest.mark.usefixtures("snapshot")

TITLES = "SELECT track_id, title, plays FROM scored_catalog ORDER BY track_id"


def test_rows_come_as_a_table_with_a_notice_beside_it(apex: Apex) -> None:
    result = apex("sql", TITLES)
    assert result.exit_code == 0
    head, *rows = result.stdout.splitlines()
    assert head.split() == ["track_id", "title", "plays"]
    assert len(rows) == 3
    assert result.stderr.startswith("3 rows in ")
    assert "snapshot of 2026-11-01 00:00 UTC" in result.stderr


def test_titles_are_neither_markup_nor_orders_to_the_terminal(apex: Apex) -> None:
    printed = apex("sql", TITLES).stdout
    assert "Night [red]Train" in printed
    assert "\x1b" not in printed


def test_queries_come_from_files_and_pipes_as_well(apex: Apex, tmp_path: Path) -> None:
    file = tmp_path / "query.sql"
    file.write_text(TITLES)
    assert apex("sql", "-f", str(file)).stdout == apex("sql", TITLES).stdout == apex("sql", stdin=TITLES).stdout


def test_csv_holds_every_row_whatever_a_table_would_show(apex: Apex) -> None:
    result = apex("sql", "SELECT n, NULL AS nothing FROM range(250) AS r(n)", "--format", "csv")
    rows = list(csv.reader(io.StringIO(result.stdout)))
    assert rows[0] == ["n", "nothing"]
    assert len(rows) == 251
    assert rows[1] == ["0", ""]


def test_json_is_an_object_a_line(apex: Apex) -> None:
    result = apex("sql", f"{TITLES} LIMIT 1", "--format", "json")
    assert json.loads(result.stdout) == {"track_id": "t1", "title": "Night [red]Train", "plays": 10}


def test_json_inside_json_may_hold_what_json_has_no_word_for(apex: Apex) -> None:
    query = """SELECT '{"a": 1e999, "b": [NaN, 1]}'::JSON AS extra"""
    result = apex("sql", query, "--format", "json")
    assert json.loads(result.stdout) == {"extra": {"a": None, "b": [None, 1]}}


def test_columns_of_one_name_are_all_in_the_json(apex: Apex) -> None:
    result = apex("sql", "SELECT 1 AS a, 2 AS a, 3 AS a_1, 4 AS a", "--format", "json")
    assert json.loads(result.stdout) == {"a": 1, "a_1": 3, "a_2": 2, "a_3": 4}


def test_a_table_stops_at_the_limit_and_says_so(apex: Apex) -> None:
    result = apex("sql", "SELECT n FROM range(101) AS r(n)")
    assert len(result.stdout.splitlines()) == 101  # with its head
    assert "only the first 100; a limit of 0 shows all" in result.stderr
    assert "only" not in apex("sql", "SELECT n FROM range(100) AS r(n)").stderr
    assert len(apex("sql", "SELECT n FROM range(101) AS r(n)", "--limit", "0").stdout.splitlines()) == 102
    assert (
        len(apex("sql", "SELECT n FROM range(9) AS r(n)", "--limit", "2", "--format", "json").stdout.split("\n")) == 3
    )


@pytest.mark.parametrize(
    ("query", "said"),
    [
        ("INSERT INTO track SELECT * FROM track", "INSERT is no question"),
        ("UPDATE track SET title = 'x'", "UPDATE is no question"),
        ("DROP TABLE track", "DROP is no question"),
        ("CREATE TABLE mine AS SELECT 1", "CREATE is no question"),
        ("ATTACH '/tmp/elsewhere.duckdb'", "ATTACH is no question"),
        ("USE memory; DETACH catalog", "USE is no question"),
        ("SELECT 1; DETACH catalog", "DETACH is no question"),
        ("/* why */ COPY track TO '/tmp/elsewhere.csv'", "COPY is no question"),
        ("EXPLAIN ANALYZE COPY track TO '/tmp/elsewhere.csv'", "COPY is no question"),
        ("WITH x AS (COPY track TO '/tmp/elsewhere.csv') FROM x", "has no way to files"),
        ("WITH x AS (DELETE FROM track RETURNING *) FROM x", "is read-only"),
        ("SELECT * FROM read_csv('/etc/passwd')", "has no way to files"),
        ("SELECT * FROM read_text('/etc/passwd')", "has no way to files"),
        ("INSTALL httpfs", "INSTALL is no question"),
        ("LOAD httpfs", "LOAD is no question"),
        ("EXPORT DATABASE '/tmp/elsewhere'", "EXPORT is no question"),
        ("SET threads = 64", "SET is no question"),
        ("PRAGMA enable_profiling", "PRAGMA is no question"),
    ],
)
def test_what_a_reader_may_not_do_is_refused_in_one_message(apex: Apex, query: str, said: str) -> None:
    result = apex("sql", query)
    assert result.exit_code == 1
    assert result.stdout == ""
    assert result.stderr.startswith("error: Refused")
    assert said in " ".join(result.stderr.split())
    assert "Traceback" not in result.stderr
    assert result.stderr.count("error:") == result.stderr.count("→") == 1


@pytest.mark.parametrize(
    "query",
    ["FROM track", "SHOW TABLES", "DESCRIBE track", "EXPLAIN SELECT 1", "PIVOT track ON platform USING count(*)"],
)
def test_questions_of_every_form_are_answered(apex: Apex, query: str) -> None:
    result = apex("sql", query)
    assert result.exit_code == 0
    assert result.stdout


def test_variables_of_the_program_are_no_tables(apex: Apex) -> None:
    result = apex("sql", "SELECT * FROM snapshot")
    assert result.exit_code == 1
    assert "does not exist" in result.stderr


@pytest.mark.parametrize("query", ["SELEC 1", "SELECT nothing FROM track", "SELECT * FROM trakc"])
def test_mistakes_are_shown_in_their_place_with_a_way_on(apex: Apex, query: str) -> None:
    result = apex("sql", query)
    assert result.exit_code == 1
    assert "LINE 1:" in result.stderr
    assert "SHOW TABLES" in result.stderr


def test_a_fault_on_the_way_is_an_error_too(apex: Apex) -> None:
    result = apex("sql", "SELECT (CASE WHEN n = 50000 THEN 'x' ELSE '1' END)::INTEGER FROM range(60000) AS r(n)")
    assert result.exit_code == 1
    assert "Could not convert" in result.stderr


def test_a_comment_is_no_query(apex: Apex) -> None:
    result = apex("sql", stdin="-- nothing")
    assert result.exit_code == 1
    assert "no statement" in result.stderr


@pytest.mark.parametrize("words", [["sql", ""], ["sql", "SELECT 1", "-f", __file__], ["sql", "-f", "no-such-file"]])
def test_calling_it_wrong_is_a_usage_error(apex: Apex, words: list[str]) -> None:
    assert apex(*words).exit_code == 2


def test_readers_do_not_wait_for_writers(apex: Apex, snapshot: Settings) -> None:
    from apex_core.catalog import connect

    with connect(snapshot, "a long stage"):
        assert apex("sql", TITLES).exit_code == 0
