"""The user's functions called from Python, by themselves."""

import pickle
from typing import Any

import numpy as np
import pytest
import trustfit
from scipy.sparse import coo_matrix, csr_array
from trustfit._host_functions import CurveJacobian, CurveResidual, Jacobian, Residual

X = np.linspace(0, 2, 5)
Y = np.cos(X)
W = np.tril(np.arange(25.0).reshape(5, 5)) + np.eye(5)


def line(x: Any, a: Any, b: Any) -> Any:
    return a + b * x


def line_jac(x: Any, a: Any, b: Any) -> Any:
    return np.stack([np.ones_like(x), x], 1)


def sines(x: Any) -> Any:
    return np.sin(x) - 0.3


@pytest.mark.parametrize("weights", [None, np.arange(5.0), W], ids=["none", "factors", "matrix"])
def test_weights_apply_to_residuals_and_jacobian(weights: Any):
    matrix = np.eye(5) if weights is None else weights
    matrix = np.diag(matrix) if matrix.ndim == 1 else matrix
    p = np.array([0.3, 0.7])
    f = CurveResidual(line, X, Y, weights)(p)
    np.testing.assert_allclose(f, matrix @ (line(X, *p) - Y), rtol=1e-13)
    J = CurveJacobian(line_jac, X, weights)(p, f)
    np.testing.assert_allclose(J, matrix @ line_jac(X, *p), rtol=1e-13)


def test_sparse_jacobians_come_as_csr_and_not_with_weights():
    def sparse(*_: Any) -> Any:
        return coo_matrix(np.eye(5, 2, dtype=int))

    J = Jacobian(sparse, (), {})(np.ones(2), Y)
    assert isinstance(J, csr_array)
    assert J.dtype == np.float64
    with pytest.raises(ValueError, match="must return an array where `sigma` is given"):
        CurveJacobian(sparse, X, np.ones(5))(np.ones(2), Y)


def test_functions_keep_their_precision_and_complex_steps_theirs():
    def single(x: Any) -> Any:
        return np.float32(x)

    assert Residual(single, (), {})(np.ones(2)).dtype == np.float32
    assert CurveResidual(lambda x, a: single(a * x), X, Y, None)(np.ones(1)).dtype == np.float32
    complex_x = np.array([0.5 + 1e-20j, 0.5])
    assert Residual(sines, (), {})(complex_x).dtype == np.complex128
    assert CurveResidual(line, X, Y, W)(complex_x).dtype == np.complex128


@pytest.mark.filterwarnings("ignore::trustfit.UnacceleratedWarning")
def test_functions_can_go_to_another_process():
    """A map that is like a process pool's in what it does to the function."""

    def pickling_map(function: Any, points: Any) -> Any:
        return map(pickle.loads(pickle.dumps(function)), points)

    result = trustfit.least_squares(sines, [0.5, 0.2], workers=pickling_map)
    np.testing.assert_allclose(result.x, np.arcsin(0.3), rtol=1e-9)
    options: dict[str, Any] = {"jac": "3-point", "workers": pickling_map, "sigma": np.ones(5)}
    popt, _ = trustfit.curve_fit(line, X, Y, **options)
    np.testing.assert_allclose(popt, trustfit.curve_fit(line, X, Y)[0], rtol=1e-7)
