"""Names of Prefect's settings, as variables of the environment."""

from functools import cache

import prefect_kubernetes.settings  # noqa: F401  brings its own along
from prefect.settings.legacy import _get_settings_fields  # pyright: ignore[reportPrivateUsage]
from prefect.settings.models.root import Settings
from prefect_kubernetes.settings import KubernetesSettings
from pydantic import BaseModel


@cache
def prefect_variables() -> frozenset[str]:
    """What Prefect reads from the environment; one that is none of them does nothing, silently."""
    own = {name.upper() for name in _get_settings_fields(Settings)}
    return frozenset(own | set(_nested(KubernetesSettings, "PREFECT_INTEGRATIONS_KUBERNETES")))


def _nested(model: type[BaseModel], prefix: str) -> list[str]:
    names: list[str] = []
    for name, field in model.model_fields.items():
        variable = f"{prefix}_{name.upper()}"
        inner = field.annotation
        names += _nested(inner, variable) if isinstance(inner, type) and issubclass(inner, BaseModel) else [variable]
    return names
