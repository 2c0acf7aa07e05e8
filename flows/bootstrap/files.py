"""The files of ``deploy/`` that bootstrap reads; what is wrong with them is said before the server is touched."""

import json
from pathlib import Path
from typing import Any, Literal, TypeVar, cast

import yaml
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from apex_core.errors import SettingsError

DEPLOYMENTS, SERVER, AUTOMATIONS = "prefect.yaml", "server.yaml", "automations.yaml"
OURS = "apex"  # names of what is ours begin with it, and it is the tag of our deployments

Workers = Literal["process", "docker", "kubernetes"]

_M = TypeVar("_M", bound=BaseModel)


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class Schedule(_Strict):
    """A cron schedule. ``slug`` is its name: a schedule that keeps it keeps its runs, the skipped ones, too."""

    slug: str
    cron: str
    timezone: str
    parameters: dict[str, Any] = {}


class Concurrency(_Strict):
    """How many runs of a deployment there may be at a time, and what becomes of one too many."""

    limit: int = Field(ge=1)
    collision_strategy: Literal["ENQUEUE", "CANCEL_NEW"]


class WorkPool(_Strict):
    """Where the runs of a deployment go."""

    name: str
    job_variables: dict[str, Any] = {}


class Deployment(_Strict):
    """An entry of ``prefect.yaml``: Prefect's own format, all that bootstrap understands of it."""

    name: str
    entrypoint: str
    description: str
    tags: list[str]
    parameters: dict[str, Any] = {}
    schedules: list[Schedule] = []
    concurrency_limit: Concurrency | None = None
    work_pool: WorkPool


class Pool(_Strict):
    """A work pool. Its base job template is ``pools/<name>.<workers>.json``, else Prefect's for such workers."""

    name: str = Field(pattern="^apex-")
    description: str
    concurrency_limit: int | None = Field(None, ge=1)


class Limit(_Strict):
    """A global concurrency limit, for everything that takes it, on whatever machine."""

    name: str = Field(pattern="^apex-")
    limit: int = Field(ge=1)


class Variable(_Strict):
    """A variable with its first value; what somebody sets it to on the server stays."""

    name: str = Field(pattern="^apex_")
    value: str


class Server(_Strict):
    """``server.yaml``."""

    work_pools: list[Pool]
    concurrency_limits: list[Limit] = []
    variables: list[Variable] = []


class Block(_Strict):
    """A block that holds a secret. ``values`` may name environment variables: ``${env:NAME}``."""

    name: str = Field(pattern="^apex-")
    type: str = Field(pattern=r"^(prefect\.blocks\.\w+|flows\.blocks)\.\w+$", description="The class, with its module.")
    values: dict[str, Any]


class Automations(_Strict):
    """``automations.yaml``. What an automation holds is Prefect's to say (``AutomationCore``)."""

    blocks: list[Block] = []
    automations: list[dict[str, Any]] = []


class Files(_Strict):
    """All of ``folder``, read and checked."""

    folder: Path
    deployments: list[Deployment]
    server: Server
    automations: Automations

    def template(self, pool: Pool, workers: Workers) -> dict[str, Any] | None:
        """The pool's base job template for such workers, if ``folder`` has one."""
        path = self.folder / "pools" / f"{pool.name}.{workers}.json"
        return json.loads(path.read_text("utf-8")) if path.exists() else None


def read_files(folder: Path) -> Files:
    """Read ``folder``. Raises SettingsError, naming file and fault."""
    if not (folder / DEPLOYMENTS).is_file():
        raise SettingsError(f"There is no {folder / DEPLOYMENTS}.", fix="stand in the repository's root, or --folder")
    listed = _yaml(folder / DEPLOYMENTS).get("deployments") or []
    return Files(
        folder=folder,
        deployments=[_checked(Deployment, entry, folder / DEPLOYMENTS) for entry in listed],
        server=_checked(Server, _yaml(folder / SERVER), folder / SERVER),
        automations=_checked(Automations, _yaml(folder / AUTOMATIONS), folder / AUTOMATIONS),
    )


def _yaml(path: Path) -> dict[str, Any]:
    try:
        return cast(dict[str, Any], yaml.safe_load(path.read_text("utf-8")) or {})
    except yaml.YAMLError as error:
        raise SettingsError(f"{path} is no YAML: {error}", fix="mend it") from error


def _checked(model: type[_M], values: object, path: Path) -> _M:
    try:
        return model.model_validate(values)
    except ValidationError as error:
        faults = "; ".join(f"{'.'.join(map(str, e['loc']))}: {e['msg']}" for e in error.errors())
        raise SettingsError(f"{path}: {faults}", fix="mend it") from error
