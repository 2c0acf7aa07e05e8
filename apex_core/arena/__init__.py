"""The arena: do predictions agree with what listeners preferred, beyond which system made the song (FACTS §7)?"""

from apex_core.arena.battles import AESTHETICS, FEATURES, POPULARITY, Battle, Battles, Values, numbers, read_battles
from apex_core.arena.contest import Contest, Policy, Shared, Side, Undecided, contest, group
from apex_core.arena.evaluation import SUBSETS, Report, Row, Subset, evaluate
from apex_core.arena.predictions import Predictions, read_predictions

__all__ = [
    "AESTHETICS",
    "FEATURES",
    "POPULARITY",
    "SUBSETS",
    "Battle",
    "Battles",
    "Contest",
    "Policy",
    "Predictions",
    "Report",
    "Row",
    "Shared",
    "Side",
    "Subset",
    "Undecided",
    "Values",
    "contest",
    "evaluate",
    "group",
    "numbers",
    "read_battles",
    "read_predictions",
]
