"""The base job templates in ``deploy/pools``, made from Prefect's own by what apex adds to them.

``python -m tests.deploy.pool_templates`` writes them anew, as after an upgrade of Prefect or of its integrations.
"""

import json
from pathlib import Path
from typing import Any

from prefect.workers.process import ProcessWorker
from prefect_docker.worker import DockerWorker
from prefect_kubernetes.worker import KubernetesWorker

POOLS = Path(__file__).parents[2] / "deploy" / "pools"
IMAGE = "apex:0.1.0"
HOME = "/var/lib/apex"

Template = dict[str, Any]


def templates() -> dict[str, Template]:
    """The templates by their file's name."""
    return {
        f"apex-{pool}.{workers}.json": make(gpu=pool == "gpu")
        for workers, make in (("process", process), ("docker", docker), ("kubernetes", kubernetes))
        for pool in ("cpu", "gpu")
    }


def process(*, gpu: bool) -> Template:
    """Processes on the worker's machine; a worker on a GPU machine may keep its runs to some of the cards."""
    template = ProcessWorker.get_default_base_job_template()
    if gpu:
        _offer(
            template,
            "gpus",
            type="string",
            title="GPUs",
            description="Cards a run may see, as CUDA_VISIBLE_DEVICES has them (0,1); empty: all of the machine.",
            default=None,
        )
        template["job_configuration"]["env"] = {"CUDA_VISIBLE_DEVICES": "{{ gpus }}"}
    return template


def docker(*, gpu: bool) -> Template:
    """Containers of the image, without privileges."""
    template = DockerWorker.get_default_base_job_template()
    job, variables = template["job_configuration"], template["variables"]["properties"]
    # What a run could use to become more than a run of apex is not for a form.
    for name in ("privileged", "container_create_kwargs", "registry_credentials"):
        del variables[name], job[name]
    del template["variables"]["$defs"]
    variables["image"] |= {"default": IMAGE, "examples": [IMAGE]}
    variables["image_pull_policy"]["default"] = "IfNotPresent"
    variables["networks"]["default"] = ["apex"]
    home = f"apex-gpu-home:{HOME}" if gpu else f"apex-home:{HOME}"
    # As deploy/compose.yaml names them.
    variables["volumes"]["default"] = [home, "apex-store:/var/lib/apex-store", "apex-secrets-client:/run/apex:ro"]
    store = {"APEX_STORE": "/var/lib/apex-store", "APEX_GPU_POOL__SHARED_FOLDERS": "true"}
    job["env"] = {**store, "AWS_SHARED_CREDENTIALS_FILE": "/run/apex/aws-credentials"}
    variables["auto_remove"]["default"] = True
    hardened: dict[str, Any] = {"init": True, "cap_drop": ["ALL"], "security_opt": ["no-new-privileges:true"]}
    _offer(
        template,
        "shm_size",
        type="string",
        title="Shared Memory",
        description="Size of /dev/shm, as torch's loaders need it.",
        default="2g" if gpu else "1g",
    )
    hardened["shm_size"] = "{{ shm_size }}"
    if gpu:
        _offer(
            template,
            "gpus",
            type="integer",
            title="GPUs",
            description="How many cards of the host a run gets; -1: all of them. Takes the NVIDIA container toolkit.",
            default=-1,
            minimum=-1,
        )
        _offer(
            template,
            "runtime",
            type="string",
            title="Runtime",
            description="Container runtime, where cards come by one of its own (nvidia) and not by request.",
            default=None,
        )
        hardened["device_requests"] = [{"driver": "nvidia", "count": "{{ gpus }}", "capabilities": [["gpu"]]}]
        hardened["runtime"] = "{{ runtime }}"
    job["container_create_kwargs"] = hardened
    return template


def kubernetes(*, gpu: bool) -> Template:
    """Jobs whose settings and secrets come from the namespace, by reference."""
    template = KubernetesWorker.get_default_base_job_template()
    _set_defaults(template["variables"]["properties"], gpu=gpu)
    _offer_places(template, gpu=gpu)
    # A kubeconfig in a form would be a secret in a job variable: the worker's own account it is.
    del template["variables"]["properties"]["cluster_config"], template["variables"]["definitions"]
    del template["job_configuration"]["cluster_config"]
    spec = template["job_configuration"]["job_manifest"]["spec"]
    # By these the network policy of deploy/kubernetes knows a run.
    names = {"app.kubernetes.io/name": "run", "app.kubernetes.io/part-of": "apex"}
    spec["template"]["metadata"] = {"labels": names}
    pod = spec["template"]["spec"]
    # Where Prefect's template has them, in the pod, Kubernetes knows no such fields.
    spec |= {name: pod.pop(name) for name in ("completions", "parallelism")}
    [container] = pod["containers"]
    container |= {
        "envFrom": [{"configMapRef": {"name": "apex-settings"}}, {"secretRef": {"name": "apex-secrets"}}],
        "securityContext": {
            "allowPrivilegeEscalation": False,
            "readOnlyRootFilesystem": True,
            "capabilities": {"drop": ["ALL"]},
        },
        "volumeMounts": [
            {"name": "home", "mountPath": HOME},
            {"name": "tmp", "mountPath": "/tmp"},
            {"name": "shm", "mountPath": "/dev/shm"},
        ],
    }
    if gpu:
        container["resources"]["limits"]["nvidia.com/gpu"] = "{{ gpus }}"
    pod |= {
        "automountServiceAccountToken": False,
        "enableServiceLinks": False,
        "terminationGracePeriodSeconds": 60,
        "nodeSelector": "{{ node_selector }}",
        "tolerations": "{{ tolerations }}",
        "securityContext": {
            "runAsNonRoot": True,
            "runAsUser": 10001,
            "runAsGroup": 10001,
            "fsGroup": 10001,
            "fsGroupChangePolicy": "OnRootMismatch",
            "seccompProfile": {"type": "RuntimeDefault"},
        },
        "volumes": [
            _home(gpu=gpu),
            {"name": "tmp", "emptyDir": {}},
            {"name": "shm", "emptyDir": {"medium": "Memory", "sizeLimit": "{{ shm_size }}"}},
        ],
    }
    return template


def _home(*, gpu: bool) -> dict[str, Any]:
    """The catalog's volume, which one pod at a time can mount; encoding opens no catalog, it only keeps weights."""
    if gpu:
        return {"name": "home", "emptyDir": {"sizeLimit": "20Gi"}}
    return {"name": "home", "persistentVolumeClaim": {"claimName": "{{ home_claim }}"}}


def _set_defaults(variables: dict[str, Any], *, gpu: bool) -> None:
    defaults: dict[str, Any] = {
        "namespace": "apex",
        "image": IMAGE,
        "service_account_name": "apex-run",
        "finished_job_ttl": 3600,
        # A node with a card may have to be started first.
        "pod_watch_timeout_seconds": 1800 if gpu else 600,
        "cpu_request": "8" if gpu else "2",
        "memory_request": "16Gi" if gpu else "8Gi",
        "memory_limit": "32Gi" if gpu else "16Gi",
    }
    for name, value in defaults.items():
        variables[name]["default"] = value
    variables["image"]["examples"] = [IMAGE]


def _offer_places(template: Template, *, gpu: bool) -> None:
    selector = {"apex.node/gpu": "true"} if gpu else {"apex.node/catalog": "true"}
    taken = [{"key": "nvidia.com/gpu", "operator": "Exists", "effect": "NoSchedule"}] if gpu else []
    _offer(
        template,
        "node_selector",
        type="object",
        title="Node Selector",
        description="Labels of the nodes that runs go to.",
        additionalProperties={"type": "string"},
        default=selector,
    )
    _offer(
        template,
        "tolerations",
        type="array",
        title="Tolerations",
        description="Taints that runs put up with.",
        items={"type": "object"},
        default=taken,
    )
    _offer(
        template,
        "shm_size",
        type="string",
        title="Shared Memory",
        description="Size of /dev/shm; it counts as the run's memory.",
        default="2Gi" if gpu else "1Gi",
    )
    if gpu:
        _offer(template, "gpus", type="integer", title="GPUs", description="Cards a run gets.", default=1, minimum=1)
    else:
        _offer(
            template,
            "home_claim",
            type="string",
            title="Home",
            description="The claim with the catalog. One pod at a time can mount it: set the pool's limit to 1.",
            default="apex-home",
        )


def _offer(template: Template, name: str, **schema: Any) -> None:
    if schema["default"] is None:
        schema["anyOf"] = [{"type": schema.pop("type")}, {"type": "null"}]
    template["variables"]["properties"][name] = schema


def text(template: Template) -> str:
    """A template as its file has it."""
    return json.dumps(template, indent=2) + "\n"


if __name__ == "__main__":
    POOLS.mkdir(exist_ok=True)
    for name, template in templates().items():
        (POOLS / name).write_text(text(template))
