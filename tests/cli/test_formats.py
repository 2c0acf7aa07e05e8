"""What comes out of `apex sql`: types in CSV, JSON and Parquet, files written whole, queries that end."""

import csv
import io
import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from tests.cli.conftest import ROOT, Apex

pytestmark = pytest.mark.usefixtures("snapshot")

EVERYTHING = """
    SELECT 9007199254740993 AS big, 1.25::DECIMAL(9, 2) AS exact, 0.1::DOUBLE AS near, 'nan'::DOUBLE AS nan,
           '-inf'::DOUBLE AS inf, NULL AS nothing, TRUE AS yes, TIMESTAMPTZ '2026-11-01 03:00+00' AS at,
           TIMESTAMP '2026-11-01 03:00:00.5' AS local, DATE '2026-11-01' AS day, TIME '03:00' AS hour,
           ['a', NULL] AS list, {'n': [1.5::DECIMAL(2, 1)]} AS struct, MAP {'k': DATE '2026-11-01'} AS map,
           '{"x": [1]}'::JSON AS json, 'a"b' AS text, '\\xFF'::BLOB AS bytes, INTERVAL 1 DAY AS span
"""
ENDLESS = [
    "SELECT count(*) FROM range(1000000000000) AS a, range(1000000000000) AS b",
    "FROM range(1000000000000)",
    "WITH RECURSIVE n AS (SELECT 1 AS i UNION ALL SELECT i + 1 FROM n) SELECT count(*) FROM n",
]


def test_json_has_lists_numbers_and_times_that_programs_read(apex: Apex) -> None:
    line = apex("sql", EVERYTHING, "--format", "json").stdout
    assert json.loads(line, parse_constant=lambda word: pytest.fail(f"{word} is no JSON")) == {
        "big": 9007199254740993,
        "exact": 1.25,
        "near": 0.1,
        "nan": None,
        "inf": None,
        "nothing": None,
        "yes": True,
        "at": "2026-11-01T03:00:00+00:00",
        "local": "2026-11-01T03:00:00.500000",
        "day": "2026-11-01",
        "hour": "03:00:00",
        "list": ["a", None],
        "struct": {"n": [1.5]},
        "map": {"k": "2026-11-01"},
        "json": {"x": [1]},
        "text": 'a"b',
        "bytes": "ff",
        "span": "1 day, 0:00:00",
    }


def test_csv_keeps_every_digit_and_writes_lists_as_json(apex: Apex) -> None:
    printed = apex("sql", EVERYTHING, "--format", "csv").stdout
    row = next(csv.DictReader(io.StringIO(printed)))
    assert row == {
        "big": "9007199254740993",
        "exact": "1.25",
        "near": "0.1",
        "nan": "nan",
        "inf": "-inf",
        "nothing": "",
        "yes": "true",
        "at": "2026-11-01T03:00:00+00:00",
        "local": "2026-11-01T03:00:00.500000",
        "day": "2026-11-01",
        "hour": "03:00:00",
        "list": '["a", null]',
        "struct": '{"n": [1.5]}',
        "map": '{"k": "2026-11-01"}',
        "json": '{"x": [1]}',
        "text": 'a"b',
        "bytes": "ff",
        "span": "1 day, 0:00:00",
    }


def test_parquet_has_the_types_of_the_query(apex: Apex, tmp_path: Path) -> None:
    file = tmp_path / "songs.parquet"
    query = (
        "SELECT n, n / 2 AS half, n::DECIMAL(9, 2) AS exact, [n] AS list, {'n': n} AS struct, "
        "TIMESTAMPTZ '2026-11-01' AS at, if(n = 7, NULL, 'x') AS text FROM range(25000) AS r(n)"
    )
    result = apex("sql", query, "--output", str(file))
    assert result.exit_code == 0, result.stderr
    assert f"25,000 rows to {file} in" in result.stderr
    table = pq.read_table(file)
    assert table.num_rows == 25_000
    types = {field.name: field.type for field in table.schema}
    assert (types["n"], types["half"], types["exact"]) == (pa.int64(), pa.float64(), pa.decimal128(9, 2))
    assert (types["at"].unit, str(types["at"].tz) in ("UTC", "Etc/UTC")) == ("us", True)
    assert pa.types.is_list(types["list"])
    assert pa.types.is_struct(types["struct"])
    assert table.column("n").to_pylist() == list(range(25_000))
    assert table.column("text").null_count == 1


def test_a_limit_cuts_parquet_too_and_says_so(apex: Apex, tmp_path: Path) -> None:
    for limit, rows in ((7, 7), (10_000, 10_000), (15_000, 15_000), (25_000, 25_000), (0, 25_000)):
        file = tmp_path / f"{limit}.parquet"
        result = apex("sql", "FROM range(25000)", "-o", str(file), "--limit", str(limit))
        assert pq.read_metadata(file).num_rows == rows
        assert ("only the first" in result.stderr) == (rows < 25_000)


def test_parquet_goes_through_a_pipe(snapshot: object) -> None:
    command = [sys.executable, "-m", "flows.cli", "sql", "FROM range(5)", "--format", "parquet"]
    done = subprocess.run(command, env=os.environ | {"PYTHONPATH": str(ROOT)}, capture_output=True, check=True)
    assert pq.read_table(io.BytesIO(done.stdout)).num_rows == 5


def test_what_parquet_has_no_word_for_is_an_error_with_a_way_on(apex: Apex, tmp_path: Path) -> None:
    result = apex("sql", "SELECT INTERVAL 1 DAY AS span", "-o", str(tmp_path / "x.parquet"))
    assert result.exit_code == 1
    assert "Parquet cannot hold" in result.stderr
    assert "::VARCHAR" in result.stderr
    assert list(tmp_path.glob("*parquet*")) == []


@pytest.mark.parametrize(
    ("name", "first"),
    [("songs.csv", "track_id"), ("songs.json", '{"track_id": "t1"}'), ("songs.txt", "track_id")],
)
def test_a_file_gets_what_its_name_says(apex: Apex, tmp_path: Path, name: str, first: str) -> None:
    result = apex("sql", "SELECT track_id FROM track ORDER BY ALL LIMIT 1", "-o", str(tmp_path / name))
    assert (result.exit_code, result.stdout) == (0, "")
    assert (tmp_path / name).read_text().splitlines()[0].strip() == first


@pytest.mark.parametrize("name", ["songs.csv", "songs.parquet"])
def test_a_file_is_not_replaced_unless_told(apex: Apex, tmp_path: Path, name: str) -> None:
    file = tmp_path / name
    file.write_text("mine")
    refused = apex("sql", "SELECT 1", "-o", str(file))
    assert (refused.exit_code, file.read_text()) == (1, "mine")
    assert "--force" in refused.stderr
    assert apex("sql", "SELECT 1", "-o", str(file), "--force").exit_code == 0
    assert file.read_bytes() != b"mine"
    assert [path.name for path in tmp_path.iterdir() if path.is_file()] == [name]


@pytest.mark.parametrize("name", ["songs.csv", "songs.parquet"])
def test_a_query_that_fails_on_its_way_leaves_no_file(apex: Apex, tmp_path: Path, name: str) -> None:
    query = "SELECT (CASE WHEN n = 50000 THEN 'x' ELSE '1' END)::INTEGER AS i FROM range(60000) AS r(n)"
    assert apex("sql", query, "-o", str(tmp_path / name)).exit_code == 1
    assert [path for path in tmp_path.iterdir() if path.is_file()] == []


def test_a_folder_that_is_not_there_is_one_message(apex: Apex, tmp_path: Path) -> None:
    result = apex("sql", "SELECT 1", "-o", str(tmp_path / "nowhere" / "songs.csv"))
    assert result.exit_code == 1
    assert result.stderr.startswith("error: There is no folder")


def test_several_questions_are_answered_in_turn_but_not_into_one_file(apex: Apex, tmp_path: Path) -> None:
    printed = apex("sql", "SELECT 1 AS a; SELECT 2 AS b;").stdout.split()
    assert printed == ["a", "1", "b", "2"]
    refused = apex("sql", "SELECT 1; SELECT 2", "-o", str(tmp_path / "x.csv"))
    assert refused.exit_code == 1
    assert "2 questions" in refused.stderr


@pytest.mark.parametrize("query", ENDLESS)
@pytest.mark.parametrize("form", ["table", "parquet"])
def test_an_endless_query_ends_in_time(apex: Apex, query: str, form: str) -> None:
    words = ("--limit", "0") if form == "table" else ()
    result = apex("sql", query, "--timeout", "0.3", "--format", form, *words)
    assert result.exit_code == 1
    assert "took longer than 0.3 s and was stopped" in result.stderr
    assert "--timeout SECONDS" in result.stderr
    assert "Traceback" not in result.stderr


def test_the_setting_is_the_timeout_of_those_who_name_none(apex: Apex, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("APEX_SQL__TIMEOUT_S", "0.2")
    assert "longer than 0.2 s" in apex("sql", ENDLESS[0]).stderr


@pytest.mark.parametrize(
    "query",
    [
        "SELECT list(range) AS l FROM range(1000000000)",
        "SELECT a.range % 99999999 AS k, count(*) FROM range(100000000) AS a GROUP BY k ORDER BY k",
    ],
)
def test_a_query_too_big_for_memory_is_one_message(apex: Apex, monkeypatch: pytest.MonkeyPatch, query: str) -> None:
    monkeypatch.setenv("APEX_SQL__MEMORY_LIMIT", "200MB")
    result = apex("sql", query, "--format", "csv")
    assert result.exit_code == 1
    assert "needs more memory than it may take" in result.stderr
    assert "APEX_SQL__MEMORY_LIMIT" in result.stderr


def test_ctrl_c_ends_a_query_that_runs(snapshot: object) -> None:
    command = [sys.executable, "-m", "flows.cli", "sql", "SELECT 'begun' AS x; " + ENDLESS[0], "--format", "csv"]
    env = os.environ | {"PYTHONPATH": str(ROOT), "PYTHONUNBUFFERED": "1"}
    with subprocess.Popen(command, env=env, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "x\n"
        assert process.stdout.readline() == "begun\n"
        started = time.monotonic()
        process.send_signal(signal.SIGINT)
        _, said = process.communicate(timeout=60)
    assert process.returncode != 0
    assert "Traceback" not in said
    assert time.monotonic() - started < 30


@pytest.mark.parametrize(
    ("query", "said"),
    [
        ("FROM 'songs.csv'", "has no way to files"),
        ("FROM 'songs.parquet'", "has no way to files"),
        ("SELECT * FROM glob('*')", "has no way to files"),
        ("SELECT * FROM read_blob('songs.csv')", "has no way to files"),
        ("SELECT * FROM sniff_csv('songs.csv')", "has no way to files"),
        ("SELECT * FROM read_json('http://127.0.0.1/x')", "has no way to files"),
        ("SELECT * FROM parquet_metadata('songs.parquet')", "has no way to files"),
        ("SELECT getenv('HOME')", "getenv"),
        ("COPY (SELECT 1) TO 'songs.csv'", "COPY is no question"),
        ("COPY track FROM 'songs.csv'", "COPY is no question"),
        ("IMPORT DATABASE '.'", "Refused"),
        ("CALL pragma_version()", "CALL is no question"),
        ("RESET threads", "RESET is no question"),
        ("SELECT * FROM query('DROP TABLE track')", ""),
        ("CHECKPOINT", "CHECKPOINT is no question"),
        ("CREATE SECRET s (TYPE s3)", "CREATE is no question"),
        ("EXPLAIN ANALYZE (FORMAT json) DROP TABLE track", "DROP is no question"),
        ("FROM read_duckdb('catalog.duckdb')", ""),
    ],
)
@pytest.mark.parametrize("form", ["table", "parquet"])
def test_there_is_no_way_out_of_a_snapshot(apex: Apex, tmp_path: Path, query: str, said: str, form: str) -> None:
    (tmp_path / "songs.csv").write_text("secret\n1\n")
    result = apex("sql", query, "--format", form)
    assert result.exit_code == 1
    assert "secret" not in result.output
    assert said in " ".join(result.stderr.split())
    assert result.stderr.startswith("error: ")
    assert result.stderr.count("error: ") == 1
    assert (tmp_path / "songs.csv").read_text() == "secret\n1\n"
