"""Numbers, moments and definitions as people read them."""

import json
from collections.abc import Sequence
from datetime import date, datetime
from typing import cast

from apex_core.pipeline.page.rows import Stat

_LONGEST = 60
_METHODS = {"midrank": "mid-rank percentile", "percent_rank": "percent rank", "cume_dist": "cumulative share"}
_ZEROS = {
    "zero": "a count of 0 scores 0",
    "midrank": "zeros are ranked like any other count",
    "exclude": "counts of 0 are left out",
}


def printable(text: str) -> str:
    """``text`` without control characters, which could reverse or hide what follows."""
    return "".join(c if c.isprintable() else "\N{REPLACEMENT CHARACTER}" for c in text)


def short(text: str | None, longest: int = _LONGEST) -> str:
    """A title, or what stands for it, in the length a table has room for."""
    words = " ".join((text or "").split())
    return words if len(words) <= longest else f"{words[: longest - 1]}…"


def number(value: float | None, decimals: int = 0) -> str:
    """With thousands apart; an en dash for what is not known."""
    return "–" if value is None else f"{value:,.{decimals}f}".replace("-", "−")


def spanned(value: float | None, low: float | None, high: float | None) -> str:
    """A figure with the interval it may lie in, where there is one."""
    text = number(value, 2)
    return text if value is None or low is None or high is None else f"{text} ({number(low, 2)} to {number(high, 2)})"


def signed(value: float | None, decimals: int = 0) -> str:
    """With its sign."""
    if value is None:
        return "–"
    text = f"{value:+,.{decimals}f}"
    return text.replace("-", "−") if text.strip("+-0.") else f"±{text[1:]}"


def share(part: float, whole: float) -> str:
    """A percentage that never says 0 or 100 % of what is neither."""
    if not whole:
        return "–"
    percent = 100 * part / whole
    if 0 < percent < 0.1:
        return "< 0.1 %"
    if 99.9 < percent < 100:
        return "> 99.9 %"
    return f"{percent:.0f} %" if percent in (0, 100) else f"{percent:.1f} %"


def day(moment: date | datetime | None) -> str:
    """The day alone."""
    return "–" if moment is None else f"{moment:%Y-%m-%d}"


def minute(moment: datetime | None) -> str:
    """Day and time, UTC."""
    return "–" if moment is None else f"{moment:%Y-%m-%d %H:%M} UTC"


def definition(text: str) -> str:
    """A score run's definition in words; keys this does not know are named as they are."""
    facts = dict(json.loads(text))
    cohort = facts.pop("cohort", "platform")
    by = [str(name).replace("_", " ") for name in ([cohort] if isinstance(cohort, str) else cohort)]
    edges = facts.pop("age_band_days", None)
    method = _METHODS.get(facts.pop("percentile", ""), "percentile")
    gamma, zeros = facts.pop("gamma", 1.0), facts.pop("zeros", None)
    parts = [f"A track's {method} among the tracks of its cohort (the same {' and '.join(by)})"]
    parts += [f"to the power of {gamma:g}, times 100"]
    parts += [_ZEROS.get(zeros, f"zeros: {zeros}")] if zeros is not None else []
    parts += [f"age bands end at {', '.join(f'{edge:g}' for edge in edges)} days"] if edges and "age band" in by else []
    parts += [_limit(key, value) for key, value in sorted(facts.items()) if value not in (None, [], 0)]
    return "; ".join(parts) + "."


def _limit(key: str, value: object) -> str:
    if key == "min_age_days":
        return f"only tracks counted at an age of {value:g} days or more"
    if key == "max_stale_days":
        return f"a counter last stated more than {value:g} days before counts as missing"
    listed = ", ".join(map(str, cast(list[object], value))) if isinstance(value, list) else value
    return f"{key.replace('_', ' ')}: {listed}"


def night(stats: Sequence[Stat]) -> str:
    """What a run did, in one sentence."""
    if not stats:
        return "No run has left figures yet."
    sums: dict[tuple[str, str], float] = {}
    for stat in stats:
        key = (stat.stage.split(" ")[0], stat.measure)
        sums[key] = sums.get(key, 0.0) + stat.value
    done = [words for words in (part(sums) for part in _PARTS) if words]
    who = f"The {stats[0].run_id.split('-')[0]}"
    return f"{who} {_listed(done)}." if done else f"{who} found nothing new."


def _listed(parts: Sequence[str]) -> str:
    return parts[0] if len(parts) == 1 else f"{', '.join(parts[:-1])} and {parts[-1]}"


Sums = dict[tuple[str, str], float]


def _of(sums: Sums, measure: str, *stages: str) -> int:
    return round(sum(sums.get((stage, measure), 0.0) for stage in stages))


def _came(sums: Sums) -> str:
    records = _of(sums, "records_in", "ingest", "revisit")
    if not records:
        return ""
    fresh, rejected = (_of(sums, name, "ingest", "revisit") for name in ("upserted", "rejected"))
    return f"looked at {records:,} records ({fresh:,} new or changed, {rejected:,} rejected)"


def _audible(sums: Sums) -> str:
    wanted = _of(sums, "wanted", "audio")
    return f"found audio for {_of(sums, 'available', 'audio'):,} of {wanted:,} tracks without it" if wanted else ""


def _scored(sums: Sums) -> str:
    tracks = _of(sums, "tracks", "score")
    if not tracks:
        return ""
    return f"scored {tracks:,} tracks" + ("" if _of(sums, "new_runs", "score") else " (no count had changed)")


def _embedded(sums: Sums) -> str:
    songs, failed = _of(sums, "songs", "extract"), _of(sums, "failed", "extract")
    return f"embedded {songs:,} songs" + (f" ({failed:,} failed)" if failed else "") if songs else ""


def _trained(sums: Sums) -> str:
    if not _of(sums, "trained", "train"):
        return "trained nothing" if ("train", "tracks") in sums else ""
    return "trained a model and promoted it" if _of(sums, "promoted", "publish") else "trained a model (not promoted)"


def _predicted(sums: Sums) -> str:
    songs = _of(sums, "songs", "predict")
    return f"predicted {songs:,} songs" if songs else ""


_PARTS = (_came, _audible, _scored, _embedded, _trained, _predicted)
