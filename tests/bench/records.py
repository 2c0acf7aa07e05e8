"""Generated Suno dumps: four vintages of the shapes in ``tests/sources/shapes``, a share of them dirty."""

import json
import random
from collections.abc import Callable, Iterator, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, cast
from uuid import UUID

_SHAPES = Path(__file__).parents[1] / "sources" / "shapes"
VINTAGES = ("2024_v1_explicit_nulls", "2024-11_nulls_omitted", "2026_full", "2026_medium_profile")
_WORDS = ("ocean", "neon", "quiet", "summer", "velvet", "thunder", "paper", "golden", "midnight", "signal", "river")
_TAGS = ("synth pop, female vocals", "ambient", "lo-fi, chill, piano", "metal, fast", "folk, acoustic guitar, warm")
_LYRICS = " ".join(f"[Verse {n}] {' '.join(_WORDS)}" for n in range(9))
_FIRST = datetime(2024, 1, 1, tzinfo=UTC)

Record = dict[str, Any]


def write_suno(
    path: Path,
    records: int,
    *,
    seed: int = 1,
    dirty: float = 0.01,
    changed: float = 0.0,
    vintages: Sequence[str] = VINTAGES,
) -> None:
    """Write ``records`` clips a line, about 1.5 kB each; two files of one seed hold the same ids.

    ``dirty``: the share of lines with one of the oddities of ``DIRT``, of which some must be refused. ``changed``: the
    share of clips whose counts are greater than in the file without it.
    """
    shapes = [_shape(name) for name in vintages]
    with path.open("w", encoding="utf-8") as file:
        file.writelines(_lines(records, shapes, seed, dirty, changed))


def _lines(records: int, shapes: list[str], seed: int, dirty: float, changed: float) -> Iterator[str]:
    chance, dice = random.Random(seed), random.Random(seed + 1)
    for number in range(records):
        facts = _facts(chance, number)
        if dice.random() < changed:
            facts["plays"] += 1 + facts["plays"] // 9
        line = shapes[number % len(shapes)] % facts
        if chance.random() < dirty:
            line = DIRT[number % len(DIRT)](json.loads(line))
        yield line + "\n"


def _shape(name: str) -> str:
    """A record of ``tests/sources/shapes`` as a template, with what differs between clips left open."""
    record: Record = json.loads((_SHAPES / f"suno_clip_{name}.json").read_text(encoding="utf-8"))
    old = record["id"]
    record |= {"title": "@title@", "created_at": "@created@", "user_id": "@user@", "handle": "@handle@"}
    record |= {"play_count": "@plays@", "upvote_count": "@likes@", "display_name": "@handle@"}
    record["metadata"] |= {"duration": "@duration@", "tags": "@tags@", "prompt": "@lyrics@"}
    text = json.dumps(record, separators=(",", ":")).replace("%", "%%").replace(old, "%(id)s")
    for number in ("plays", "likes", "duration"):
        text = text.replace(f'"@{number}@"', f"%({number})s")
    for word in ("title", "created", "user", "handle", "tags", "lyrics"):
        text = text.replace(f"@{word}@", f"%({word})s")
    return text


def _facts(chance: random.Random, number: int) -> Record:
    plays = int(10 ** chance.gauss(2.8, 0.9))
    start = chance.randrange(len(_LYRICS) // 2)
    creator = chance.randrange(20_000)
    created = _FIRST + timedelta(seconds=chance.randrange(80_000_000))
    return {
        "id": str(UUID(int=chance.getrandbits(128), version=4)),
        "title": f"{chance.choice(_WORDS)} {chance.choice(_WORDS)} {number}",
        "created": f"{created:%Y-%m-%dT%H:%M:%S}.{chance.randrange(1000):03d}Z",
        "user": f"00000000-0000-4000-8000-{creator:012d}",
        "handle": f"creator{creator}",
        "plays": plays,
        "likes": int(plays * chance.random() * 0.2),
        "duration": round(chance.uniform(30, 480), 2),
        "tags": chance.choice(_TAGS),
        "lyrics": _LYRICS[start : start + len(_LYRICS) // 2],
    }


def _with(**fields: object) -> Callable[[Record], str]:
    return lambda record: json.dumps(record | fields)


def _with_metadata(**fields: object) -> Callable[[Record], str]:
    return lambda record: json.dumps(record | {"metadata": record["metadata"] | fields})


def _without_id(record: Record) -> str:
    return json.dumps({name: value for name, value in record.items() if name != "id"})


def _epoch(record: Record) -> str:
    moment = datetime.fromisoformat(cast(str, record["created_at"]))
    return json.dumps(record | {"created_at": int(moment.timestamp() * 1000)})


DIRT: tuple[Callable[[Record], str], ...] = (
    _with(play_count="", upvote_count=""), _with(play_count="1.2K"), _with(play_count="1,234"),
    _with(upvote_count=-3), _with(title=""), _with(title=17), _with(major_model_version=""),
    _with(created_at="yesterday"), _epoch, _with(new_field={"a": [1, 2]}), _with_metadata(new_field="x"),
    _with_metadata(duration="4:44"), _with_metadata(duration="long"), _with_metadata(tags=["a", " b "]),
    _with_metadata(tags=7), _with(audio_url="https://cdn1.suno.ai/None.mp3"), _with(entity_type="playlist_schema"),
    _without_id, _with(id="../../etc"), lambda record: json.dumps(record)[:-40],
)  # fmt: skip
