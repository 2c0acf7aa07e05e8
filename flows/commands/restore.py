"""``apex restore``: the catalog anew from the store; without ``--yes`` it rehearses and changes nothing."""

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from apex_core.pipeline.restore import Restored


def restore(
    backup: Annotated[
        str | None, typer.Option(metavar="STAMP", help="Of backups/ in the store. [default: the newest]")
    ] = None,
    yes: Annotated[bool, typer.Option("--yes", help="Do it. Without it all is tried, nothing kept.")] = False,
    set_aside: Annotated[
        bool, typer.Option("--set-aside", help="Replace a catalog that is there; it is kept under <home>/aside.")
    ] = False,
) -> None:
    """Make a lost or damaged catalog anew: a backup, and what the store has from after it."""
    from apex_core.pipeline.restore import rehearse
    from apex_core.pipeline.restore import restore as carry_out
    from apex_core.settings import get_settings
    from flows.terminal import progress

    settings, as_of = get_settings(), datetime.now(UTC)
    with progress() as show:
        if yes:
            restored = carry_out(settings, as_of, backup, set_aside=set_aside, show=show)
        else:
            restored = rehearse(settings, as_of, backup, show)
    _tell(restored)
    _close(restored, f"{settings.catalog_path}", done=yes)


def _tell(restored: "Restored") -> None:
    from apex_core.pipeline.restore import taken_at
    from flows.terminal import notice, print_rows

    rows = [(what, restored.before[what], rows) for what, rows in restored.after.items()]
    print_rows(("", "in the backup", "with what the store has from after it"), rows)
    if restored.backup is None:
        notice("there is no backup in the store: everything comes from the landing and the manifests")
    else:
        notice(f"backup {restored.backup}, as of {taken_at(restored.backup):%Y-%m-%d %H:%M} UTC")
    for note in restored.notes:
        notice(f"! {note}")


def _close(restored: "Restored", place: str, *, done: bool) -> None:
    from flows.terminal import notice

    options = "--yes --set-aside" if restored.aside else "--yes"
    if not done:
        notice(f"nothing was changed; {options} puts this in the place of {place}")
    else:
        notice(f"this is {place} now" + (f"; the one before lies in {restored.aside}" if restored.aside else ""))
        notice("apex nightly does the rest: finds audio again, scores, labels, predicts, publishes a snapshot")
