"""Every recipe of the cookbook says what it asks and runs wherever analysts are; the answers are recomputed by hand."""

import re
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import duckdb
import numpy as np
import pytest
import soundfile

from apex_core.catalog import Connection, check_query, connect, latest_snapshot, open_snapshot
from apex_core.catalog.recipes import Recipe, recipe, recipes
from apex_core.errors import NotFound
from apex_core.pipeline.run import begin
from apex_core.pipeline.snapshot import run_snapshot
from apex_core.sandbox.attributes import appeal
from apex_core.sandbox.ceiling import spearman
from apex_core.sandbox.plan import plan
from apex_core.settings import SandboxSettings, Settings
from tests.sql.catalog_rows import AT, add
from tests.sql.demo_weeks import answers, live

README = Path(__file__).parents[2] / "sql" / "cookbook" / "README.md"
# Their answers hang on trained weights, on the last bits of vectors or on speed, which differ between machines.
OF_THE_MODEL = {
    "02_unheard_promises",
    "08_model_versions_over_time",
    "09_nearest_neighbours",
    "10_residual_by_tag",
    "15_calibration",
    "19_cost_of_extraction",
    "20_where_a_number_comes_from",
}
ALL = pytest.mark.parametrize("one", recipes(), ids=lambda one: one.file)
DAY = timedelta(days=1)


def documented() -> dict[str, str]:
    """The answer tables of the cookbook's page, by recipe."""
    sections = README.read_text("utf-8").split("\n## ")[1:]
    return {section.partition("\n")[0]: section[section.index("| ") :].rstrip() for section in sections}


def columns(connection: Connection, text: str) -> list[str]:
    return [str(column[0]) for column in connection.execute(text).description or ()]


def ask(catalog: Connection, name: str, **changed: str) -> list[dict[str, Any]]:
    """A recipe's answer, with some of its ``params`` changed as an analyst would change them."""
    text = recipe(name).text
    for param, value in changed.items():
        text, found = re.subn(rf"[^\s(,]+(?= AS {param}\b)", value, text, count=1)
        assert found, param
    names = columns(catalog, text)
    return [dict(zip(names, row, strict=True)) for row in catalog.fetchall()]


@ALL
def test_a_recipe_says_what_it_asks_how_to_read_it_and_what_to_change(one: Recipe) -> None:
    comment = [line for line in one.text.split("WITH params AS (")[0].splitlines() if line]
    assert all(line.startswith("-- ") for line in comment)
    assert one.question.endswith("?")
    assert any(line.startswith("-- Read: ") for line in comment)
    assert any(line.startswith("-- Change: ") for line in comment)


def test_there_are_enough_and_their_page_shows_them_all() -> None:
    assert len(recipes()) >= 14
    assert list(documented()) == [one.file for one in recipes()]
    text = README.read_text("utf-8")
    assert all(f"**{one.question}** ([SQL]({one.file}.sql))" in text for one in recipes())
    assert len({one.name for one in recipes()}) == len(recipes())


def test_a_recipe_is_found_by_name_number_or_beginning() -> None:
    assert recipe("sleepers") == recipe("01_sleepers") == recipe("01") == recipe("sleep")
    with pytest.raises(NotFound, match="no recipe 'nothing'"):
        recipe("nothing")
    with pytest.raises(NotFound, match="more than one recipe that begins with 'co'"):
        recipe("co")


@pytest.fixture
def published(settings: Settings) -> Settings:
    with connect(settings, "test") as connection:
        add(connection, "track", track_id="a")
    run_snapshot(begin(settings, "test", AT, "r1"))
    return settings


def test_recipes_run_in_the_hardened_reader_and_in_a_client_of_ones_own(published: Settings) -> None:
    snapshot = latest_snapshot(published)
    heads = {file: table.splitlines()[0].strip("| ").split(" | ") for file, table in documented().items()}
    with open_snapshot(snapshot, sealed=True) as sealed:
        for one in recipes():
            check_query(sealed, one.text)
            assert columns(sealed, one.text) == heads[one.file], one.file
    with duckdb.connect(str(snapshot.folder / "catalog.duckdb"), read_only=True) as plain:
        plain.execute(f"ATTACH '{snapshot.folder / 'vectors.duckdb'}' AS vectors (READ_ONLY)")
        for one in recipes():
            assert columns(plain, one.text) == heads[one.file], one.file


def quick_songs(sandbox: SandboxSettings, folder: Path) -> None:
    """A world's songs as tones of their length, the higher the more they appeal: encoding mp3 would take a minute."""
    planned = plan(sandbox)
    for song in (*planned.songs, *planned.vanishing, *planned.spares):
        hertz = 100 * 2 ** (appeal(song.attributes)["score_streams"] / 20)
        seconds = np.arange(round(song.seconds * song.rate)) / song.rate
        path = folder / song.file_name
        path.parent.mkdir(parents=True, exist_ok=True)
        soundfile.write(path, 0.3 * np.sin(2 * np.pi * hertz * seconds), song.rate, format="FLAC")


@pytest.mark.slow
@pytest.mark.timeout(1200)
def test_the_answers_on_the_page_are_the_demos(tmp_path: Path) -> None:
    quick_songs(SandboxSettings(), tmp_path / "world")  # a build keeps the files that are there
    told, found = documented(), answers(live(tmp_path, SandboxSettings()))
    for file, table in found.items():
        lines, page = table.splitlines(), told[file].splitlines()
        assert len(lines) > 2, f"{file}: no rows"
        if file in OF_THE_MODEL:
            assert lines[0] == page[0], file
            assert abs(len(lines) - len(page)) <= 2, file
        else:
            assert lines == page, f"{file}: run python -m tests.sql.demo_weeks > sql/cookbook/README.md"


def song(catalog: Connection, track: str, plays: int | None = None, likes: int | None = None, **more: Any) -> None:
    """A track with counts and, where more says so, scores."""
    scores = {name: more.pop(name) for name in tuple(more) if name.startswith(("score_", "streams_", "likes_"))}
    add(catalog, "track", track_id=track, **more)
    if plays is not None or likes is not None:
        add(catalog, "engagement", track_id=track, plays=plays, likes=likes)
    if scores:
        add(catalog, "engagement_score", track_id=track, plays=plays, likes=likes, **scores)


@pytest.fixture
def scored(catalog: Connection) -> Connection:
    add(catalog, "score_run")
    return catalog


def test_sleepers_are_liked_more_than_played(scored: Connection) -> None:
    song(scored, "sleeper", 20, 10, streams_percentile=0.3, likes_percentile=0.9)
    song(scored, "dozer", 20, 5, streams_percentile=0.4, likes_percentile=0.7)
    song(scored, "hit", 900, 90, streams_percentile=0.95, likes_percentile=0.99)
    song(scored, "dud", 20, 0, streams_percentile=0.3, likes_percentile=0.1)
    song(scored, "unheard", 2, 2, streams_percentile=0.1, likes_percentile=0.8)
    found = ask(scored, "sleepers")
    assert [(row["track_id"], row["gap"], row["likes_per_100_plays"]) for row in found] == [
        ("sleeper", 60.0, 50.0),
        ("dozer", 30.0, 25.0),
    ]
    assert [row["track_id"] for row in ask(scored, "sleepers", top="1")] == ["sleeper"]
    assert ask(scored, "sleepers", min_plays="1")[0]["track_id"] == "unheard"


def test_hits_are_counted_against_their_platform(scored: Connection) -> None:
    for n in range(20):
        family, score = ("v5", 95.0 if n < 6 else 10.0) if n < 10 else ("v4", 95.0 if n < 12 else 10.0)
        song(scored, str(n), model_family=family, score_streams=score)
    song(scored, "alone", model_family="rare", score_streams=99.0)
    found = {row["model_family"]: (row["tracks"], row["hits"], row["hit_share"]) for row in ask(scored, "hits")}
    assert found == {"v5": (10, 6, 0.6), "v4": (10, 2, 0.2)}
    lift = {row["model_family"]: row["lift"] for row in ask(scored, "hits", min_tracks="1")}
    assert lift == {"rare": 2.33, "v5": 1.4, "v4": 0.47}  # of 21 songs 9 are hits


def test_decay_spreads_gains_over_the_days_between_looks(catalog: Connection) -> None:
    add(catalog, "track", track_id="a", last_observed_at=AT + 5 * DAY)
    for day, plays in ((1, 10), (3, 50)):
        add(catalog, "engagement", track_id="a", plays=plays, observed_at=AT + day * DAY)
    add(catalog, "track", track_id="b", last_observed_at=AT + 2 * DAY)
    add(catalog, "engagement", track_id="b", plays=60, observed_at=AT + 2 * DAY)
    found = [(row["from_day"], row["to_day"], row["tracks"], row["song_days"], row["plays_per_day"])
             for row in ask(catalog, "decay")]  # fmt: skip
    # First day: 10 of a, half of b's 60. Then 40 of a in 2 days and 30 of b in one; then two days of a without any.
    assert found == [(0, 1, 2, 2.0, 20.0), (1, 3, 2, 3.0, pytest.approx(23.33)), (3, 7, 1, 2.0, 0.0)]


def test_time_to_half_lies_between_two_looks(catalog: Connection) -> None:
    add(catalog, "track", track_id="seen", last_observed_at=AT + 10 * DAY)
    for day, plays in ((1, 10), (2, 20), (6, 100), (10, 120)):
        add(catalog, "engagement", track_id="seen", plays=plays, observed_at=AT + day * DAY)
    add(catalog, "track", track_id="late", last_observed_at=AT + 10 * DAY)
    for day, plays in ((5, 90), (10, 120)):
        add(catalog, "engagement", track_id="late", plays=plays, observed_at=AT + day * DAY)
    song(catalog, "few", 5)
    [row] = ask(catalog, "time_to_half")
    # Half of 120 are 60: half of the way from 20 on day 2 to 100 on day 6.
    assert (row["tracks"], row["past_at_first_look"], row["days_median"]) == (1, 1, 4.0)


def test_rank_correlations_are_spearmans(scored: Connection) -> None:
    random = np.random.default_rng(5)
    plays = random.integers(0, 12, 80)
    likes, labels = plays + random.integers(0, 9, 80), random.integers(1, 6, 80) + plays / 10
    for n in range(80):
        scores = {"score_streams": float(plays[n]), "score_likes": float(likes[n])}
        song(scored, str(n), int(plays[n]), int(likes[n]), **scores)
        add(scored, "aesthetic", track_id=str(n), clarity=float(labels[n]))
    found = {row["songs"]: row for row in ask(scored, "agreement")}
    played = plays > 0
    assert found["all songs"]["spearman"] == pytest.approx(spearman(list(plays), list(likes)), abs=1e-4)
    assert found["played"]["spearman"] == pytest.approx(spearman(list(plays[played]), list(likes[played])), abs=1e-4)
    assert found["played"]["tracks"] == played.sum() < 80
    [row] = ask(scored, "aesthetics")
    assert row["dimension"] == "clarity"
    assert row["with_streams"] == pytest.approx(spearman(list(labels), list(plays)), abs=1e-3)
    assert row["with_likes"] == pytest.approx(spearman(list(labels), list(likes)), abs=1e-3)


def test_a_prediction_leads_back_to_its_audio_weights_data_and_code(scored: Connection) -> None:
    made = '{"apex": "1.2.3", "code": "c0de", "shards": ["h1", "h7"]}'
    for n, version in enumerate(("v1", "v2"), start=1):
        add(scored, "model_version", version=version, training_set_id=f"t{n}", score_run_id="s1", lineage=made)
        add(scored, "model_alias", n=n, version=version)
    add(scored, "model_decision", version="v2", reasons=["better", "by far"])
    song(scored, "a", 1)
    song(scored, "b", 2)
    for sha256, score in (("xa", 10.0), ("xb", 90.0)):
        add(scored, "embedding", sha256=sha256)
        for version in ("v1", "v2"):
            add(scored, "prediction", version=version, sha256=sha256, score_streams=score)
    for track_id in ("a", "b"):
        add(scored, "audio", track_id=track_id, sha256=f"x{track_id}")
    champion, former = ask(scored, "where_a_number")
    names = ("version", "is_champion", "audio_sha256", "shard_id", "training_set_id", "training_shards", "code_version")
    assert tuple(champion[name] for name in names) == ("v2", True, "xb", "h1", "t2", 2, "c0de")
    assert (champion["decision"], champion["reason"]) == ("promoted", "better; by far")
    assert (former["version"], former["is_champion"], former["training_set_id"]) == ("v1", False, "t1")
    [one, _] = ask(scored, "where_a_number", track_id="'a'")
    assert (one["audio_sha256"], one["predicted_streams"]) == ("xa", 10.0)


@pytest.fixture
def predicted(scored: Connection) -> Connection:
    """A champion, and 40 test songs: predicted 0 to 39, scored 5 more in the lower half and 5 less in the upper."""
    add(scored, "encoder")
    add(scored, "model_version", version="v1")
    add(scored, "model_alias", version="v1")
    for n in range(40):
        song(
            scored, f"{n:02}", n, 0, score_streams=float(n + (5 if n < 20 else -5)), tags=["low" if n < 20 else "high"]
        )
        add(scored, "audio", track_id=f"{n:02}", sha256=f"x{n}")
        add(scored, "embedding", sha256=f"x{n}")
        add(scored, "prediction", sha256=f"x{n}", score_streams=float(n))
        add(scored, "split", track_id=f"{n:02}", split="test")
    return scored


def test_calibration_compares_bins_of_equal_size_on_the_test_side(predicted: Connection) -> None:
    song(predicted, "learnt", 1, 0, score_streams=100.0)
    add(predicted, "audio", track_id="learnt", sha256="l")
    add(predicted, "prediction", sha256="l", score_streams=1.0)
    add(predicted, "split", track_id="learnt", split="train")
    found = ask(predicted, "calibration")
    assert [(row["tracks"], row["bias"]) for row in found] == [(4, 5.0)] * 5 + [(4, -5.0)] * 5
    assert [row["mean_predicted"] for row in found] == [1.5 + 4 * n for n in range(10)]


def test_residuals_by_tag_are_positive_where_more_was_played_than_promised(predicted: Connection) -> None:
    found = [(row["tag"], row["tracks"], row["mean_residual"], row["standard_error"])
             for row in ask(predicted, "residual")]  # fmt: skip
    assert found == [("low", 20, 5.0, 0.0), ("high", 20, -5.0, 0.0)]


def test_unheard_promises_begin_with_the_greatest_disappointment(predicted: Connection) -> None:
    song(predicted, "flop", 0, 0, score_streams=0.0)
    add(predicted, "audio", track_id="flop", sha256="f")
    add(predicted, "prediction", sha256="f", score_streams=90.0)
    found = ask(predicted, "unheard", min_predicted="38", top="2")
    assert [(row["track_id"], row["residual_streams"]) for row in found] == [("flop", -90.0), ("38", -5.0)]


@pytest.fixture(params=["FLOAT[]", "FLOAT[4]"])
def vectors(predicted: Connection, request: pytest.FixtureRequest) -> Iterator[np.ndarray]:
    """Song vectors beside the catalog, as a list or as an array of fixed size; and those of another encoder."""
    found = np.random.default_rng(3).normal(size=(40, 4)).astype(np.float32)
    predicted.execute("ATTACH ':memory:' AS vectors")
    columns = f"encoder_id VARCHAR, sha256 VARCHAR, vector {request.param}"
    predicted.execute(f"CREATE TABLE vectors.song_vector ({columns})")
    for n, vector in enumerate(found):
        predicted.execute("INSERT INTO vectors.song_vector VALUES ('e1', $1, $2)", [f"x{n}", vector.tolist()])
    predicted.execute("INSERT INTO vectors.song_vector SELECT 'e0', sha256, vector FROM vectors.song_vector")
    yield found
    predicted.execute("DETACH vectors")


def test_neighbours_are_those_of_greatest_cosine(predicted: Connection, vectors: np.ndarray) -> None:
    unit = vectors / np.linalg.norm(vectors, axis=1, keepdims=True)
    cosine = unit @ unit[7]
    expected = [n for n in np.argsort(-cosine) if n != 7][:10]
    found = ask(predicted, "nearest", track_id="'07'")
    assert [row["track_id"] for row in found] == [f"{n:02}" for n in expected]
    assert [row["cosine"] for row in found] == pytest.approx(cosine[expected], abs=1e-4)
    assert {row["neighbour_of"] for row in ask(predicted, "nearest")} == {"suno/39"}, "the most played, unless named"


def test_movers_are_those_of_the_two_newest_runs(scored: Connection) -> None:
    add(scored, "score_run", score_run_id="s2", n=2)
    add(scored, "score_run", score_run_id="s3", n=3)
    for track, before, now in (("up", 10.0, 60.0), ("down", 80.0, 30.0), ("still", 50.0, 50.0)):
        song(scored, track, 5, score_streams=99.0)
        add(scored, "engagement_score", score_run_id="s2", track_id=track, plays=5, score_streams=before)
        add(scored, "engagement_score", score_run_id="s3", track_id=track, plays=9, score_streams=now)
    found = [(row["track_id"], row["plays_gained"], row["moved"]) for row in ask(scored, "movers")]
    assert found == [("up", 4, 50.0), ("down", 4, -50.0)]


def test_consistent_creators_are_those_whose_weakest_hit_is_strong(scored: Connection) -> None:
    for creator, scores in (("steady", (80, 81, 82)), ("lucky", (99, 20, 10, 5)), ("new", (99, 98))):
        for n, score in enumerate(scores):
            song(scored, f"{creator}{n}", 1, creator_id=creator, score_streams=float(score))
    found = [(row["creator_id"], row["weakest"], row["tracks"]) for row in ask(scored, "consistent")]
    assert found == [("steady", 80.0, 3), ("lucky", 10.0, 4)]


def test_like_rates_are_of_all_songs_together_and_of_the_median_song(catalog: Connection) -> None:
    for n, (plays, likes) in enumerate(((1000, 10), (100, 20), (10, 5), (0, 0), (1, 1))):
        song(catalog, str(n), plays, likes, model_family="v5")
    [row] = ask(catalog, "like_rate")
    assert (row["plays"], row["likes_per_100_plays"], row["median_song"]) == (1111, pytest.approx(3.24), 20.0)


def test_coverage_gaps_name_every_reason(catalog: Connection) -> None:
    for track, reason in (("a", "gone"), ("b", "gone"), ("c", "forbidden (403)")):
        song(catalog, track, 1)
        add(catalog, "audio", track_id=track, state="unavailable", reason=reason)
    song(catalog, "d", kind="stem")
    found = {(row["stage"], row["reason"]): row["tracks"] for row in ask(catalog, "coverage")}
    assert found[("audio", "gone")] == 2
    assert found[("audio", "forbidden (403)")] == 1
    assert found[("eligible", "a stem")] == 1
    assert found[("predicted", "no audio")] == 3


def test_extraction_costs_what_its_machines_do(catalog: Connection) -> None:
    gpu = {"device": "cuda", "host": "box", "wall_s": 3_600.0, "wait_s": 2_700.0, "encode_s": 600.0, "bytes": 5_000_000}
    for shard in ("a", "b"):
        add(catalog, "embedding_shard", shard_id=shard, songs=10, failed=1, audio_s=360_000.0, **gpu)
    add(catalog, "embedding_shard", shard_id="c", songs=4, audio_s=7_200.0, host="laptop", wall_s=360.0)
    add(catalog, "embedding_shard", shard_id="old", host="laptop", adopted_at=AT - DAY)
    found = ask(catalog, "cost", price_an_hour="2.50", since=f"'{AT:%Y-%m-%d} 00:00Z'")
    names = ("host", "songs", "failed", "audio_hours", "machine_hours", "times_real_time", "feed_share", "price")
    assert [tuple(row[name] for name in names) for row in found] == [
        ("box", 18, 2, 200.0, 2.0, 100.0, 0.75, 5.0),
        ("laptop", 4, 0, 2.0, 0.1, 20.0, None, 0.25),
    ]
    assert found[0]["megabytes"] == 10.0
