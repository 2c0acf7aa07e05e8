"""Whose labels train: one labeller's, of several the preferred one's, or their mean, dimension by dimension."""

from typing import Any

import pytest

from apex_core.catalog import Connection, sql
from tests.sql.catalog_rows import add

NOTHING = (None, None)


@pytest.fixture
def labelled(catalog: Connection) -> Connection:
    """Track a is labelled by both, b by experts alone, c by nobody."""
    add(catalog, "score_run")
    add(catalog, "encoder")
    for track in "abc":
        add(catalog, "track", track_id=track)
        add(catalog, "engagement_score", track_id=track, score_streams=50.0)
        add(catalog, "audio", track_id=track, sha256=f"sha-{track}")
        add(catalog, "embedding", sha256=f"sha-{track}")
        add(catalog, "split", track_id=track)
    add(catalog, "aesthetic", track_id="a", labeller="songeval", coherence=3.0, clarity=2.0)
    add(catalog, "aesthetic", track_id="a", labeller="experts", coherence=4.0, clarity=None)
    add(catalog, "aesthetic", track_id="b", labeller="experts", coherence=5.0, clarity=1.0)
    return catalog


def trained_on(catalog: Connection, *labellers: str, combine: str = "first") -> list[tuple[Any, ...]]:
    bound = {"encoder_id": "e1", "labellers": list(labellers), "combine": combine}
    found = catalog.execute(sql("train/rows"), bound)
    names = [column[0] for column in found.description or ()]
    rows = [dict(zip(names, row, strict=True)) for row in found.fetchall()]
    assert [row["track_id"] for row in rows] == ["a", "b", "c"]  # a track without labels trains popularity
    return [(row["coherence"], row["clarity"]) for row in rows]


def test_one_labeller_trains_alone(labelled: Connection) -> None:
    assert trained_on(labelled, "songeval") == [(3.0, 2.0), NOTHING, NOTHING]
    assert trained_on(labelled, "experts") == [(4.0, None), (5.0, 1.0), NOTHING]


def test_of_several_the_preferred_one_who_says_something(labelled: Connection) -> None:
    assert trained_on(labelled, "experts", "songeval") == [(4.0, 2.0), (5.0, 1.0), NOTHING]
    assert trained_on(labelled, "songeval", "experts") == [(3.0, 2.0), (5.0, 1.0), NOTHING]


def test_the_mean_is_of_those_who_say_something(labelled: Connection) -> None:
    assert trained_on(labelled, "songeval", "experts", combine="mean") == [(3.5, 2.0), (5.0, 1.0), NOTHING]


def test_nobody_s_labels_are_none(labelled: Connection) -> None:
    assert trained_on(labelled, "somebody-else") == [NOTHING, NOTHING, NOTHING]
