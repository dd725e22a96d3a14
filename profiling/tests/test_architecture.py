"""The rules of docs/architecture.md that imports can break, checked on the source itself."""

import ast
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
SOLVER = ROOT / "solver" / "trustfit"
JITSCOPE = ROOT / "profiling" / "jitscope"


def imported_modules(path: Path) -> Iterator[str]:
    """Yield the full dotted name of every module that a file imports, anywhere in it."""
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            yield "." * node.level + (node.module or "")


def test_solver_does_not_know_who_measures_it():
    for path in SOLVER.rglob("*.py"):
        for module in imported_modules(path):
            assert not module.startswith(("jitscope", "asv")), f"{path}: {module}"


def test_only_the_adapter_of_a_solver_imports_it():
    for path in JITSCOPE.rglob("*.py"):
        own = path.stem if path.parent.name == "adapters" else None
        for module in imported_modules(path):
            solver = module.split(".")[0]
            if solver in ("trustfit", "nlsq", "optimistix", "jaxopt", "lmfit"):
                assert own == solver, f"{path}: {module}"


def test_private_jax_api_sits_in_its_own_modules():
    users = {
        path.name
        for path in JITSCOPE.rglob("*.py")
        for module in imported_modules(path)
        if module.startswith(("jax._src", "jaxlib"))
    }
    assert users == {"_jax_private.py"}, "jaxlib, as the package whose frames are JAX's own"


def test_what_is_private_in_jax_is_looked_up_in_one_place():
    naming = {path.name for path in JITSCOPE.rglob("*.py") if "jax._src" in path.read_text("utf-8")}
    assert naming == {"_jax_members.py"}
    for path in JITSCOPE.rglob("*.py"):
        text = path.read_text("utf-8")
        assert "_jax_members import" not in text or path.name.startswith("_jax_"), path
        assert "type: ignore" not in text, path


def test_no_package_at_the_root_of_solver_and_profiling():
    # Python 3.15 has a standard package `profiling`; an `__init__.py` here would shadow it.
    assert not (ROOT / "solver" / "__init__.py").exists()
    assert not (ROOT / "profiling" / "__init__.py").exists()


def test_every_module_of_the_solver_has_its_place():
    rows = (ROOT / "docs" / "architecture.md").read_text(encoding="utf-8").splitlines()
    named = [
        cell for row in rows if row.startswith("| `_") for cell in row.split("|")[1].split("`")
    ]
    for path in SOLVER.glob("_[a-z]*.py"):
        assert named.count(path.stem) == 1, f"docs/architecture.md: {path.stem}"
