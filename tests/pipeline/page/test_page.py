"""The page for every state a catalog can be in; that it needs nothing else, and takes nothing from data but text."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from apex_core.catalog import Connection, connect
from apex_core.catalog.reader import Snapshot
from apex_core.pipeline.page.page import render
from apex_core.pipeline.run import Run
from tests.pipeline.page.conftest import (
    SECOND,
    Fill,
    a_model,
    everything,
    only_suno,
    published,
    rejects,
    stats,
    tracks,
    without_plays,
)
from tests.pipeline.page.parsed import Page
from tests.sql.catalog_rows import add

ROOT = Path(__file__).parents[3]
SECTIONS = {"coverage", "distributions", "drift", "movers", "residuals", "rejects", "models", "origin"}
NASTY = "<script>alert(1)</script>\"><img src=x onerror='alert(2)'>&amp; {{ 7 * 7 }} \x1b[2J\x00\u202eevil"


def page(snapshot: Snapshot) -> Page:
    return Page(render(snapshot))


@pytest.mark.parametrize(
    ("fill", "scored", "said"),
    [
        ([], False, ["the catalog has no tracks yet", "no score run yet", "there is none", "No run has left figures"]),
        ([tracks], False, ["no track with a count has been scored yet", "no model has been published yet"]),
        ([tracks], True, ["this is the first score run", "no champion yet", "movers need two score runs"]),
        ([only_suno], True, ["Likes and streams on suno"]),
        ([without_plays], True, ["Without any plays: suno 100 %", "Rank correlation not defined"]),
        ([tracks, a_model], True, ["Sleepers", "Calibration of score_likes", "No open rejects"]),
        ([tracks, rejects, stats], True, ["looked at 12 records (4 new or changed, 1 rejected)", "missing_id"]),
    ],
    ids=["empty", "unscored", "before a model", "one platform", "unheard", "a model", "rejects"],
)
def test_every_state_of_a_catalog_has_its_page(run: Run, fill: list[Fill], scored: bool, said: list[str]) -> None:
    shown = page(published(run, *fill, scored=scored))
    assert {attributes.get("id") for attributes in shown.of("h2")} == SECTIONS
    assert [words for words in said if words not in shown.text] == []


def test_a_catalog_with_all_there_is_leaves_nothing_empty(full: Snapshot) -> None:
    shown = page(full)
    assert "Nothing to" not in shown.text
    pictures = shown.of("svg")
    assert len(pictures) >= 14
    assert all(picture["role"] == "img" and len(picture["aria-label"] or "") > 30 for picture in pictures)
    assert len(shown.of("figcaption")) == len(pictures)


def test_it_needs_nothing_else(full: Snapshot) -> None:
    html = render(full)
    shown = Page(html)
    links = [value for _, attributes in shown.elements for name, value in attributes.items() if name in ("src", "href")]
    assert links
    assert [link for link in links if not (link or "").startswith("#")] == []
    assert not shown.tags & {"script", "link", "img", "iframe", "object", "image", "base", "form"}
    assert "url(" not in html.replace("url(#", "")
    assert "@import" not in html
    [policy] = [m["content"] for m in shown.of("meta") if m.get("http-equiv") == "Content-Security-Policy"]
    assert "default-src 'none'" in (policy or "")


def test_no_name_on_the_page_is_used_twice_and_none_is_missing(full: Snapshot) -> None:
    shown = page(full)
    names = [attributes["id"] for _, attributes in shown.elements if attributes.get("id")]
    assert len(names) == len(set(names))
    wanted = {(a.get("href") or "")[1:] for tag, a in shown.elements if tag in ("a", "use")}
    assert wanted <= set(names)


def test_what_strangers_wrote_is_text_and_nothing_else(run: Run, second: Run) -> None:
    calm = page(everything(run, second))
    with connect(run.settings, "test") as connection:
        connection.execute("UPDATE track SET title = $nasty, creator_name = $nasty", {"nasty": NASTY})
        connection.execute("UPDATE reject SET reason = $nasty, source = $nasty", {"nasty": NASTY})
        connection.execute(
            "UPDATE audio SET state = 'corrupt', reason = $nasty WHERE track_id LIKE '%-1'", {"nasty": NASTY}
        )
        connection.execute("UPDATE model_version SET reason = $nasty, decision = $nasty", {"nasty": NASTY})
    html = render(published(second))
    nasty = Page(html)
    assert nasty.tags == calm.tags
    assert {name for _, a in nasty.elements for name in a} == {name for _, a in calm.elements for name in a}
    assert "<script>alert(1)</script>" in nasty.text
    assert "{{ 7 * 7 }}" in nasty.text
    assert not set(html) & {"\x1b", "\x00", "\u202e"}


def test_a_very_long_title_is_cut(run: Run) -> None:
    def long_titles(connection: Connection) -> None:
        tracks(connection, title="A" * 5_000)

    html = render(published(run, long_titles, a_model))
    assert "A" * 59 + "…" in html
    assert "A" * 100 not in html


def test_the_same_snapshot_gives_the_same_bytes_in_any_process(full: Snapshot, tmp_path: Path) -> None:
    here = render(full)
    code = "import sys; from flows.cli import main; sys.argv = ['apex', 'report', '-o', sys.argv[1]]; main()"
    written = tmp_path / "there.html"
    env = os.environ | {"PYTHONPATH": str(ROOT), "PYTHONHASHSEED": "7", "APEX_HOME": str(full.folder.parents[2])}
    subprocess.run([sys.executable, "-c", code, str(written)], env=env, cwd=tmp_path, check=True, capture_output=True)
    assert written.read_text("utf-8") == here


def test_a_platform_has_one_colour_whoever_is_beside_it(run: Run) -> None:
    def only_udio(connection: Connection) -> None:
        tracks(connection, ("udio",))

    html = render(published(run, only_udio))
    assert "var(--series-2)" in html
    assert "var(--series-1)" not in html.split("</style>")[1]


def test_scores_that_have_not_moved_are_said_not_drawn(run: Run, second: Run) -> None:
    """A new song that nobody has heard moves no score of the other platform, and those of its own a little."""

    def on_udio(connection: Connection) -> None:
        add(connection, "track", platform="udio", track_id="u", first_observed_at=SECOND, last_observed_at=SECOND)
        add(connection, "engagement", platform="udio", track_id="u", plays=1, observed_at=SECOND, recorded_at=SECOND)

    published(run, tracks)
    labels = [picture["aria-label"] or "" for picture in page(published(second, on_udio)).of("svg")]
    [streams] = [label for label in labels if label.startswith("Moves of score_streams")]
    assert "suno 100 %" in streams
    assert not [label for label in labels if label.startswith("Moves of score_likes")]


def test_the_champion_stands_beside_its_baselines(run: Run, second: Run) -> None:
    figures = {"n": 41, "spearman": 0.4, "pairwise": 0.637, "mae": 20.0}
    metrics = {
        "test": {"score_streams": figures, "clarity": {"n": 3, "spearman": None}},
        "baselines": {"ridge": {"score_streams": {"spearman": 0.35}}},
        "intervals": {
            "test": {"score_streams": {"spearman": [-0.1, 0.62]}, "clarity": {"spearman": None}},
            "gain": {"ridge": {"score_streams": {"spearman": [-0.05, 0.16]}}},
        },
        "time_split": {"reason": "too few songs"},
    }

    def measured(connection: Connection) -> None:
        connection.execute("UPDATE model_version SET metrics = ? WHERE version = 'v1'", [json.dumps(metrics)])

    text = page(published(run, tracks, a_model, measured)).text
    for said in ("0.40 (−0.10 to 0.62)", "−0.05 to +0.16", "63.7 %", "Predicted best", "Predicted worst"):
        assert said in text
