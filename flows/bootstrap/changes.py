"""What became of one thing on the server, and how wanted and present are compared."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

Outcome = Literal["created", "updated", "unchanged", "removed", "left out"]


@dataclass(frozen=True, slots=True)
class Change:
    """``kind`` and ``name`` of a thing on the server, what became of it, and what of it differed, or why."""

    kind: str
    name: str
    outcome: Outcome
    detail: str = ""


def differing(wanted: Mapping[str, Any], present: Mapping[str, Any]) -> list[str]:
    """The keys of ``wanted`` whose values are others in ``present``, in the order of ``wanted``."""
    return [key for key, value in wanted.items() if present.get(key) != value]


def changed(kind: str, name: str, differs: list[str]) -> Change:
    """The change of a thing that was there already."""
    return Change(kind, name, "updated" if differs else "unchanged", ", ".join(differs))
