"""``apex forget``: remove tracks or a creator for good; without ``--yes`` it shows what that would remove."""

import json
import secrets
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Annotated, Any, Literal

import typer

if TYPE_CHECKING:
    from apex_core.pipeline.forget_plan import Request
    from apex_core.settings import Settings


def forget(
    platform: Annotated[Literal["suno", "udio"], typer.Option(help="Whose ids they are: both may have the same one.")],
    track: Annotated[list[str] | None, typer.Option(help="A track's id; may be given several times.")] = None,
    creator: Annotated[
        list[str] | None, typer.Option(help="A creator's id: all their tracks, and those that come later.")
    ] = None,
    yes: Annotated[bool, typer.Option("--yes", help="Remove. Without it nothing is changed.")] = False,
) -> None:
    """Forget tracks or creators: remove every trace, write a receipt, and never take them in again."""
    if bool(track) == bool(creator):
        raise typer.BadParameter("give --track or --creator, one of them, as often as needed")
    from apex_core.pipeline.forget_plan import Request
    from apex_core.settings import get_settings

    request = Request(platform, "track" if track else "creator", tuple(dict.fromkeys(track or creator or ())))
    settings = get_settings()
    if yes:
        _forget(settings, request)
    else:
        _show_plan(settings, request)


def _show_plan(settings: "Settings", request: "Request") -> None:
    from apex_core.pipeline.forget_plan import entries, plan_forget
    from flows.terminal import notice, out, print_rows

    plan = plan_forget(settings, request)
    rows = entries(plan)
    if rows:
        print_rows(("place", "what", "number"), rows)
    else:
        out().print("Nothing of it is left.")
    for stays in plan["remains"]:
        notice(f"stays: {stays['what']}: {stays['why']}{_where(stays)}")
    notice("nothing was changed; --yes removes it")


def _where(stays: dict[str, Any]) -> str:
    places = stays.get("where", [stays["tracks"]] if "tracks" in stays else [])
    return f" ({', '.join(map(str, places))})" if places else ""


def _forget(settings: "Settings", request: "Request") -> None:
    from dataclasses import replace

    from apex_core.pipeline.forget import run_forget
    from apex_core.pipeline.forget_plan import known
    from apex_core.pipeline.run import begin, end
    from flows.terminal import notice, out, progress

    known(settings, request)  # before a run is registered: a slip of the pen leaves nothing behind
    as_of = datetime.now(UTC)
    run = begin(settings, "forget", as_of, f"forget-{as_of:%Y%m%dT%H%M%S}-{secrets.token_hex(3)}")
    try:
        with progress() as show:
            receipts = run_forget(replace(run, progress=show), request)
    except BaseException:
        end(run, "failed", datetime.now(UTC))
        raise
    end(run, "completed", datetime.now(UTC))
    for receipt in receipts:
        out().print(json.dumps(receipt, indent=1, ensure_ascii=False), soft_wrap=True)
        notice(f"receipt: {settings.store_url}/{receipt['receipt']}")
    if not receipts:
        notice("forgotten before, and nothing of it has turned up since")
