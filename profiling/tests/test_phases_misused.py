"""A recorder of phases that is used as it cannot be says so."""

import pytest
from jitscope.phases import PhaseRecorder


def test_a_span_ends_with_its_recording():
    with PhaseRecorder() as recorder:
        pass
    with pytest.raises(RuntimeError, match="`span` needs the recorder's own `with` block"):
        recorder.span("host").__enter__()
    with pytest.raises(RuntimeError, match="`attach_jax` needs"):
        recorder.attach_jax()
    with pytest.raises(RuntimeError, match="records once"):
        recorder.__enter__()


def test_usage_errors_are_named():
    with pytest.raises(ValueError, match="'full' or 'light'"):
        PhaseRecorder(mode="fast")  # pyright: ignore[reportArgumentType]
    with pytest.raises(ValueError, match="'module:function'"):
        PhaseRecorder(stages={"a_solver.factorise": "factorisation"})
    recorder = PhaseRecorder(mode="light")
    with pytest.raises(RuntimeError, match="`with` block"):
        _ = recorder.record
    with pytest.raises(RuntimeError, match="`with` block"):
        recorder.attach_jax()
    with recorder, pytest.raises(ValueError, match="must be one of import, backend"):
        recorder.span("solve").__enter__()
