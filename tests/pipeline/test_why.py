"""`apex why`: every state a track can be in has an answer, and every answer that is not "done" a next step."""

import json
from collections.abc import Callable, Generator
from contextlib import contextmanager
from datetime import timedelta
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from apex_core.catalog import Connection
from apex_core.errors import CatalogError
from apex_core.pipeline.naming import alike, find_track, named
from apex_core.pipeline.why import StageFact, why, why_unknown
from tests.sql.catalog_rows import AT, add, rows
from tests.sql.conftest import empty_catalog

STAGES = ["known", "eligible", "scored", "audio", "embedded", "labelled", "split", "predicted"]
DEFINITION = {"kinds": [], "max_stale_days": None, "min_age_days": 0.0, "zeros": "zero"}
LABELS = ("coherence", "musicality", "memorability", "clarity", "naturalness")


@pytest.fixture
def catalog() -> Any:
    with empty_catalog() as connection:
        yield connection


def facts(catalog: Connection, track: str = "a") -> dict[str, StageFact]:
    return {fact.stage: fact for fact in why(catalog, "suno", track).stages}


def run_of(catalog: Connection, **definition: object) -> None:
    add(catalog, "score_run", definition=json.dumps(DEFINITION | definition))


def test_a_track_that_has_come_all_the_way(catalog: Connection) -> None:
    add(catalog, "encoder")
    run_of(catalog)
    add(catalog, "model_version", version="v1")
    add(catalog, "model_alias", version="v1")
    add(catalog, "track", track_id="a")
    add(catalog, "engagement", track_id="a", plays=9)
    add(catalog, "engagement_score", track_id="a", score_streams=88.0)
    add(catalog, "audio", track_id="a", sha256="x", origin="library", codec="mp3", uri="songs/a.mp3", duration_s=9.0)
    add(catalog, "audio", track_id="b", sha256="x")
    add(catalog, "embedding", sha256="x", segments=2)
    add(catalog, "aesthetic", track_id="a", clarity=3.0)
    add(catalog, "split", track_id="a")
    add(catalog, "prediction", sha256="x")
    found = facts(catalog)
    assert list(found) == STAGES
    assert {fact.standing for fact in found.values()} == {"done"}
    assert {fact.next for fact in found.values()} == {None}
    assert found["scored"].says == "streams 88.0 of 100 in cohort suno; no count of likes"
    assert found["audio"].says == "found in a library (mp3, 9 s): songs/a.mp3"
    assert found["embedded"].says == "2 segments by e1; the very same audio as suno/b"
    assert found["labelled"].says == "by songeval, without coherence, musicality, memorability, naturalness"
    assert found["split"].says == "train, with its group g"
    assert found["predicted"].says == "streams 50.0 by v1"


def test_a_track_that_is_only_known(catalog: Connection) -> None:
    add(catalog, "track", track_id="a")
    found = facts(catalog)
    assert [found[stage].standing for stage in STAGES] == [
        "done", "done", "waits", "waits", "waits", "needs", "waits", "waits",
    ]  # fmt: skip
    assert found["audio"].says == "not looked for yet"
    assert found["embedded"].says == "no audio to encode"
    assert found["predicted"].says == "no vector to predict from"
    assert "nightly" in str(found["audio"].next)


@pytest.mark.parametrize(
    ("track", "standing", "says"),
    [
        ({"status": "tombstone"}, "ends", "gone from the platform"),
        ({"status": "unavailable"}, "waits", "not offered by the platform"),
        ({"state": "unfinished"}, "waits", "not complete: stated to be unfinished"),
        ({"state": "error"}, "waits", "not complete: stated to be error"),
        ({"state": None}, "waits", "not complete: not stated"),
        ({"is_public": False}, "waits", "private"),
        ({"kind": "preview"}, "ends", "a preview"),
        ({"kind": "stem"}, "ends", "a stem"),
    ],
)
def test_who_is_not_eligible_and_why(catalog: Connection, track: dict[str, object], standing: str, says: str) -> None:
    add(catalog, "track", track_id="a", **track)
    found = facts(catalog)
    assert (found["eligible"].standing, found["eligible"].says[: len(says)]) == (standing, says)
    assert {found[stage].standing for stage in ("scored", "audio", "embedded", "split", "predicted")} == {"ends"}
    assert "eligible" in str(found["scored"].next)


@pytest.mark.parametrize(
    ("definition", "track", "says", "onward"),
    [
        ({"kinds": ["cover"]}, {"kind": "gen"}, "its kind, gen, is not scored", "gen in APEX_SCORE__KINDS"),
        ({"max_stale_days": 7}, {"last_observed_at": AT - timedelta(days=8)}, "stale", "APEX_SCORE__MAX_STALE_DAYS"),
        ({"min_age_days": 3}, {}, "too young: counted 0.0 days after it was created", "after 2026-11-04"),
        ({"min_age_days": 3}, {"created_at": None}, "of unknown age", "when it was created"),
        ({"min_age_days": 3}, {"created_at": AT - timedelta(days=5)}, "new since the score run", "nightly"),
        ({}, {}, "new since the score run", "nightly"),
    ],
)
def test_what_the_definition_leaves_out_is_told_with_the_setting(
    catalog: Connection, definition: dict[str, object], track: dict[str, object], says: str, onward: str
) -> None:
    run_of(catalog, **definition)
    add(catalog, "track", track_id="a", **track)
    add(catalog, "engagement", track_id="a", plays=9)
    found = facts(catalog)["scored"]
    assert says in found.says
    assert onward in str(found.next)


def test_scores_need_counts_and_a_run(catalog: Connection) -> None:
    add(catalog, "track", track_id="a")
    assert facts(catalog)["scored"].says.startswith("no counts")
    add(catalog, "engagement", track_id="a", likes=0)
    assert facts(catalog)["scored"].says == "there is no score run yet"
    run_of(catalog, zeros="exclude")
    add(catalog, "engagement_score", track_id="a", likes=0)
    assert "given no score" in facts(catalog)["scored"].says


@pytest.mark.parametrize(
    ("reason", "standing", "onward"),
    [
        ("host not allowed: songs.test", "needs", "songs.test in APEX_AUDIO__ALLOWED_HOSTS"),
        ("in no library, and the record has no URL", "needs", "suno/a.* in an audio library"),
        ("fetching is switched off", "needs", "APEX_AUDIO__FETCH"),
        ("more than 9 bytes", "needs", "APEX_AUDIO__MAX_BYTES"),
        ("longer than 9 s", "needs", "APEX_AUDIO__MAX_SECONDS"),
        ("withheld by the platform", "needs", "suno/a.* in an audio library"),
        ("library file gone; host not allowed: songs.test", "needs", "songs.test in APEX_AUDIO__ALLOWED_HOSTS"),
        ("not the bytes that its manifest names", "needs", "sha256"),
        ("forbidden (403)", "waits", "tried again on 2026-11-02"),
        ("temporary: too slow", "waits", "tried again on 2026-11-02"),
        ("cannot be decoded as flac", "waits", "tried again on 2026-11-02"),
    ],
)
def test_audio_that_is_not_there_has_a_reason_and_a_remedy(
    catalog: Connection, reason: str, standing: str, onward: str
) -> None:
    add(catalog, "track", track_id="a")
    tried = {"attempts": 2, "next_try_at": AT + timedelta(days=1)}
    add(catalog, "audio", track_id="a", state="unavailable", reason=reason, **tried)
    found = facts(catalog)["audio"]
    assert (found.standing, found.says) == (standing, f"unavailable: {reason} (2 tries)")
    assert onward in str(found.next)
    assert "2026-11-02" in str(found.next)


def test_audio_that_is_not_tried_again_says_so(catalog: Connection) -> None:
    add(catalog, "track", track_id="a")
    add(catalog, "audio", track_id="a", state="corrupt", reason="empty file")
    found = facts(catalog)["audio"]
    assert (found.standing, "not tried again by itself" in str(found.next)) == ("needs", True)


def test_vectors_that_are_not_there(catalog: Connection) -> None:
    add(catalog, "track", track_id="a")
    add(catalog, "audio", track_id="a", sha256="x")
    assert facts(catalog)["embedded"].says == "nothing has been encoded yet"
    add(catalog, "encoder")
    assert facts(catalog)["embedded"].says == "not encoded by e1 yet"
    add(catalog, "embedding", sha256="x", state="failed", reason="non-finite output")
    found = facts(catalog)["embedded"]
    assert (found.standing, found.says) == ("needs", "failed: non-finite output")


def test_predictions_that_are_not_there(catalog: Connection) -> None:
    add(catalog, "encoder")
    add(catalog, "track", track_id="a")
    add(catalog, "audio", track_id="a", sha256="x")
    add(catalog, "embedding", sha256="x")
    assert facts(catalog)["predicted"].says == "no champion yet"
    add(catalog, "model_version", version="v1")
    add(catalog, "model_alias", version="v1")
    assert facts(catalog)["predicted"].says == "not predicted by v1 yet"


def test_a_split_that_was_contradicted_is_the_end(catalog: Connection) -> None:
    add(catalog, "track", track_id="a")
    add(catalog, "split", track_id="a", quarantined=True)
    found = facts(catalog)["split"]
    assert (found.standing, found.says[:11]) == ("ends", "quarantined")


def test_every_labeller_is_named(catalog: Connection) -> None:
    add(catalog, "track", track_id="a")
    for labeller, day in (("songeval", 1), ("experts", 2)):
        add(catalog, "aesthetic", track_id="a", labeller=labeller, clarity=3.0, labelled_at=AT + timedelta(days=day))
    lacking = "coherence, musicality, memorability, naturalness"
    assert facts(catalog)["labelled"].says == f"by experts, without {lacking}; also by songeval"


def test_a_label_that_was_rejected_is_told(catalog: Connection) -> None:
    add(catalog, "track", track_id="a")
    add(catalog, "reject", reject_key="a", stage="label", source="labels:songeval", reason="ambiguous_track")
    assert facts(catalog)["labelled"].says == "a label that names it was rejected: ambiguous_track"


def test_a_track_nobody_knows_may_have_been_rejected(catalog: Connection) -> None:
    nobody = why_unknown(catalog, "suno/a", ["a"])
    assert (nobody.row, nobody.stages[0].standing) == (None, "needs")
    add(catalog, "reject", reject_key="7f", payload='{"id": "a1"}', reason="no_date")
    refused = why_unknown(catalog, "suno/a1", ["a1"])
    assert "suno: no_date" in refused.stages[0].says
    add(catalog, "reject", reject_key="a2", reason="no_date", resolved_at=AT)
    assert why_unknown(catalog, "suno/a2", ["a2"]).rejects == []


UUID = "c399d260-5689-523e-893e-d7991aa119f6"


@pytest.mark.parametrize(
    ("text", "platform", "ids"),
    [
        ("suno/a", "suno", ["a"]),
        ("a", None, ["a"]),
        ("a/b", None, ["a/b"]),
        (UUID.upper(), None, [UUID, UUID.upper()]),
        (f"https://suno.com/song/{UUID}", "suno", [UUID]),
        (f"https://suno.com/song/{UUID}?sh=x", "suno", [UUID]),
        (f"https://www.udio.com/songs/{UUID}/", "udio", [UUID]),
        (f"https://songs.test/{UUID}", None, [UUID]),
    ],
)
def test_a_track_is_named_in_many_ways(text: str, platform: str | None, ids: list[str]) -> None:
    assert named(text) == (platform, ids)


def test_a_link_of_udios_is_the_track_it_stands_for(catalog: Connection) -> None:
    from apex_core.sources.share_links import short_id

    add(catalog, "track", platform="udio", track_id=UUID)
    assert find_track(catalog, f"https://www.udio.com/songs/{short_id(UUID)}") == ("udio", UUID)
    assert find_track(catalog, "udio/" + short_id(UUID)) == ("udio", UUID)
    assert find_track(catalog, f"suno/{UUID}") is None
    assert alike(catalog, "c399d2") == [f"udio/{UUID}"]
    assert alike(catalog, "c39") == []


def test_an_id_that_two_platforms_have_must_be_told_apart(catalog: Connection) -> None:
    for platform in ("suno", "udio"):
        add(catalog, "track", platform=platform, track_id="a")
    with pytest.raises(CatalogError, match="Several tracks") as error:
        find_track(catalog, "a")
    assert error.value.fix == "say which: suno/a or udio/a"
    assert find_track(catalog, "udio/a") == ("udio", "a")


maybe: Callable[..., Any] = lambda *values: st.sampled_from([None, *values])  # noqa: E731  short for the table below
state_of_a_track = st.fixed_dictionaries(
    {
        "status": st.sampled_from(["active", "active", "active", "unavailable", "tombstone"]),
        "state": maybe("complete", "complete", "complete", "unfinished", "error"),
        "is_public": maybe(True, False),
        "kind": maybe("gen", "preview", "cover"),
        "created_at": maybe(AT, AT - timedelta(days=40)),
        "counts": maybe((9, 1), (0, 0), (None, 3), (7, None)),
        "scored": st.booleans(),
        "run": maybe({}, {"kinds": ["cover"]}, {"max_stale_days": 1}, {"min_age_days": 7.0}, {"zeros": "exclude"}),
        "audio": maybe("available", "available", "available", "unavailable", "corrupt", "fresh state"),
        "reason": maybe("forbidden (403)", "host not allowed: x.test", "library file gone; empty file", "strange"),
        "next_try_at": maybe(AT),
        "embedding": maybe("embedded", "embedded", "failed"),
        "champion": st.booleans(),
        "predicted": st.booleans(),
        "labels": maybe(3.0),
        "split": maybe(True, False),
    }
)


def make(catalog: Connection, found: dict[str, Any]) -> None:
    add(catalog, "encoder")
    fields = ("status", "state", "is_public", "kind", "created_at")
    add(catalog, "track", track_id="a", **{name: found[name] for name in fields})
    if found["counts"]:
        plays, likes = found["counts"]
        add(catalog, "engagement", track_id="a", plays=plays, likes=likes)
    if found["run"] is not None:
        run_of(catalog, **found["run"])
        if found["scored"] and found["counts"]:
            scores = {"score_streams": 1.0 if found["counts"][0] else None}
            add(catalog, "engagement_score", track_id="a", **scores)
    if found["audio"]:
        sha256 = "x" if found["audio"] == "available" else None
        about = {"reason": found["reason"], "next_try_at": found["next_try_at"]}
        add(catalog, "audio", track_id="a", state=found["audio"], sha256=sha256, **about)
    if found["champion"]:
        add(catalog, "model_version", version="v1")
        add(catalog, "model_alias", version="v1")
    if found["embedding"] and found["audio"] == "available":
        add(catalog, "embedding", sha256="x", state=found["embedding"])
        if found["embedding"] == "embedded" and found["champion"] and found["predicted"]:
            add(catalog, "prediction", sha256="x")
    if found["labels"]:
        add(catalog, "aesthetic", track_id="a", clarity=found["labels"])
    if found["split"] is not None:
        add(catalog, "split", track_id="a", quarantined=found["split"])


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(found=state_of_a_track)
def test_whatever_coverage_counts_as_missing_has_an_answer_with_a_next_step(
    catalog: Connection, found: dict[str, Any]
) -> None:
    with undone(catalog):
        make(catalog, found)
        told = facts(catalog)
        assert list(told) == STAGES
        for fact in told.values():
            assert fact.says
            assert (fact.standing == "done") == (fact.next is None), fact
        for stage, tracks in rows(catalog, "SELECT stage, tracks FROM coverage WHERE platform = 'suno'"):
            assert (told[stage].standing == "done") == bool(tracks), (stage, told[stage])


@contextmanager
def undone(catalog: Connection) -> Generator[None]:
    """What the block writes is gone after it: an empty catalog for every example takes longer than the example."""
    catalog.begin()
    try:
        yield
    finally:
        catalog.rollback()
