"""The package's surface, and that importing it stays cheap: render workers import it too."""

import subprocess
import sys

import pytest

from apex_core import sandbox

_PROBE = """
import sys
import apex_core.sandbox.rendering
heavy = {"torch", "starlette", "uvicorn", "duckdb", "polars", "prefect"} & set(sys.modules)
assert not heavy, heavy
"""


def test_every_exported_name_is_there() -> None:
    assert all(getattr(sandbox, name) is not None for name in sandbox.__all__)
    with pytest.raises(AttributeError, match="nonsense"):
        _ = sandbox.nonsense  # pyright: ignore[reportAttributeAccessIssue]


def test_a_render_worker_loads_no_server_and_no_torch() -> None:
    subprocess.run([sys.executable, "-c", _PROBE], check=True, timeout=60)
