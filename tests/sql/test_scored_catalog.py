"""The scored catalog is one row a track, whatever hangs on it."""

from datetime import UTC, datetime, timedelta
from operator import itemgetter

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from apex_core.catalog import Connection
from tests.sql.catalog_rows import AT, add, rows
from tests.sql.conftest import empty_catalog


def name_champion(catalog: Connection) -> None:
    """Two models of two encoders, the second of which is champion, and a score run."""
    add(catalog, "encoder")
    add(catalog, "score_run")
    add(catalog, "model_version", version="v1")
    add(catalog, "model_version", version="v0", encoder_id="e0")
    add(catalog, "model_alias", version="v0", n=1)
    add(catalog, "model_alias", version="v1", n=2)


@pytest.fixture
def champion(catalog: Connection) -> Connection:
    name_champion(catalog)
    return catalog


def test_a_track_with_nothing_is_a_row(catalog: Connection) -> None:
    add(catalog, "track", track_id="a")
    query = "SELECT track_id, plays, score_streams, audio_state, predicted_streams, model_version FROM scored_catalog"
    assert rows(catalog, query) == [("a", None, None, None, None, None)]


def test_a_track_with_everything_is_one_row(champion: Connection) -> None:
    add(champion, "track", track_id="a")
    for day, plays in enumerate((1, 5, 3)):
        add(champion, "engagement", track_id="a", plays=plays, likes=1, observed_at=AT + timedelta(days=day))
    add(champion, "engagement_score", track_id="a", score_streams=80.0, score_likes=70.0)
    add(champion, "engagement_score", track_id="a", score_run_id="older", score_streams=1.0)
    add(champion, "audio", track_id="a", sha256="x")
    for encoder in ("e0", "e1"):
        add(champion, "embedding", sha256="x", encoder_id=encoder)
    for version, score in (("v0", 10.0), ("v1", 60.0)):
        add(champion, "prediction", version=version, sha256="x", score_streams=score, clarity=2.5)
    add(champion, "aesthetic", track_id="a", clarity=2.0, labelled_at=AT)
    add(champion, "aesthetic", track_id="a", clarity=4.0, labeller="mine", labelled_at=AT + timedelta(days=1))
    add(champion, "split", track_id="a")
    found = rows(
        champion,
        "SELECT plays, score_streams, predicted_streams, residual_streams, clarity, predicted_clarity, "
        "embedding_state, split, score_run_id, model_version FROM scored_catalog",
    )
    assert found == [(3, 80.0, 60.0, 20.0, 4.0, 2.5, "embedded", "train", "s1", "v1")]


def test_two_tracks_of_one_sound_are_two_rows_with_one_prediction(champion: Connection) -> None:
    for platform, track in (("suno", "a"), ("udio", "a"), ("suno", "b")):
        add(champion, "track", platform=platform, track_id=track)
        add(champion, "audio", platform=platform, track_id=track, sha256="same")
    add(champion, "embedding", sha256="same")
    add(champion, "prediction", sha256="same")
    query = "SELECT platform, track_id, predicted_streams FROM scored_catalog ORDER BY ALL"
    assert rows(champion, query) == [("suno", "a", 50.0), ("suno", "b", 50.0), ("udio", "a", 50.0)]


sounds = st.sampled_from(["x", "y", None])
keys = st.tuples(st.sampled_from(["suno", "udio"]), st.sampled_from(["a", "b", "c"]))


@settings(max_examples=25, deadline=None)
@given(
    tracks=st.sets(keys),
    audio=st.dictionaries(keys, sounds),
    labels=st.lists(
        st.tuples(keys, st.sampled_from(["songeval", "mine"]), st.integers(0, 1)), unique_by=itemgetter(0, 1)
    ),
    counts=st.lists(st.tuples(keys, st.integers(0, 2), st.integers(0, 9))),
    embedded=st.sets(st.tuples(st.sampled_from(["e0", "e1"]), st.sampled_from(["x", "y"]))),
)
def test_it_has_the_rows_of_track_and_no_others(
    tracks: set[tuple[str, str]],
    audio: dict[tuple[str, str], str | None],
    labels: list[tuple[tuple[str, str], str, int]],
    counts: list[tuple[tuple[str, str], int, int]],
    embedded: set[tuple[str, str]],
) -> None:
    with empty_catalog() as catalog:
        name_champion(catalog)
        for platform, track in tracks:
            add(catalog, "track", platform=platform, track_id=track)
        for (platform, track), sha256 in audio.items():
            add(catalog, "audio", platform=platform, track_id=track, sha256=sha256)
        for (platform, track), labeller, day in labels:
            facts = {"labeller": labeller, "labelled_at": AT + timedelta(days=day)}
            add(catalog, "aesthetic", platform=platform, track_id=track, clarity=3.0, **facts)
        for (platform, track), day, plays in counts:
            seen = AT + timedelta(days=day)
            add(catalog, "engagement", platform=platform, track_id=track, plays=plays, observed_at=seen)
        latest = "SELECT platform, track_id, plays, likes, observed_at, observations FROM"
        known = rows(catalog, f"{latest} engagement_latest SEMI JOIN track USING (platform, track_id) ORDER BY ALL")
        assert rows(catalog, f"{latest} scored_catalog WHERE observations > 0 ORDER BY ALL") == known
        for encoder, sha256 in embedded:
            add(catalog, "embedding", encoder_id=encoder, sha256=sha256)
            add(catalog, "prediction", version=f"v{encoder[1]}", sha256=sha256)
        assert rows(catalog, "SELECT platform, track_id FROM scored_catalog ORDER BY ALL") == sorted(tracks)


def test_before_the_first_champion_embeddings_are_shown(catalog: Connection) -> None:
    """A first night that could not train must not look as if nothing had been encoded."""
    add(catalog, "encoder")
    add(catalog, "track", track_id="a")
    add(catalog, "audio", track_id="a", sha256="x")
    add(catalog, "embedding", sha256="x")
    assert rows(catalog, "SELECT embedding_state FROM scored_catalog") == [("embedded",)]


DAY = timedelta(days=1)


def observe(catalog: Connection, *counts: tuple[float, int | None], last: float, **track: object) -> None:
    """One track, published at AT, with plays (and twice as many likes) seen on days after it."""
    add(catalog, "track", track_id="a", first_observed_at=AT, last_observed_at=AT + last * DAY, **track)
    for day, plays in counts:
        likes = None if plays is None else plays * 2
        add(catalog, "engagement", track_id="a", plays=plays, likes=likes, observed_at=AT + day * DAY)


@pytest.mark.parametrize(
    ("counts", "last", "growth"),
    [
        pytest.param([(0, 30)], 0, None, id="one look"),
        pytest.param([(0, 30)], 4, 0.0, id="looked at again, nothing changed"),
        pytest.param([(0, 30), (4, 90)], 4, 15.0, id="younger than a week: since the first look"),
        pytest.param([(0, 30), (4, 90)], 6, 10.0, id="the last look counts, not the last change"),
        pytest.param([(0, 30), (3, 60), (9, 90), (10, 200)], 10, 20.0, id="the count of 7 days before"),
        pytest.param([(0, 30), (1, 60), (9, 130)], 9, 10.0, id="what stood 7 days before was seen earlier"),
        pytest.param([(0, 30), (1, 60)], 30, 0.0, id="long quiet"),
        pytest.param([(0, 90), (6, 30)], 6, -10.0, id="a counter that fell"),
        pytest.param([(0, 30), (0.25, 90)], 0.25, None, id="two looks of one morning"),
    ],
)
def test_growth_is_the_average_a_day_of_the_last_week(
    catalog: Connection, counts: list[tuple[float, int]], last: float, growth: float | None
) -> None:
    observe(catalog, *counts, last=last)
    [(plays, likes)] = rows(catalog, "SELECT plays_per_day, likes_per_day FROM scored_catalog")
    assert plays == pytest.approx(growth) if growth is not None else plays is None
    assert likes == pytest.approx(growth * 2) if growth is not None else likes is None


def test_growth_ends_where_the_counter_was_last_stated(catalog: Connection) -> None:
    """A last look that said nothing of plays is none at plays."""
    observe(catalog, (0, 30), (4, 90), last=20, plays_at=AT + 4 * DAY, likes_at=AT + 8 * DAY)
    assert rows(catalog, "SELECT plays_per_day, plays_at, likes_per_day FROM scored_catalog") == [
        (15.0, AT + 4 * DAY, pytest.approx(120 / 7))
    ]


def test_of_two_counts_of_one_moment_growth_takes_the_one_recorded_last(catalog: Connection) -> None:
    observe(catalog, (0, 30), (4, 90), last=4)
    add(catalog, "engagement", track_id="a", plays=50, likes=0, observed_at=AT, recorded_at=AT + DAY)
    assert rows(catalog, "SELECT plays_per_day FROM scored_catalog") == [(10.0,)]


def test_a_counter_never_stated_has_no_time(catalog: Connection) -> None:
    epoch = datetime(1970, 1, 1, tzinfo=UTC)
    add(catalog, "track", track_id="a", plays_at=epoch, likes_at=epoch)
    assert rows(catalog, "SELECT plays, plays_at, likes_at, plays_per_day FROM scored_catalog") == [(None,) * 4]


def test_every_stage_says_where_it_stands_and_why(champion: Connection) -> None:
    for track in ("whole", "silent", "deaf", "raw"):
        add(champion, "track", track_id=track)
    add(champion, "track", track_id="stem", kind="stem")
    for track in ("whole", "deaf"):
        add(champion, "engagement", track_id=track, plays=1)
    add(champion, "engagement_score", track_id="whole", score_streams=80.0)
    for track in ("whole", "deaf", "raw"):
        add(champion, "audio", track_id=track, sha256=track)
    add(champion, "audio", track_id="silent", state="unavailable", reason="gone", next_try_at=AT + DAY)
    add(champion, "embedding", sha256="whole")
    add(champion, "embedding", sha256="deaf", state="failed", reason="non-finite output")
    add(champion, "prediction", sha256="whole")
    add(champion, "aesthetic", track_id="whole", clarity=2.0)
    said = (
        "SELECT track_id, eligible_reason, score_state, score_reason, audio_reason, embedding_reason, label_state, "
        "prediction_state, prediction_reason, encoder_id FROM scored_catalog ORDER BY track_id"
    )
    left_out, no = "left out by the definition, or new since the run", "not predicted"
    assert rows(champion, said) == [
        ("deaf", None, "not scored", left_out, None, "non-finite output", "not labelled", no, "not embedded", "e1"),
        ("raw", None, "not scored", "no counts", None, None, "not labelled", no, "not embedded", "e1"),
        ("silent", None, "not scored", "no counts", "gone", None, "not labelled", no, "no audio", "e1"),
        ("stem", "a stem", "not scored", "not eligible", None, None, "not labelled", no, "no audio", "e1"),
        ("whole", None, "scored", None, None, None, "labelled", "predicted", None, "e1"),
    ]
