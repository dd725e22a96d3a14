"""Trust-region reflective least squares in JAX, called like SciPy's."""

__version__ = "0.1.0"
