"""Stage 5: aesthetic labels, from SongEval result files."""

from typing import Any

from apex_core.aesthetics import DIMENSIONS, Label, read_results
from apex_core.catalog import Connection, sql, transaction
from apex_core.pipeline.frames import LABEL, REJECT, frame
from apex_core.pipeline.run import Run, StageReport

Row = dict[str, Any]


def run_label(run: Run) -> StageReport:
    """Import labels; an entry that fits no track, or several, becomes a reject."""
    labels = read_results(run.settings.aesthetics.files)
    if not labels:
        return StageReport("label", {"labels": 0, "changed": 0, "rejected": 0}, "no label files")
    usable = [label for label in labels if label.reason is None]
    rejects = [_reject(run, label.name, label.reason, label.payload) for label in labels if label.reason]
    with run.catalog("label") as connection, transaction(connection):
        changed = _merge(connection, run, usable)
        rejects += [_reject(run, *row) for row in connection.execute(sql("label/rejected")).fetchall()]
        _keep_rejects(connection, run, rejects)
    return StageReport("label", {"labels": len(labels), "changed": changed, "rejected": len(rejects)})


def _merge(connection: Connection, run: Run, labels: list[Label]) -> int:
    rows = [
        {"name": label.name, "payload": label.payload, **dict(zip(DIMENSIONS, label.values, strict=True))}
        for label in labels
    ]
    connection.register("incoming_label", frame(LABEL, rows).to_arrow())
    connection.execute(sql("label/match"))
    connection.unregister("incoming_label")
    connection.execute(sql("label/changed"), {"labeller": run.settings.aesthetics.labeller})
    connection.execute(sql("label/delete_changed"))
    inserted = connection.execute(sql("label/insert_changed"), {"as_of": run.as_of}).fetchone()
    return int(inserted[0]) if inserted else 0


def _source(run: Run) -> str:
    return f"labels:{run.settings.aesthetics.labeller}"


def _reject(run: Run, name: str, reason: str | None, payload: str) -> Row:
    key = {"source": _source(run), "reject_key": name, "reason": reason, "stage": "label"}
    return {**key, "payload": payload, "first_seen": run.as_of, "last_seen": run.as_of}


def _keep_rejects(connection: Connection, run: Run, rejects: list[Row]) -> None:
    unique = list({(row["reject_key"], row["reason"]): row for row in rejects}.values())
    connection.register("incoming_reject", frame(REJECT, unique).to_arrow())
    connection.execute(sql("reject/merge", incoming="incoming_reject"))
    connection.execute(sql("label/resolve_rejects"), {"as_of": run.as_of, "source": _source(run)})
    connection.unregister("incoming_reject")
