"""The tree in the docstring is the tree; every error survives the way from a worker to its parent."""

import copy
import inspect
import pickle
import re

import pytest

from apex_core import errors
from apex_core.errors import ApexError

CLASSES = [cls for _, cls in inspect.getmembers(errors, inspect.isclass) if cls.__module__ == errors.__name__]


def drawn() -> dict[str, str]:
    """Child to parent, read off the drawing."""
    parents: dict[str, str] = {}
    path: list[str] = []
    for indent, name in re.findall(r"^    ([│├└─ ]*)([A-Z]\w+)", errors.__doc__ or "", re.MULTILINE):
        depth = len(indent) // 4
        path[depth:] = [name]
        if depth:
            parents[name] = path[depth - 1]
    return parents


def test_the_drawing_is_the_tree() -> None:
    assert drawn() == {cls.__name__: cls.__base__.__name__ for cls in CLASSES if cls is not ApexError and cls.__base__}


def test_everything_a_user_may_meet_has_one_root() -> None:
    assert all(issubclass(cls, ApexError) for cls in CLASSES)


@pytest.mark.parametrize("cls", CLASSES)
@pytest.mark.parametrize("fix", [None, "apex doctor"])
def test_an_error_survives_pickling(cls: type[ApexError], fix: str | None) -> None:
    error = cls("what happened to which one", fix=fix)
    for again in (pickle.loads(pickle.dumps(error)), copy.copy(error)):
        assert type(again) is cls
        assert (again.message, again.fix, str(again)) == (error.message, fix, str(error))


def test_what_an_error_carries_besides_survives_too() -> None:
    again = pickle.loads(pickle.dumps(errors.NonFiniteOutput("two are bad", fix="look", segments=(1, 5))))
    assert (again.message, again.fix, again.segments) == ("two are bad", "look", (1, 5))


def test_the_fix_is_shown_after_the_message() -> None:
    assert str(ApexError("what", fix="do this")) == "what\n  → do this"
    assert str(ApexError("what")) == "what"
