"""The report in words: figures, facts, and one HTML page that needs nothing else."""

import re
from collections.abc import Callable, Iterable
from itertools import groupby
from typing import Any

from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup

from apex_core.arena.evaluation import LINKS, Report, Row
from apex_core.arena.measures import Estimate
from apex_core.arena.methods import TITLES


def estimate(one: Estimate, *, signed: bool = False) -> str:
    """A figure with its interval, as 0.614 (0.58 to 0.65); a dash where it is undefined."""
    if one.value is None:
        return "–"
    sign = "+" if signed else ""
    value = f"{one.value:{sign}.3f}"
    return value if one.low is None or one.high is None else f"{value} ({one.low:{sign}.2f} to {one.high:{sign}.2f})"


def facts(report: Report) -> list[str]:
    """What came in, what was left out and why, and how it was judged: a sentence each."""
    policy, dropped = report.policy, report.dropped
    reasons = ", ".join(f"{count:,} {reason.replace('_', ' ')}" for reason, count in dropped.items())
    lines = [
        f"{report.records:,} battles in, {report.used:,} used, {sum(dropped.values()):,} dropped"
        + (f": {reasons}" if reasons else "")
    ]
    ties = "half a win for each side" if policy.ties == "half" else "dropped"
    bad = "half a win for each side" if policy.both_bad == "half" else "dropped"
    lines.append(f"a tie is {ties}, both bad {bad}: {report.undecided:,} battles count half and half")
    if report.won_by_a is not None:
        lines.append(f"side a won {report.won_by_a:.1%} of the others; no method can learn which side a song was on")
    linked = LINKS[policy.group_by]
    groups = "1 group" if report.groups == 1 else f"{report.groups:,} groups"
    lines.append(
        f"{groups} of battles that share a {linked}, the largest of {report.largest_group:,}; "
        f"{policy.folds} folds and {policy.resamples:,} resamples of whole groups, seed {policy.seed}"
    )
    if report.systems:
        lines.append(
            f"{len(report.systems)} systems; intervals do not tell how other systems would fare: "
            + ", ".join(report.systems)
        )
    lines.append(f"judged by {', '.join(report.features)}")
    return [*lines, *report.notes]


def page(report: Report, model: str | None = None) -> str:
    """The report as an HTML page."""
    from apex_core.arena.picture import draw

    environment = Environment(
        loader=PackageLoader("apex_core.arena"), autoescape=True, undefined=StrictUndefined, trim_blocks=True
    )
    filters: dict[str, Callable[..., Any]] = {"estimate": estimate, "by_protocol": _by_protocol}
    environment.filters.update(filters)
    svg = draw(report, "svg").decode()
    picture = Markup(re.sub("<metadata>.*?</metadata>", "", svg[svg.index("<svg") :], flags=re.DOTALL))
    template = environment.get_template("arena.html")
    return template.render(r=report, model=model, picture=picture, titles=TITLES, facts=facts(report))


def _by_protocol(rows: Iterable[Row]) -> list[tuple[str, list[Row]]]:
    return [(protocol, list(mine)) for protocol, mine in groupby(rows, key=lambda row: row.protocol)]
