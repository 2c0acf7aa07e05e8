"""Pictures of tracks: each function takes rows and gives a picture, or None where there is nothing to draw."""

import math
from collections import defaultdict
from collections.abc import Iterable, Sequence
from datetime import date, timedelta

from matplotlib.axes import Axes
from matplotlib.patches import PathPatch
from matplotlib.path import Path
from matplotlib.ticker import FuncFormatter, MaxNLocator, PercentFormatter

from apex_core.pipeline.page import rows
from apex_core.pipeline.page.canvas import MUTED, Picture, colour_of, picture
from apex_core.pipeline.page.wording import share

_UNCHANGED = 99
_LEVELS = 5
_MEASURES = {"streams": "plays", "likes": "likes"}
MARKS = ("o", "s", "^", "D", "v")


def _by_platform(bins: Iterable[rows.Bin], measure: str) -> dict[str, dict[int, int]]:
    found: dict[str, dict[int, int]] = defaultdict(dict)
    for one in bins:
        if one.measure == measure:
            found[one.platform][one.bin] = one.tracks
    return dict(found)


def _bars(
    axes: Axes, by_platform: dict[str, dict[int, int]], platforms: Sequence[str], *, first: int, last: int
) -> None:
    """Shares of a platform's tracks, its bars beside the other's; the bin -1 (zeros) stands apart on the left."""
    width = 0.9 / len(by_platform)
    for n, (platform, bins) in enumerate(by_platform.items()):
        total, offset = sum(bins.values()), -0.45 + (n + 0.5) * width
        places = [(first - 2 if bin_ == -1 else bin_) + offset + 0.5 for bin_ in bins]
        heights = [tracks / total for tracks in bins.values()]
        axes.bar(places, heights, width, color=colour_of(platform, platforms), label=platform, linewidth=0)
    axes.set_xlim(first - 2.3, last + 1.3)
    axes.yaxis.set_major_formatter(PercentFormatter(1, decimals=0))
    axes.yaxis.set_major_locator(MaxNLocator(4))
    if len(by_platform) > 1:
        axes.legend(loc="upper right", ncols=2)
        axes.margins(y=0.22)


def counts(bins: Iterable[rows.Bin], platforms: Sequence[str], measure: str) -> Picture | None:
    """Plays or likes on a logarithmic scale, with the zeros apart."""
    found, what = _by_platform(bins, measure), _MEASURES[measure]
    if not found:
        return None
    last = max(max(bins) for bins in found.values())
    last = max(3, last)

    def draw(axes: Axes) -> None:
        _bars(axes, found, platforms, first=0, last=last)
        step = 4 if last < 24 else 8
        powers = range(0, last + 2, step)
        axes.set_xticks([-1.5, *powers], ["0", *(_short_power(power // 4) for power in powers)])
        axes.set_xlabel(f"{what} a track")

    zeros = "; ".join(f"{name} {share(b.get(-1, 0), sum(b.values()))}" for name, b in found.items())
    return picture(
        f"Distribution of {what}", f"Share of tracks by count, log scale. Without any {what}: {zeros}.", draw
    )


def coverage(covered: Sequence[rows.Covered], platforms: Sequence[str]) -> Picture | None:
    """How far a platform's tracks got, as shares of those that could be at a stage."""
    if not covered:
        return None
    stages = list(dict.fromkeys(one.stage for one in covered))
    shown = sorted({one.platform for one in covered})
    width = 0.8 / len(shown)

    def draw(axes: Axes) -> None:
        for n, platform in enumerate(shown):
            own = [one for one in covered if one.platform == platform]
            places = [stages.index(one.stage) - 0.4 + (n + 0.5) * width for one in own]
            shares = [one.tracks / max(1, one.tracks + one.missing) for one in own]
            axes.barh(places, shares, width, color=colour_of(platform, platforms), label=platform, linewidth=0)
        axes.set_yticks(range(len(stages)), stages)
        axes.invert_yaxis()
        axes.set_xlim(0, 1)
        axes.xaxis.set_major_formatter(PercentFormatter(1, decimals=0))
        axes.grid(axis="y", visible=False)
        axes.grid(axis="x")
        figure = axes.get_figure()
        assert figure is not None
        figure.legend(loc="outside upper right", ncols=2)

    return picture("Coverage", "Tracks at each stage, as a share of those that could be there.", draw)


def _short_power(power: int) -> str:
    return ("1", "10", "100", "1k", "10k", "100k", "1M", "10M", "100M", "1G")[power] if power < 10 else f"1e{power}"


def scores(bins: Iterable[rows.Bin], platforms: Sequence[str], measure: str) -> Picture | None:
    """Scores in bins of 5 points, with exact zeros apart."""
    found = _by_platform(bins, measure)
    if not found:
        return None

    def draw(axes: Axes) -> None:
        _bars(axes, found, platforms, first=0, last=19)
        axes.set_xticks([-1.5, *range(0, 21, 4)], ["= 0", *map(str, range(0, 101, 20))])
        axes.set_xlabel(f"score_{measure}")

    zeros = "; ".join(f"{name} {share(b.get(-1, 0), sum(b.values()))}" for name, b in found.items())
    return picture(
        f"Distribution of score_{measure}", f"Share of tracks by score, bins of 5. Scored exactly 0: {zeros}.", draw
    )


def agreement(
    cells: Iterable[rows.Cell], ranks: Iterable[rows.Agreement], platforms: Sequence[str], platform: str
) -> Picture | None:
    """How many tracks have which two scores, as a map: fuller colour is more, on a logarithmic scale."""
    found = {(c.streams_bin, c.likes_bin): c.tracks for c in cells if c.platform == platform}
    if not found:
        return None
    top = math.log1p(max(found.values()))
    levels: dict[int, list[tuple[int, int]]] = defaultdict(list)
    for place, tracks in found.items():
        levels[min(_LEVELS, max(1, math.ceil(_LEVELS * math.log1p(tracks) / top)))].append(place)

    def draw(axes: Axes) -> None:
        for level, places in sorted(levels.items()):
            squares = [(5 * x, 5 * y) for x, y in places]
            _squares(axes, squares, colour_of(platform, platforms), level / _LEVELS)
        axes.set(xlim=(0, 100), ylim=(0, 100), xlabel="score_streams", ylabel="score_likes")
        axes.grid(axis="both")

    rank = next((r for r in ranks if r.platform == platform), None)
    figure = "not defined" if rank is None or rank.spearman is None else f"{rank.spearman:.2f}"
    of = f" over {rank.tracks:,} tracks" if rank else ""
    return picture(
        f"Likes and streams on {platform}",
        f"Fuller: more tracks, log scale, up to {max(found.values()):,} a cell. Rank correlation {figure}{of}.",
        draw,
    )


def _squares(axes: Axes, corners: Sequence[tuple[int, int]], colour: str, alpha: float) -> None:
    """Squares of 5 by 5 points as one path."""
    vertices = [p for x, y in corners for p in ((x, y), (x + 5, y), (x + 5, y + 5), (x, y + 5), (x, y))]
    codes = [Path.MOVETO, Path.LINETO, Path.LINETO, Path.LINETO, Path.CLOSEPOLY] * len(corners)
    axes.add_patch(PathPatch(Path(vertices, codes), facecolor=colour, alpha=0.12 + 0.88 * alpha**1.5, linewidth=0))


def moves(bins: Iterable[rows.Bin], platforms: Sequence[str], measure: str) -> Picture | None:
    """How far scores moved between two runs, without those that stayed."""
    found = _by_platform(bins, measure)
    if not found:
        return None
    totals = {name: sum(b.values()) for name, b in found.items()}
    shares = {n: {b: t / totals[n] for b, t in bins.items() if b != _UNCHANGED} for n, bins in found.items()}
    moved = {name: bins for name, bins in shares.items() if bins}
    if not moved:
        return None
    same = "; ".join(f"{name} {share(b.get(_UNCHANGED, 0), totals[name])}" for name, b in found.items())
    widest = max([2, *(max(b + 1, -b) for bins in moved.values() for b in bins)])

    def draw(axes: Axes) -> None:
        width = 1.8 / len(moved)
        for n, (platform, bins) in enumerate(moved.items()):
            places = [2 * b + 0.1 + (n + 0.5) * width for b in bins]
            colour = colour_of(platform, platforms)
            axes.bar(places, list(bins.values()), width, color=colour, label=platform, linewidth=0)
        axes.axvline(0, color=MUTED, linewidth=0.8)
        axes.set_xlim(-2 * widest - 1, 2 * widest + 1)
        axes.yaxis.set_major_formatter(PercentFormatter(1, decimals=None))
        axes.yaxis.set_major_locator(MaxNLocator(4))
        axes.set_xlabel(f"move of score_{measure}, points")
        axes.legend(loc="upper right")

    return picture(
        f"Moves of score_{measure}",
        f"Share of the tracks in both score runs, bins of 2 points, ends include what is beyond. Stayed: {same}.",
        draw,
    )


def gained(
    found: Sequence[rows.Gained], platforms: Sequence[str], measure: str, until: date, days: int
) -> Picture | None:
    """Plays or likes gained a day."""
    if not found:
        return None

    def draw(axes: Axes) -> None:
        for n, platform in enumerate(sorted({one.platform for one in found})):
            own = [one for one in found if one.platform == platform]
            values = [one.plays if measure == "streams" else one.likes for one in own]
            colour, mark = colour_of(platform, platforms), MARKS[n % len(MARKS)]
            axes.plot([_place(one.day) for one in own], values, mark + "-", color=colour, label=platform, ms=4, lw=1.6)
        _days(axes, until, days)
        axes.yaxis.set_major_formatter(FuncFormatter(lambda value, _: _thousands(value)))
        axes.yaxis.set_major_locator(MaxNLocator(4, integer=True))
        axes.margins(y=0.2)
        axes.set_ylim(bottom=min(0.0, axes.dataLim.y0))
        axes.legend(loc="upper left", ncols=2)

    name = _MEASURES[measure]
    return picture(
        f"{name.capitalize()} gained a day",
        f"Of known tracks, the last {days} days, on the day a gain was seen: a track looked at after a week brings a "
        "week's gain.",
        draw,
    )


def rejects_daily(found: Sequence[rows.Daily], until: date, days: int) -> Picture | None:
    """New rejects a day."""
    if not found:
        return None

    def draw(axes: Axes) -> None:
        axes.bar([_place(one.day) for one in found], [one.records for one in found], 0.8, color=MUTED, linewidth=0)
        _days(axes, until, days)
        axes.yaxis.set_major_locator(MaxNLocator(4, integer=True))

    total = sum(one.records for one in found)
    return picture("New rejects a day", f"{total:,} first seen in the last {days} days, resolved since or not.", draw)


def _place(day: date) -> int:
    return day.toordinal()


def _days(axes: Axes, until: date, days: int) -> None:
    """An axis of days: the last one and every week before it."""
    marked = [until - timedelta(days=back) for back in range(0, days, 7)]
    axes.set_xticks([_place(day) for day in marked], [f"{day:%b} {day.day}" for day in marked])
    axes.set_xlim(_place(until) - days + 0.4, _place(until) + 0.6)


def _thousands(value: float) -> str:
    for size, letter in ((1e9, "G"), (1e6, "M"), (1e3, "k")):
        if abs(value) >= size:
            return f"{value / size:g}{letter}"
    return f"{value:g}"
