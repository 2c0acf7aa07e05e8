"""Coverage says how far tracks have come, and what holds the others up."""

from apex_core.catalog import Connection
from tests.sql.catalog_rows import add, rows

QUERY = "SELECT stage, tracks, missing, main_reason FROM coverage WHERE platform = 'suno' ORDER BY step"


def stages(catalog: Connection) -> dict[str, tuple[int, int, str | None]]:
    return {stage: (tracks, missing, why) for stage, tracks, missing, why in rows(catalog, QUERY)}


def test_an_empty_catalog_covers_nothing(catalog: Connection) -> None:
    assert stages(catalog) == {}


def test_every_stage_counts_those_that_came_to_it(catalog: Connection) -> None:
    add(catalog, "encoder")
    add(catalog, "score_run")
    add(catalog, "model_version", version="v1")
    add(catalog, "model_alias", version="v1")
    for track in "abcdef":
        add(catalog, "track", track_id=track)
    add(catalog, "track", track_id="g", status="tombstone")
    add(catalog, "track", track_id="h", state="unfinished")
    add(catalog, "track", track_id="i", state="unfinished")
    add(catalog, "track", platform="udio", track_id="a")
    for track in "abcde":
        add(catalog, "engagement_score", track_id=track, score_streams=1.0)
    for track in "abcd":
        add(catalog, "audio", track_id=track, sha256="one sound" if track in "ab" else track)
    for track in "ef":
        add(catalog, "audio", track_id=track, state="unavailable", reason="withheld by the platform")
    add(catalog, "embedding", sha256="one sound")
    add(catalog, "embedding", sha256="c")
    add(catalog, "embedding", sha256="d", state="failed", reason="non-finite output")
    add(catalog, "prediction", sha256="one sound")
    add(catalog, "aesthetic", track_id="a", naturalness=3.0)
    assert stages(catalog) == {
        "known": (9, 0, None),
        "eligible": (6, 3, "unfinished"),
        "scored": (5, 1, "no counts"),
        "audio": (4, 2, "withheld by the platform"),
        "embedded": (3, 1, "non-finite output"),
        "labelled": (1, 5, "no labels"),
        "predicted": (2, 1, "not predicted yet"),
    }


def test_a_track_without_one_dimension_is_labelled(catalog: Connection) -> None:
    add(catalog, "track", track_id="a")
    add(catalog, "aesthetic", track_id="a", musicality=3.0)
    assert stages(catalog)["labelled"] == (1, 0, None)


def test_what_was_encoded_counts_before_the_first_champion(catalog: Connection) -> None:
    add(catalog, "encoder")
    add(catalog, "track", track_id="a")
    add(catalog, "audio", track_id="a", sha256="x")
    add(catalog, "embedding", sha256="x")
    assert stages(catalog)["embedded"] == (1, 0, None)
    assert stages(catalog)["predicted"] == (0, 1, "no champion yet")


def test_two_sounds_of_equal_name_on_two_platforms_stay_apart(catalog: Connection) -> None:
    add(catalog, "track", track_id="a")
    add(catalog, "track", platform="udio", track_id="a")
    add(catalog, "audio", track_id="a", sha256="x")
    counted = rows(catalog, "SELECT platform, tracks, missing FROM coverage WHERE stage = 'audio' ORDER BY ALL")
    assert counted == [("suno", 1, 0), ("udio", 0, 1)]
