"""Threads work in the context of whoever hands them the work."""

from contextvars import ContextVar

from apex_core.threads import Threads

run: ContextVar[str] = ContextVar("run", default="none")


def test_each_call_has_the_context_in_which_it_was_handed_over() -> None:
    with Threads(1) as pool:
        pool.submit(run.get).result()  # the thread is there, and keeps nothing of this
        token = run.set("night")
        first, several = pool.submit(run.get), list(pool.map(lambda _: run.get(), range(2)))
        run.reset(token)
        assert first.result() == "night"
        assert several == ["night", "night"]
        assert pool.submit(run.get).result() == "none"
