"""Stage 5: aesthetic labels, from SongEval result files of one or several labellers."""

from collections.abc import Iterable, Iterator
from itertools import islice
from typing import Any

import polars as pl

from apex_core.aesthetics import DIMENSIONS, Label, read_results
from apex_core.catalog import Connection, sql, transaction
from apex_core.errors import ContractViolation
from apex_core.pipeline.frames import LABEL, REJECT, execute_with, frame
from apex_core.pipeline.run import Run, StageReport

Row = dict[str, Any]

# What becomes of an entry: in = the sum of these.
_OUTCOMES = ("new", "updated", "unchanged", "duplicate", "forgotten", "rejected")
_AT_ONCE = 50_000


def run_label(run: Run) -> StageReport:
    """Import labels; an entry that fits no track, several, or contradicts another one becomes a reject.

    What is refused changes nothing: a label that was imported before stays. Raises ContractViolation when entries in
    are not entries out.
    """
    usable, refused = _read(run)
    with run.catalog("label") as connection, transaction(connection):
        execute_with(connection, "incoming_label", usable, "label/match", "label/judge", "label/said")
        outcomes = dict(connection.execute(sql("label/outcomes")).fetchall())
        rejects = [_reject(run, *row) for row in connection.execute(sql("label/rejected")).fetchall()]
        connection.execute(sql("label/delete_changed"))
        connection.execute(sql("label/insert_changed"), {"as_of": run.as_of})
        _keep_rejects(connection, run, [*rejects, *refused])
        covered = connection.execute(sql("label/covered")).fetchall()
    counts = {name: outcomes.get(name, 0) for name in _OUTCOMES}
    counts["rejected"] += len(refused)
    entries = usable.height + len(refused)
    if sum(counts.values()) != entries:
        raise ContractViolation(f"{entries} label entries in, {sum(counts.values())} out: {counts}.")
    note = "; ".join(f"{labeller}: {tracks:,} of {of:,} eligible tracks" for labeller, tracks, of in covered)
    return StageReport("label", {"labels": entries, **counts}, note or "no labels")


def _read(run: Run) -> tuple[pl.DataFrame, list[Row]]:
    """The entries that can be used, and rejects of those that cannot."""
    parts, refused = [frame(LABEL, [])], list[Row]()
    for labeller, files in run.settings.aesthetics.by_labeller.items():
        labels = read_results(files)
        while some := list(islice(labels, _AT_ONCE)):
            parts.append(frame(LABEL, list(_rows(labeller, some))))
            refused += [_reject(run, labeller, x.name, x.reason, x.payload) for x in some if x.reason]
    return pl.concat(parts).with_row_index("entry"), refused


def _rows(labeller: str, labels: Iterable[Label]) -> Iterator[Row]:
    for label in labels:
        if label.reason is None:
            yield {"labeller": labeller, "name": label.name, **dict(zip(DIMENSIONS, label.values, strict=True))}


def _reject(run: Run, labeller: str, name: str, reason: str | None, payload: str | None) -> Row:
    key = {"source": f"labels:{labeller}", "reject_key": name, "reason": reason, "stage": "label"}
    return {**key, "payload": payload, "first_seen": run.as_of, "last_seen": run.as_of}


def _keep_rejects(connection: Connection, run: Run, rejects: list[Row]) -> None:
    unique = list({(row["source"], row["reject_key"], row["reason"]): row for row in rejects}.values())
    connection.register("incoming_reject", frame(REJECT, unique).to_arrow())
    connection.execute(sql("reject/merge", incoming="incoming_reject"))
    connection.execute(sql("label/resolve_rejects"), {"as_of": run.as_of})
    connection.unregister("incoming_reject")
