"""``apex report``: one page that shows what the newest snapshot holds."""

from pathlib import Path
from typing import Annotated

import typer


def report(
    output: Annotated[Path, typer.Option("--output", "-o", dir_okay=False, help="The file to write.")] = Path(
        "apex-report.html"
    ),
    open_: Annotated[bool, typer.Option("--open", help="Show it in the browser.")] = False,
) -> None:
    """Render the report on the newest snapshot as one HTML page that needs nothing else."""
    from apex_core.catalog import latest_snapshot
    from apex_core.pipeline.page.page import render
    from apex_core.settings import get_settings
    from flows.terminal import notice, out

    snapshot = latest_snapshot(get_settings())
    path = output.absolute()
    unfinished = path.with_name(f".{path.name}.part")
    unfinished.write_text(render(snapshot), encoding="utf-8")
    unfinished.replace(path)
    out().print(str(path), soft_wrap=True)
    notice(f"the snapshot of {snapshot.as_of:%Y-%m-%d %H:%M} UTC")
    if open_ and typer.launch(path.as_uri()) != 0:
        notice("no browser could be started here")
