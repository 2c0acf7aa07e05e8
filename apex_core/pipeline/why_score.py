"""Why an eligible track has no score, by the definition of the current score run."""

import json
from datetime import datetime, timedelta
from typing import Any

from apex_core.pipeline.report import Row

_COUNTED = "a record that states plays or likes: the next listing or dump that has it"
_NEXT_RUN = "the next nightly run, or apex nightly now"


def not_scored(row: Row) -> tuple[str, bool, str]:
    """Why there is no score, whether that passes by itself, and what would bring one."""
    if row["plays"] is None and row["likes"] is None:
        return "no counts: no record of it stated plays or likes", True, _COUNTED
    if row["score_run_id"] is None:
        return "there is no score run yet", True, _NEXT_RUN
    definition: dict[str, Any] = json.loads(row["definition"])
    if row["cohort"] is not None:  # in the run, and yet without a score
        return (
            "a count of 0 is given no score (score.zeros = exclude)",
            True,
            "plays or likes above 0, or APEX_SCORE__ZEROS",
        )
    return (
        _other_kind(row, definition)
        or _stale(row, definition)
        or _young(row, definition)
        or ("new since the score run", True, _NEXT_RUN)
    )


def _other_kind(row: Row, definition: dict[str, Any]) -> tuple[str, bool, str] | None:
    kinds: list[str] = definition.get("kinds") or []
    kind = row["kind"] or "gen"
    if not kinds or kind in kinds:
        return None
    return f"its kind, {kind}, is not scored (score.kinds: {', '.join(kinds)})", False, f"{kind} in APEX_SCORE__KINDS"


def _stale(row: Row, definition: dict[str, Any]) -> tuple[str, bool, str] | None:
    days: float | None = definition.get("max_stale_days")
    stated = _stated_at(row)
    if days is None or stated is None or stated >= row["scored_at"] - timedelta(days=days):
        return None
    says = f"its counts are stale: last stated {stated:%Y-%m-%d}, more than {days:g} days before the score run"
    return says, True, f"{_COUNTED}; or a higher APEX_SCORE__MAX_STALE_DAYS"


def _young(row: Row, definition: dict[str, Any]) -> tuple[str, bool, str] | None:
    days: float = definition.get("min_age_days") or 0.0
    stated, created = _stated_at(row), row["created_at"]
    if not days:
        return None
    if created is None:
        return "of unknown age, and young tracks are not scored", True, "a record that says when it was created"
    old_enough: datetime = created + timedelta(days=days)
    if stated is None or stated >= old_enough:
        return None
    says = f"too young: counted {(stated - created) / timedelta(days=1):.1f} days after it was created, not {days:g}"
    return says, True, f"counts stated after {old_enough:%Y-%m-%d}; or a lower APEX_SCORE__MIN_AGE_DAYS"


def _stated_at(row: Row) -> datetime | None:
    """When a counter that it has was last stated."""
    stated = [row[f"{name}_at"] for name in ("plays", "likes") if row[name] is not None and row[f"{name}_at"]]
    return max(stated, default=None)
