"""Ctrl-C inside a conversion: it reaches the program, and nothing of it is left."""

import signal
import threading
import time
from collections.abc import Callable, Iterator
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from jitscope.conversions import ConversionRecorder

CONVERTED: dict[str, Callable[[Any], Any]] = {
    "an array": np.asarray,
    "two arrays": lambda x: np.array([x, x]),
    "an operand": lambda x: np.ones(3) + x,
    "a number": lambda x: float(x[0]),
    "an explicit copy": jax.device_get,
}


@pytest.fixture
def interruptible() -> Iterator[None]:
    """Let SIGINT raise KeyboardInterrupt, also where tests run in the background."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, before)


@pytest.mark.usefixtures("interruptible")
@pytest.mark.parametrize("how", CONVERTED)
def test_ctrl_c_inside_a_conversion_reaches_the_program(how: str):
    x = jnp.arange(3.0)
    convert = CONVERTED[how]
    convert(x)
    presses = iter([signal.SIGINT])

    def clock() -> int:
        for signal_number in presses:  # once, within the hook
            signal.raise_signal(signal_number)
        return time.perf_counter_ns()

    with pytest.raises(KeyboardInterrupt), ConversionRecorder(clock=clock) as recorder:
        convert(x)
    assert sum(site.count for site in recorder.sites) == 0
    with ConversionRecorder() as again:
        assert np.asarray(x).tolist() == [0.0, 1.0, 2.0]
        convert(x)
    assert sum(site.count for site in again.sites) > 1


@pytest.mark.usefixtures("interruptible")
def test_an_array_that_was_interrupted_is_converted_next_time():
    x = jnp.arange(3.0)
    presses = iter([signal.SIGINT])

    def clock() -> int:
        for signal_number in presses:
            signal.raise_signal(signal_number)
        return time.perf_counter_ns()

    with ConversionRecorder(clock=clock) as recorder:
        with pytest.raises(KeyboardInterrupt):
            np.asarray(x)
        assert np.asarray(x).tolist() == [0.0, 1.0, 2.0]
    assert [(site.count, site.bytes) for site in recorder.sites] == [(1, 12)]


@pytest.mark.usefixtures("interruptible")
def test_ctrl_c_before_a_conversion_begins_reaches_the_program(monkeypatch: pytest.MonkeyPatch):
    x = jnp.arange(3.0)
    identify = threading.get_ident
    presses = iter([signal.SIGINT])

    def pressed() -> int:
        for signal_number in presses:  # in the hook's first call
            signal.raise_signal(signal_number)
        return identify()

    with ConversionRecorder() as recorder:
        monkeypatch.setattr(threading, "get_ident", pressed)
        with pytest.raises(KeyboardInterrupt):
            np.asarray(x)
        monkeypatch.undo()
        assert np.asarray(x).tolist() == [0.0, 1.0, 2.0]
    assert [(site.count, site.bytes) for site in recorder.sites] == [(1, 12)]
