"""What the terminal shows."""

import io
from datetime import UTC, datetime

import pytest
from rich.console import Console

from flows import terminal


@pytest.mark.parametrize(
    ("value", "shown"),
    [
        (None, "null"),
        (0.5, "0.5"),
        (2.0, "2"),
        (1234.56789, "1234.5679"),
        (0.0, "0"),
        (float("nan"), "nan"),
        (1e20, "1e+20"),
        (True, "True"),
        (datetime(2026, 11, 1, 2, 3, tzinfo=UTC), "2026-11-01 02:03:00"),
        ("a\x1b[2Jb\r", "a\ufffd[2Jb\ufffd"),
    ],
)
def test_values_are_written_for_people(value: object, shown: str) -> None:
    assert terminal.cell(value).plain == shown


@pytest.mark.parametrize(
    ("done", "total", "filled"), [(0, 0, 0), (0, 9, 0), (1, 1000, 1), (500, 1000, 12), (999, 1000, 23), (9, 9, 24)]
)
def test_a_bar_shows_what_little_is_there_and_what_little_is_missing(done: int, total: int, filled: int) -> None:
    text = terminal.bar(done, total).plain
    assert len(text) == 24
    assert text.count("█") == filled


def test_a_wide_table_becomes_records_on_a_narrow_terminal(monkeypatch: pytest.MonkeyPatch) -> None:
    screen = io.StringIO()
    narrow = Console(file=screen, force_terminal=True, width=40, color_system=None)
    monkeypatch.setattr(terminal, "out", lambda: narrow)
    terminal.print_rows([f"column_{n}" for n in range(9)], [list(range(9))])
    lines = screen.getvalue().splitlines()
    assert lines[0].startswith("─ record 1 ─")
    assert [line.split() for line in lines[1:]] == [[f"column_{n}", str(n)] for n in range(9)]
