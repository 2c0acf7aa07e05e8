"""The page: figures and pictures put into one HTML file that needs nothing else."""

from collections.abc import Callable
from typing import Any

from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup

from apex_core.catalog.reader import Snapshot
from apex_core.pipeline.page import model_pictures, pictures, wording
from apex_core.pipeline.page.canvas import Picture, colour_of, css_name
from apex_core.pipeline.page.data import COHORTS, DAYS, LEAST_COUNT, REASONS, PageData, read
from apex_core.pipeline.page.summary import headline, tiles

_SHOWN_MODELS = 12
_SECTIONS = (
    ("coverage", "Coverage"),
    ("distributions", "Counts and scores"),
    ("drift", "Drift"),
    ("movers", "Movers"),
    ("residuals", "Residuals"),
    ("rejects", "Rejects"),
    ("models", "Models"),
    ("origin", "Where it comes from"),
)
_MEASURES = ("streams", "likes")


def render(snapshot: Snapshot) -> str:
    """The page of a snapshot. The same snapshot gives the same bytes."""
    return page_of(read(snapshot))


def page_of(data: PageData) -> str:
    """The page of figures that were read."""
    return _environment().get_template("page.html").render(
        d=data,
        night=headline(data),
        definition=wording.definition(data.runs[0].definition) if data.runs else "",
        tiles=tiles(data),
        random=data.encoder is not None and "random" in data.encoder.encoder_id,
        sections=_SECTIONS,
        series=lambda platform: css_name(colour_of(platform, data.platforms)).removeprefix("series-"),
        width=lambda part, whole: f"{100 * part / whole:.1f}" if whole else "0",
        share=wording.share,
        days=DAYS,
        least=LEAST_COUNT,
        max_cohorts=COHORTS,
        max_reasons=REASONS,
        shown_models=_SHOWN_MODELS,
        **_pictures(data),
    )  # fmt: skip


def _environment() -> Environment:
    filters: dict[str, Callable[..., str]] = {
        "short": wording.short,
        "number": wording.number,
        "spanned": wording.spanned,
        "signed": wording.signed,
        "day": wording.day,
        "minute": wording.minute,
    }
    environment = Environment(
        loader=PackageLoader("apex_core.pipeline.page"),
        autoescape=True,
        undefined=StrictUndefined,
        finalize=_clean,
        trim_blocks=True,
    )
    environment.filters.update(filters)
    return environment


def _clean(value: Any) -> Any:  # noqa: ANN401  whatever a template shows
    """Everything that is shown passes here, on its way to being escaped."""
    return wording.printable(value) if isinstance(value, str) and not isinstance(value, Markup) else value


def _pictures(data: PageData) -> dict[str, Any]:
    known, until = data.platforms, data.as_of.date()
    return {
        "distributions": _drawn(
            *(pictures.counts(data.counts, known, measure) for measure in _MEASURES),
            *(pictures.scores(data.scores, known, measure) for measure in _MEASURES),
        ),
        "agreements": _drawn(*(pictures.agreement(data.agreement, data.agreement_rank, known, p) for p in known)),
        "moves": _drawn(*(pictures.moves(data.moves, known, measure) for measure in _MEASURES)),
        "gains": _drawn(*(pictures.gained(data.gained, known, measure, until, DAYS) for measure in _MEASURES)),
        "rejects_daily": pictures.rejects_daily(data.rejects_daily, until, DAYS),
        "model_pictures": _drawn(
            model_pictures.history(data.models, data.metrics, popularity=True),
            model_pictures.history(data.models, data.metrics, popularity=False),
            *(model_pictures.calibration(data.calibration, measure, n) for n, measure in enumerate(_MEASURES)),
        ),
    }


def _drawn(*found: Picture | None) -> list[Picture]:
    return [one for one in found if one is not None]
