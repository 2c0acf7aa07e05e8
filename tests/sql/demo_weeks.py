"""Four weeks of the demo, and the cookbook's answers on them: the page that ``python -m tests.sql.demo_weeks`` prints.

The world is that of ``apex demo``, which lives through one night. Half of the questions need a history, so here more
nights follow: all that counts and scores need on each, training again on the last.
"""

import sys
import tempfile
from datetime import datetime, timedelta
from pathlib import Path

import duckdb

from apex_core.catalog import latest_snapshot, open_snapshot
from apex_core.catalog.recipes import Recipe, recipes
from apex_core.pipeline.live import ingest_platform
from apex_core.pipeline.run import begin, end
from apex_core.pipeline.score import run_score
from apex_core.pipeline.snapshot import run_snapshot
from apex_core.sandbox import SandboxServer, build_world
from apex_core.settings import PLATFORMS, SandboxSettings, Settings, TrainSettings
from tests.pipeline.nights import night, settings_for

QUIET_NIGHTS = (1, 3, 7, 14, 21)
LAST_NIGHT = 28
_WIDEST = 60
_HEAD = f"""# Cookbook

Questions analysts ask. `apex cookbook` lists them, `apex cookbook NAME` answers one from the newest snapshot, and
`apex cookbook NAME --show` prints its SQL. In a client of your own, open a snapshot's `catalog.duckdb` and paste it.
What you may want to change stands in the first lines of each, under the name `params`.

The answers below are those of the demo's world after four weeks (nights 0, {", ".join(map(str, QUIET_NIGHTS))} and
{LAST_NIGHT}): its songs are made up, its encoder is not trained on anything. `apex demo` lives through the first of
these nights, after which nothing has moved yet. Written by `python -m tests.sql.demo_weeks > sql/cookbook/README.md`.
"""


def live(home: Path, sandbox: SandboxSettings) -> Settings:
    """The demo's world from its first night to its last; settings that lead to its snapshots."""
    world = build_world(sandbox, home / "world")
    with SandboxServer(world) as server:
        settings = settings_for(home, world, server).model_copy(
            update={"train": TrainSettings(batch_size=16, learning_rate=3e-4, min_tracks=8, device="cpu")}
        )
        night(settings, world.epoch, "night-0")
        for day in QUIET_NIGHTS:
            server.set_clock(world.epoch + timedelta(days=day))
            _quiet_night(settings, server.clock, f"night-{day}")
        server.set_clock(world.epoch + timedelta(days=LAST_NIGHT))
        night(settings, server.clock, f"night-{LAST_NIGHT}")
    return settings


def _quiet_night(settings: Settings, as_of: datetime, run_id: str) -> None:
    run = begin(settings, "nightly", as_of, run_id, alone=True)
    for platform in PLATFORMS:
        ingest_platform(run, platform)
    run_score(run)
    run_snapshot(run)
    end(run, "completed", as_of)


def answers(settings: Settings) -> dict[str, str]:
    """A Markdown table a recipe, from the newest snapshot as an analyst's connection shows it."""
    with open_snapshot(latest_snapshot(settings), sealed=True) as connection:
        return {one.file: _answer(connection, one) for one in recipes()}


def _answer(connection: duckdb.DuckDBPyConnection, recipe: Recipe) -> str:
    rows = connection.execute(recipe.text).fetchall()
    names = [str(column[0]) for column in connection.description or ()]
    lines = [names, ["---"] * len(names), *([_cell(value) for value in row] for row in rows)]
    return "\n".join("| " + " | ".join(line) + " |" for line in lines)


def _cell(value: object) -> str:
    if value is None:
        return ""
    if isinstance(value, datetime):
        return f"{value:%Y-%m-%d %H:%M}"
    text = str(value)
    return (text[:_WIDEST] + "…" if len(text) > _WIDEST else text).replace("|", "\\|")


def readme(settings: Settings) -> str:
    """The cookbook's page."""
    found = answers(settings)
    listed = [f"- [{one.question}](#{one.file})" for one in recipes()]
    parts = [f"## {one.file}\n\n**{one.question}** ([SQL]({one.file}.sql))\n\n{found[one.file]}\n" for one in recipes()]
    return "\n".join([_HEAD, *listed, "", *parts])


if __name__ == "__main__":
    with tempfile.TemporaryDirectory() as folder:
        sys.stdout.write(readme(live(Path(folder), SandboxSettings())))
