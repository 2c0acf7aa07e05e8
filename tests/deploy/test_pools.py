"""Base job templates of the work pools: as Prefect understands them, and what docker and Kubernetes make of them."""

import asyncio
import json
import uuid
from pathlib import Path
from typing import Any

import kubernetes_validate
import pytest
import yaml
from docker.models import containers
from prefect.client.orchestration import PrefectClient
from prefect.client.schemas.objects import FlowRun
from prefect.server.schemas.actions import WorkPoolCreate
from prefect.utilities.schema_tools.validation import validate
from prefect.workers.process import ProcessWorker
from prefect_docker.worker import DockerWorker
from prefect_kubernetes.worker import KubernetesWorker

from tests.deploy.pool_templates import HOME, IMAGE, POOLS, templates, text

ROOT = Path(__file__).parents[2]
KUBERNETES = "1.32"
WORKERS = {"process": ProcessWorker, "docker": DockerWorker, "kubernetes": KubernetesWorker}
NAMES = sorted(templates())
DEPLOYMENTS: list[dict[str, Any]] = yaml.safe_load((ROOT / "deploy" / "prefect.yaml").read_text())["deployments"]


def shipped(name: str) -> dict[str, Any]:
    return json.loads((POOLS / name).read_text())


def configuration(name: str, values: dict[str, Any] | None = None) -> Any:
    """What a worker makes of a template and a deployment's job variables, for one run."""
    worker = WORKERS[name.split(".")[1]]
    nobody = PrefectClient("http://127.0.0.1:9/api")  # no template needs a server to be filled in
    found = asyncio.run(worker.job_configuration.from_template_and_values(shipped(name), values or {}, client=nobody))
    found.prepare_for_flow_run(FlowRun(id=uuid.uuid4(), flow_id=uuid.uuid4(), name="a-run"))
    return found


def test_the_files_are_prefects_own_templates_and_what_apex_adds() -> None:
    made = {name: text(template) for name, template in templates().items()}
    there = {path.name: path.read_text() for path in POOLS.iterdir()}
    assert there == made, "python -m tests.deploy.pool_templates writes them anew"


@pytest.mark.parametrize("name", NAMES)
def test_prefects_server_takes_the_template_and_the_job_variables_of_every_deployment(name: str) -> None:
    pool, workers, _ = name.split(".")
    template = shipped(name)
    WorkPoolCreate(name=pool, type=workers, base_job_template=template)
    mine = [entry["work_pool"] for entry in DEPLOYMENTS if entry["work_pool"]["name"] == pool]
    assert mine
    for values in ({}, *(place.get("job_variables", {}) for place in mine)):
        validate(values, template["variables"], raise_on_error=True, preprocess=False)
    with pytest.raises(Exception, match=r"is not of type|is not valid"):
        validate({"env": ["a list"]}, template["variables"], raise_on_error=True, preprocess=False)


@pytest.mark.parametrize("name", NAMES)
def test_what_a_deployment_says_of_its_environment_reaches_the_run(name: str) -> None:
    place = next(entry["work_pool"] for entry in DEPLOYMENTS if entry["work_pool"]["name"] == name.split(".")[0])
    assert place["job_variables"]["env"].items() <= configuration(name, place["job_variables"]).env.items()


def test_a_process_sees_all_cards_unless_it_is_told_which() -> None:
    assert "CUDA_VISIBLE_DEVICES" not in configuration("apex-gpu.process.json").env
    told = configuration("apex-gpu.process.json", {"gpus": "1,2", "env": {"A": "b"}}).env
    assert told.items() >= {"CUDA_VISIBLE_DEVICES": "1,2", "A": "b"}.items()


def container(name: str, values: dict[str, Any] | None = None) -> dict[str, Any]:
    """What the engine is asked for, as Docker's own client puts it."""
    found = configuration(name, values)
    kwargs = {"image": found.image, "volumes": found.volumes, "version": "1.45", **found.container_create_kwargs}
    return vars(containers)["_create_container_args"](kwargs)["host_config"]


def test_containers_have_no_privileges_and_the_cards_that_were_asked_for() -> None:
    cpu, gpu = container("apex-cpu.docker.json"), container("apex-gpu.docker.json", {"gpus": 2, "shm_size": "4g"})
    for host in (cpu, gpu):
        assert (host["CapDrop"], host["SecurityOpt"], host["Init"]) == (["ALL"], ["no-new-privileges:true"], True)
        assert "Privileged" not in host
    assert (cpu.get("DeviceRequests"), cpu["ShmSize"]) == (None, 1 << 30)
    [asked] = gpu["DeviceRequests"]
    assert (asked["Driver"], asked["Count"], asked["Capabilities"]) == ("nvidia", 2, [["gpu"]])
    assert (gpu["ShmSize"], gpu.get("Runtime")) == (4 << 30, None)
    assert container("apex-gpu.docker.json", {"runtime": "nvidia"})["Runtime"] == "nvidia"
    assert configuration("apex-gpu.docker.json").image == IMAGE
    assert (
        not {"privileged", "container_create_kwargs"}
        & shipped("apex-gpu.docker.json")["variables"]["properties"].keys()
    )


def job(name: str, values: dict[str, Any] | None = None) -> dict[str, Any]:
    return configuration(name, values).job_manifest


@pytest.mark.parametrize("name", ["apex-cpu.kubernetes.json", "apex-gpu.kubernetes.json"])
def test_jobs_are_valid_and_bound(name: str) -> None:
    manifest = job(name, {"env": {"A": "b"}})
    kubernetes_validate.validate(manifest, KUBERNETES, strict=True)
    pod = manifest["spec"]["template"]["spec"]
    [main] = pod["containers"]
    assert pod["securityContext"]["runAsNonRoot"]
    assert main["securityContext"]["capabilities"] == {"drop": ["ALL"]}
    assert {"name": "A", "value": "b"} in main["env"]
    assert {"secretRef": {"name": "apex-secrets"}} in main["envFrom"]
    assert {mount["mountPath"] for mount in main["volumeMounts"]} == {HOME, "/tmp", "/dev/shm"}
    assert "{{" not in json.dumps(manifest)


def test_a_job_on_a_gpu_asks_for_cards_and_goes_where_they_are() -> None:
    manifest = job("apex-gpu.kubernetes.json", {"gpus": 4, "node_selector": {"cards": "h100"}, "shm_size": "8Gi"})
    kubernetes_validate.validate(manifest, KUBERNETES, strict=True)
    pod = manifest["spec"]["template"]["spec"]
    assert pod["containers"][0]["resources"]["limits"]["nvidia.com/gpu"] == 4
    assert pod["nodeSelector"] == {"cards": "h100"}
    assert pod["tolerations"] == [{"key": "nvidia.com/gpu", "operator": "Exists", "effect": "NoSchedule"}]
    volumes = {volume.pop("name"): volume for volume in pod["volumes"]}
    assert volumes["shm"] == {"emptyDir": {"medium": "Memory", "sizeLimit": "8Gi"}}
    assert "persistentVolumeClaim" not in volumes["home"], "encoding opens no catalog"


def test_a_job_with_the_catalog_goes_where_its_volume_is() -> None:
    pod = job("apex-cpu.kubernetes.json")["spec"]["template"]["spec"]
    assert pod["nodeSelector"] == {"apex.node/catalog": "true"}
    assert {"name": "home", "persistentVolumeClaim": {"claimName": "apex-home"}} in pod["volumes"]
