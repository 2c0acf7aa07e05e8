"""A 403 for a known track: unavailable, with all of its past, until a good record comes."""

from apex_core.sources import mark_gone, mark_withheld
from tests.sources.conftest import SUNO_ID, Catalog, clip, day


def status(catalog: Catalog) -> str:
    return catalog.one("SELECT status FROM track")


def test_a_withheld_track_keeps_its_past_and_comes_back(catalog: Catalog) -> None:
    catalog.ingest("suno", [clip()], at=0)
    title, counts = catalog.one("SELECT title FROM track"), catalog.table("engagement")
    assert mark_withheld(catalog.con, "suno", [SUNO_ID, "unknown"], day(1)) == 1
    assert status(catalog) == "unavailable"
    assert catalog.one("SELECT title FROM track") == title
    assert catalog.table("engagement") == counts
    catalog.ingest("suno", [clip()], at=0.5)
    assert status(catalog) == "unavailable", "what was seen before says nothing of today"
    catalog.ingest("suno", [clip()], at=2)
    assert status(catalog) == "active"


def test_an_older_403_and_one_of_a_tombstone_change_nothing(catalog: Catalog) -> None:
    catalog.ingest("suno", [clip()], at=2)
    assert mark_withheld(catalog.con, "suno", [SUNO_ID], day(1)) == 0
    assert status(catalog) == "active"
    mark_gone(catalog.con, "suno", [SUNO_ID], day(3))
    assert mark_withheld(catalog.con, "suno", [SUNO_ID], day(4)) == 0
    assert status(catalog) == "tombstone"


def test_every_look_is_noted(catalog: Catalog) -> None:
    catalog.ingest("suno", [clip()], at=0)
    for number in (1, 2):
        assert mark_withheld(catalog.con, "suno", [SUNO_ID], day(number)) == 1
        assert catalog.one("SELECT seen.status FROM track") == day(number)
