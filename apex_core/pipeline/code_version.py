"""Which code made something: the release, and a hash of what was really installed or checked out."""

import hashlib
from functools import cache
from importlib.metadata import version
from pathlib import Path

from apex_core.catalog.statements import sql_root

_PACKAGE = Path(__file__).parents[1]


def apex_version() -> str:
    """The installed release."""
    return version("apex")


@cache
def code_version() -> str:
    """A hash (12 hex digits) of every Python and SQL file of apex_core: edited code is another one, git or not."""
    digest = hashlib.sha256()
    for root, pattern in ((_PACKAGE, "*.py"), (sql_root(), "*.sql")):
        for path in sorted(root.rglob(pattern)):
            digest.update(f"{path.relative_to(root).as_posix()}\0".encode() + path.read_bytes() + b"\0")
    return digest.hexdigest()[:12]
