"""Small SVG pictures that fit the page: its colours are the page's CSS variables, its text is the page's text.

Everything is drawn at one size, so that letters are as large on a phone as on a screen: pictures stand beside or below
one another there. The same numbers give the same bytes.
"""

import io
import re
from collections.abc import Callable, Generator, Iterable, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import matplotlib as mpl
from markupsafe import Markup, escape
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from apex_core.settings import PLATFORMS

# What is drawn in these becomes a variable of the page's style sheet, which has a light and a dark value for each.
INK, MUTED, GRID, PAPER = "#010203", "#020304", "#030405", "#040506"
# Okabe and Ito's palette, told apart by all common kinds of colour vision; a series' place is its platform's.
SERIES = ("#a10001", "#a10002", "#a10003", "#a10004", "#a10005")
_VARIABLES = {INK: "ink", MUTED: "muted", GRID: "grid", PAPER: "paper"} | {
    colour: f"series-{n}" for n, colour in enumerate(SERIES, start=1)
}
# The same as plain colours, for pictures that no style sheet reaches.
_PLAIN = {"ink": "#1c2024", "muted": "#5d666f", "grid": "#dfe3e7", "paper": "#ffffff"} | dict(
    zip((f"series-{n}" for n in range(1, 6)), ("#0072b2", "#d55e00", "#009e73", "#b4558f", "#a67c00"), strict=True)
)

_STYLE: Any = {  # its keys have a type of their own
    "svg.fonttype": "none",
    "font.family": "sans-serif",
    "font.sans-serif": ["DejaVu Sans"],
    "font.size": 10.5,
    "text.color": INK,
    "axes.edgecolor": MUTED,
    "axes.facecolor": "none",
    "axes.labelcolor": MUTED,
    "axes.labelsize": 10,
    "axes.grid": True,
    "axes.grid.axis": "y",
    "axes.axisbelow": True,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.spines.left": False,
    "axes.xmargin": 0.02,
    "grid.color": GRID,
    "grid.linewidth": 0.8,
    "xtick.color": MUTED,
    "ytick.color": MUTED,
    "xtick.labelcolor": MUTED,
    "ytick.labelcolor": MUTED,
    "ytick.major.size": 0,
    "figure.facecolor": "none",
    "legend.frameon": False,
    "legend.fontsize": 10,
    "legend.handlelength": 1.2,
    "legend.borderaxespad": 0.1,
    "path.simplify": True,
}
_WIDTH, _HEIGHT = 360, 232  # points, which are the page's pixels

Draw = Callable[[Axes], None]


@dataclass(frozen=True, slots=True)
class Picture:
    """A picture with its title, and what it shows in a sentence, for those who cannot see it as well."""

    title: str
    caption: str
    svg: Markup


def colour_of(platform: str, platforms: Iterable[str]) -> str:
    """The one colour of a platform: by its place among those known, then among those seen."""
    order = [*PLATFORMS, *sorted(set(platforms) - set(PLATFORMS))]
    return SERIES[order.index(platform) % len(SERIES)]


def css_name(colour: str) -> str:
    """The style sheet's name of a colour."""
    return _VARIABLES[colour]


def picture(title: str, caption: str, draw: Draw) -> Picture:
    """Draw on an empty pair of axes."""
    name = re.sub("[^a-z0-9]+", "-", title.lower())
    with styled(f"apex-{name}"):
        figure = Figure(figsize=(_WIDTH / 72, _HEIGHT / 72), layout="constrained")
        draw(figure.subplots())
        sink = io.BytesIO()
        figure.savefig(sink, format="svg", metadata={"Date": None, "Creator": None})
    return Picture(title, caption, Markup(_inline(sink.getvalue().decode(), f"{title}. {caption}")))


@contextmanager
def styled(salt: str) -> Generator[None]:
    """The house's look, while the block lasts."""
    with mpl.rc_context({**_STYLE, "svg.hashsalt": salt}):
        yield


def plain(svg: str, colours: Mapping[str, str] = _PLAIN) -> str:
    """A picture of the page with fixed colours in the place of variables."""
    return re.sub(r"var\(--([a-z0-9-]+)\)", lambda match: colours[match[1]], svg)


def _inline(svg: str, label: str) -> str:
    """The bare ``<svg>``: what it says for those who do not see it, no size of its own, no names that nobody uses."""
    body = svg[svg.index("<svg") :]
    opening, rest = body.split(">", 1)
    box = re.search(r'viewBox="[^"]*"', opening)
    rest = re.sub(r"<metadata>.*?</metadata>\s*", "", rest, flags=re.DOTALL).replace("xlink:href", "href")
    used = set(re.findall(r"#([A-Za-z_][\w.-]*)[\")]", rest))
    rest = re.sub(r'\s+id="([^"]*)"', lambda match: match[0] if match[1] in used else "", rest)
    rest = re.sub(r"<!--.*?-->\s*", "", rest, flags=re.DOTALL)
    for colour, name in _VARIABLES.items():
        rest = rest.replace(colour, f"var(--{name})")
    rest = re.sub(r"\n\s*", "\n", rest)
    shape = box[0] if box else ""
    return f'<svg xmlns="http://www.w3.org/2000/svg" {shape} role="img" aria-label="{escape(label)}">{rest}'
