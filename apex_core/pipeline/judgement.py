"""The judgement on a candidate: compare, decide, write the decision down, then set the alias.

In that order: a run that is cut short comes to the same decision again, finds it written, and sets the alias.
"""

import logging
from dataclasses import replace

from apex_core.errors import AlreadyExists
from apex_core.pipeline import training_set as sets
from apex_core.pipeline.rescoring import learnt_from, rescore
from apex_core.pipeline.run import Run
from apex_core.pipeline.train import Candidate
from apex_core.registry import (
    CHAMPION,
    AliasRecord,
    Artifact,
    Contest,
    Decision,
    gate,
    load_artifact,
    newest_decision,
    record_decision,
    resolve_alias,
    resolve_hold,
    set_alias,
)
from apex_core.registry.gate import TargetMetrics
from apex_core.settings import PromotionSettings

_log = logging.getLogger("apex_core.pipeline")

_TRIES = 3


def judge(run: Run, candidate: Candidate, version: str) -> Decision:
    """Decide about a published version; a promotion is a new alias record.

    When another publisher sets the alias meanwhile, the candidate is compared with that one's champion instead, and the
    reasons say so. Raises AlreadyExists when that happens again and again.
    """
    remarks: tuple[str, ...] = ()
    for _ in range(_TRIES):
        champion = resolve_alias(run.store, CHAMPION)
        if champion is not None and champion.version == version:
            return _standing(run, champion)
        contest = _contest(run, candidate, champion, remarks)
        # Asked last: comparing takes its time, and a hold that was said meanwhile counts.
        contest = replace(contest, obstacles=_holds(run) + contest.obstacles)
        decision = gate(contest, run.settings.promotion)
        against = champion.version if champion else None
        try:
            with run.committing("publish"):
                record_decision(run.store, version, decision, against, run.run_id, run.as_of)
                if decision.promote:
                    after = champion.n if champion else 0
                    set_alias(run.store, CHAMPION, version, decision.reason, run.run_id, run.as_of, after=after)
            return decision
        except AlreadyExists as error:
            _log.warning("%s lost a race and is judged again. %s", version, error.message)
            remarks = (f"judged again: {error.message}",)
    raise AlreadyExists(f"Alias {CHAMPION} is being set by others again and again.", fix="run the flow again")


def _standing(run: Run, champion: AliasRecord) -> Decision:
    """What made it champion: a run that was cut short, or equal weights once more."""
    record = newest_decision(run.store, champion.version)
    if record is None or record.outcome != "promoted":
        return Decision("promoted", (champion.reason,))
    return Decision("promoted", tuple(record.reasons), record.figures)


def _contest(run: Run, candidate: Candidate, champion: AliasRecord | None, remarks: tuple[str, ...]) -> Contest:
    own, ridge = candidate.metrics["test"], _ridge(candidate)
    if champion is None:
        return Contest(own, ridge=ridge, remarks=remarks)
    artifact = load_artifact(run.store, champion.version)
    found = rescore(run, candidate, artifact)
    if found.candidate is None or found.champion is None:
        return Contest(own, ridge=ridge, obstacles=found.remarks, remarks=remarks, first=False)
    return Contest(
        found.candidate.metrics(),
        found.champion.metrics(),
        ridge,
        stale=_stale(run, candidate, artifact),
        remarks=found.remarks + remarks,
        first=False,
    )


def _holds(run: Run) -> tuple[str, ...]:
    held = resolve_hold(run.store, CHAMPION)
    return (f"promotion is held by {held.set_by}: {held.reason}",) if held is not None and held.held else ()


def _ridge(candidate: Candidate) -> TargetMetrics:
    return candidate.metrics["baselines"]["ridge"]


def _stale(run: Run, candidate: Candidate, champion: Artifact) -> str | None:
    """Why the candidate has learnt too little that the champion, made by the same recipe, has not."""
    before = learnt_from(run, champion)
    recipe = run.settings.train.model_dump(mode="json", exclude={"device"})
    if before is None or champion.lineage.get("train") != recipe or before.encoder_id != candidate.data.encoder_id:
        return None
    change = sets.compare(before, candidate.training_set)
    promotion: PromotionSettings = run.settings.promotion
    if change.new_share >= promotion.min_new_share or change.target_move >= run.settings.train.min_target_move:
        return None
    return (
        f"too little is new since the champion's training set: {change.new_share:.1%} of the rows came or went (less "
        f"than {promotion.min_new_share:.1%}), targets moved {change.target_move:.2f} points"
    )
