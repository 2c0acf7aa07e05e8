"""Deployments and their schedules: entrypoints are loaded, so that their forms come from the code at hand."""

import asyncio
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

from prefect.client.schemas.actions import DeploymentScheduleCreate, DeploymentUpdate
from prefect.client.schemas.objects import ConcurrencyOptions
from prefect.client.schemas.schedules import CronSchedule
from prefect.flows import load_flow_from_entrypoint
from prefect.utilities.callables import parameter_schema
from prefect.utilities.templating import resolve_variables

from flows.bootstrap.changes import Change, changed, differing
from flows.bootstrap.files import OURS, Deployment, Files, Schedule

if TYPE_CHECKING:
    from prefect import Flow
    from prefect.client.orchestration import SyncPrefectClient
    from prefect.client.schemas.responses import DeploymentResponse

_KIND = "deployment"


def apply_deployments(client: "SyncPrefectClient", files: Files, code: Path) -> tuple[list[Change], dict[str, str]]:
    """Create or update the deployments; also the ids of all of ours, by ``flow/name``.

    ``code``: the repository's root as workers see it.
    """
    changes: list[Change] = []
    ids: dict[str, str] = {}
    for deployment in files.deployments:
        flow = load_flow_from_entrypoint(str(files.folder.parent / deployment.entrypoint))
        name = f"{flow.name}/{deployment.name}"
        change, ids[name] = _deployment(client, _resolved(deployment), flow, name, code)
        changes.append(change)
    return changes, ids


def _resolved(deployment: Deployment) -> Deployment:
    """Variables of the server in the place of ``{{ prefect.variables.… }}``."""
    values: Any = asyncio.run(resolve_variables(deployment.model_dump()))
    return Deployment.model_validate(values)


def _deployment(
    client: "SyncPrefectClient", deployment: Deployment, flow: "Flow[..., Any]", name: str, code: Path
) -> tuple[Change, str]:
    wanted = _wanted(deployment, flow, code)
    present = _read(client, name)
    if present is None:
        schedules = [_schedule(schedule) for schedule in deployment.schedules]
        options = ConcurrencyOptions.model_validate(strategy) if (strategy := _strategy(deployment)) else None
        payload: dict[str, Any] = {**wanted, "concurrency_options": options, "schedules": schedules}
        created = client.create_deployment(client.create_flow_from_name(flow.name), deployment.name, **payload)
        return Change(_KIND, name, "created", "; ".join(map(_in_words, deployment.schedules))), str(created)
    differs = differing(wanted, _present(present))
    if differs:
        client.update_deployment(present.id, DeploymentUpdate(**{key: wanted[key] for key in differs}))
    if _set_schedules(client, deployment, present):
        differs.append("schedules")
    return changed(_KIND, name, differs), str(present.id)


def _wanted(deployment: Deployment, flow: "Flow[..., Any]", code: Path) -> dict[str, Any]:
    return {
        "description": deployment.description,
        "tags": deployment.tags,
        "parameters": deployment.parameters,
        "entrypoint": deployment.entrypoint,
        "pull_steps": [{"prefect.deployments.steps.set_working_directory": {"directory": str(code)}}],
        "work_pool_name": deployment.work_pool.name,
        "job_variables": deployment.work_pool.job_variables,
        "concurrency_limit": deployment.concurrency_limit and deployment.concurrency_limit.limit,
        "concurrency_options": _strategy(deployment),
        "parameter_openapi_schema": parameter_schema(flow).model_dump(mode="json", exclude_unset=True),
        "enforce_parameter_schema": True,
    }


def _present(deployment: "DeploymentResponse") -> dict[str, Any]:
    shown = deployment.model_dump(mode="json", exclude={"concurrency_limit"})
    limit, options = shown["global_concurrency_limit"], shown["concurrency_options"]
    return {
        **shown,
        "concurrency_limit": limit and limit["limit"],
        "concurrency_options": options and {"collision_strategy": options["collision_strategy"]},
    }


def _strategy(deployment: Deployment) -> dict[str, str] | None:
    limit = deployment.concurrency_limit
    return {"collision_strategy": limit.collision_strategy} if limit else None


def _read(client: "SyncPrefectClient", name: str) -> "DeploymentResponse | None":
    from prefect.exceptions import ObjectNotFound

    try:
        return client.read_deployment_by_name(name)
    except ObjectNotFound:
        return None


def _schedule(schedule: Schedule) -> DeploymentScheduleCreate:
    return DeploymentScheduleCreate(
        schedule=_cron(schedule), active=True, parameters=schedule.parameters, slug=schedule.slug
    )


def _cron(schedule: Schedule) -> CronSchedule:
    return CronSchedule(cron=schedule.cron, timezone=schedule.timezone)


def _in_words(schedule: Schedule) -> str:
    return f"{schedule.cron} {schedule.timezone}"


def _set_schedules(client: "SyncPrefectClient", deployment: Deployment, present: "DeploymentResponse") -> bool:
    """Remove schedules the file does not name, change and add others; was anything done?

    One by one, not with the deployment: a schedule that is replaced loses what somebody did to its runs.
    """
    wanted = {schedule.slug: schedule for schedule in deployment.schedules}
    known = {schedule.slug: schedule for schedule in present.schedules}
    done = False
    for schedule in present.schedules:
        if schedule.slug not in wanted:
            client.delete_deployment_schedule(present.id, schedule.id)
            done = True
    for slug, schedule in wanted.items():
        old = known.get(slug)
        if old is None:
            client.create_deployment_schedules(present.id, [_schedule(schedule)])
        elif (old.schedule, old.parameters) != (_cron(schedule), schedule.parameters):
            client.update_deployment_schedule(
                present.id, old.id, schedule=_cron(schedule), parameters=schedule.parameters
            )
        else:
            continue
        done = True
    return done


def prune_deployments(client: "SyncPrefectClient", kept: dict[str, str]) -> list[Change]:
    """Remove deployments that carry our tag and are none of ``kept`` (ids by name). Their runs stay to be looked at."""
    from prefect.client.schemas.filters import DeploymentFilter, DeploymentFilterTags

    tagged = client.read_deployments(deployment_filter=DeploymentFilter(tags=DeploymentFilterTags(all_=[OURS])))
    removed: list[Change] = []
    for deployment in tagged:
        if str(deployment.id) not in kept.values():
            flow = client.read_flow(cast(Any, deployment.flow_id))
            client.delete_deployment(deployment.id)
            removed.append(Change(_KIND, f"{flow.name}/{deployment.name}", "removed"))
    return removed
