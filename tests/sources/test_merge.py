"""The merge: any order gives the same rows, a rerun changes nothing, and every record is accounted for."""

import itertools
import json
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Literal

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from apex_core.errors import ContractViolation
from apex_core.sources import IngestCounts, Page, land, mark_gone, merge, stage_landed
from apex_core.sources.ingest import _checked  # pyright: ignore[reportPrivateUsage]
from tests.sources.conftest import DAY0, SUNO_ID, Catalog, clip, day

Form = Literal["pages", "lines"]
IDS = [SUNO_ID, "11111111-1111-4111-8111-111111111111"]
FEW = settings(max_examples=12, deadline=None, suppress_health_check=[HealthCheck.too_slow])


def maybe(*values: Any) -> st.SearchStrategy[Any]:
    return st.sampled_from([..., None, "", *values])


records = st.fixed_dictionaries(
    {
        "id": st.sampled_from(IDS),
        "title": maybe("a", "b"),
        "status": maybe("complete", "streaming"),
        "is_trashed": st.sampled_from([..., None, True, False]),
        "created_at": maybe("2024-04-11T10:20:30Z", "2024-04-12T10:20:30Z"),
        "user_id": maybe("u1", "u2"),
        "unheard_of": maybe(1, 2),
        "play_count": maybe(1, 2, 3),
        "metadata": st.fixed_dictionaries(
            {
                "duration": st.just(1.5),
                "tags": maybe("x", "x, y"),
                "cover_clip_id": maybe(*IDS),
                "history": maybe([{"id": IDS[1]}]),
            }
        ),
    }
).map(lambda record: without_dots(record))
forms: st.SearchStrategy[Form] = st.sampled_from(["pages", "lines"])
sightings = st.lists(st.tuples(records, st.integers(0, 4)), min_size=2, max_size=8)


def without_dots(record: dict[str, Any]) -> dict[str, Any]:
    kept = {key: value for key, value in record.items() if value is not ...}
    return {**kept, "metadata": {key: value for key, value in kept["metadata"].items() if value is not ...}}


def after(runs: Sequence[Sequence[tuple[dict[str, Any], float]]], query: str, form: Form) -> list[tuple[Any, ...]]:
    """The answer to a query after some runs, whose records come on pages or as the lines of dumps."""
    with tempfile.TemporaryDirectory() as folder:
        catalog = Catalog(Path(folder), form)
        for number, run in enumerate(runs):
            catalog.ingest_pages("suno", [(record, at) for record, at in run], as_of=10 + number)
        return catalog.rows(query)


@FEW
@given(seen=sightings, data=st.data())
def test_any_order_in_any_number_of_runs_gives_the_same_tracks(seen: list[Any], data: st.DataObject) -> None:
    shuffled = data.draw(st.permutations(seen))
    cuts = sorted(data.draw(st.sets(st.integers(1, len(seen) - 1), max_size=2)))
    runs = [shuffled[a:b] for a, b in itertools.pairwise([0, *cuts, len(seen)])]
    query = "FROM track ORDER BY track_id"
    assert after(runs, query, data.draw(forms)) == after([seen], query, "pages")


counters = st.one_of(st.none(), st.integers(1, 3))


@FEW
@given(looks=st.lists(st.tuples(counters, counters), min_size=2, max_size=6), data=st.data())
def test_the_latest_counts_are_those_last_stated_in_any_order(looks: list[Any], data: st.DataObject) -> None:
    seen = [(clip(play_count=plays, upvote_count=likes), at) for at, (plays, likes) in enumerate(looks)]
    shuffled = data.draw(st.permutations(seen))
    cuts = sorted(data.draw(st.sets(st.integers(1, len(seen) - 1), max_size=3)))
    runs = [shuffled[a:b] for a, b in itertools.pairwise([0, *cuts, len(seen)])]
    latest = (
        "SELECT max_by(plays, (observed_at, recorded_at)) FILTER (plays IS NOT NULL), "
        "max_by(likes, (observed_at, recorded_at)) FILTER (likes IS NOT NULL) FROM engagement"
    )
    expected = tuple(next((look[n] for look in reversed(looks) if look[n] is not None), None) for n in range(2))
    assert after(runs, latest, data.draw(forms)) == [expected]


def test_a_rerun_changes_nothing(catalog: Catalog) -> None:
    pages = [([clip(play_count=1), clip(id=IDS[1]), {"id": "bad"}], 0), ([clip(play_count=2)], 1), ("oops", 1)]
    first = catalog.ingest_pages("suno", pages, as_of=1)
    tables = [catalog.table(name) for name in ("track", "engagement", "reject")]
    again = catalog.ingest_pages("suno", pages, as_of=2)
    assert [catalog.table(name) for name in ("track", "engagement", "reject")] == tables
    assert (first.upserted, first.unchanged, first.observations) == (2, 0, 3)
    assert (again.upserted, again.unchanged, again.observations) == (0, 2, 0)
    assert (again.duplicate, again.rejected) == (first.duplicate, first.rejected) == (1, 2)


def test_unchanged_means_only_the_observation_times_moved(catalog: Catalog) -> None:
    catalog.ingest("suno", clip())
    later = catalog.ingest("suno", clip(), at=3)
    assert (later.upserted, later.unchanged, later.observations) == (0, 1, 0)
    assert catalog.one("SELECT first_observed_at, last_observed_at FROM track") == (DAY0, day(3))
    assert catalog.ingest("suno", clip(title="Older"), at=2).unchanged == 1  # the title was said again on day 3
    assert catalog.ingest("suno", clip(play_count=260), at=4).upserted == 1
    assert catalog.ingest("suno", clip(play_count=260, title="Other"), at=5).upserted == 1


def test_counters_are_compared_one_by_one_and_null_says_nothing(catalog: Catalog) -> None:
    for at, (plays, likes) in enumerate([(5, 1), (None, 1), (5, None), (None, 2), (5, 2), (6, None)]):
        catalog.ingest("suno", clip(play_count=plays, upvote_count=likes), at=at)
    assert [(row[2], *row[3:5]) for row in catalog.table("engagement")] == [
        (day(0), 5, 1),
        (day(3), None, 2),
        (day(5), 6, None),
    ]


def test_a_late_observation_does_not_become_the_latest(catalog: Catalog) -> None:
    catalog.ingest("suno", clip(play_count=5), at=0)
    catalog.ingest("suno", clip(play_count=5), at=4)
    catalog.ingest("suno", clip(play_count=7), at=2, as_of=5)
    assert [(row[2], row[3]) for row in catalog.table("engagement")] == [(day(0), 5), (day(2), 7), (day(4), 5)]


def test_everything_is_accounted_for(catalog: Catalog) -> None:
    page = {"clips": [clip(), clip(), {"entity_type": "playlist_schema"}, {"id": "bad"}, None]}
    counts = catalog.ingest("suno", page, "oops", {"clips": []})
    assert (counts.records_in, counts.upserted, counts.duplicate, counts.skipped, counts.rejected) == (6, 1, 1, 1, 3)
    assert counts.pages == 3


def test_nothing_in_is_nothing_out(catalog: Catalog) -> None:
    assert catalog.ingest("suno", {"clips": [], "has_more": False}) == IngestCounts(pages=1)


def test_counts_that_do_not_add_up_are_refused() -> None:
    with pytest.raises(ContractViolation, match="run r1: 3 records came in, 2"):
        _checked(IngestCounts(records_in=3, upserted=2), "suno", "r1")


def test_a_transaction_undone_leaves_nothing_and_can_be_done_again(catalog: Catalog) -> None:
    files = list(land(catalog.store, "suno", "killed", DAY0, [Page("suno", 0, "u", DAY0, json.dumps(clip()))]))
    catalog.con.begin()
    stage_landed(catalog.con, catalog.store, "suno", files)
    merge(catalog.con, "suno", DAY0, "killed")
    catalog.con.rollback()
    assert catalog.rows("FROM track") == []
    assert catalog.ingest("suno", clip()).upserted == 1


def test_a_tombstone_of_an_unknown_track_is_nothing(catalog: Catalog) -> None:
    assert mark_gone(catalog.con, "suno", IDS, DAY0) == 0
    assert catalog.rows("FROM track") == []


def strange(**changes: Any) -> dict[str, Any]:
    return clip(entity_type="hologram_schema", **changes)


def test_the_same_reject_every_night_stays_one(catalog: Catalog) -> None:
    for at in (1, 2, 2, 0):
        catalog.ingest("suno", [strange(), strange()], at=at)
    assert catalog.rows("SELECT reject_key, reason, times, first_seen, last_seen, resolved_at FROM reject") == [
        (SUNO_ID, "unknown_entity_type", 3, day(0), day(2), None)
    ]


def test_a_later_good_row_resolves_and_a_later_bad_one_opens_again(catalog: Catalog) -> None:
    resolved = "SELECT resolved_at FROM reject"
    catalog.ingest("suno", strange(), at=1)
    catalog.ingest("suno", clip(), at=0)
    assert catalog.one(resolved) is None
    catalog.ingest("suno", clip(), at=2)
    assert catalog.one(resolved) == day(2)
    catalog.ingest("suno", strange(), at=3)
    assert catalog.one(resolved) is None


def test_an_answer_that_only_told_of_an_error_is_resolved_by_the_next_good_one(catalog: Catalog) -> None:
    catalog.ingest("suno", "Too many requests.", {"surprise": 1})
    catalog.ingest("udio", {"songs": []}, at=1)
    catalog.ingest("suno", clip(), at=2)
    assert catalog.rows("SELECT reason, resolved_at FROM reject ORDER BY 1") == [
        ("throttled_body", day(2)),
        ("unknown_envelope", None),
    ]
