"""SQL by name. The text lives in ``sql/`` of the project, or inside the installed package."""

import re
from functools import cache
from pathlib import Path

from apex_core.errors import CatalogError

_PACKAGED = Path(__file__).parent.parent / "_sql"
_SOURCE = Path(__file__).parents[2] / "sql"
_IDENTIFIER = re.compile(r'"[A-Za-z_][A-Za-z0-9_]*"|[A-Za-z_][A-Za-z0-9_]*(?:\.[A-Za-z_][A-Za-z0-9_]*)?')
_PLACEHOLDER = re.compile(r"\{\{(\w+)\}\}")


def sql_root() -> Path:
    """The folder with ``migrations``, ``statements``, ``views``, ``checks`` and ``cookbook``."""
    return _PACKAGED if _PACKAGED.is_dir() else _SOURCE


@cache
def _text(name: str) -> str:
    path = sql_root() / "statements" / f"{name}.sql"
    if not path.is_file():
        raise CatalogError(f"There is no statement {name!r} under {sql_root()}.")
    return path.read_text(encoding="utf-8")


def sql(name: str, **names: str | Path) -> str:
    """The text of ``statements/<name>.sql`` with its ``{{placeholders}}`` filled in.

    A placeholder takes an identifier (``table``, ``schema.table``, ``"quoted"``), a list of them joined by ``", "``, or
    a Path, which becomes a quoted literal. Anything else is refused; values are bound as ``$name`` by the caller.
    """
    text = _text(name)
    wanted = set(_PLACEHOLDER.findall(text))
    if wanted != set(names):
        raise CatalogError(f"Statement {name!r} takes {sorted(wanted)}, got {sorted(names)}.")
    return _PLACEHOLDER.sub(lambda match: _checked(name, names[match[1]]), text)


def _checked(statement: str, value: str | Path) -> str:
    if isinstance(value, Path):
        text = str(value)
        if not text.isprintable():
            raise CatalogError(f"Statement {statement!r}: a path with control characters is refused.")
        return "'" + text.replace("'", "''") + "'"
    if not all(_IDENTIFIER.fullmatch(part) for part in value.split(", ")):
        raise CatalogError(f"Statement {statement!r}: {value!r} is not an identifier.")
    return value
