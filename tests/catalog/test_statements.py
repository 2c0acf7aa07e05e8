"""Statements are called by name; only identifiers and paths are filled in, and only where the text says so."""

from pathlib import Path

import pytest

from apex_core.catalog import sql
from apex_core.errors import CatalogError


def test_an_identifier_is_filled_in() -> None:
    assert sql("snapshot/copy_table", table="track").endswith("CREATE TABLE snapshot.track AS FROM track\n")


@pytest.mark.parametrize(
    "value", ["", "track; DROP TABLE track", "a b", "track--", '"tra"ck"', '"', "a.b.c", "1a", "a,b", "a, "]
)
def test_what_is_no_identifier_is_refused(value: str) -> None:
    with pytest.raises(CatalogError, match="not an identifier"):
        sql("snapshot/copy_table", table=value)


def test_a_path_becomes_a_quoted_literal() -> None:
    assert sql("snapshot/attach", path=Path("/a/it's here")).endswith("ATTACH '/a/it''s here' AS snapshot\n")


def test_a_path_with_control_characters_is_refused() -> None:
    with pytest.raises(CatalogError, match="control characters"):
        sql("snapshot/attach", path=Path("/a\n/b"))


def test_names_must_be_the_ones_of_the_text() -> None:
    with pytest.raises(CatalogError, match=r"takes \['table'\], got \[\]"):
        sql("snapshot/copy_table")
    with pytest.raises(CatalogError, match="takes"):
        sql("snapshot/detach", table="track")


def test_an_unknown_statement_is_named() -> None:
    with pytest.raises(CatalogError, match="no/such"):
        sql("no/such")
