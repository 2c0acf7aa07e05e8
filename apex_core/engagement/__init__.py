"""Plays and likes become percentiles and scores of whole cohorts."""

from apex_core.engagement.replay import COUNTS, Replayed, place, replay
from apex_core.engagement.retirement import load_run, retire_runs
from apex_core.engagement.scores import ScoreOutcome, score

__all__ = ["COUNTS", "Replayed", "ScoreOutcome", "load_run", "place", "replay", "retire_runs", "score"]
