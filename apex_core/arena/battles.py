"""Battles in Music Arena's schema (FACTS §7): two songs made from one prompt, and which of them a listener liked."""

import math
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, cast, get_args

from apex_core.arena.records import Record, read_records
from apex_core.errors import SourceError

Preference = Literal["A", "B", "TIE", "BOTH_BAD"]

POPULARITY = ("score_streams", "score_likes")
AESTHETICS = ("coherence", "musicality", "memorability", "clarity", "naturalness")
FEATURES = POPULARITY + AESTHETICS
"""What a song is judged by; in a file of battles the columns ``<feature>_a`` and ``<feature>_b``."""

Values = Mapping[str, float]

_SIDES = ("a", "b")
_YES, _NO = ("true", "1", "yes"), ("false", "0", "no")


@dataclass(frozen=True, slots=True)
class Battle:
    """One vote. Pairs are side a, side b; what the file does not say is empty, ``instrumental`` None."""

    battle_id: str
    preference: Preference
    audio: tuple[str, str]
    systems: tuple[str, str]
    prompt: str
    user: str
    instrumental: bool | None
    given: tuple[Values, Values]


@dataclass(frozen=True, slots=True)
class Battles:
    """Battles that can be read, and how many of the ``records`` cannot, by reason."""

    battles: tuple[Battle, ...]
    records: int
    dropped: Mapping[str, int]


def read_battles(paths: Iterable[Path]) -> Battles:
    """Read files of battles; a battle that is there twice counts once.

    Raises SourceError for a file that is no table of battles.
    """
    kept: dict[str, Battle] = {}
    dropped: Counter[str] = Counter()
    records = 0
    for path in paths:
        found = read_records(path)
        _check_columns(path, found)
        for number, record in enumerate(found, start=1):
            records += 1
            battle = _battle(record, f"{path}:{number}")
            if isinstance(battle, str):
                dropped[battle] += 1
            elif battle.battle_id in kept:
                dropped["there_twice"] += 1
            else:
                kept[battle.battle_id] = battle
    return Battles(tuple(kept.values()), records, dict(dropped))


def _check_columns(path: Path, found: list[Record]) -> None:
    columns = {name: None for record in found if not isinstance(record, str) for name in record}
    if "preference" not in columns:
        has = f"it has {', '.join(list(columns)[:8])}" if columns else "none of its lines is a JSON object"
        raise SourceError(
            f"{path} is no table of battles: no record has a preference; {has}.",
            fix="Music Arena's columns are battle_uuid, audio_a, system_a, audio_b, system_b, preference, …",
        )


def _battle(record: Record, place: str) -> Battle | str:
    """The battle of a record, or the reason why it is none."""
    if isinstance(record, str):
        return record
    preference = _text(record.get("preference")).upper()
    if not preference:
        return "no_preference"
    if preference not in get_args(Preference):
        return "unknown_preference"
    audio = _pair(record, "audio")
    if audio[0] and audio[0] == audio[1]:
        return "same_audio"
    return Battle(
        battle_id=_text(record.get("battle_uuid")) or place,
        preference=cast(Preference, preference),
        audio=audio,
        systems=_pair(record, "system"),
        prompt=_text(record.get("prompt")),
        user=_text(record.get("user_pseudonym")),
        instrumental=_flag(record.get("is_instrumental")),
        given=(_given(record, "a"), _given(record, "b")),
    )


def _pair(record: Mapping[str, Any], name: str) -> tuple[str, str]:
    a, b = (_text(record.get(f"{name}_{side}")) for side in _SIDES)
    return a, b


def _text(value: object) -> str:
    """A value as text; of a recording, as some tools write it, its path."""
    if isinstance(value, dict):
        value = cast(dict[str, Any], value).get("path")
    return "" if value is None else str(value).strip()


def _flag(value: object) -> bool | None:
    text = _text(value).lower()
    return True if text in _YES else False if text in _NO else None


def _given(record: Mapping[str, Any], side: str) -> Values:
    return numbers({feature: record.get(f"{feature}_{side}") for feature in FEATURES})


def numbers(record: Mapping[str, Any]) -> Values:
    """The features of a record that are finite numbers."""
    found = {feature: _number(record.get(feature)) for feature in FEATURES}
    return {feature: value for feature, value in found.items() if value is not None}


def _number(value: object) -> float | None:
    if isinstance(value, bool) or not isinstance(value, int | float | str):
        return None
    try:
        number = float(value)
    except ValueError:
        return None
    return number if math.isfinite(number) else None
