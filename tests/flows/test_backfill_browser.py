"""The backfill as an operator has it: the form in a browser, a worker, the plan and the complaint on the run's page.

``APEX_TEST_SCREENSHOTS`` names a folder for what the browser shows, for people to look at.
"""

import os
import re
from collections.abc import Iterator
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import pytest

from apex_core.pipeline.live import ingest_platform
from apex_core.pipeline.run import begin, end
from apex_core.sandbox import World
from apex_core.settings import Settings
from tests.flows.conftest import variables
from tests.flows.test_backfill import files, months_of, whole
from tests.flows.ui import UiServer, bootstrapped, browser_page, ui_server, worker

pytestmark = pytest.mark.slow

BUSY = 503  # a SQLite that another writer holds


@pytest.fixture
def browser() -> Iterator[Any]:
    yield from browser_page()


def test_the_form_is_filled_in_and_its_plan_read(
    browser: Any, settings: Settings, world: World, sandbox: Any, tmp_path: Path
) -> None:
    run = begin(settings, "ingest", world.epoch, "ingest")
    ingest_platform(run, "suno")
    end(run, "completed", world.epoch)
    before, environment = files(settings), variables(settings.home, world, sandbox)
    foreign: list[str] = []
    browser.on("request", lambda request: foreign.append(request.url) if "127.0.0.1" not in request.url else None)
    with ui_server(tmp_path / "prefect") as server:
        bootstrapped(server)
        with worker(server, environment, tmp_path / "worker.log"):
            plan = _plan(browser, server, world)
            complaint = _complaint(browser, server)
    suno = {month for month in months_of(world) if re.search(rf"{month}\s+\d", plan)}
    assert suno, plan
    assert "Nothing was done" in plan
    assert "The window is empty: it starts on 2026-03-01 and ends before 2026-02-01." in complaint
    assert "swap them" in complaint
    assert files(settings) == before
    assert not foreign, "the interface asks nobody but the server"


def _plan(browser: Any, server: UiServer, world: World) -> str:
    """Fill in the form by its fields, run it, wait until it is done, and read the artifact's page."""
    _open_form(browser, server)
    labels = browser.locator(".schema-form-property__label").all_inner_texts()
    assert [label.removesuffix(" (Optional)") for label in labels] == [
        *("start", "end", "platform", "stages", "dry_run", "files", "observed_at", "accept", "because")
    ]
    start, last = whole(world)
    _fill_in(browser, start, last)
    _choose(browser, "platform", "suno")
    _shot(browser, "form")
    run = _submit(browser, server)
    _wait_for(browser, "Completed")
    _shot(browser, "run")
    found = server.ask("artifacts/filter", {"artifacts": {"flow_run_id": {"any_": [run]}}})
    assert [artifact["key"] for artifact in found] == ["backfill-plan"]
    browser.get_by_role("tab", name="Artifacts").or_(browser.get_by_text("Artifacts", exact=True)).first.click()
    browser.get_by_text("backfill-plan").first.click()
    browser.get_by_text("Month by month").first.wait_for()
    _shot(browser, "plan")
    return str(browser.locator("body").inner_text())


def _complaint(browser: Any, server: UiServer) -> str:
    """Send the form with swapped days; what the run's page says."""
    _open_form(browser, server)
    _fill_in(browser, date(2026, 3, 1), date(2026, 2, 1))
    run = _submit(browser, server)
    _wait_for(browser, "Failed")
    browser.get_by_text("The window is empty").first.wait_for()
    _shot(browser, "complaint")
    told = server.ask(f"flow_runs/{run}")
    assert told["total_run_time"] < timedelta(seconds=10).total_seconds()
    return str(browser.locator("body").inner_text())


def _wait_for(browser: Any, state: str) -> None:
    """The page shows a run's state as it changes."""
    browser.locator(".state-badge", has_text=state).first.wait_for()


def _open_form(browser: Any, server: UiServer) -> None:
    deployment = server.ask("deployments/name/backfill/adhoc")["id"]
    browser.goto(f"{server.url}/deployments/deployment/{deployment}")
    browser.get_by_role("button", name="Run", exact=True).first.click()
    browser.get_by_text("Custom run").first.click()
    browser.get_by_text("Select date").first.wait_for()


def _fill_in(browser: Any, start: date, last: date) -> None:
    for day in (start, last):
        browser.get_by_text("Select date").first.click()  # the first one that is empty still
        browser.locator("input[type=date]").fill(day.isoformat())
        browser.get_by_role("button", name="Apply").click()
        browser.locator("input[type=date]").wait_for(state="hidden")


def _choose(browser: Any, field: str, choice: str) -> None:
    browser.locator(".schema-form-property").filter(has_text=field).last.locator(".p-select-button__icon").click()
    browser.locator(".p-select-option", has_text=choice).click()


def _submit(browser: Any, server: UiServer) -> str:
    """Send the form, as often as a busy server asks for it, and open the page of the run that it made; its id."""
    answer = _sent(browser)
    for _ in range(10):
        if answer.status == BUSY:
            browser.wait_for_timeout(2_000)
            answer = _sent(browser)
    assert answer.ok, answer.text()
    run = str(answer.json()["id"])
    browser.goto(f"{server.url}/runs/flow-run/{run}")
    return run


def _sent(browser: Any) -> Any:
    with browser.expect_response(re.compile("create_flow_run$")) as sent:
        browser.get_by_role("button", name="Submit").click()
    return sent.value


def _shot(browser: Any, name: str) -> None:
    if folder := os.environ.get("APEX_TEST_SCREENSHOTS"):
        browser.wait_for_timeout(500)
        browser.screenshot(path=Path(folder) / f"backfill-{name}.png")
