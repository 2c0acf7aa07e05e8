"""What must hold in the catalog: statements in ``sql/checks`` whose rows are violations.

A file says in its first comment what a row is, then how grave that is, when it is looked at, and what the operator
does about it::

    -- One row a track ...
    -- severity: block
    -- when: ingest, snapshot
    -- needs: check/drift
    -- fix: what to do, in one sentence or two.

``warn`` goes on, ``block`` stops the flow, ``block unless accepted`` is for what may be true although it looks wrong.
``needs`` (may be left out) names statements that make the temp tables the check reads. The columns are ``what`` kind of
thing, ``which`` one and, if more is to be said, ``detail``. Bound are ``$run_id``, ``$as_of`` and the settings of
``[checks]`` by name.
"""

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from functools import cache
from itertools import takewhile
from typing import Literal, cast, get_args

from apex_core.catalog.door import Connection
from apex_core.catalog.statements import sql, sql_root
from apex_core.errors import CatalogError, CheckFailed
from apex_core.settings import ChecksSettings

Moment = Literal["ingest", "score", "train", "snapshot"]
Severity = Literal["warn", "block", "block unless accepted"]
Verdict = Literal["passed", "warned", "blocked", "accepted"]
Violation = tuple[str, ...]
"""what, which and, where a check says it, detail."""

MOMENTS: tuple[Moment, ...] = get_args(Moment)
_SEVERITIES: tuple[Severity, ...] = get_args(Severity)
_HEADER = re.compile(
    r"(?P<rule>(?:-- (?!(?:severity|when|needs|fix):)\S.*\n)+)"
    r"-- severity: (?P<severity>.+)\n"
    r"-- when: (?P<when>.+)\n"
    r"(?:-- needs: (?P<needs>.+)\n)?"
    r"-- fix: (?P<fix>.+\n(?:--   \S.*\n)*)"
)
# Statements that make temp tables for checks to read.
_NEEDS = ("check/coverage", "check/drift", "check/new_rejects", "train/create_groups")
_COLUMNS = (["what", "which"], ["what", "which", "detail"])
_PARAMETER = re.compile(r"\$(\w+)")
_BOUND = frozenset({"run_id", "as_of", *ChecksSettings.model_fields})
_SHOWN = 5
_BATCH = 10_000


@dataclass(frozen=True, slots=True)
class Check:
    """One file of ``sql/checks``."""

    name: str
    rule: str
    severity: Severity
    moments: tuple[Moment, ...]
    needs: tuple[str, ...]
    fix: str
    statement: str

    @property
    def acceptable(self) -> bool:
        return self.severity == "block unless accepted"


@dataclass(frozen=True, slots=True)
class Given:
    """What checks are asked about: a run, its moment, and the thresholds."""

    run_id: str
    as_of: datetime
    limits: ChecksSettings

    @property
    def bound(self) -> dict[str, object]:
        return {"run_id": self.run_id, "as_of": self.as_of, **self.limits.model_dump()}


@dataclass(frozen=True, slots=True)
class Found:
    """What a check found: how many rows, and the first few as one line each."""

    check: Check
    violations: int
    first: tuple[str, ...]

    def verdict(self, accepted: Iterable[str] = ()) -> Verdict:
        if not self.violations:
            return "passed"
        if self.check.severity == "warn":
            return "warned"
        return "accepted" if self.check.acceptable and self.check.name in accepted else "blocked"

    def __str__(self) -> str:
        return f"{self.check.name}: {self.violations} ({'; '.join(self.first)})"


@cache
def all_checks() -> tuple[Check, ...]:
    """Every check, in the order of names; raises CatalogError for a file whose header is not as above."""
    return tuple(
        parse_check(path.stem, path.read_text("utf-8")) for path in sorted((sql_root() / "checks").glob("*.sql"))
    )


def parse_check(name: str, text: str) -> Check:
    """Read a check file strictly; raises CatalogError saying what is wrong with it."""
    header = "".join(takewhile(lambda line: line.startswith("--"), text.splitlines(keepends=True)))
    match = _HEADER.fullmatch(header)
    if match is None:
        raise _wrong(name, "the first comment does not say its rule, severity, when and fix, in this order")
    severity, when = match["severity"], match["when"].split(", ")
    if severity not in _SEVERITIES:
        raise _wrong(name, f"severity {severity!r} is none of {', '.join(_SEVERITIES)}")
    if when != [moment for moment in MOMENTS if moment in when]:
        raise _wrong(name, f"when {match['when']!r} is not some of {', '.join(MOMENTS)}, in this order")
    needs = tuple(match["needs"].split(", ")) if match["needs"] else ()
    if not set(needs) <= set(_NEEDS):
        raise _wrong(name, f"needs {match['needs']!r} is not some of {', '.join(_NEEDS)}")
    statement = text[len(header) :]
    unknown = sorted(set(_PARAMETER.findall(statement)) - _BOUND)
    if unknown:
        raise _wrong(name, f"nothing is bound as {', '.join(unknown)}")
    if not statement.strip():
        raise _wrong(name, "there is no statement")
    moments = cast(tuple[Moment, ...], tuple(when))
    return Check(name, _joined(match["rule"]), severity, moments, needs, _joined(match["fix"]), statement)


def _joined(comment: str) -> str:
    return " ".join(line.removeprefix("--").strip() for line in comment.splitlines())


def _wrong(name: str, what: str) -> CatalogError:
    return CatalogError(f"Check {name!r}: {what}.", fix="apex_core/catalog/checks.py says what a check looks like")


def checks_at(moment: Moment | None) -> tuple[Check, ...]:
    """The checks of a moment; None: all."""
    return tuple(check for check in all_checks() if moment is None or moment in check.moments)


def violations(connection: Connection, check: Check, given: Given, prepared: set[str]) -> Iterator[Violation]:
    """Every violation of a check. ``prepared``: what was made for checks before it, on this connection."""
    for statement in check.needs:
        if statement not in prepared:
            text = sql(statement)
            connection.execute(text, _used(text, given.bound))
            prepared.add(statement)
    connection.execute(check.statement, _used(check.statement, given.bound))
    columns = [str(column[0]) for column in connection.description or ()]
    if columns not in _COLUMNS:
        raise _wrong(check.name, f"the columns are {', '.join(columns)}, not what, which and maybe detail")
    while batch := connection.fetchmany(_BATCH):
        yield from (tuple(map(str, row)) for row in batch)


def _used(text: str, bound: Mapping[str, object]) -> dict[str, object]:
    wanted = set(_PARAMETER.findall(text))
    return {name: value for name, value in bound.items() if name in wanted}


def run_checks(connection: Connection, checks: Iterable[Check], given: Given) -> list[Found]:
    """Run checks; a row each, also of those that found nothing."""
    prepared, found = set[str](), list[Found]()
    for check in checks:
        count, first = 0, list[str]()
        for row in violations(connection, check, given, prepared):
            count += 1
            if len(first) < _SHOWN:
                first.append(line_of(row))
        found.append(Found(check, count, tuple(first)))
    return found


def line_of(row: Violation) -> str:
    """A violation as one line."""
    return f"{row[0]} {row[1]}" + (f": {row[2]}" if len(row) > 2 else "")


def newest_given(connection: Connection, limits: ChecksSettings) -> Given | None:
    """The catalog as its newest run left it; None before the first run."""
    row = connection.execute(sql("check/newest_run")).fetchone()
    return Given(str(row[0]), cast(datetime, row[1]), limits) if row else None


def require_checks(connection: Connection, limits: ChecksSettings | None = None) -> None:
    """Run every check as of the newest run; raise CheckFailed when a blocking one found something."""
    given = newest_given(connection, limits or ChecksSettings())
    if given is not None:
        refuse([found for found in run_checks(connection, all_checks(), given) if found.verdict() == "blocked"])


def refuse(blocked: list[Found], when: str = "") -> None:
    """Raise CheckFailed, naming checks, counts, the first offenders and what to do, when there is any."""
    if not blocked:
        return
    described = "; ".join(map(str, blocked))
    fixes = " ".join(dict.fromkeys(f"{found.check.name}: {found.check.fix}" for found in blocked))
    raise CheckFailed(
        f"The catalog breaks its own rules{when}, so nothing of it is published: {described}.",
        fix=f"{fixes} `apex check NAME` lists all.",
    )
