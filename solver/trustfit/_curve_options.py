"""The options of `curve_fit`, as far as they are not those of `least_squares`, checked."""

from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

from trustfit._leastsq_keywords import translate
from trustfit._options import (
    Precision,
    check_dtype,
    check_jac,
    check_lm,
    check_method,
    check_request,
)
from trustfit._solve import Request

_OPTIONS = frozenset(
    {
        "callback",
        "diff_step",
        "f_scale",
        "ftol",
        "gtol",
        "jac_sparsity",
        "loss",
        "max_nfev",
        "tr_options",
        "tr_solver",
        "verbose",
        "workers",
        "x_scale",
        "xtol",
    }
)


def check_keywords(keywords: Mapping[str, Any]) -> None:
    """Refuse keywords that neither `least_squares` nor `leastsq` would take from `curve_fit`."""
    if "args" in keywords:
        raise ValueError(
            "`args` is not an option of `curve_fit`; got one. Let `f` close over its constants."
        )
    unknown = sorted(set(keywords) - _OPTIONS)
    if unknown:
        raise TypeError(
            f"`curve_fit` has no argument `{unknown[0]}`. Its options are those of `least_squares`."
        )


def check_nan_policy(nan_policy: Any) -> None:
    """Refuse what is no policy."""
    if nan_policy not in (None, "raise", "omit"):
        raise ValueError(
            f"`nan_policy` must be None, 'raise' or 'omit'; got {nan_policy!r}. Take 'omit' to "
            "leave points with NaN out."
        )


def check_point_count(m: int, n: int, as_lm: bool) -> None:
    """Refuse fewer points than parameters where SciPy does."""
    if as_lm and m < n:
        raise TypeError(
            f"There must be at least as many points as parameters; got {m} for {n}. Pass "
            "`method='trf'` to fit them all the same."
        )


class Asked(NamedTuple):
    """Options of `curve_fit` as they were given."""

    method: Any
    as_lm: bool
    jac: Any
    dtype: Any
    polish: bool
    full_output: bool
    driver: Any
    keywords: Mapping[str, Any]


def check_options(
    asked: Asked, n: int, *, bounded: bool
) -> tuple[Callable[..., Any] | None, Precision, Request]:
    """Return the user's Jacobian, the functions' precision, and the request."""
    keywords, jac = translate(dict(asked.keywords), asked.jac)
    check_keywords(keywords)
    if asked.method == "lm":
        check_lm(loss=keywords.get("loss", "linear"), jac_sparsity=keywords.get("jac_sparsity"))
        keywords.setdefault("x_scale", "jac")
    if asked.method is not None:
        check_method(asked.method, bounded=bounded)
    if asked.as_lm and keywords.get("max_nfev") is None:
        keywords["max_nfev"] = 200 * (n + 1)
    own_jac, differences = check_jac(
        jac, diff_step=keywords.get("diff_step"), jac_sparsity=keywords.get("jac_sparsity")
    )
    precision: Precision = check_dtype(asked.dtype)
    request = check_request(
        n,
        polish=asked.polish,
        differences=differences,
        dtype=precision,
        rows=asked.full_output,
        driver=asked.driver,
        **keywords,
    )
    return own_jac, precision, request
