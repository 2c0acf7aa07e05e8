"""``apex bootstrap``: the Prefect server comes to hold what the files in ``deploy/`` say."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer

if TYPE_CHECKING:
    from flows.bootstrap.changes import Change

_STYLES = {"created": "green", "updated": "yellow", "removed": "red", "left out": "dim", "unchanged": "dim"}


_Folder = Annotated[Path, typer.Option(help="With prefect.yaml, server.yaml, automations.yaml and pools/.")]
_Workers = Annotated[
    Literal["process", "docker", "kubernetes"], typer.Option(help="What workers of the pools start runs as.")
]
_GpuWorkers = Annotated[
    Literal["process", "docker", "kubernetes"] | None,
    typer.Option(help="Those of the pool apex-gpu. [default: as --workers]"),
]
_Code = Annotated[
    Path | None, typer.Option(help="The repository's root as workers see it. [default: the folder above --folder]")
]


def bootstrap(
    folder: _Folder = Path("deploy"),
    workers: _Workers = "process",
    gpu_workers: _GpuWorkers = None,
    code: _Code = None,
) -> None:
    """Create or update pools, limits, variables, deployments and automations on the Prefect server.

    What is in the files no more is removed. A second call changes nothing, and one that was cut short is made good by
    the next.
    """
    from flows.bootstrap.whole import bootstrap as apply
    from flows.commands.server import connected

    with connected() as client:
        changes = apply(client, folder, workers, code, gpu_workers)
    _print(changes)


def _print(changes: "list[Change]") -> None:
    from rich.text import Text

    from flows.terminal import notice, plain_table, print_table, printable

    table = plain_table()
    for head in ("", "what", "name", "detail"):
        table.add_column(head, overflow="fold")
    for change in changes:
        outcome = Text(change.outcome, style=_STYLES[change.outcome])
        table.add_row(outcome, change.kind, change.name, printable(change.detail))
    print_table(table)
    outcomes = [change.outcome for change in changes]
    notice(", ".join(f"{outcomes.count(outcome)} {outcome}" for outcome in _STYLES if outcome in outcomes))
