"""`python -m kernel_models GROUP...`: check the models of some groups, or of one case of them.

Run as a program of its own by `test_kernels.py`: XLA ends the whole process if a kernel has an
operation that it cannot emit.
"""

import os
import sys
import traceback
import warnings
from typing import Any

import jax
import numpy as np
import scipy.optimize
import trustfit

from .case import Case
from .groups import GROUPS
from .options import of_weights

LENGTHS = (20, 200, 2000)
# By 'auto', NumPy may serve one of three fits and a program the next: their last bits differ.
BY_PROGRAMS = os.environ.get("TRUSTFIT_DRIVER") == "compiled"


def check(case: Case, m: int) -> None:
    """Raise an AssertionError if a fit is not as SciPy's."""
    x = np.linspace(0.1, 0.9, m) if case.x is None else case.x(m)
    f, truth = case.f, np.array(case.truth)
    kwargs = {k: v(m) if v is of_weights else v for k, v in case.kwargs.items()}
    given = np.asarray(x, float)

    def model(x: Any, *p: Any) -> Any:
        with jax.enable_x64(True):
            value = np.asarray(compiled(np.array(p)), float)
        return np.full(m, value) if value.ndim == 0 else value

    compiled = jax.jit(lambda p: f(given, *p))
    noise = 0.01 * np.cos(37.0 * np.arange(m))
    y = model(x, *truth) + noise
    p0 = kwargs.pop("p0", None) or truth * 1.05
    with warnings.catch_warnings():
        if case.frozen:
            warnings.simplefilter("ignore")
        fits = [trustfit.curve_fit(f, x, y, p0, **kwargs) for _ in range(3)]
        if callable(kwargs.get("jac")):
            del kwargs["jac"]
        if kwargs.get("method") == "trf" or "bounds" in kwargs:
            kwargs |= {"xtol": 1e-13, "ftol": 1e-13, "gtol": 1e-13, "jac": "3-point"}
        expected = scipy.optimize.curve_fit(model, x, y, p0, **kwargs)
    for popt, pcov in fits:
        if case.frozen:
            np.testing.assert_allclose(model(x, *popt), model(x, *expected[0]), 1e-6)
        else:
            np.testing.assert_allclose(popt, expected[0], 2e-5, err_msg="popt")
            np.testing.assert_allclose(
                pcov, expected[1], 1e-2, 1e-3 * abs(expected[1]).max(), err_msg="pcov"
            )
        if BY_PROGRAMS:
            np.testing.assert_array_equal(popt, fits[1][0])


def main(groups: list[str]) -> int:
    """Check the cases of some groups; return how many of them fail."""
    warnings.simplefilter("error")
    failed = 0
    for group in groups:
        name, _, one = group.partition(":")
        for label, case in GROUPS[name].items():
            if one and label != one:
                continue
            for m in LENGTHS:
                print(f"{name}:{label}, m = {m}", flush=True)
                try:
                    check(case, m)
                except Exception as error:  # noqa: BLE001 - all of them are told
                    failed += 1
                    text = " ".join(str(error).split())[:600]
                    print(f"FAILED {name}:{label}, m = {m}: {type(error).__name__}: {text}")
                    if "-v" in sys.argv:
                        traceback.print_exc()
    return failed


if __name__ == "__main__":
    sys.exit(main([one for one in sys.argv[1:] if one != "-v"]) > 0)
