"""Plays and likes to percentiles to scores: the definition, and the SQL that applies it."""

from apex_core.engagement.scores import ScoreOutcome, retire_runs, score

__all__ = ["ScoreOutcome", "retire_runs", "score"]
