"""Automations, and the blocks with secrets that they call."""

import os
import re
from typing import TYPE_CHECKING, Any

from prefect.events.schemas.automations import Automation, AutomationCore
from pydantic import ValidationError

from apex_core.errors import SettingsError
from flows.bootstrap.changes import Change, changed, differing
from flows.bootstrap.files import OURS, Automations, Block

if TYPE_CHECKING:
    from prefect.client.orchestration import SyncPrefectClient

# Prefect's own templates, in bodies of notifications, have double braces.
_PLACE = re.compile(r"\$\{(deployment|block|env):([^}]+)\}")


class _Unset(Exception):
    """Something that only exists on request was not asked for; the message says by which variable."""


def apply_automations(
    client: "SyncPrefectClient", automations: Automations, deployments: dict[str, str]
) -> list[Change]:
    """Save the blocks whose variables are set, and the automations whose blocks there are.

    An automation whose block nobody asked for is left out; one that is there already is left as it is, since the
    variable may only be missing where bootstrap is run now. Whether one is switched on is not touched.
    """
    changes: list[Change] = []
    known: dict[tuple[str, str], str] = {("deployment", name): id for name, id in deployments.items()}
    lacking: dict[str, str] = {}
    for block in automations.blocks:
        try:
            change, known["block", block.name] = _block(client, block)
            changes.append(change)
        except _Unset as unset:
            lacking[block.name] = str(unset)
            changes.append(Change("block", block.name, "left out", str(unset)))
    present = {automation.name: automation for automation in reversed(client.read_automations())}
    for entry in automations.automations:
        changes.append(_automation(client, entry, known, lacking, present))
    return changes


def _automation(
    client: "SyncPrefectClient",
    entry: dict[str, Any],
    known: dict[tuple[str, str], str],
    lacking: dict[str, str],
    present: dict[str, Automation],
) -> Change:
    name = str(entry.get("name"))
    try:
        wanted = _core(name, _filled(entry, known, lacking))
    except _Unset as unset:
        return Change("automation", name, "left out", str(unset))
    there = present.get(name)
    if there is None:
        client.create_automation(wanted)
        return Change("automation", name, "created")
    differs = differing(_comparable(wanted), _comparable(there))
    if differs:
        client.update_automation(there.id, wanted.model_copy(update={"enabled": there.enabled}))
    return changed("automation", name, differs)


def _core(name: str, values: dict[str, Any]) -> AutomationCore:
    if not name.startswith(f"{OURS}-"):
        raise SettingsError(
            f"The automation {name!r} is not called apex-….", fix="name it so: that is how ours are known"
        )
    try:
        return AutomationCore.model_validate({"tags": [OURS], **values})
    except ValidationError as error:
        faults = "; ".join(f"{'.'.join(map(str, e['loc']))}: {e['msg']}" for e in error.errors())
        raise SettingsError(f"The automation {name}: {faults}", fix="mend automations.yaml") from error


def _comparable(automation: AutomationCore) -> dict[str, Any]:
    # Not as JSON: what an automation expects is a set.
    return automation.model_dump(include=set(AutomationCore.model_fields) - {"enabled", "owner_resource"})


def _filled(value: Any, known: dict[tuple[str, str], str], lacking: dict[str, str]) -> Any:  # noqa: ANN401  any YAML
    """``value`` with ids in the place of names."""
    if isinstance(value, dict):
        return {key: _filled(inner, known, lacking) for key, inner in value.items()}
    if isinstance(value, list):
        return [_filled(inner, known, lacking) for inner in value]
    if isinstance(value, str):
        return _PLACE.sub(lambda place: _found(place, known, lacking), value)
    return value


def _found(place: re.Match[str], known: dict[tuple[str, str], str], lacking: dict[str, str]) -> str:
    kind, name = place.groups()
    if kind == "env":
        if not os.environ.get(name):
            raise _Unset(f"{name} is not set")
        return os.environ[name]
    if name in lacking and kind == "block":
        raise _Unset(lacking[name])
    if (kind, name) not in known:
        raise SettingsError(f"There is no {kind} {name}, which automations.yaml names.", fix="mend it")
    return known[kind, name]


def _block(client: "SyncPrefectClient", block: Block) -> tuple[Change, str]:
    """Save the block when it differs; its id."""
    from prefect.blocks.core import Block as PrefectBlock
    from prefect.exceptions import ObjectNotFound
    from prefect.utilities.importtools import from_qualified_name

    kind: type[PrefectBlock] = from_qualified_name(block.type)
    wanted = kind(**_filled(block.values, {}, {}))
    try:
        present = client.read_block_document_by_name(block.name, kind.get_block_type_slug(), include_secrets=True)
    except ObjectNotFound:
        return Change("block", block.name, "created"), str(wanted.save(block.name))
    there = kind(**present.data)
    differs = [field for field in kind.model_fields if getattr(wanted, field) != getattr(there, field)]
    if differs:
        wanted.save(block.name, overwrite=True)
    return changed("block", block.name, differs), str(present.id)


def prune_automations(client: "SyncPrefectClient", automations: Automations) -> list[Change]:
    """Remove automations of ours that the file does not name, and all but one of a name: names are not unique."""
    named = {str(entry.get("name")) for entry in automations.automations}
    seen: set[str] = set()
    removed: list[Change] = []
    for automation in reversed(client.read_automations()):
        ours = automation.name.startswith(f"{OURS}-")
        if ours and (automation.name not in named or automation.name in seen):
            client.delete_automation(automation.id)
            removed.append(Change("automation", automation.name, "removed"))
        seen.add(automation.name)
    return removed
