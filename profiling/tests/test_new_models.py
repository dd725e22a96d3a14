"""Many models, each fitted once: that they differ, and that wrong answers do not count."""

import json
import subprocess
import sys
from typing import Any

import jax
import numpy as np
import pytest
from jitscope import new_models
from jitscope.errors import UserError

from .solvers import installed


def test_no_two_models_compute_the_same():
    traced = {
        str(jax.make_jaxpr(new_models.model(number)(jax.numpy))(np.ones(3), 1.0, 1.0, 1.0))
        for number in range(new_models.MOST)
    }
    assert len(traced) == new_models.MOST == 100


@pytest.mark.parametrize("solver", ["scipy_lm", "trustfit"])
def test_all_are_fitted(solver: str):
    found = new_models.measure(solver, new_models.MOST)
    assert (found.solver, found.points, len(found.calls_ns)) == (solver, 100, 100)
    assert all(one > 0 for one in found.calls_ns)


def test_a_wrong_answer_is_no_measurement(monkeypatch: pytest.MonkeyPatch):
    adapter = installed("scipy_lm")
    run = type(adapter).run

    def away(self: Any) -> None:
        run(self)
        (popt, *rest) = self._output
        self._output = (popt * 1.1, *rest)

    monkeypatch.setattr(type(adapter), "run", away)
    with pytest.raises(UserError, match="did not end at their minimum"):
        new_models.measure("scipy_lm", 1)


def test_the_command(capfd: pytest.CaptureFixture[str]):
    command = [sys.executable, "-m", "jitscope.new_models", "--solver", "scipy", "--models", "2"]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    found = json.loads(done.stdout.splitlines()[-1])
    assert len(found["calls_ns"]) == 2
    assert new_models.main(["--solver", "scipy", "--models", "1", "--expected-prefix", "/x"]) == 2
    assert "expected a file below /x" in capfd.readouterr().err
