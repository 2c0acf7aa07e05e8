"""``apex models``: the registry, from the store; promotions and rollbacks are followed by predictions at once."""

from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from apex_core.errors import ApexError
from flows.commands.model_pages import print_dicts, print_difference, print_json, print_model, say, short

if TYPE_CHECKING:
    from apex_core.settings import Settings
    from apex_core.storage import Store


def _names(incomplete: str) -> list[str]:
    """Versions and aliases of the store, for the shell's Tab; none where they cannot be had."""
    try:
        from apex_core.pipeline.models import known_names

        return [name for name in known_names(_store()[1]) if name.startswith(incomplete)]
    except (ApexError, OSError):
        return []


_Version = Annotated[
    str, typer.Argument(help="A version, how only one begins or ends, or an alias.", autocompletion=_names)
]
_Json = Annotated[bool, typer.Option("--json", help="JSON instead of tables.")]
_Later = Annotated[bool, typer.Option("--later", help="Leave predictions and snapshot to the next nightly.")]

models = typer.Typer(
    help="List, show, compare, promote, roll back, hold, import and export models.", no_args_is_help=True
)


@models.command(name="list")
def list_(
    limit: Annotated[int, typer.Option(min=0, help="Most versions; 0: all.")] = 20, as_json: _Json = False
) -> None:
    """List versions, newest first: how they rank, what was decided about them and why, who is champion."""
    from apex_core.pipeline.models_shown import hold_in_words, list_models, standing
    from flows.terminal import notice

    _, store = _store()
    rows, now = list_models(store, limit), standing(store)
    if as_json:
        print_json({**now, "models": rows})
        return
    rows = [{**row, "reason": short(row["reason"])} for row in rows]
    shown = [{name: "" if value is None else value for name, value in row.items()} for row in rows]
    print_dicts(shown)
    if held := hold_in_words(now["hold"]):
        notice(held)
        notice("apex models hold --release lets the gate promote again")
    if now["champion"] is None:
        notice("no champion yet" if shown else "no model yet: apex nightly trains one, apex models import takes one in")


@models.command()
def show(version: _Version, as_json: _Json = False) -> None:
    """Show all there is about a version: figures, every decision with its reasons, origin, files."""
    from apex_core.pipeline.models import find_version
    from apex_core.pipeline.models_shown import show_model

    _, store = _store()
    found = show_model(store, find_version(store, version))
    if as_json:
        print_json(found)
        return
    print_model(found)


@models.command()
def diff(before: _Version, after: _Version, as_json: _Json = False) -> None:
    """Compare two versions: settings and origin that differ, test figures side by side."""
    from apex_core.pipeline.models import find_version
    from apex_core.pipeline.models_shown import compare_models

    _, store = _store()
    found = compare_models(store, find_version(store, before), find_version(store, after))
    if as_json:
        print_json(found)
        return
    print_difference(found)


@models.command()
def promote(
    version: _Version,
    reason: Annotated[str, typer.Option(help="Why; it is kept.")] = "a person's word",
    later: _Later = False,
) -> None:
    """Make a version champion by a person's word, whatever the gate said; predictions follow at once."""
    from apex_core.pipeline.models import find_version, is_held, operator
    from apex_core.pipeline.models import promote as do
    from flows.terminal import notice

    settings, store = _store()
    record = do(settings, find_version(store, version), reason, operator(settings), _now())
    say(f"champion: {record.version} (record {record.n}, by {record.set_by})")
    if is_held(store):
        notice("automatic promotion stays held; apex models hold --release ends that")
    _follow(settings, later)


@models.command()
def rollback(
    to: Annotated[
        str | None,
        typer.Option(help="An earlier champion. [default: the one before the present one]", autocompletion=_names),
    ] = None,
    reason: Annotated[str, typer.Option(help="Why; it is kept.")] = "a person's word",
    later: _Later = False,
) -> None:
    """Go back to the champion before, hold automatic promotion, and let predictions follow at once."""
    from apex_core.pipeline.models import find_version, operator, roll_back
    from flows.terminal import notice

    settings, store = _store()
    target = find_version(store, to) if to else None
    record, held = roll_back(settings, target, reason, operator(settings), _now())
    say(f"champion: {record.version} (record {record.n}, by {record.set_by})")
    notice(f"automatic promotion is held by {held.set_by} until: apex models hold --release")
    _follow(settings, later)


@models.command()
def hold(
    release: Annotated[bool, typer.Option("--release", help="Let the gate promote again.")] = False,
    reason: Annotated[str, typer.Option(help="Why; it is kept.")] = "a person's word",
    as_json: _Json = False,
) -> None:
    """Hold automatic promotion: candidates are published and judged, but only a person makes one champion."""
    from dataclasses import asdict

    from apex_core.pipeline.models import hold as do
    from apex_core.pipeline.models import operator

    settings, _ = _store()
    record = do(settings, not release, reason, operator(settings), _now())
    if as_json:
        print_json(asdict(record))
        return
    state = "held" if record.held else "released"
    say(
        f"automatic promotion is {state} (record {record.n}, by {record.set_by}, {record.set_at[:16]}): {record.reason}"
    )


@models.command(name="import")
def import_(
    source: Annotated[
        str, typer.Argument(help="best_model.pt of the authors, a folder of the hub or of apex, or a hub id.")
    ],
    encoder: Annotated[
        str | None, typer.Option(help="The encoder_id whose vectors it reads. [default: the settings' encoder]")
    ] = None,
    revision: Annotated[str | None, typer.Option(help="Of a hub id: the commit, 40 hex digits.")] = None,
    sha256: Annotated[str | None, typer.Option(help="Of the weights file; at least its first 16 digits.")] = None,
    promote: Annotated[bool, typer.Option("--promote", help="Make it champion at once.")] = False,
    reason: Annotated[str, typer.Option(help="Of --promote: why; it is kept.")] = "imported to predict",
    later: _Later = False,
) -> None:
    """Register a model from elsewhere as a version. It predicts what its authors' code predicts."""
    from apex_core.pipeline import models as moves
    from apex_core.pipeline.model_import import Wanted, import_model

    settings, _ = _store()
    by = moves.operator(settings)
    version = import_model(settings, Wanted(source, encoder, revision, sha256), by, _now())
    say(version)
    if promote:
        record = moves.promote(settings, version, reason, by, _now())
        say(f"champion: {record.version} (record {record.n}, by {record.set_by})")
        _follow(settings, later)


@models.command()
def export(
    version: _Version,
    output: Annotated[Path, typer.Option("--output", "-o", help="The file or, of format apex, the folder to write.")],
    format: Annotated[
        Literal["apex", "authors"], typer.Option(help="apex: the version's folder; authors: a best_model.pt.")
    ] = "apex",
    force: Annotated[bool, typer.Option("--force", help="Replace a file of that name.")] = False,
) -> None:
    """Write a version out: its folder for any apex or the hub, or a checkpoint that the authors' code loads."""
    from apex_core.pipeline.model_export import export_checkpoint, export_folder
    from apex_core.pipeline.models import find_version
    from flows.terminal import notice

    _, store = _store()
    found = find_version(store, version)
    if format == "authors":
        export_checkpoint(store, found, output, replace=force)
    else:
        export_folder(store, found, output)
    notice(f"{found} → {output}")


def _follow(settings: "Settings", later: bool) -> None:
    """Predict with the champion and publish a snapshot, or say who will."""
    import secrets
    from dataclasses import replace

    from apex_core.pipeline import models as moves
    from apex_core.pipeline.run import at_work, begin, end
    from flows.terminal import notice, progress

    if later or not moves.has_catalog(settings):
        where = "" if later else f": there is no catalog in {settings.home}"
        notice(f"predictions and snapshot follow with the next nightly{where}")
        return
    as_of = _now()
    run = begin(settings, "models", as_of, f"models-{as_of:%Y%m%dT%H%M%S}-{secrets.token_hex(3)}")
    try:
        with progress() as show, at_work(settings):
            followed = moves.follow(replace(run, progress=show))
    except BaseException:
        end(run, "failed", _now())
        notice("the champion is set; its predictions follow with the next nightly, or: apex models promote VERSION")
        raise
    end(run, "completed", _now())
    if followed.shown:
        notice(f"its predictions of {followed.shown:,} songs are shown, {followed.predicted:,} of them worked out now")
    else:
        notice(f"it predicts nothing: no song has vectors of {followed.encoder_id} (apex nightly makes the settings')")
    notice(f"snapshot {followed.snapshot}")


def _store() -> "tuple[Settings, Store]":
    from apex_core.settings import get_settings
    from apex_core.storage import Store

    settings = get_settings()
    return settings, Store.open(settings.store_url)


def _now() -> datetime:
    return datetime.now(UTC).replace(microsecond=0)
