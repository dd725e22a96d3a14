"""What importing trustfit brings into a process, and what its fused driver does: nothing heavy."""

import json
import subprocess
import sys

import pytest
import trustfit

FIT = """
import numpy as np, jax.numpy as jnp
x = np.linspace(0, 4, 50)
model = lambda x, a, b: a * jnp.exp(-b * x)
"""
PLAIN = FIT + "trustfit.curve_fit(model, x, 2.5 * np.exp(-1.3 * x), p0=[1.0, 1.0])"
BOUNDED = FIT + "trustfit.curve_fit(model, x, 2.5 * np.exp(-1.3 * x), bounds=(0, 3))"
FULL = FIT + "trustfit.curve_fit(model, x, 2.5 * np.exp(-1.3 * x), full_output=True)"


def modules_added(before: str, code: str) -> set[str]:
    """Return the modules that a fresh process imports while it runs `code`."""
    program = f"{before}\nimport sys\nbefore = set(sys.modules)\n{code}\n"
    program += "import json\nprint(json.dumps(sorted(set(sys.modules) - before)))"
    done = subprocess.run(
        [sys.executable, "-c", program], check=True, capture_output=True, text=True
    )
    return set(json.loads(done.stdout.splitlines()[-1]))


def test_import_adds_little_but_its_own_modules():
    added = modules_added("import jax", "import trustfit")
    foreign = {name for name in added if name.partition(".")[0] != "trustfit"}
    assert foreign == set()  # no kernel language, no names of types, no pool of threads, no SciPy
    assert "trustfit._curve_fit" in added


def test_import_leaves_what_few_calls_need_to_these():
    added = modules_added("import jax", "import trustfit")
    for module in ("_many", "_many_curve_fit", "_minimize", "_implicit", "_lanes", "_lsmr"):
        assert f"trustfit.{module}" not in added
    assert "trustfit._minimize" in modules_added("import trustfit", "trustfit.minimize")
    assert "trustfit._minimize" in modules_added("import trustfit", "from trustfit import Fit")


@pytest.mark.parametrize("code", [PLAIN, BOUNDED, FULL])
def test_the_fused_driver_never_imports_scipy(code: str):
    added = modules_added("import jax, trustfit", code)
    assert not {name for name in added if name.partition(".")[0] == "scipy"}
    assert "trustfit._lsmr" not in added


def test_everything_public_is_there():
    assert set(trustfit.__all__) <= set(dir(trustfit))
    for name in trustfit.__all__:
        assert getattr(trustfit, name) is not None
    with pytest.raises(AttributeError, match="has no attribute 'leastsq'"):
        _ = trustfit.leastsq  # pyright: ignore[reportAttributeAccessIssue]
