"""The demo's closing page: what came in, what became of it, what the model knows, what to try next."""

import shlex
import shutil
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

from rich.text import Text

from flows.commands import demo_home
from flows.commands.ingest import account
from flows.commands.status import print_coverage, print_rejects
from flows.terminal import out, plain_table, print_table

if TYPE_CHECKING:
    from apex_core.sandbox import World
    from apex_core.settings import Settings
    from flows.demo import Night

_QUERY = (
    "SELECT platform, title, plays, score_streams, predicted_streams FROM scored_catalog"
    " WHERE split = 'test' ORDER BY predicted_streams DESC LIMIT 10"
)

Row = dict[str, Any]


def show(settings: "Settings", world: "World", night: "Night", set_aside: list[str]) -> None:
    """Print the page."""
    from apex_core.catalog import latest_snapshot
    from apex_core.pipeline.report import overview

    sections, snapshot = overview(settings), latest_snapshot(settings)
    _came_in(night)
    if not night.is_new:
        _line("Nothing was new: the sandbox's clock stands still, and the catalog is the one it was.")
    if sections["rejects"]:
        _heading("Rejected, with the reason")
        print_rejects(sections["rejects"])
    _heading("How far the tracks got")
    print_coverage(sections["coverage"])
    _model(settings, world, sections, night)
    _line(f"\nSnapshot as of {snapshot.as_of:%Y-%m-%d} (the sandbox's time): {snapshot.folder}")
    _took(night)
    if set_aside:
        _line(f"Set aside for the demo, and to be unset for what follows: {', '.join(set_aside)}")
    _next(settings, world, has_model=bool(sections["metrics"]))


def _heading(text: str) -> None:
    out().print(Text(f"\n{text}\n", style="bold"))


def _line(text: str) -> None:
    out().print(text, soft_wrap=True)


def _came_in(night: "Night") -> None:
    _heading("What came in")
    for one in night.done:
        if one.report.stage.startswith("ingest "):
            _line(f"{one.report.stage.removeprefix('ingest '):5} {account(one.report.counts)}")


def _model(settings: "Settings", world: "World", sections: dict[str, list[Row]], night: "Night") -> None:
    champion = sections["totals"][0]["champion"]
    if champion is None:
        notes = [one.report.note for one in night.done if one.report.stage == "train"]
        _heading("No model yet")
        _line(" ".join(notes))
        return
    _heading(f"Model {champion}, on test tracks it has not seen")
    best = _ceilings(settings, world)
    table = plain_table()
    for name in ("target", "tracks", "rank correlation", "a perfect listener's", "mean error"):
        table.add_column(name, justify="left" if name == "target" else "right")
    for row in sections["metrics"]:
        ceiling = f"{best[row['target']]:.2f}" if row["target"] in best else ""
        table.add_row(row["target"], str(row["n"]), _number(row["spearman"]), ceiling, _number(row["mae"]))
    print_table(table)
    _line("\nA perfect listener hears what drives plays and likes, and still cannot know the luck in them.")
    _line(f"The encoder ({settings.encoder.source}) is untrained and the songs are few: this shows the machinery.")


def _number(value: float | None) -> str:
    return "" if value is None else f"{value:.2f}"


def _ceilings(settings: "Settings", world: "World") -> dict[str, float]:
    """How well the noise-free appeal ranks the very tracks that the model was tested on."""
    from apex_core.pipeline.report import scored_tracks
    from apex_core.sandbox.ceiling import ceiling

    audible = {song.key for song in (*world.songs, *world.vanishing)}
    rows = [
        (platform, track_id, streams, likes)
        for platform, track_id, split, streams, likes in scored_tracks(settings)
        if split == "test" and (platform, track_id) in audible
    ]
    return ceiling(world.truth, rows)


def _took(night: "Night") -> None:
    parts = ", ".join(f"{name} {seconds:.0f} s" for name, seconds in night.seconds.items() if seconds >= 0.5)
    _line(f"Took {sum(night.seconds.values()):.0f} s: {parts}")


def _next(settings: "Settings", world: "World", *, has_model: bool) -> None:
    apex = f"{_program()} --config {shlex.quote(_short(settings.home / demo_home.FILE))}"
    song = shlex.quote(_short(world.path(world.songs[0])))
    other = f"{apex} predict {song}" if has_model else f'{apex} sql "SELECT reason, payload FROM rejects_open"'
    _heading("Try next")
    for command in (f'{apex} sql "{_QUERY}"', other, f"{apex} status"):
        _line(f"  {command}\n")


def _program() -> str:
    """How this program was called, as something that can be pasted."""
    called = Path(sys.argv[0])
    if called.name != "apex":
        return f"{shlex.quote(_short(Path(sys.executable)))} -m flows.cli"
    found = shutil.which("apex")
    return "apex" if found and Path(found).samefile(called) else shlex.quote(_short(called))


def _short(path: Path) -> str:
    """Relative to the working folder where that is shorter."""
    full, here = path.absolute(), Path.cwd()
    return str(full.relative_to(here)) if full.is_relative_to(here) else str(full)
