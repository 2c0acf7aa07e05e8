"""``apex report``."""

from pathlib import Path

import pytest

from tests.cli.conftest import Apex


@pytest.mark.usefixtures("snapshot")
def test_it_writes_the_page_and_says_where(apex: Apex, tmp_path: Path) -> None:
    written = tmp_path / "a page.html"
    written.write_text("an older one")
    result = apex("report", "--output", str(written))
    assert result.exit_code == 0
    assert result.stdout.strip() == str(written)
    assert "2026-11-01 00:00 UTC" in result.stderr
    text = written.read_text("utf-8")
    assert text.startswith("<!DOCTYPE html>")
    assert "The scored catalog as of 2026-11-01" in text
    assert sorted(path.name for path in tmp_path.iterdir() if path.suffix != "") == ["a page.html"]


@pytest.mark.usefixtures("snapshot")
def test_it_lies_in_the_working_folder_by_default(apex: Apex, tmp_path: Path) -> None:
    assert apex("report").exit_code == 0
    assert (tmp_path / "apex-report.html").is_file()


def test_before_the_first_snapshot_it_says_what_to_do(apex: Apex, tmp_path: Path) -> None:
    result = apex("report")
    assert result.exit_code == 1
    assert "apex nightly" in result.stderr
    assert not (tmp_path / "apex-report.html").exists()


@pytest.mark.usefixtures("snapshot")
def test_a_folder_that_is_not_there_is_named(apex: Apex, tmp_path: Path) -> None:
    result = apex("report", "-o", str(tmp_path / "nowhere" / "page.html"))
    assert result.exit_code == 1
    assert "nowhere" in result.stderr
