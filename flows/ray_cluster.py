"""Ranges of shards on a Ray cluster, through Prefect's Ray task runner (deploy/ray.md).

Why it is shaped like this: nodes share nothing with this host but the store and the Prefect server. So a task is told
what is to be encoded, and by which weights; how its node does it (device, decoder processes, credentials, folders) is
for that node's environment to say, and no secret is ever told. What a task returns are small facts, not persisted, as
that would be in a folder of one host; what counts are the shards it committed. When a node dies, Ray starts its tasks
anew on another one, and what was committed of them is not done again.
"""

import contextlib
import logging
import socket
import time
from collections.abc import Generator, Iterator, Mapping, Sequence
from dataclasses import dataclass
from ipaddress import ip_address
from typing import TYPE_CHECKING, Any, cast
from urllib.parse import urlsplit

from prefect import task
from prefect.cache_policies import NO_CACHE
from prefect.settings import get_current_settings

from apex_core.errors import ApexError, EncoderError, SettingsError
from apex_core.pipeline.run import Run
from apex_core.settings import RaySettings, Settings, get_settings
from flows.artifacts import ProgressArtifacts
from flows.elsewhere import settings_elsewhere, told_elsewhere
from flows.encoding import worth_again
from flows.session import error_of

if TYPE_CHECKING:
    from prefect.task_runners import TaskRunner

    from apex_core.pipeline.extract import Plan

_EVERY_S = 10.0
_NO_NODE_S = 600.0


@dataclass(frozen=True, slots=True)
class Share:
    """What a task asks of a node, and how many tasks the cluster can do at a time."""

    cpus: float
    gpus: float
    places: int


@task(
    name="encode",
    retries=1,
    retry_delay_seconds=10,
    retry_condition_fn=worth_again,
    cache_policy=NO_CACHE,
    persist_result=False,
)
def encode_on_node(told: dict[str, Any], encoder_id: str, shards: list[str]) -> dict[str, float]:
    """Encode a range of shards on the node this runs on, whose encoder process stays for the next range."""
    from apex_core.pipeline.encoders import kept_encoders

    settings = node_settings(get_settings(), told)
    return kept_encoders(settings).encode(encoder_id, shards, ProgressArtifacts())


def told_to_nodes(settings: Settings) -> dict[str, Any]:
    """What nodes are told; raises SettingsError for folders of this host, unless every node has them."""
    shared = settings.ray.shared_folders
    return told_elsewhere(settings, "Nodes of a Ray cluster", "APEX_RAY__SHARED_FOLDERS", is_shared=shared)


def node_settings(own: Settings, told: Mapping[str, Any]) -> Settings:
    """The settings of a task: what it was told, and the rest from its node."""
    settings = settings_elsewhere(own, told)
    # Which of the node's devices it is, is for Ray to say: it is the only one that is seen.
    device = "cuda" if own.encoder.device.startswith("cuda:") else own.encoder.device
    return settings.model_copy(update={"encoder": settings.encoder.model_copy(update={"device": device})})


def share_of(nodes: Sequence[Mapping[str, Any]], wanted: RaySettings) -> Share | None:
    """What a task may ask for, so that every node which can take one is filled; None when none can."""
    living = [cast(Mapping[str, float], node["Resources"]) for node in nodes if node["Alive"]]
    gpus = wanted.task_gpus if wanted.task_gpus is not None else float(any(has.get("GPU") for has in living))
    able = [has for has in living if has.get("GPU", 0.0) >= gpus and has.get("CPU", 0.0) >= (wanted.task_cpus or 1)]
    if not able:
        return None
    by_gpu = [int(has["GPU"] / gpus) if gpus else 1 for has in able]
    cpus = wanted.task_cpus or float(max(1, min(int(has["CPU"] / n) for has, n in zip(able, by_gpu, strict=True))))
    by_cpu = [int(has["CPU"] / cpus) for has in able]
    return Share(cpus, gpus, sum(map(min, by_cpu, by_gpu) if gpus else by_cpu))


def fits_somewhere(nodes: Sequence[Mapping[str, Any]], share: Share) -> bool:
    """Whether a node that is up could take a task of this ``share``; smaller ones that are left cannot."""
    living = [cast(Mapping[str, float], node["Resources"]) for node in nodes if node["Alive"]]
    return any(has.get("CPU", 0.0) >= share.cpus and has.get("GPU", 0.0) >= share.gpus for has in living)


def encode_on_cluster(run: Run, planned: "Plan") -> Iterator[BaseException]:
    """Encode every range on the nodes of the cluster; what went wrong with some, as it is found.

    Raises ApexError when nothing can be done there at all.
    """
    told, wanted = told_to_nodes(run.settings), run.settings.ray
    with _connected(cast(str, wanted.address)) as runner:
        nodes = _nodes()
        refuse_unreachable_server(nodes)
        share = share_of(nodes, wanted)
        if share is None:
            raise EncoderError(f"No node of the Ray cluster can take a task that asks for {_asked(wanted)}.", fix=_FIX)
        yield from _encode(runner, run, planned, told, share)


_FIX = "start nodes that can (deploy/ray.md), or set APEX_RAY__TASK_CPUS and APEX_RAY__TASK_GPUS"


def _asked(wanted: RaySettings) -> str:
    return f"{wanted.task_cpus or 1:g} CPUs and {wanted.task_gpus or 0:g} GPUs"


def _nodes() -> list[dict[str, Any]]:
    import ray

    return cast(list[dict[str, Any]], ray.nodes())


def _encode(
    runner: "TaskRunner[Any]", run: Run, planned: "Plan", told: dict[str, Any], share: Share
) -> Iterator[BaseException]:
    import ray
    from prefect_ray.context import remote_options

    from apex_core.pipeline.encoders import ranges
    from apex_core.pipeline.extract import show_reached

    given = {"told": told, "encoder_id": planned.encoder_id}
    cut = ranges(run.settings, planned.shards, share.places)
    # A worker process serves one task after another (max_calls 0 says so for GPUs, too) and keeps its encoder.
    asked = {"num_cpus": share.cpus, "num_gpus": share.gpus, "max_calls": 0, "scheduling_strategy": "SPREAD"}
    with remote_options(**asked, max_retries=run.settings.ray.max_retries):
        futures = [runner.submit(encode_on_node, {**given, "shards": list(shards)}) for shards in cut]
    waiting = {future.wrapped_future: future for future in futures}
    started = fit = time.monotonic()
    while waiting:
        ended, _ = ray.wait(list(waiting), num_returns=1, timeout=_EVERY_S)
        if ended:
            show_reached(run, planned, time.monotonic() - started)
        for future in map(waiting.pop, ended):
            future.wait()
            if not future.state.is_completed():
                yield error_of(future.state)
        if fits_somewhere(_nodes(), share):
            fit = time.monotonic()
        elif time.monotonic() - fit > _NO_NODE_S:
            raise EncoderError("The Ray cluster has had no node for the tasks that are left for 10 minutes.", fix=_FIX)


@contextlib.contextmanager
def _connected(address: str) -> Generator["TaskRunner[Any]"]:
    """The task runner on the cluster at ``address``."""
    try:
        import ray
        from prefect_ray import RayTaskRunner
    except ImportError as error:
        raise SettingsError(
            f"APEX_RAY__ADDRESS is set, and Ray is not installed here ({error}).",
            fix="install apex with its extra, in its folder: pip install -c constraints.txt '.[ray]'",
        ) from error
    quiet = {"log_to_driver": False, "logging_level": logging.WARNING}
    try:
        # Not by the runner, which would start a cluster of its own for "auto".
        ray.init(address, namespace="prefect", **cast(dict[str, Any], quiet))
    except Exception as error:  # a refused connection has many kinds
        raise EncoderError(
            f"The Ray cluster at {address} cannot be used: {error}",
            fix="look whether it is up (ray status), with the Python and Ray of this environment",
        ) from error
    try:
        with RayTaskRunner() as runner:
            yield runner
    finally:
        ray.shutdown()


def refuse_unreachable_server(nodes: Sequence[Mapping[str, Any]]) -> None:
    """Nodes report to the Prefect server this run reports to: it must have an address that means the same to them."""
    url = get_current_settings().api.url
    far = [node["NodeManagerAddress"] for node in nodes if node["Alive"] and not _is_here(node["NodeManagerAddress"])]
    if url is None or (far and _is_loopback(urlsplit(url).hostname or "")):
        raise ApexError(
            f"Ray nodes cannot report to the Prefect server of this run ({url or 'one that ends with it'}).",
            fix="start a server that they reach, and set PREFECT_API_URL here",
        )


def _is_loopback(host: str) -> bool:
    try:
        return host == "localhost" or ip_address(host).is_loopback
    except ValueError:
        return False


def _is_here(address: str) -> bool:
    """Whether an address is one of this host's own."""
    with socket.socket() as probe:
        try:
            probe.bind((address, 0))
        except OSError:
            return False
    return True
