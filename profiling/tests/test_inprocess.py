"""`jitscope.record()` and `@jitscope.profile`, in this process."""

import asyncio
import os
import threading
from collections.abc import AsyncGenerator, Callable, Generator
from functools import partial
from typing import Any

import jax
import jitscope
import numpy as np
import pytest

ONES = np.ones(3, np.float32)


def work(x: Any = ONES) -> float:
    return float(jax.jit(lambda x: x + 1)(x)[0])


@pytest.mark.parametrize(
    ("name", "found"),
    [
        ("phases", lambda recording: recording.phases[0].requests),
        ("conversions", lambda recording: recording.conversions),
        ("counters", lambda recording: recording.counters.modules),
        ("device", lambda recording: recording.device.ops),
    ],
)
def test_every_pass_sees_the_work_and_leaves_no_hook(
    name: str, found: Callable[[Any], Any], hook_state: Callable[[], dict[str, Any]]
):
    before = hook_state()
    with jitscope.record(name) as session:
        work()
    assert hook_state() == before
    assert found(session.recording)


def test_lines_of_a_function():
    with jitscope.record("lines", functions=[work]) as session:
        work()
    assert session.recording.lines is not None
    assert [line.source for line in session.recording.lines] == [
        "return float(jax.jit(lambda x: x + 1)(x)[0])"
    ]


@pytest.mark.parametrize("inner", ["phases", "lines", "cprofile", "device"])
def test_a_second_recording_is_refused_in_a_sentence(inner: str):
    with (
        jitscope.record("lines"),
        pytest.raises(RuntimeError, match="active already"),
        jitscope.record(inner),
    ):
        pass
    with jitscope.record("counters"):
        work()


def test_a_profiled_function_returns_and_reports(capsys: pytest.CaptureFixture[str]):
    assert jitscope.profile(work)() == 2.0
    shown = capsys.readouterr()
    assert shown.out == ""
    assert "jit(<lambda>)" in shown.err
    assert shown.err.count("Recorded once") == 1


def test_a_profiled_function_inside_another_is_part_of_it(capsys: pytest.CaptureFixture[str]):
    inner = jitscope.profile(work)
    outer = jitscope.profile(lambda: inner())
    assert outer() == 2.0
    assert capsys.readouterr().err.count("Recorded once") == 1
    with jitscope.record() as session:
        assert inner() == 2.0
    assert capsys.readouterr().err == ""
    assert session.recording.phases


def test_methods_generators_and_coroutines(capsys: pytest.CaptureFixture[str]):
    class Model:
        @jitscope.profile
        def fit(self) -> float:
            return work()

        @jitscope.profile
        def steps(self) -> Generator[float, None, None]:
            yield work()
            yield work()

        @jitscope.profile
        async def later(self) -> float:
            await asyncio.sleep(0)
            return work()

    model = Model()
    assert model.fit() == 2.0
    assert list(model.steps()) == [2.0, 2.0]
    assert asyncio.run(model.later()) == 2.0
    assert capsys.readouterr().err.count("Recorded once") == 3


def test_a_compiled_function_is_recorded_and_keeps_what_it_has(
    capsys: pytest.CaptureFixture[str],
):
    @jitscope.profile
    @jax.jit
    def doubled(x: Any) -> Any:
        return 2 * x

    class Model:
        @jitscope.profile
        @partial(jax.jit, static_argnums=0)
        def fit(self, x: Any) -> Any:
            return 3 * x

    assert doubled(np.ones(2)).tolist() == [2, 2]
    assert Model().fit(np.ones(2)).tolist() == [3, 3]
    shown = capsys.readouterr().err
    assert shown.count("Recorded once") == 2
    assert "jit(doubled)" in shown
    assert "jit(fit)" in shown
    assert doubled.lower(np.ones(2)).compile()(np.ones(2)).tolist() == [2, 2]
    assert doubled.__name__ == "doubled"


@pytest.mark.parametrize(
    "transform",
    [
        jax.jit,
        lambda f: jax.jit(lambda x: f(x)),
        jax.vmap,
        lambda f: jax.grad(lambda x: f(x).sum()),
    ],
)
def test_a_function_that_jax_traces_is_told_where_the_decorator_goes(
    transform: Callable[[Any], Any], capsys: pytest.CaptureFixture[str]
):
    @jitscope.profile
    def squared(x: Any) -> Any:
        return x * x

    function = transform(squared)
    with pytest.warns(UserWarning, match=r"squared is not recorded.*above `@jax.jit`") as told:
        function(np.ones(2))
    assert [one.filename for one in told] == [__file__]
    assert capsys.readouterr().err == ""
    squared(np.ones(2))
    assert capsys.readouterr().err.count("Recorded once") == 1


@pytest.mark.parametrize("wrapped", [jax.jit, jax.vmap, lambda f: jax.jit(jax.grad(f))])
def test_lines_of_a_compiled_function_are_those_that_it_was_made_from(
    wrapped: Callable[[Any], Any],
):
    def summed(x: Any) -> Any:
        return (x * 1).sum()

    function = wrapped(summed)
    with jitscope.record("lines", functions=[function]) as session:
        function(np.ones((2, 2)))
        function(np.ones((2, 2)))
    assert session.recording.lines is not None
    [line] = session.recording.lines
    assert line.source == "return (x * 1).sum()"
    assert line.file == os.path.realpath(__file__)


def test_what_has_no_lines_is_left_out_with_a_word():
    with pytest.warns(UserWarning, match="cannot be followed: it is no Python function"):
        block = jitscope.record("lines", functions=[len])
    with block as session:
        len([])
    assert session.recording.lines == ()


def test_an_error_passes_through_a_profiled_function(
    hook_state: Callable[[], dict[str, Any]], capsys: pytest.CaptureFixture[str]
):
    before = hook_state()

    @jitscope.profile
    def broken() -> None:
        work()
        raise LookupError("mine")

    with pytest.raises(LookupError, match="mine"):
        broken()
    assert "It ended with LookupError: mine." in capsys.readouterr().err
    assert hook_state() == before


def test_calls_of_several_threads_are_all_answered(capsys: pytest.CaptureFixture[str]):
    answers: list[float] = []
    profiled = jitscope.profile(lambda: answers.append(work()))
    threads = [threading.Thread(target=profiled) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert answers == [2.0] * 4
    assert 1 <= capsys.readouterr().err.count("Recorded once") <= 4


def test_an_asynchronous_generator_is_left_alone_with_a_word():
    async def values() -> AsyncGenerator[int, None]:
        yield 1

    with pytest.warns(UserWarning, match="on the coroutine that consumes it"):
        same = jitscope.profile(values)

    async def collect() -> list[int]:
        return [value async for value in same()]

    assert asyncio.run(collect()) == [1]


def test_an_empty_block():
    with jitscope.record() as session:
        pass
    (run,) = session.recording.phases
    assert run.requests == ()
    assert sum(ns or 0 for ns in run.phases_ns.values()) == run.wall_ns
