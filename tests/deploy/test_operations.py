"""What the operations page tells people to type and to set is there."""

import contextlib
import re
import shlex
from collections.abc import Iterator
from importlib import import_module
from pathlib import Path
from typing import Any

import pytest
import typer.main

from apex_core.settings import Settings
from flows.cli import app

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "deploy" / "operations.md").read_text("utf-8")
_INLINE = re.compile(r"`((?:apex|prefect) [^`]+)`")
_SETTING = re.compile(r"`(APEX_[A-Z0-9_]+)`")
# What the commands that are typed leave to the reader.
_NAMES = {"STAGE": "audio", "ID": "suno/1", "…": "x", "VERSION": "v20261101-00000000", "STAMP": "20261101T000000Z-0"}
# Read by `apex bootstrap`, and where the catalog and store are told to shells.
_OTHERS = {"APEX_ALERT_WEBHOOK", "APEX_ALERT_MAIL"}


def commands() -> Iterator[str]:
    """Every command on the page, without its comment."""
    for block in re.findall(r"```console\n(.*?)```", PAGE, flags=re.S):
        yield from (line.split("  #")[0].strip() for line in block.splitlines() if line.strip())
    yield from _INLINE.findall(PAGE)


def typed(program: str) -> list[list[str]]:
    found = sorted({command for command in commands() if command.startswith(f"{program} ")})
    return [[_NAMES.get(part, part) for part in shlex.split(command)] for command in found]


def _understood(command: Any, words: list[str]) -> None:
    """Have the words read by the command they name, as far as running it; raises click's UsageError."""
    context = command.context_class(command, info_name="apex")
    while hasattr(command, "resolve_command"):
        name, command, words = command.resolve_command(context, words)
        context = command.make_context(name, list(words), parent=context)


@pytest.mark.parametrize("words", typed("apex"), ids=" ".join)
def test_every_command_of_ours_is_one(words: list[str]) -> None:
    # A bare name in running text is mentioned, not typed.
    arguments = ["--help"] if len(words) == 2 else words[2:]
    with pytest.raises(typer.Exit) if "--help" in arguments else contextlib.nullcontext():
        _understood(typer.main.get_command(app), [words[1], *arguments])


def test_every_command_of_prefects_is_one() -> None:
    prefect: Any = vars(import_module("prefect.cli._app"))["_app"]
    found = typed("prefect")
    assert len(found) > 3
    for words in found:
        words = [word.replace("suno/1", "00000000-0000-4000-8000-000000000000") for word in words]
        _, bound, ignored = prefect.parse_args(words[1:], exit_on_error=False, print_error=False)
        assert (bool(bound.arguments), ignored) == (True, {}), words


def test_a_slip_would_be_seen() -> None:
    for wrong in (["restor"], ["restore", "--yess"], ["models", "hold", "--releese"]):
        with pytest.raises(Exception, match=r"No such (command|option)"):
            _understood(typer.main.get_command(app), wrong)


def test_every_setting_is_one() -> None:
    found = set(_SETTING.findall(PAGE)) - _OTHERS
    assert len(found) > 12
    for name in found:
        model: Any = Settings
        for part in name.removeprefix("APEX_").lower().split("__"):
            field = model.model_fields[part]
            model = field.annotation


@pytest.mark.parametrize("name", sorted(set(re.findall(r"\]\(([^)#]+)\)", PAGE))))
def test_every_page_that_is_linked_is_there(name: str) -> None:
    assert (ROOT / "deploy" / name).is_file()
