"""What a worker meets first: entrypoints that load fast and deployments that name them rightly."""

import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml
from prefect import Flow
from prefect.cli.deploy._models import PrefectYamlModel
from prefect.exceptions import ParameterTypeError
from prefect.flows import load_flow_from_entrypoint

ROOT = Path(__file__).parents[2]
DEPLOYMENTS: list[dict[str, Any]] = yaml.safe_load((ROOT / "deploy" / "prefect.yaml").read_text())["deployments"]
FLOWS = (
    "nightly", "backfill", "ingest", "extract", "encode", "train", "retrain", "predict", "publish", "maintenance",
)  # fmt: skip
# Two forms of one flow; and what may only be called with something said.
TWO_FORMS, ASKS = {"publish": ("promote", "rollback")}, {"backfill", "publish", "encode"}


def flow_of(name: str) -> Flow[..., Any]:
    return load_flow_from_entrypoint(f"{ROOT}/flows/{name}.py:{TWO_FORMS.get(name, (name,))[0]}")


def test_flow_files_load_without_torch() -> None:
    code = f"import sys, {', '.join(f'flows.{name}' for name in FLOWS)}; sys.exit('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], cwd=ROOT, check=False).returncode == 0


@pytest.mark.parametrize("name", FLOWS)
def test_a_flow_is_called_as_its_file_is(name: str) -> None:
    assert flow_of(name).name == name


@pytest.mark.parametrize("name", sorted({*FLOWS} - ASKS))
def test_default_parameters_are_valid(name: str) -> None:
    flow_of(name).validate_parameters({})


def test_prefect_understands_every_word_of_the_file() -> None:
    """Prefect leaves out what it does not know; nothing of ours may be left out."""
    written = yaml.safe_load((ROOT / "deploy" / "prefect.yaml").read_text())
    understood = PrefectYamlModel.model_validate(written).model_dump(exclude_unset=True)
    assert understood["deployments"] == written["deployments"]


@pytest.mark.parametrize("deployment", DEPLOYMENTS, ids=lambda deployment: deployment["entrypoint"])
def test_deployments_name_flows_that_take_their_parameters(deployment: dict[str, Any]) -> None:
    path, _, name = deployment["entrypoint"].partition(":")
    flow = load_flow_from_entrypoint(f"{ROOT / path}:{name}")
    given = deployment.get("parameters", {})
    assert set(given) <= set(flow.parameters.properties)
    if not set(flow.parameters.required or []) - set(given):
        flow.validate_parameters(given)
    # One at a time of what works on the catalog; the word that a run has crashed waits for nobody.
    if path != "flows/crashed.py":
        assert (deployment["concurrency_limit"]["limit"] == 1) == (deployment["work_pool"]["name"] == "apex-cpu")


@pytest.mark.parametrize("deployment", DEPLOYMENTS, ids=lambda deployment: deployment["entrypoint"])
def test_every_field_of_a_form_says_what_it_is_and_numbers_have_bounds(deployment: dict[str, Any]) -> None:
    path, _, name = deployment["entrypoint"].partition(":")
    schema = load_flow_from_entrypoint(f"{ROOT / path}:{name}").parameters
    fields = {**schema.properties, **{k: v for form in schema.definitions.values() for k, v in fields_of(form)}}
    for field, facts in fields.items():
        assert facts.get("description") or "$ref" in facts or facts.get("allOf"), f"{field} says nothing"
        kinds = [facts, *facts.get("anyOf", ())]
        if any(kind.get("type") in ("integer", "number") for kind in kinds):
            assert any({"minimum", "maximum"} <= {*kind} for kind in kinds), f"{field} has no bounds"


def fields_of(form: dict[str, Any]) -> Any:
    return form.get("properties", {}).items()


@pytest.mark.parametrize(
    ("name", "parameters"),
    [
        ("ingest", {"lookback_days": -1}),
        ("maintenance", {"verify_parts": 0}),
        ("maintenance", {"most_free": 2}),
        ("publish", {"version": "../../etc", "reason": "so"}),
        ("publish", {"version": "v1", "reason": ""}),
    ],
)
def test_what_is_out_of_bounds_is_no_parameter(name: str, parameters: dict[str, Any]) -> None:
    with pytest.raises(ParameterTypeError):
        flow_of(name).validate_parameters(parameters)
