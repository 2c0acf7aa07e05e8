"""What the client makes of everything a platform may do (SOURCES §3), by the sandbox's faults on request."""

from pathlib import Path

import pytest

from apex_core.errors import Forbidden, Missing, PlatformDown, RateLimited, SourceError, Unauthorized
from apex_core.sandbox import SandboxServer, World
from apex_core.sandbox.faults import Fault
from apex_core.settings import HttpSettings
from apex_core.sources import LandedFile, land, list_pages
from apex_core.storage import Store
from tests.sources.live.conftest import Asked


@pytest.mark.parametrize(
    ("fault", "wait_s"),
    [
        ("rate_limited_long", 7),
        ("rate_limited_until", 9),
        ("rate_limited_bare", 30),
        ("busy_text", 30),
        ("broken", 30),
        ("cut", 30),
        ("silent", 30),
        ("drip", 30),
    ],
)
def test_what_passes_is_waited_out(
    world: World, sandbox: SandboxServer, asked: Asked, waits: list[float], fault: Fault, wait_s: float
) -> None:
    undisturbed = [page.body for page in list_pages(asked(), world.epoch)]
    sandbox.plant("suno", fault, at=2)
    found = list_pages(asked(timeout_s=0.5, deadline_s=0.4), world.epoch)
    assert [page.body for page in found] == undisturbed
    assert found.complete
    assert waits == pytest.approx([wait_s], abs=1)


@pytest.mark.parametrize("fault", ["rate_limited", "down"])
def test_no_wait_is_longer_than_what_was_asked_for(
    world: World, sandbox: SandboxServer, asked: Asked, waits: list[float], fault: Fault
) -> None:
    sandbox.plant("suno", fault)
    assert list(list_pages(asked(), world.epoch))
    assert waits == []


def test_eight_tries_and_waits_that_grow_from_thirty_seconds(
    world: World, sandbox: SandboxServer, asked: Asked, waits: list[float]
) -> None:
    usual = HttpSettings()
    sandbox.plant("suno", "rate_limited_bare", times=7)
    patient = asked(retries=usual.retries, backoff_s=usual.backoff_s, breaker_s=usual.breaker_s)
    assert next(iter(list_pages(patient, world.epoch))).number == 0
    assert waits == pytest.approx([30, 60, 120, 240, 480, 900, 900], abs=2)
    sandbox.plant("suno", "rate_limited_bare", times=8)
    with pytest.raises(RateLimited, match="fewer requests"):
        list(list_pages(patient, world.epoch))


@pytest.mark.parametrize(
    ("fault", "error"), [("broken", PlatformDown), ("cut", PlatformDown), ("silent", PlatformDown)]
)
def test_what_does_not_pass_is_said_in_the_end(
    world: World, sandbox: SandboxServer, asked: Asked, fault: Fault, error: type[SourceError]
) -> None:
    sandbox.plant("suno", fault, at=2, times=9)
    found = list_pages(asked(timeout_s=0.2, retries=2), world.epoch)
    pages = iter(found)
    next(pages)
    with pytest.raises(error, match="/api/feed/v3"):
        list(pages)
    assert not found.complete
    assert found.cursor


@pytest.mark.parametrize(
    ("fault", "error", "said"),
    [
        ("unauthorized", Unauthorized, "APEX_SOURCES__SUNO__TOKEN"),
        ("forbidden", Forbidden, "403"),
        ("missing", Missing, "404"),
        ("login_page", Unauthorized, "Sign in"),
        ("redirect", Unauthorized, "redirect to '/login'"),
        ("oversize", SourceError, "longer than 1 MiB"),
    ],
)
def test_a_refusal_is_not_repeated_and_what_came_before_is_landed(
    world: World,
    sandbox: SandboxServer,
    asked: Asked,
    waits: list[float],
    tmp_path: Path,
    fault: Fault,
    error: type[SourceError],
    said: str,
) -> None:
    sandbox.plant("suno", fault, at=3)
    found, files = list_pages(asked(max_page_mb=1), world.epoch), list[LandedFile]()
    with pytest.raises(error, match=said) as caught:
        files.extend(land(Store.open(tmp_path / "store"), "suno", "r1", world.epoch, found))
    assert [file.pages for file in files] == [2]
    assert (found.complete, bool(found.cursor), waits) == (False, True, [])
    assert sandbox.token not in str(caught.value)


def test_json_is_taken_whatever_it_is_called(world: World, sandbox: SandboxServer, asked: Asked) -> None:
    sandbox.plant("suno", "mislabelled", times=99)
    assert len(list(list_pages(asked(page_size=100), world.epoch))) == 1


def test_an_unknown_shape_is_kept_for_the_contract_and_ends_the_listing(
    world: World, sandbox: SandboxServer, asked: Asked
) -> None:
    sandbox.plant("suno", "unknown", at=2)
    found = list_pages(asked(), world.epoch)
    assert [page.body for page in found][1] == '{"surprise": []}'
    assert not found.complete
