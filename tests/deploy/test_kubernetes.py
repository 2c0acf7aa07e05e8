"""The manifests as ``kubectl kustomize`` puts them together: valid, bound, and true to DESIGN §7."""

import re
import shutil
import subprocess
from functools import cache
from pathlib import Path
from typing import Any

import kubernetes_validate
import pytest
import yaml

from apex_core.settings import Settings
from tests.deploy.pool_templates import IMAGE, templates
from tests.deploy.prefect_settings import prefect_variables

ROOT = Path(__file__).parents[2]
FOLDER = ROOT / "deploy" / "kubernetes"
KUBERNETES = "1.32"

pytestmark = pytest.mark.skipif(shutil.which("kubectl") is None, reason="kubectl, which has kustomize, is not there")

Manifest = dict[str, Any]


@cache
def built(folder: str = "") -> list[Manifest]:
    ran = subprocess.run(["kubectl", "kustomize", FOLDER / folder], capture_output=True, text=True, check=False)
    assert ran.returncode == 0, ran.stderr
    return list(yaml.safe_load_all(ran.stdout))


def of(kind: str) -> dict[str, Manifest]:
    return {manifest["metadata"]["name"]: manifest for manifest in built() if manifest["kind"] == kind}


def pods() -> dict[str, Manifest]:
    """What makes pods, by its name; runs of the GPU pool, whose template is the pool's, among them."""
    specs = {name: m["spec"]["template"] for kind in ("Deployment", "StatefulSet") for name, m in of(kind).items()}
    job = templates()["apex-gpu.kubernetes.json"]["job_configuration"]["job_manifest"]
    return specs | {"run": job["spec"]["template"]}


@pytest.mark.parametrize("folder", ["", "base"])
def test_every_object_is_valid(folder: str) -> None:
    manifests = built(folder)
    assert len(manifests) > 15
    for manifest in manifests:
        kubernetes_validate.validate(manifest, KUBERNETES, strict=True)
        assert manifest["kind"] == "Namespace" or manifest["metadata"]["namespace"] == "apex"
    assert ("StatefulSet" in {manifest["kind"] for manifest in manifests}) == (folder == "")


def test_the_catalog_is_on_a_volume_that_one_pod_at_a_time_can_mount_on_the_node_that_has_it() -> None:
    claim, worker = of("PersistentVolumeClaim")["apex-home"], of("Deployment")["worker"]
    assert claim["spec"]["accessModes"] == ["ReadWriteOncePod"]
    assert (worker["spec"]["replicas"], worker["spec"]["strategy"]) == (1, {"type": "Recreate"})
    pod = worker["spec"]["template"]["spec"]
    assert pod["nodeSelector"] == {"apex.node/catalog": "true"}
    mounts = [name for name, found in pods().items() if "apex-home" in str(found["spec"].get("volumes"))]
    assert mounts == ["worker"], "nobody else may have it"
    [container] = pod["containers"]
    assert container["args"][-4:-1] == ["apex-cpu", "--type", "process"], "runs are processes beside the lock"


@pytest.mark.parametrize("name", ["server", "worker", "worker-gpu", "postgres", "run"])
def test_pods_are_as_the_namespace_demands_it(name: str) -> None:
    pod = pods()[name]["spec"]
    assert pod["securityContext"]["runAsNonRoot"]
    assert pod["securityContext"]["seccompProfile"] == {"type": "RuntimeDefault"}
    assert pod["enableServiceLinks"] is False, "what is in the environment is what was put there"
    assert pod["automountServiceAccountToken"] is (name == "worker-gpu")
    for container in [*pod["containers"], *pod.get("initContainers", [])]:
        context = container["securityContext"]
        assert (context["allowPrivilegeEscalation"], context["readOnlyRootFilesystem"]) == (False, True)
        assert context["capabilities"] == {"drop": ["ALL"]}
        assert container["resources"]["requests"].keys() == {"cpu", "memory"}
        assert container["resources"]["limits"]["memory"]
    [main] = pod["containers"]
    assert name == "run" or (main["startupProbe"] and main["livenessProbe"])
    assert of("Namespace")["apex"]["metadata"]["labels"]["pod-security.kubernetes.io/enforce"] == "restricted"


def test_secrets_are_named_and_not_told() -> None:
    assert not of("Secret")
    texts = [text for name in of("ConfigMap") for text in of("ConfigMap")[name]["data"]]
    assert not [text for text in texts if re.search("(?i)password|token|secret|auth|key", text)]
    told = [entry for pod in pods().values() for c in containers(pod) for entry in c.get("env", []) if "value" in entry]
    assert not [e for e in told if re.search("(?i)password|token|auth_string$|secret_access", e["name"])]


def containers(pod: Manifest) -> list[Manifest]:
    found = [*pod["spec"]["containers"], *pod["spec"].get("initContainers", [])]
    return [container for container in found if isinstance(container.get("env", []), list)]


def test_what_is_set_is_a_setting() -> None:
    maps = {name: found["data"] for name, found in of("ConfigMap").items()}
    named = {name for data in maps.values() for name in data}
    named |= {e["name"] for pod in pods().values() for c in containers(pod) for e in c.get("env", [])}
    prefect = {name for name in named if name.startswith("PREFECT_")}
    assert prefect
    assert prefect <= prefect_variables()
    assert maps["apex-server"]["PREFECT_SERVER_ANALYTICS_ENABLED"] == "false"
    with pytest.MonkeyPatch.context() as patch:
        for name, value in maps["apex-settings"].items():
            patch.setenv(name, value)
        settings = Settings()  # refuses what it does not know, below the first name
    assert {
        name.removeprefix("APEX_").lower().split("__")[0] for name in maps["apex-settings"] if "APEX_" in name
    } <= set(Settings.model_fields)
    assert (settings.encoder.place, settings.store) == ("deployment", maps["apex-settings"]["APEX_STORE"])


def test_references_lead_somewhere() -> None:
    maps, secrets = set(of("ConfigMap")), {"apex-secrets", "apex-prefect"}
    text = yaml.safe_dump_all([*built(), *templates().values()])
    assert set(re.findall(r"configMapRef:\s+name: (\S+)", text)) <= maps
    assert set(re.findall(r"secret(?:Key)?Ref:\s+(?:key: \S+\s+)?name: (\S+)", text)) == secrets
    assert set(re.findall(r"claimName: (apex\S+)", text)) <= set(of("PersistentVolumeClaim"))
    accounts = {pod["spec"].get("serviceAccountName", "apex-run") for pod in pods().values()} - {
        "{{ service_account_name }}"
    }
    assert accounts == set(of("ServiceAccount"))
    images = {c["image"] for pod in pods().values() for c in pod["spec"]["containers"]} - {"{{ image }}"}
    assert images == {IMAGE, "postgres:17"}


def test_the_network_lets_nobody_but_ours_to_the_server() -> None:
    policies = {name: policy["spec"] for name, policy in of("NetworkPolicy").items()}
    assert policies["nothing-else"] == {"podSelector": {}, "policyTypes": ["Ingress", "Egress"]}
    [(rule,)] = [policies["server"]["ingress"]]
    [source] = rule["from"]
    [expression] = source["podSelector"]["matchExpressions"]
    names = {pod["metadata"]["labels"]["app.kubernetes.io/name"] for pod in pods().values()}
    assert set(expression["values"]) == names - {"server", "postgres"}
    assert [list(rule) for rule in policies["postgres"]["ingress"]] == [["from", "ports"]]
