"""Promotions, rollbacks, holds and the judgement on candidates, in a catalog whose songs and models are made up."""

from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest
import torch

from apex_core import heads
from apex_core.catalog import connect, latest_snapshot, open_snapshot
from apex_core.errors import ArtifactError, Fenced
from apex_core.heads.baselines import baselines
from apex_core.mert.shards import ShardSong, write_shard
from apex_core.pipeline import models
from apex_core.pipeline import training_set as sets
from apex_core.pipeline.judgement import judge
from apex_core.pipeline.model_retention import collect_models
from apex_core.pipeline.registry_mirror import adopt_registry
from apex_core.pipeline.rescoring import rescore
from apex_core.pipeline.run import Run, begin, declare_crashed
from apex_core.pipeline.train import Candidate
from apex_core.pipeline.training_set import TrainingSet
from apex_core.registry import (
    Decision,
    decision_history,
    list_versions,
    load_artifact,
    newest_decision,
    publish,
    record_decision,
    resolve_alias,
    resolve_hold,
    set_alias,
    stage_artifact,
    version_name,
)
from apex_core.settings import PromotionSettings, Settings
from apex_core.storage import Store
from tests.bench.growth import FIRST, Simulation

TRACKS, HIDDEN = 60, 16
AT = FIRST + timedelta(days=400)


@pytest.fixture
def simulation(tmp_path: Path) -> Simulation:
    return Simulation(tmp_path / "home", TRACKS, version_every=1)


@pytest.fixture
def run(simulation: Simulation) -> Run:
    return begin(simulation.settings, "test", AT, "judging")


def shown(settings: Settings) -> list[tuple[Any, ...]]:
    """What readers see: whose predictions they are, and the first song's."""
    query = "SELECT DISTINCT model_version, count(predicted_streams) OVER () FROM scored_catalog"
    with open_snapshot(latest_snapshot(settings)) as connection:
        return connection.execute(query).fetchall()


def predicted(settings: Settings) -> list[tuple[Any, ...]]:
    query = "SELECT track_id, predicted_streams, predicted_clarity FROM scored_catalog ORDER BY ALL"
    with open_snapshot(latest_snapshot(settings)) as connection:
        return connection.execute(query).fetchall()


@pytest.mark.slow
def test_after_a_rollback_readers_see_the_older_champion_s_predictions_and_promotion_is_held(
    simulation: Simulation,
) -> None:
    settings, store = simulation.settings, simulation.store
    told: list[tuple[str, list[tuple[Any, ...]]]] = []
    for _ in range(3):
        simulation.night()
        record = resolve_alias(store, "champion")
        assert record is not None
        told.append((record.version, predicted(settings)))
    # One step back: its predictions are still in the catalog. Two: they are worked out anew.
    for step, n in ((1, 0), (2, TRACKS)):
        record, held = models.roll_back(settings, None, "it ranks nonsense", "ann", AT)
        assert (record.version, record.set_by, held.held) == (told[-1 - step][0], "ann", True)
        followed = models.follow(begin(settings, "models", AT + timedelta(hours=step), f"back-{step}"))
        assert (followed.predicted, followed.shown, followed.encoder_id) == (n, TRACKS, "e1")
        assert shown(settings) == [(record.version, TRACKS)]
        assert predicted(settings) == told[-1 - step][1]
    with connect(settings, "test") as connection:
        holds = connection.execute("SELECT alias, n, held, set_by FROM model_hold").fetchall()
        restored = connection.execute("SELECT n, restores FROM model_alias WHERE restores IS NOT NULL ORDER BY n")
        assert holds == [("champion", 1, True, "ann")]
        assert restored.fetchall() == [(4, 2), (5, 1)]
    with pytest.raises(ArtifactError, match="no other version before"):
        models.roll_back(settings, None, "", "ann", AT)


def test_a_rollback_to_a_version_by_name(simulation: Simulation) -> None:
    versions = [_publish(simulation.store, seed) for seed in range(3)]
    for version in versions[:2]:
        models.promote(simulation.settings, version, "", "ann", AT)
    for name, message in ((versions[2], "never was champion"), (versions[1], "is champion already")):
        with pytest.raises(ArtifactError, match=message):
            models.roll_back(simulation.settings, name, "", "ann", AT)
    assert resolve_hold(simulation.store, "champion") is None
    record, _ = models.roll_back(simulation.settings, versions[0], "", "ann", AT)
    assert (record.version, record.restores) == (versions[0], 1)


def test_a_person_s_promotion_is_a_decision_and_reads_the_version_first(simulation: Simulation) -> None:
    store = simulation.store
    one, two = _publish(store, 1), _publish(store, 2)
    models.promote(simulation.settings, one, "the first", "ann", AT)
    record = newest_decision(store, one)
    assert record is not None
    assert (record.outcome, record.reasons, record.decided_by) == ("promoted", ["by hand: the first"], "ann")
    store.put(f"models/{two}/README.md", b"altered", replace=True)
    with pytest.raises(ArtifactError, match="altered"):
        models.promote(simulation.settings, two, "", "ann", AT)
    assert len(decision_history(store, two)) == 0


def test_names_of_versions(simulation: Simulation) -> None:
    store, version = simulation.store, _publish(simulation.store, 1)
    set_alias(store, "champion", version, "", "", AT)
    for name in ("champion", version, version[:5], version[-8:]):
        assert models.find_version(store, name) == version
    _publish(store, 2)
    for name in ("v2", "shadow", ""):
        with pytest.raises(Exception, match="called"):
            models.find_version(store, name)


# The judgement.


def _publish(store: Store, seed: int, lineage: dict[str, Any] | None = None, encoder_id: str = "e1") -> str:
    model = _model(seed, encoder_id)
    folder = Path(store.root).parent / f"staged-{seed}"
    described = {"training_set_id": None, **(lineage or {})}
    weights = stage_artifact(folder, model.state_dict(), model.config.to_json(), {"test": {}}, described, "# card\n")
    version = version_name(AT - timedelta(days=365), weights)
    publish(store, version, folder)
    return version


def _model(seed: int, encoder_id: str = "e1") -> heads.ApexHeads:
    torch.manual_seed(seed)
    return heads.ApexHeads(heads.HeadsConfig(encoder_id=encoder_id, hidden=HIDDEN)).eval()


@dataclass
class Bench:
    """Candidates on test songs whose labels are what a model predicts: that one ranks them perfectly."""

    run: Run
    store: Store
    rows: pl.DataFrame

    def candidate(self, seed: int, perfect: int | None = None) -> Candidate:
        truth = self.predictions(seed if perfect is None else perfect)
        rows = self.rows.with_columns(pl.Series(t, truth[:, n]) for n, t in enumerate(heads.TARGETS))
        chosen = TrainingSet("t-candidate", "s", "e1", rows)
        data, model = sets.load_data(self.store, chosen, "song"), _model(seed)
        scored = heads.score(model, data, "test")
        metrics = {"test": scored.metrics(), "baselines": baselines(data)}
        return Candidate(chosen, data, heads.TrainedHeads(model, model.config, (), 1), metrics, scored)

    def predictions(self, seed: int) -> Any:
        loaded = sets.load_vectors(self.store, "e1", self.rows, "song")
        return heads.predict(_model(seed), loaded.values).astype(np.float64)

    def judged(self, seed: int, perfect: int | None = None) -> tuple[str, Decision]:
        version = _publish(self.store, seed)
        return version, judge(self.run, self.candidate(seed, perfect), version)


@pytest.fixture
def bench(simulation: Simulation, run: Run) -> Bench:
    query = """
        SELECT platform, track_id, sha256, shard_id, CASE WHEN row_number() OVER (ORDER BY sha256) > 25 THEN 'test'
        ELSE 'train' END AS split FROM audio JOIN embedding USING (sha256) ORDER BY platform, track_id
    """
    with connect(simulation.settings, "test") as connection:
        return Bench(run, simulation.store, pl.DataFrame(connection.sql(query).to_arrow_table()))


def test_the_first_champion_must_beat_ridge(bench: Bench) -> None:
    version, decision = bench.judged(seed=1, perfect=1)
    assert decision.promote
    assert "first champion" in decision.reason
    assert set(decision.figures) == {"candidate", "ridge"}
    record = resolve_alias(bench.store, "champion")
    assert record is not None
    assert (record.version, record.set_by) == (version, "judging")
    assert newest_decision(bench.store, version).reasons == list(decision.reasons)  # pyright: ignore[reportOptionalMemberAccess]


def test_what_ridge_does_better_is_refused_and_the_catalog_says_why(bench: Bench) -> None:
    version, decision = bench.judged(seed=1, perfect=7)
    assert decision.outcome == "refused"
    assert "ridge regression" in decision.reason
    assert resolve_alias(bench.store, "champion") is None
    adopt_registry(bench.run)
    with connect(bench.run.settings, "test") as connection:
        kept = connection.execute("SELECT version, outcome, reasons FROM model_decision").fetchall()
        told = connection.execute("SELECT version, decision, reason FROM model_history").fetchall()
    assert kept == [(version, "refused", list(decision.reasons))]
    assert told == [(version, "refused", decision.reason)]


def test_the_champion_is_scored_again_on_the_candidate_s_test_songs(bench: Bench) -> None:
    champion, _ = bench.judged(seed=1)
    version, decision = bench.judged(seed=2, perfect=1)
    data = bench.candidate(2, perfect=1).data
    again = heads.evaluate(_model(1), data, "test")
    assert decision.outcome == "refused"
    assert decision.figures["champion"]["score_streams"] == {
        "n": 35,
        "spearman": pytest.approx(again["score_streams"]["spearman"]),
    }
    assert decision.figures["champion"]["score_streams"]["spearman"] > 0.99
    record = newest_decision(bench.store, version)
    assert record is not None
    assert record.champion == champion
    better, promoted = bench.judged(seed=3, perfect=3)
    assert promoted.promote
    assert resolve_alias(bench.store, "champion").version == better  # pyright: ignore[reportOptionalMemberAccess]


def test_songs_that_the_champion_has_learnt_from_do_not_count(bench: Bench) -> None:
    """The split rule keeps them on one side; should it ever not, the comparison is without them."""
    test = bench.rows.filter(pl.col("split") == "test")
    learnt = TrainingSet("t-champion", "s", "e1", test.head(10).with_columns(pl.lit("train").alias("split")))
    sets.freeze(bench.run, learnt)
    version = _publish(bench.store, 1, {"training_set_id": "t-champion"})
    set_alias(bench.store, "champion", version, "", "", AT)
    found = rescore(bench.run, bench.candidate(2), load_artifact(bench.store, version))
    assert found.candidate is not None
    assert found.champion is not None
    assert len(found.candidate.names) == len(found.champion.names) == 25
    assert not set(found.candidate.names) & {f"{p}/{t}" for p, t in test.head(10).select("platform", "track_id").rows()}
    assert any("10 test songs left out" in remark for remark in found.remarks)
    _, decision = bench.judged(seed=2)
    assert decision.figures["champion"]["score_likes"]["n"] == 25


def _hear(bench: Bench, share: float) -> None:
    """Vectors of encoder e0 for this share of the songs."""
    songs = bench.rows["sha256"].to_list()[: int(share * TRACKS)]
    means = np.random.default_rng(5).normal(size=(len(songs), 1, 4, HIDDEN)).astype(np.float32)
    heard = [ShardSong(song, mean, None, 30.0) for song, mean in zip(songs, means, strict=True)]
    write_shard(bench.store, "e0", "h9", heard, {"precision": "fp32", "device": "cpu", "torch": torch.__version__})
    with connect(bench.run.settings, "test") as connection:
        connection.execute("INSERT INTO embedding SELECT 'e0', unnest($1), 'h9', 'embedded', NULL, 1", [songs])


@pytest.mark.parametrize(("share", "outcome"), [(1.0, "promoted"), (0.97, "promoted"), (0.5, "held")])
def test_a_champion_of_another_encoder_is_compared_where_the_same_songs_have_its_vectors(
    bench: Bench, share: float, outcome: str
) -> None:
    _hear(bench, share)
    set_alias(bench.store, "champion", _publish(bench.store, 1, encoder_id="e0"), "", "", AT)
    _, decision = bench.judged(seed=2)
    assert decision.outcome == outcome, decision.reasons
    if outcome == "promoted":
        n = decision.figures["champion"]["score_streams"]["n"]
        assert n == decision.figures["candidate"]["score_streams"]["n"]
        assert n == (35 if share == 1.0 else pytest.approx(34, abs=1))
    else:
        assert "reads vectors of e0" in decision.reason
    assert "ridge" not in decision.reason  # that is for the first one


def test_while_promotion_is_held_a_better_candidate_waits(bench: Bench) -> None:
    champion, _ = bench.judged(seed=1)
    models.hold(bench.run.settings, True, "look first", "ann", AT)
    version, decision = bench.judged(seed=2)
    assert decision.outcome == "held"
    assert decision.reasons[0] == "promotion is held by ann: look first"
    assert resolve_alias(bench.store, "champion").version == champion  # pyright: ignore[reportOptionalMemberAccess]
    models.hold(bench.run.settings, False, "looked", "ann", AT)
    assert bench.judged(seed=3)[1].promote
    assert models.promote(bench.run.settings, version, "", "ann", AT).n == 3


def test_who_loses_the_race_for_the_alias_is_judged_again_and_says_so(bench: Bench) -> None:
    faster = _publish(bench.store, 9)

    class Raced(Run):
        @property
        def store(self) -> Store:
            return _Raced(bench.store.url, bench.store.fs, bench.store.root)

    class _Raced(Store):
        def put_json(self, key: str, value: object, *, replace: bool = False) -> bool:
            if key == "models/aliases/champion/1.json":
                set_alias(bench.store, "champion", faster, "faster", "bob", AT)
            return Store.put_json(self, key, value, replace=replace)

    version, candidate = _publish(bench.store, 1), bench.candidate(1)
    decision = judge(Raced(bench.run.settings, "judging", AT), candidate, version)
    assert decision.promote
    assert any("was set by somebody else meanwhile" in reason for reason in decision.reasons)
    assert [r.champion for r in decision_history(bench.store, version)] == [None, faster]


def test_a_run_declared_dead_while_it_compared_leaves_no_decision_and_no_alias(bench: Bench) -> None:
    version, candidate = _publish(bench.store, 1), bench.candidate(1)
    zombie = begin(bench.run.settings, "test", AT, "zombie", flow_run="0190-a")
    declare_crashed(bench.run.settings, "0190-a", AT)
    with pytest.raises(Fenced, match="zombie may not write"):
        judge(zombie, candidate, version)
    with pytest.raises(Fenced):
        models.promote(zombie.settings, version, "", "ann", AT, partial(zombie.committing, "promote"))
    assert decision_history(bench.store, version) == ()
    assert resolve_alias(bench.store, "champion") is None


def test_a_run_that_was_cut_short_after_its_decision_finds_it_and_sets_the_alias(bench: Bench) -> None:
    version, candidate = _publish(bench.store, 1), bench.candidate(1)

    class Killed(BaseException):
        pass

    class Cut(Run):
        @property
        def store(self) -> Store:
            return _Cut(bench.store.url, bench.store.fs, bench.store.root)

    class _Cut(Store):
        def put_json(self, key: str, value: object, *, replace: bool = False) -> bool:
            if "/aliases/" in key:
                raise Killed
            return Store.put_json(self, key, value, replace=replace)

    begin(bench.run.settings, "test", AT, "cut")
    with pytest.raises(Killed):
        judge(Cut(bench.run.settings, "cut", AT), candidate, version)
    adopt_registry(bench.run)
    with connect(bench.run.settings, "test") as connection:
        assert connection.execute("FROM model_version").fetchall() == []  # or the training would take it for done
    assert judge(bench.run, candidate, version).promote
    (record,) = decision_history(bench.store, version)
    assert record.decided_by == "cut"
    adopt_registry(bench.run)
    with connect(bench.run.settings, "test") as connection:
        assert connection.execute("SELECT version FROM champion").fetchall() == [(version,)]


# What is kept.


@pytest.fixture
def old(bench: Bench) -> list[str]:
    """Six versions of a year ago."""
    return [_publish(bench.store, seed) for seed in range(6)]


def _collect(bench: Bench, **settings: Any) -> int:
    chosen = bench.run.settings.model_copy(update={"promotion": PromotionSettings(**settings)})
    return collect_models(replace(bench.run, settings=chosen))


def test_old_versions_that_nothing_names_are_cleared_away_and_stay_in_the_history(bench: Bench, old: list[str]) -> None:
    store, version = bench.store, sorted(old)
    for one in old:
        record_decision(store, one, Decision("refused", ("too weak",)), None, "night", AT)
    adopt_registry(bench.run)
    models.promote(bench.run.settings, version[0], "", "ann", AT)  # once champion ...
    models.promote(bench.run.settings, version[1], "", "ann", AT)  # ... and champion now
    record_decision(store, version[2], Decision("held", ("wait",)), version[1], "night", AT + timedelta(days=1))
    with connect(bench.run.settings, "test") as connection:
        connection.execute("INSERT INTO prediction (version, sha256) VALUES ($1, 'x')", [version[3]])
    assert _collect(bench, keep_versions=10) == 0
    assert _collect(bench, keep_versions=0, keep_days=400) == 0
    assert _collect(bench, keep_versions=1, keep_days=30) == 1
    assert list_versions(store) == [version[0], version[1], version[2], version[3], version[5]]
    assert decision_history(store, version[4])
    with connect(bench.run.settings, "test") as connection:
        gone = connection.execute("SELECT version FROM model_history WHERE removed_at IS NOT NULL").fetchall()
    assert gone == [(version[4],)]
    assert _collect(bench, keep_versions=0, keep_days=30) == 1
    assert list_versions(store) == version[:4]


def test_what_a_killed_publication_left_long_ago_is_cleared_away(bench: Bench) -> None:
    bench.store.put("models/v20200101-00000000/README.md", b"half")
    bench.store.put("models/v20271001-00000000/README.md", b"of somebody at work")
    assert _collect(bench) == 1
    assert bench.store.list("models") == ["models/v20271001-00000000/README.md"]


def test_the_registry_survives_its_catalog(bench: Bench, tmp_path: Path) -> None:
    """Decisions, aliases and holds are read back from the store into an empty catalog."""
    version, decision = bench.judged(seed=1)
    models.hold(bench.run.settings, True, "look", "ann", AT)
    fresh = bench.run.settings.model_copy(update={"home": tmp_path / "new", "store": bench.store.url})
    adopt_registry(begin(fresh, "test", datetime(2027, 1, 1, tzinfo=AT.tzinfo), "restored"))
    with connect(fresh, "test") as connection:
        assert connection.execute("SELECT version FROM champion").fetchall() == [(version,)]
        assert connection.execute("SELECT reasons FROM model_decision").fetchall() == [(list(decision.reasons),)]
        assert connection.execute("SELECT held, set_by FROM model_hold").fetchall() == [(True, "ann")]
