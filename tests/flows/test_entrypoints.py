"""What a worker meets first: entrypoints that load fast and deployments that name them rightly."""

import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml
from prefect import Flow
from prefect.flows import load_flow_from_entrypoint

ROOT = Path(__file__).parents[2]
DEPLOYMENTS: list[dict[str, Any]] = yaml.safe_load((ROOT / "deploy" / "prefect.yaml").read_text())["deployments"]
FLOWS = ("nightly", "backfill", "ingest", "extract", "encode", "train")


def flow_of(name: str) -> Flow[..., Any]:
    return load_flow_from_entrypoint(f"{ROOT}/flows/{name}.py:{name}")


def test_flow_files_load_without_torch() -> None:
    code = f"import sys, {', '.join(f'flows.{name}' for name in FLOWS)}; sys.exit('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], cwd=ROOT, check=False).returncode == 0


@pytest.mark.parametrize("name", FLOWS)
def test_a_flow_is_called_as_its_file_is(name: str) -> None:
    assert flow_of(name).name == name


@pytest.mark.parametrize("name", ["nightly", "ingest", "extract", "train"])
def test_default_parameters_are_valid(name: str) -> None:
    flow_of(name).validate_parameters({})


@pytest.mark.parametrize("deployment", DEPLOYMENTS, ids=lambda deployment: deployment["name"])
def test_deployments_name_flows_that_take_their_parameters(deployment: dict[str, Any]) -> None:
    path, _, name = deployment["entrypoint"].partition(":")
    flow = load_flow_from_entrypoint(f"{ROOT / path}:{name}")
    assert set(deployment.get("parameters", {})) <= set(flow.parameters.properties)
    assert (deployment["concurrency_limit"]["limit"] == 1) == (deployment["work_pool"]["name"] == "apex-cpu")
