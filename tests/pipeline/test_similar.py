"""`apex similar`: exact neighbours by cosine, whatever else is in the snapshot."""

from collections.abc import Iterator
from datetime import timedelta

import numpy as np
import pytest

from apex_core.catalog import Connection, sql
from apex_core.errors import CatalogError
from apex_core.pipeline.similar import Neighbours, similar
from tests.sql.catalog_rows import AT, add
from tests.sql.conftest import empty_catalog


@pytest.fixture
def catalog() -> Iterator[Connection]:
    """A catalog with the vectors' file beside it, as a snapshot has it."""
    with empty_catalog() as connection:
        connection.execute("ATTACH ':memory:' AS vectors")
        connection.execute("USE vectors")
        connection.execute(sql("snapshot/create_vectors"))
        connection.execute("USE memory")
        add(connection, "encoder")
        yield connection


def song(catalog: Connection, track: str, vector: list[float], encoder: str = "e1", **about: object) -> None:
    add(catalog, "track", track_id=track, **about)
    sha256 = f"sound of {track}"
    add(catalog, "audio", track_id=track, sha256=sha256)
    add(catalog, "embedding", sha256=sha256, encoder_id=encoder)
    catalog.execute("INSERT INTO vectors.song_vector VALUES (?, ?, ?)", [encoder, sha256, vector])


def listed(found: Neighbours) -> list[str]:
    return [row["track_id"] for row in found.nearest]


def test_neighbours_are_those_that_plain_arithmetic_finds(catalog: Connection) -> None:
    made = np.random.default_rng(5).standard_normal((60, 12)).astype(np.float32)
    for n, vector in enumerate(made):
        song(catalog, f"t{n:02}", vector.tolist())
    unit = made / np.linalg.norm(made, axis=1, keepdims=True)
    cosine = unit @ unit[7]
    expected = [f"t{n:02}" for n in np.argsort(-cosine) if n != 7][:10]
    found = similar(catalog, "suno/t07", 10)
    assert listed(found) == expected
    assert found.nearest[0]["similarity"] == pytest.approx(np.sort(cosine)[-2], abs=1e-4)


def test_length_says_nothing_and_opposites_come_last(catalog: Connection) -> None:
    for track, vector in {"a": [1, 0], "b": [9, 1], "c": [-1, 0], "d": [0, 5]}.items():
        song(catalog, track, vector)
    found = similar(catalog, "a", 9)
    assert listed(found) == ["b", "d", "c"]
    assert [row["similarity"] for row in found.nearest][1:] == [0.0, -1.0]


def test_the_very_same_audio_is_named_and_not_listed(catalog: Connection) -> None:
    song(catalog, "a", [1, 0])
    song(catalog, "b", [1, 1])
    add(catalog, "track", platform="udio", track_id="a2")
    add(catalog, "audio", platform="udio", track_id="a2", sha256="sound of a")
    found = similar(catalog, "suno/a", 5)
    assert found.same_audio == ["udio/a2"]
    assert listed(found) == ["b"]


def test_two_tracks_of_one_neighbouring_sound_are_both_listed(catalog: Connection) -> None:
    song(catalog, "a", [1, 0])
    song(catalog, "b", [1, 1])
    add(catalog, "track", platform="udio", track_id="b2")
    add(catalog, "audio", platform="udio", track_id="b2", sha256="sound of b")
    assert listed(similar(catalog, "suno/a", 5)) == ["b", "b2"]
    assert listed(similar(catalog, "suno/a", 1)) == ["b"]


def test_what_is_gone_silent_or_of_another_encoder_is_no_neighbour(catalog: Connection) -> None:
    song(catalog, "a", [1, 0])
    song(catalog, "gone", [1, 0.1], status="tombstone")
    song(catalog, "silent", [0, 0])
    song(catalog, "other", [1, 0.1, 0], encoder="e0")
    song(catalog, "near", [1, 1])
    catalog.execute("INSERT INTO vectors.song_vector VALUES ('e1', 'sound of nobody', [1, 0])")
    assert listed(similar(catalog, "a", 9)) == ["near"]


def test_the_encoder_is_the_champions_else_the_newest(catalog: Connection) -> None:
    add(catalog, "encoder", encoder_id="e2", first_used_at=AT + timedelta(days=1))
    song(catalog, "a", [1, 0])
    with pytest.raises(CatalogError, match="not encoded by e2 yet"):
        similar(catalog, "a", 9)
    add(catalog, "model_version", version="v1")
    add(catalog, "model_alias", version="v1")
    assert similar(catalog, "a", 9).encoder_id == "e1"


def test_scores_and_predictions_stand_beside_a_neighbour(catalog: Connection) -> None:
    add(catalog, "score_run")
    add(catalog, "model_version", version="v1")
    add(catalog, "model_alias", version="v1")
    song(catalog, "a", [1, 0])
    song(catalog, "b", [1, 1], title="Meadow")
    add(catalog, "engagement_score", track_id="b", score_streams=70.0)
    add(catalog, "engagement_score", track_id="b", score_run_id="older", score_streams=1.0)
    add(catalog, "prediction", sha256="sound of b", score_likes=60.0)
    row = similar(catalog, "a", 9).nearest[0]
    assert (row["title"], row["score_streams"], row["predicted_likes"]) == ("Meadow", 70.0, 60.0)


def test_a_track_without_a_vector_says_why(catalog: Connection) -> None:
    add(catalog, "track", track_id="a")
    add(catalog, "audio", track_id="a", state="unavailable", reason="withheld by the platform")
    with pytest.raises(CatalogError, match="suno/a has no vector: unavailable: withheld") as error:
        similar(catalog, "a", 9)
    assert error.value.fix == "apex why suno/a"


def test_a_track_nobody_knows_is_no_track(catalog: Connection) -> None:
    song(catalog, "abcdef", [1, 0])
    with pytest.raises(CatalogError, match="no track abcd") as error:
        similar(catalog, "abcd", 9)
    assert error.value.fix == "these begin alike: suno/abcdef"
