"""The checks of ``sql/checks`` between the stages: what was found is kept, and what blocks stops the run.

What has moved since "before" is measured against the last run whose catalog passed every check before its snapshot
(table ``publication``), never against one that was blocked: the night after would otherwise take its faults for normal.
"""

from collections.abc import Generator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from apex_core.catalog import Connection, connect, sql, transaction
from apex_core.catalog.checks import (
    Found,
    Given,
    Moment,
    all_checks,
    checks_at,
    newest_given,
    refuse,
    run_checks,
    violations,
)
from apex_core.errors import ApexError, NotFound
from apex_core.pipeline.run import Run, StageReport
from apex_core.settings import Settings

_WHEN: dict[Moment, str] = {
    "ingest": " after ingest",
    "score": " after scoring",
    "train": " after training",
    "snapshot": " before its snapshot",
}


@dataclass(frozen=True, slots=True)
class Acceptance:
    """The blocking checks that somebody lets pass in this one run, and why."""

    checks: tuple[str, ...] = ()
    because: str = ""


NOTHING = Acceptance()


def accept(names: Sequence[str], because: str) -> Acceptance:
    """What an operator accepts; raises ApexError for a check that is unknown or no matter of opinion, or no reason."""
    acceptable = sorted(check.name for check in all_checks() if check.acceptable)
    for name in names:
        if name not in acceptable:
            raise ApexError(f"{name!r} is no check that can be accepted.", fix=f"one of {', '.join(acceptable)}")
    if names and not because.strip():
        raise ApexError(f"{', '.join(names)} cannot be accepted without a reason.", fix="say why: it is kept")
    return Acceptance(tuple(dict.fromkeys(names)), because.strip())


def run_moment(run: Run, moment: Moment, accepted: Acceptance = NOTHING) -> StageReport:
    """Run the checks of a moment and keep what they found; raises CheckFailed, after that, when one blocks."""
    with run.catalog(f"check {moment}") as connection:
        return examine(connection, run, moment, accepted)


def examine(connection: Connection, run: Run, moment: Moment, accepted: Acceptance = NOTHING) -> StageReport:
    """As ``run_moment``, within the caller's unit of work, which must be in no transaction."""
    limits = run.settings.checks
    found = run_checks(connection, checks_at(moment), Given(run.run_id, run.as_of, limits))
    key: dict[str, object] = {"run_id": run.run_id, "moment": moment, "as_of": run.as_of}
    with transaction(connection):
        connection.execute(sql("check/delete_results"), {**key, "keep_days": limits.keep_days})
        for one in found:
            connection.execute(sql("check/insert_result"), {**key, **_row(one, accepted)})
    refuse([one for one in found if one.verdict(accepted.checks) == "blocked"], _WHEN[moment])
    return _report(moment, found, accepted)


def _row(found: Found, accepted: Acceptance) -> dict[str, object]:
    verdict = found.verdict(accepted.checks)
    return {
        "check_name": found.check.name,
        "severity": found.check.severity,
        "verdict": verdict,
        "violations": found.violations,
        "first": list(found.first),
        "because": accepted.because if verdict == "accepted" else None,
    }


def mark_published(connection: Connection, run: Run) -> None:
    """Let later runs be compared with the catalog as it stands; call it when the checks before a snapshot passed."""
    key: dict[str, object] = {"run_id": run.run_id, "as_of": run.as_of}
    connection.execute(sql("check/coverage"))
    with transaction(connection):
        connection.execute(sql("check/delete_publication"), {**key, "keep_days": run.settings.checks.keep_days})
        connection.execute(sql("check/insert_publication"), key)


def _report(moment: Moment, found: Sequence[Found], accepted: Acceptance) -> StageReport:
    """How many checks were run; what they found and does not stop the run is the note."""
    told = [(one.verdict(accepted.checks), one) for one in found]
    counts = {"checks": len(found), "warnings": 0, "accepted": 0}
    for verdict, _ in told:
        counts["warnings"] += verdict == "warned"
        counts["accepted"] += verdict == "accepted"
    note = "; ".join(f"{verdict}: {one}" for verdict, one in told if one.violations)
    return StageReport(f"check {moment}", {name: float(count) for name, count in counts.items()}, note)


def results_of(settings: Settings, run_id: str) -> list[dict[str, Any]]:
    """What the checks of a run found so far, the gravest first; ``fix`` is what to do about it."""
    with connect(settings, f"{run_id}: results of checks") as connection:
        result = connection.execute(sql("check/results_of_run"), {"run_id": run_id})
        names = [str(column[0]) for column in result.description or ()]
        rows = [dict(zip(names, row, strict=True)) for row in result.fetchall()]
    fixes = {check.name: check.fix for check in all_checks()}
    return [{**row, "fix": fixes.get(row["check_name"], "")} for row in rows]


@dataclass(frozen=True, slots=True)
class Look:
    """The live catalog held against checks: as of which run, what was found, and every violation of one check."""

    run_id: str
    found: tuple[Found, ...]
    offenders: tuple[tuple[str, ...], ...] = ()


def look(settings: Settings) -> Look:
    """Run every check on the live catalog as its newest run left it; writes nothing.

    Raises NotFound where there is no catalog or no run yet, Locked while somebody else is at it for too long.
    """
    with _opened(settings) as (connection, given):
        return Look(given.run_id, tuple(run_checks(connection, all_checks(), given)))


def look_closely(settings: Settings, name: str) -> Look:
    """As ``look``, at one check, with all that violates it. Raises NotFound for a check that there is not."""
    checks = [check for check in all_checks() if check.name == name]
    if not checks:
        raise NotFound(f"There is no check {name!r}.", fix="apex check lists them")
    with _opened(settings) as (connection, given):
        rows = tuple(violations(connection, checks[0], given, set()))
    return Look(given.run_id, (Found(checks[0], len(rows), ()),), rows)


@contextmanager
def _opened(settings: Settings) -> Generator[tuple[Connection, Given]]:
    if not settings.catalog_path.exists():
        raise NotFound(f"There is no catalog in {settings.home}.", fix="apex nightly makes one")
    with connect(settings, "apex check") as connection:
        given = newest_given(connection, settings.checks)
        if given is None:
            raise NotFound("No run has begun in this catalog yet.", fix="apex nightly is one")
        yield connection, given
