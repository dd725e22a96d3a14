"""Conversions: a program that says of each line what it converts is found out exactly."""

import asyncio
import gc
import inspect
import re
import statistics
import sys
import threading
import weakref
from collections import Counter
from collections.abc import Callable, Iterator
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from jitscope._buffer_slot import without_buffer_protocol
from jitscope.conversions import ConversionRecorder, ConversionSite
from jitscope.phases import PhaseRecorder

State = Callable[[], dict[str, Any]]


@jax.jit
def scaled(x: Any, factor: Any) -> Any:
    return factor * x


# A comment "3 to_host 44 bytes: device_get" states what its line converts.
def program(x: Any, scalar: Any, values: Any) -> list[Any]:
    """Convert in every way; `x` has 5 float32, `scalar` one, `values` are 5 of NumPy's float32."""
    results: list[Any] = []
    results += [np.asarray(x)]  # 1 to_host 20 bytes: numpy
    results += [np.array(x, dtype=np.float64)]  # 1 to_host 20 bytes: numpy
    results += [np.sin(x)]  # 1 to_host 20 bytes: numpy
    results += [np.add(x, x)]  # 2 to_host 40 bytes: numpy
    results += [np.linalg.norm(x)]  # 1 to_host 20 bytes: numpy
    values[:] = x  # 1 to_host 20 bytes: numpy
    if scalar:  # 1 to_host 4 bytes: bool()
        results += [float(scalar)]  # 1 to_host 4 bytes: float()
    results += [int(scalar)]  # 1 to_host 4 bytes: int()
    results += [complex(scalar)]  # 1 to_host 4 bytes: complex()
    results += [scalar.item()]  # 1 to_host 4 bytes: item()
    results += [x.tolist()]  # 1 to_host 20 bytes: tolist()
    results += [f"{scalar}"]  # 1 to_host 4 bytes: format()
    results += [str(x)]  # 1 to_host 20 bytes: str()
    results += [repr(x)]  # 1 to_host 20 bytes: repr()
    results += [jax.device_get((x, scalar, [x]))]  # 3 to_host 44 bytes: device_get
    results += [np.from_dlpack(x)]  # 1 to_host 20 bytes: dlpack
    results += [scaled(values, 2.0)]  # 2 to_device 24 bytes: jit argument
    results += [scaled(values, scalar)]  # 1 to_device 20 bytes: jit argument
    results += [scaled(x, scalar)]
    results += [x + values]  # 1 to_device 20 bytes: jit argument
    results += [jnp.sin(values)]  # 1 to_device 20 bytes: jit argument
    results += [jnp.asarray(values)]  # 1 to_device 20 bytes: jnp.asarray
    results += [jnp.array([1.0, 2.0])]  # 1 to_device 8 bytes: jnp.array
    results += [jax.device_put((values, 1.0))]  # 2 to_device 24 bytes: device_put
    results += [scaled(values, values)]  # 2 to_device 40 bytes: jit argument
    results += [scaled(x, True)]  # 1 to_device 1 bytes: jit argument
    results += [scaled(x, np.float64(2))]  # 1 to_device 4 bytes: jit argument
    for _ in range(3):
        number = float(scalar)  # 3 to_host 12 bytes: float()
        results += [scaled(number, 1)]  # 6 to_device 24 bytes: jit argument
    return results


def inputs() -> tuple[Any, Any, Any]:
    return jnp.arange(5, dtype=jnp.float32), jnp.float32(3), np.ones(5, np.float32)


def stated() -> Counter[tuple[int, str, str, int, int]]:
    """Return line, direction, kind, count and bytes of what the program's comments state."""
    lines, first = inspect.getsourcelines(program)
    marker = r"(\d+) (to_host|to_device) (\d+) bytes: ([a-z_.]+(?: argument|\(\))?)"
    return Counter(
        (first + offset, direction, kind, int(count), int(size))
        for offset, text in enumerate(lines)
        for count, direction, size, kind in re.findall(marker, text.partition("#")[2])
    )


def found(sites: tuple[ConversionSite, ...]) -> Counter[tuple[int, str, str, int, int]]:
    return Counter((s.line, s.direction, s.kind, s.count, s.bytes) for s in sites)


@pytest.mark.parametrize("warm", [False, True], ids=["first run", "later run"])
def test_every_conversion_is_found_on_its_line(warm: bool):
    if warm:
        program(*inputs())
    arguments = inputs()
    with ConversionRecorder() as recorder:
        program(*arguments)
    assert found(recorder.sites) == stated()
    assert len(recorder.sites) > 25
    assert {(site.file, site.function) for site in recorder.sites} == {(__file__, "program")}


def test_results_are_unchanged():
    expected = program(*inputs())
    arguments = inputs()
    with ConversionRecorder():
        observed = program(*arguments)
    assert jax.tree.map(type, expected) == jax.tree.map(type, observed)
    jax.tree.map(np.testing.assert_array_equal, expected, observed)


def test_waiting_is_apart_from_copying():
    def slow(x: Any) -> Any:
        return jax.lax.fori_loop(0, 60, lambda _, y: jnp.tanh(y @ x), x)

    busy, x = jax.jit(slow), jnp.full((500, 500), 0.001, jnp.float32)
    busy(x).block_until_ready()
    with ConversionRecorder() as recorder:
        np.asarray(busy(x))
    [site] = recorder.sites
    assert site.bytes == 1_000_000
    assert site.wait_ns > 10 * site.copy_ns > 0


def test_a_fake_clock_gives_exact_times():
    times_ns = iter([0, 700, 1_000, 5_000, 5_020, 5_021])
    x = jnp.ones(3)
    with ConversionRecorder(clock=lambda: next(times_ns)) as recorder:
        for _ in range(2):
            np.asarray(x)
    [site] = recorder.sites
    assert (site.count, site.wait_ns, site.copy_ns) == (2, 720, 301)


def test_a_conversion_the_array_refuses_is_counted_once():
    # bfloat16 has no buffer; NumPy asks for it first, then calls `__array__`.
    x = jnp.ones(2, jnp.bfloat16)
    with ConversionRecorder() as recorder:
        assert np.asarray(x).dtype == jnp.bfloat16
    assert [(site.count, site.bytes) for site in recorder.sites] == [(1, 4)]


def test_functions_of_one_name_on_one_line_are_one_site():
    x = jnp.float32(1)
    with ConversionRecorder() as recorder:
        for function in (lambda: float(x), lambda: 2 + float(x)):
            function()
    assert [site.count for site in recorder.sites] == [2]


def test_no_code_of_the_program_is_kept():
    with ConversionRecorder() as recorder:
        code = compile("float(x)", "/elsewhere/made.py", "eval")
        kept = weakref.ref(code)
        eval(code, {"x": jnp.float32(1)})
        del code
        gc.collect()  # JAX lets go of tracebacks then
        assert kept() is None
    assert "/elsewhere/made.py" in {site.file for site in recorder.sites}


def counted(call: Callable[[], Any]) -> list[tuple[str, int, int | None, float | None]]:
    """Return the function, count, calls and count a call of each converting line of a call."""
    with ConversionRecorder() as recorder:
        call()
    return [
        (site.function.rpartition(".")[2], site.count, site.calls, site.per_call)
        for site in recorder.sites
    ]


def test_a_loop_in_a_function_is_told_from_calls_of_it():
    x = jnp.ones(3)

    def fit(iterations: int) -> None:
        for _ in range(iterations):
            np.asarray(x)
        for _ in range(2 * (iterations > 10)):
            float(x[0])

    def program() -> None:
        for iterations in (100, 100, 100, 0, 5):
            fit(iterations)

    found = counted(program)
    assert found[0] == ("fit", 305, 4, 76.25)  # the call without an iteration converts nothing
    assert ("fit", 6, 3, 2) in found


def test_calls_one_in_another_and_one_beside_another_are_counted():
    x = jnp.float32(1)

    def nested(depth: int) -> None:
        float(x)
        if depth:
            nested(depth - 1)
        float(x)

    def items(number: int) -> Iterator[float]:
        for _ in range(number):
            yield float(x)

    assert counted(lambda: [nested(4), nested(2)]) == 2 * [("nested", 8, 8, 1)]
    # Each generator is one call, however often it is resumed, and whatever runs in between.
    assert counted(lambda: list(zip(items(5), items(9), strict=False))) == [("items", 10, 2, 5)]


def test_a_call_of_a_coroutine_goes_on_after_it_has_waited():
    x = jnp.float32(1)

    async def fetch(number: int) -> None:
        for _ in range(number):
            float(x)
            await asyncio.sleep(0)

    async def program() -> None:
        await asyncio.gather(fetch(3), fetch(2), fetch(1))

    assert counted(lambda: asyncio.run(program())) == [("fetch", 6, 3, 2)]


def test_a_comprehension_belongs_to_the_function_that_holds_it():
    x = jnp.float32(1)

    def fit() -> None:
        [[float(x) for _ in range(3)] for _ in range(2)]

    assert counted(lambda: [fit(), fit()]) == [("fit", 12, 2, 6)]


def test_each_kind_on_a_line_has_its_calls():
    x = jnp.float32(1)

    def fit(number: int) -> None:
        print(float(x), [int(x) for _ in range(number)])

    found = counted(lambda: [fit(0), fit(4), fit(0)])
    assert sorted(found) == [("fit", 3, 3, 1), ("fit", 4, 1, 4)]


def test_calls_are_unknown_under_a_debugger_and_it_goes_on_undisturbed():
    x = jnp.float32(1)
    seen: list[str] = []

    def trace(frame: Any, event: str, _: object) -> Any:
        seen.append(f"{frame.f_code.co_name} {event}")
        return trace

    def fit() -> None:
        float(x)
        float(x)

    before = sys.gettrace()
    with ConversionRecorder() as recorder:
        sys.settrace(trace)
        try:
            fit()
        finally:
            sys.settrace(before)
    assert [(site.count, site.calls, site.per_call) for site in recorder.sites] == 2 * [
        (1, None, None)
    ]
    assert seen.count("fit line") == 2
    assert seen.count("fit return") == 1


def test_a_debugger_that_begins_meanwhile_may_meet_what_counts_the_calls():
    x = jnp.float32(1)
    before = sys.gettrace()

    def fit() -> list[float]:
        first = float(x)
        sys.settrace(lambda *_: None)
        try:
            return [first, float(x)]
        finally:
            sys.settrace(before)

    with ConversionRecorder() as recorder:
        assert fit() == [1, 1]
    assert [site.calls for site in recorder.sites] == [1, 1]


def test_frames_and_variables_are_left_as_they_were():
    frame: Any = sys._getframe()  # pyright: ignore[reportPrivateUsage]
    x = jnp.float32(1)

    class Held:
        pass

    def fit() -> "weakref.ref[Held]":
        held = Held()
        float(x)
        return weakref.ref(held)

    try:
        with ConversionRecorder():
            float(x)
            assert fit()() is None  # its variables went with the call
        assert frame.f_trace is None
    finally:
        del frame


def test_files_can_be_skipped():
    def convert() -> Any:
        return eval(compile("float(x)", "/elsewhere/library.py", "eval"), {"x": jnp.float32(1)})

    with ConversionRecorder() as recorder:
        convert()
    assert [site.file for site in recorder.sites if site.direction == "to_host"] == [
        "/elsewhere/library.py"
    ]
    with ConversionRecorder(skip=["/elsewhere/"]) as recorder:
        convert()
    assert {site.file for site in recorder.sites} == {__file__}


def test_the_standard_library_and_generated_methods_of_jax_are_passed_over():
    x = jnp.float32(2)
    generated: dict[str, Any] = {
        "__name__": "jax.made",
        "__file__": f"{jax.__path__[0]}/made.py",
        "x": x,
    }
    exec(compile("def generated(): return float(x)", "<string>", "exec"), generated)
    own: dict[str, Any] = {"x": x}
    exec(compile("def own(): return float(x)", "<string>", "exec"), own)
    with ConversionRecorder() as recorder:
        assert statistics.fmean([x, x]) == 2
        assert generated["generated"]() == own["own"]() == 2
    to_host = [site for site in recorder.sites if site.direction == "to_host"]
    assert [(site.file, site.count) for site in to_host] == [
        (__file__, 2),
        (__file__, 1),
        ("<string>", 1),
    ]


@pytest.mark.parametrize("warm", [False, True])
def test_nothing_is_left_behind(warm: bool, hook_state: State):
    if warm:
        program(*inputs())
    before = hook_state()
    with ConversionRecorder():
        program(*inputs())
    assert hook_state() == before
    assert bytes(memoryview(jnp.zeros(2, jnp.int8))) == b"\0\0"
    assert np.asarray(jnp.ones(2)).base is not None


def test_exceptions_pass_unchanged_and_the_sites_survive(hook_state: State):
    before = hook_state()
    x = jnp.ones(3)
    deleted = jnp.ones(3)
    deleted.delete()
    recorder = ConversionRecorder()

    def fail() -> None:
        with recorder:
            np.asarray(x)
            np.asarray(deleted)

    with pytest.raises(RuntimeError, match="deleted"):
        fail()
    assert hook_state() == before
    assert sum(site.count for site in recorder.sites) == 1


def test_ambiguous_truth_still_raises():
    x = jnp.ones(3)
    with ConversionRecorder() as recorder, pytest.raises(ValueError, match="ambiguous"):
        bool(x)
    assert recorder.sites == ()


def test_other_threads_are_not_mixed_in():
    x = jnp.ones(3)
    with ConversionRecorder() as recorder:
        thread = threading.Thread(target=program, args=inputs())
        np.asarray(x)
        thread.start()
        thread.join()
    assert sum(site.count for site in recorder.sites if site.direction == "to_host") == 1


def test_usage_errors_are_named():
    recorder = ConversionRecorder()
    with pytest.raises(RuntimeError, match="`with` block"):
        _ = recorder.sites
    with recorder, pytest.raises(RuntimeError, match="recorder is active already"):
        PhaseRecorder().__enter__()


@pytest.mark.skipif(sys.version_info >= (3, 12), reason="the protocol has a name from 3.12 on")
def test_a_class_whose_buffer_cannot_be_taken_away_is_named():
    with pytest.raises(RuntimeError, match="`object` does not offer the buffer protocol"):
        without_buffer_protocol(object).__enter__()
    with pytest.raises(RuntimeError, match="`int` does not offer the buffer protocol"):
        without_buffer_protocol(int).__enter__()
