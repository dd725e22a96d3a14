"""A small `trustfit` whose own call is one compiled loop, and which has a stepped driver.

It fits by Gauss-Newton steps of a fixed number: enough for the linear problem, and no more.
"""

from pathlib import Path

ITERATIONS = 5
"""Outer iterations of every fit; each makes one evaluation and two trial steps."""

INIT = """
import jax
import numpy as np

def _arrays(x0):
    return np.atleast_1d(np.asarray(x0, float))

def least_squares(fun, x0, *, callback=None):
    from types import SimpleNamespace
    with jax.enable_x64(True):
        if callback is None:
            from trustfit import _fused as driver
            x, f = driver.minimize(fun, _arrays(x0))
        else:
            from trustfit import _stepped as driver
            x, f = driver.minimize(fun, _arrays(x0), callback)
    return SimpleNamespace(x=x, fun=f, nfev=driver.NFEV, njev=6)

def curve_fit(f, xdata, ydata, p0, *, full_output, callback=None):
    result = least_squares(lambda p: f(xdata, *p) - ydata, p0, callback=callback)
    info = {"nfev": result.nfev, "fvec": result.fun}
    return result.x, None, info, "converged", 1
"""
FUSED = """
import jax
import jax.numpy as jnp
import numpy as np

NFEV = 7

def minimize(fun, x0):
    J = jax.jacfwd(fun)

    @jax.jit
    def solve(x):
        def step(_, x):
            return x - jnp.linalg.lstsq(J(x), fun(x))[0]
        x = jax.lax.fori_loop(0, 5, step, x)
        return x, fun(x)

    x, f = solve(x0)
    return np.asarray(x), np.asarray(f)
"""
STEPPED = """
import jax
import numpy as np

NFEV = 7
STAGES = {
    "evaluate": "residual and Jacobian",
    "reduce_rows": "reduction",
    "trustfit._stepped:take_step": "trust-region step",
}
ITERATIONS = {"outer": "reduce_rows", "inner": "trustfit._stepped:take_step"}

def evaluate(fun, x):
    return np.asarray(fun(x)), np.asarray(jax.jacfwd(fun)(x))

def reduce_rows(J, f):
    return np.linalg.qr(J), f

def take_step(reduced):
    (Q, R), f = reduced
    return -np.linalg.solve(R, Q.T @ f) / 2

def minimize(fun, x0, callback):
    x = x0
    for _ in range(5):
        f, J = evaluate(fun, x)
        reduced = reduce_rows(J, f)
        x = x + take_step(reduced) + take_step(reduced)
        callback(x)
    return x, evaluate(fun, x)[0]
"""


def write_fused_solver(folder: Path) -> None:
    """Write the package below a folder."""
    package = folder / "trustfit"
    package.mkdir(parents=True)
    for name, source in (("__init__", INIT), ("_fused", FUSED), ("_stepped", STEPPED)):
        (package / f"{name}.py").write_text(source, encoding="utf-8")
