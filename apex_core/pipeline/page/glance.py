"""Pictures that no style sheet reaches: for a Prefect artifact, whose page shows images it finds in a data address."""

import base64

from apex_core.pipeline.page import pictures
from apex_core.pipeline.page.canvas import Picture, plain
from apex_core.pipeline.page.data import PageData


def glance(data: PageData) -> list[tuple[str, str]]:
    """What each picture shows, and its address: coverage, and plays by platform. None names a track."""
    drawn = (pictures.coverage(data.coverage, data.platforms), pictures.counts(data.counts, data.platforms, "streams"))
    return [(f"{one.title}. {one.caption}", address(one)) for one in drawn if one is not None]


def address(picture: Picture) -> str:
    """A ``data:`` address of a picture on white."""
    sized = str(picture.svg).replace("<svg ", '<svg width="480" style="background:#fff;font-family:sans-serif" ', 1)
    return f"data:image/svg+xml;base64,{base64.b64encode(plain(sized).encode()).decode()}"
