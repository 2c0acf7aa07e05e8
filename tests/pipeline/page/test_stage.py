"""The page in the store: written once, gone with its snapshot, and with whom it names."""

from datetime import timedelta

import pytest

from apex_core.errors import NotFound
from apex_core.pipeline.forget import run_forget
from apex_core.pipeline.forget_plan import Request
from apex_core.pipeline.page.glance import glance
from apex_core.pipeline.page.page import render
from apex_core.pipeline.page.stage import pictures_of, run_report
from apex_core.pipeline.run import Run, begin, end
from tests.pipeline.page.conftest import SECOND, a_day_later, a_model, everything, published, tracks
from tests.pipeline.traces import traces


def test_it_is_written_once(run: Run, second: Run) -> None:
    snapshot = everything(run, second)
    report, _ = run_report(second)
    assert report.counts == {"written": 1, "removed": 0}
    key = f"reports/{snapshot.stamp}.html"
    assert report.note.endswith(key)
    assert second.store.read(key).decode() == render(snapshot)
    assert run_report(second)[0].counts["written"] == 0


def test_pictures_are_drawn_once(run: Run) -> None:
    published(run, tracks)
    _, figures = run_report(run)
    drawn = pictures_of(run, figures)
    assert drawn == glance(figures) != []
    run.store.put_json(f"reports/{figures.stamp}.json", [["kept", "data:,"]], replace=True)
    assert pictures_of(run, figures) == [("kept", "data:,")]


def test_without_a_snapshot_there_is_none(run: Run) -> None:
    with pytest.raises(NotFound):
        run_report(run)


def test_it_goes_with_its_snapshot(run: Run, second: Run) -> None:
    first = published(run, tracks)
    pictures_of(run, run_report(run)[1])
    newest = published(second, a_day_later)
    run_report(second)
    assert run.store.list("reports") == [
        *(f"reports/{first.stamp}.{kind}" for kind in ("html", "json")),
        f"reports/{newest.stamp}.html",
    ]
    for key in run.store.list(f"snapshots/{first.stamp}"):
        run.store.delete(key)
    assert run_report(second)[0].counts["removed"] == 1
    assert run.store.list("reports") == [f"reports/{newest.stamp}.html"]


def test_forgetting_reaches_it(run: Run) -> None:
    published(run, tracks, a_model)
    run_report(run)
    named = {place for place in traces(run.settings, "suno-9") if place.startswith("reports/")}
    assert named
    end(run, "completed", SECOND)
    forget = begin(run.settings, "forget", SECOND + timedelta(days=1), "forget-1")
    run_forget(forget, Request("suno", "track", ("suno-9",)))
    assert not [place for place in traces(run.settings, "suno-9") if place.startswith("reports/")]


def test_after_forgetting_the_next_page_is_the_only_one(run: Run) -> None:
    published(run, tracks)
    pictures_of(run, run_report(run)[1])
    forget = begin(run.settings, "forget", SECOND, "forget-1")
    run_forget(forget, Request("suno", "track", ("suno-9",)))
    report, _ = run_report(forget)
    assert report.counts["written"] == 1
    assert len(run.store.list("reports")) == 1
