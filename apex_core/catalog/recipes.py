"""The cookbook: questions that analysts ask, each a file under ``sql/cookbook`` that a snapshot answers."""

from dataclasses import dataclass

from apex_core.catalog.statements import sql_root
from apex_core.errors import NotFound


@dataclass(frozen=True, slots=True)
class Recipe:
    """A file of the cookbook: its name (``01_sleepers``), the question in its first line, and all of its text."""

    file: str
    question: str
    text: str

    @property
    def name(self) -> str:
        """The file's name without its number: what ``apex cookbook`` is asked for."""
        return self.file.partition("_")[2]


def recipes() -> list[Recipe]:
    """All recipes, in order."""
    paths = sorted((sql_root() / "cookbook").glob("*.sql"))
    texts = ((path.stem, path.read_text("utf-8")) for path in paths)
    return [Recipe(file, text.splitlines()[0].removeprefix("-- "), text) for file, text in texts]


def recipe(name: str) -> Recipe:
    """The recipe of this name, with or without its number, or with a beginning that no other has.

    Raises NotFound when there is none, or more than one.
    """
    known = recipes()
    exact = [one for one in known if name in (one.name, one.file)]
    found = exact or [one for one in known if one.name.startswith(name) or one.file.startswith(name)]
    if len(found) != 1:
        which = f"no recipe {name!r}" if not found else f"more than one recipe that begins with {name!r}"
        names = ", ".join(one.name for one in found or known)
        raise NotFound(f"There is {which}.", fix=f"one of {names}")
    return found[0]
