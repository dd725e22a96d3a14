"""Which solvers there are to test, and which of them must be there."""

import os
import re
from pathlib import Path
from typing import Any

import pytest
from jitscope import adapters
from jitscope.errors import UserError

DOCS = Path(__file__).resolve().parents[2] / "docs" / "profile-your-own-solver.md"
OPTIONAL = ("nlsq",)
"""Those that `make` does not install."""


def installed(solver: str) -> Any:
    """Return an adapter whose solver is installed; skip the test where it is not."""
    adapter = adapters.get(solver)
    try:
        adapter.import_solver()
    except UserError as error:
        if os.environ.get("JITSCOPE_REQUIRE_PEERS") and solver not in OPTIONAL:
            raise
        pytest.skip(str(error))
    return adapter


def example_of_the_docs() -> str:
    """Return the code of the adapter that the documentation shows."""
    blocks = re.findall(r"```python\n(.*?)```", DOCS.read_text(encoding="utf-8"), re.DOTALL)
    (code,) = (block for block in blocks if "class Solver" in block)
    return code
