"""Nights against the sandbox, reporting to a real Prefect server."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from apex_core.catalog import connect, fingerprint, latest_snapshot
from apex_core.errors import ApexError
from apex_core.pipeline.report import overview
from apex_core.sandbox import SandboxServer, World
from apex_core.settings import Settings, get_settings
from apex_core.storage import Store
from flows.local_server import LocalServer
from flows.nightly import nightly
from flows.session import Done
from tests.catalog.other_process import other_process
from tests.flows.conftest import environment, variables
from tests.flows.pages import keys, page

INGEST = ["ingest suno", "ingest udio", "revisit suno", "revisit udio"]
CHECKED = [*INGEST, "check ingest", "audio", "score", "check score"]
STAGES = [*CHECKED, "extract", "label", "train", "check train", "publish", "predict", "snapshot", "report"]


HOLDS = """
import sys
from pathlib import Path
from apex_core.catalog.lock import hold

with hold(Path(sys.argv[1]), "a backfill", 0):
    print("in", flush=True)
    sys.stdin.readline()
"""


class Night:
    """A home in which one nightly has run."""

    def __init__(self, settings: Settings, done: list[Done], page: str) -> None:
        self.settings, self.done, self.page = settings, done, page


@pytest.fixture(scope="module")
def night(
    tmp_path_factory: pytest.TempPathFactory, world: World, sandbox: SandboxServer, prefect_server: LocalServer
) -> Iterator[Night]:
    with environment(variables(tmp_path_factory.mktemp("night"), world, sandbox)) as settings:
        done = nightly(as_of=world.epoch)
        yield Night(settings, done, page(prefect_server, "nightly"))


def runs(settings: Settings) -> list[tuple[str, str]]:
    with connect(settings, "test") as connection:
        return connection.execute("SELECT flow, state FROM run ORDER BY token").fetchall()


def test_stages_run_in_order_as_one_run(night: Night) -> None:
    assert [done.report.stage for done in night.done] == STAGES
    assert runs(night.settings) == [("nightly", "completed")]


def test_the_run_is_named_after_its_moment(night: Night) -> None:
    with connect(night.settings, "test") as connection:
        run_id, as_of = connection.execute("SELECT run_id, as_of FROM run").fetchall()[0]
    assert run_id.startswith(f"nightly-{as_of:%Y%m%dT%H%M%SZ}-")


def test_every_song_has_been_scored_and_predicted(night: Night, world: World) -> None:
    totals = overview(night.settings)["totals"][0]
    assert totals["champion"]
    assert totals["predicted"] >= len(world.songs)


def test_durations_and_counts_are_kept(night: Night) -> None:
    with connect(night.settings, "test") as connection:
        timed = connection.execute("SELECT stage FROM run_stat WHERE measure = 'seconds' ORDER BY stage").fetchall()
    assert [row[0] for row in timed] == sorted(STAGES)


def test_the_page_tells_of_stages_models_and_rejects(night: Night) -> None:
    assert "completed" in night.page.splitlines()[0]
    assert all(f"| {stage} |" in night.page for stage in STAGES)
    assert "## Models" in night.page
    assert "## Open rejects" in night.page


def test_the_night_leaves_its_report_in_the_store_and_on_the_run(night: Night, prefect_server: LocalServer) -> None:
    key, pictures = sorted(Store.open(night.settings.store_url).list("reports"))
    assert (key[-5:], pictures) == (".html", f"{key[:-5]}.json")
    assert latest_snapshot(night.settings).stamp in key
    shown = page(prefect_server, "report")
    assert key in shown
    assert "![Coverage." in shown
    assert "## Models" in shown


def test_what_the_run_shows_names_no_track(night: Night, world: World, prefect_server: LocalServer) -> None:
    """Prefect's database is out of reach of forgetting."""
    shown = page(prefect_server, "report")
    with connect(night.settings, "test") as connection:
        named = connection.execute("SELECT track_id, title FROM track").fetchall()
    assert named
    assert not [name for row in named for name in row if name and name in shown]


def test_long_stages_showed_their_progress(night: Night, prefect_server: LocalServer) -> None:
    assert {"progress-audio", "progress-encode", "progress-train"} <= keys(prefect_server)


def test_what_extraction_did_is_on_the_run(night: Night, prefect_server: LocalServer) -> None:
    head, *lines = page(prefect_server, "extraction").splitlines()
    assert head.endswith("h of audio")
    [row] = [line for line in lines if "| cpu | fp32 |" in line]
    shards, songs, failed = (int(cell) for cell in row.split("|")[4:7])
    with connect(night.settings, "test") as connection:
        counted = connection.execute(
            "SELECT count(*), sum(songs - failed), sum(failed) FROM embedding_shard"
        ).fetchone()
    assert (shards, songs, failed) == counted


def test_the_same_night_again_changes_nothing(night: Night, world: World) -> None:
    with connect(night.settings, "test") as connection:
        before = fingerprint(connection)
    again = {done.report.stage: done.report for done in nightly(as_of=world.epoch)}
    assert again["extract"].counts["songs"] == 0
    assert again["snapshot"].counts["published"] == 0
    with connect(night.settings, "test") as connection:
        assert fingerprint(connection) == before


def test_a_report_that_fails_is_a_trouble_and_what_is_published_stays(
    settings: Settings, world: World, monkeypatch: pytest.MonkeyPatch, prefect_server: LocalServer
) -> None:
    monkeypatch.setenv("APEX_AUDIO__FETCH", "false")  # nothing to encode: this is not about the later stages
    get_settings.cache_clear()
    reports = Path(settings.store_url) / "reports"
    reports.parent.mkdir(parents=True)
    reports.write_text("a file where a folder has to be")
    with pytest.raises(ApexError, match=r"The report was not written"):
        nightly(as_of=world.epoch)
    assert latest_snapshot(settings).stamp
    assert "The report was not written" in page(prefect_server, "nightly")
    assert runs(settings) == [("nightly", "partial")]


def test_a_platform_that_fails_does_not_take_the_night_with_it(
    settings: Settings, world: World, monkeypatch: pytest.MonkeyPatch, prefect_server: LocalServer
) -> None:
    monkeypatch.setenv("APEX_SOURCES__UDIO__TOKEN", "expired")
    monkeypatch.setenv("APEX_AUDIO__FETCH", "false")  # nothing to encode: this is not about the later stages
    get_settings.cache_clear()
    with pytest.raises(ApexError, match=r"udio was not ingested") as raised:
        nightly(as_of=world.epoch)
    assert raised.value.fix
    assert "suno" not in raised.value.message
    assert runs(settings) == [("nightly", "partial")]
    assert {row["platform"] for row in overview(get_settings())["coverage"]} == {"suno"}
    assert "udio was not ingested" in page(prefect_server, "nightly")


def test_a_prediction_that_goes_on_elsewhere_keeps_no_night_from_its_snapshot(
    settings: Settings, world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("apex_core.pipeline.predict._PATIENCE_S", 0.1)
    monkeypatch.setenv("APEX_AUDIO__FETCH", "false")  # nothing to encode: this is not about the later stages
    get_settings.cache_clear()
    settings.home.mkdir(parents=True, exist_ok=True)
    with other_process("-c", HOLDS, settings.home / "predicting.lock") as other:
        assert other.says() == "in"
        with pytest.raises(ApexError, match=r"Nothing was predicted: .* is held by .*a backfill"):
            nightly(as_of=world.epoch)
    assert latest_snapshot(settings).stamp
    assert runs(settings) == [("nightly", "partial")]
