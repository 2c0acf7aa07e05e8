"""What must hold in the catalog: statements in ``sql/checks`` whose rows are violations."""

from dataclasses import dataclass

from apex_core.catalog.door import Connection
from apex_core.catalog.statements import sql_root
from apex_core.errors import CheckFailed

_SHOWN = 3


@dataclass(frozen=True, slots=True)
class Violations:
    """A check that found something: how many rows, and the first few as ``what which``."""

    check: str
    rows: int
    first: tuple[str, ...]


def run_checks(connection: Connection) -> list[Violations]:
    """Run every check; those that found nothing are not in the answer."""
    found: list[Violations] = []
    for path in sorted((sql_root() / "checks").glob("*.sql")):
        rows = connection.execute(path.read_text("utf-8")).fetchall()
        if rows:
            found.append(Violations(path.stem, len(rows), tuple(f"{what} {which}" for what, which in rows[:_SHOWN])))
    return found


def require_checks(connection: Connection) -> None:
    """Raise CheckFailed, naming checks, counts and the first offenders, when any check found something."""
    found = run_checks(connection)
    if found:
        described = "; ".join(f"{v.check}: {v.rows} ({', '.join(v.first)})" for v in found)
        raise CheckFailed(
            f"The catalog breaks its own rules, so nothing of it is published: {described}.",
            fix="put the newest good backups/<stamp>/catalog.duckdb of the store in the catalog's place",
        )
