"""Battles with a known answer, in Music Arena's columns."""

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from apex_core.arena import FEATURES

Record = dict[str, Any]


def record(number: int, preference: str = "A", **more: Any) -> Record:
    """A battle of two recordings that no other battle has."""
    return {
        "battle_uuid": f"00000000-0000-4000-8000-{number:012d}",
        "date": "2025-09-01T12:00:00-04:00",
        "prompt": f"prompt {number}",
        "is_instrumental": bool(number % 2),
        "is_prebaked": False,
        "user_pseudonym": f"listener-{number % 40}",
        "audio_a": f"{number}-a.mp3",
        "system_a": "north",
        "audio_b": f"{number}-b.mp3",
        "system_b": "south",
        "preference": preference,
        **more,
    }


def predicted(a: Sequence[float], b: Sequence[float], features: Sequence[str] = FEATURES) -> Record:
    """The columns of both sides' predictions."""
    sides = {"a": a, "b": b}
    return {
        f"{name}_{side}": float(value) for side, row in sides.items() for name, value in zip(features, row, strict=True)
    }


def write(path: Path, records: Sequence[Record]) -> Path:
    path.write_text(json.dumps(list(records)))
    return path


def world(
    n: int,
    seed: int,
    *,
    taste: Sequence[float] = (0,) * 7,
    systems: int = 8,
    strength: float = 0.0,
    accent: float = 0.0,
    noise: float = 1.0,
    lean: float = 0.0,
) -> list[Record]:
    """``n`` battles between recordings of random features.

    A listener follows ``taste`` in the features, and ``strength`` times how good a system is, ``lean`` towards side a,
    with logistic ``noise``. Every system shifts its features by ``accent`` times something random of its own.
    """
    rng = np.random.default_rng(seed)
    good, accents = rng.normal(size=systems) * strength, rng.normal(size=(systems, 7)) * accent
    found = []
    for number in range(n):
        who = rng.choice(systems, size=2, replace=False)
        x = rng.normal(size=(2, 7)) + accents[who]
        pull = (x[0] - x[1]) @ np.asarray(taste) + good[who[0]] - good[who[1]] + lean
        wins = rng.random() < 1 / (1 + np.exp(-pull / noise)) if noise else pull > 0
        names = {f"system_{side}": f"system-{code}" for side, code in zip("ab", who, strict=True)}
        found.append(record(number, "A" if wins else "B", **names, **predicted(*(50 + 10 * x))))
    return found
