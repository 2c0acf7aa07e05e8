"""What an artifact shows: pictures that need no style sheet."""

import base64
from xml.etree import ElementTree

from apex_core.catalog.reader import Snapshot
from apex_core.pipeline.page.data import read
from apex_core.pipeline.page.glance import glance
from apex_core.pipeline.run import Run
from tests.pipeline.page.conftest import published


def test_pictures_stand_alone(full: Snapshot) -> None:
    shown = glance(read(full))
    assert [what.split(".")[0] for what, _ in shown] == ["Coverage", "Distribution of plays"]
    for _, address in shown:
        kind, data = address.split(",")
        assert kind == "data:image/svg+xml;base64"
        svg = base64.b64decode(data).decode()
        assert ElementTree.fromstring(svg).tag.endswith("svg")
        assert "var(" not in svg


def test_an_empty_catalog_has_none(run: Run) -> None:
    assert glance(read(published(run, scored=False))) == []
