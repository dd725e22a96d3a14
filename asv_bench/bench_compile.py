"""What is compiled, and how large it is; exact counts."""

from jitscope.count import FITS

from .common import SEED, Cache, CountedProblems, look_up


class CompiledModules(CountedProblems):
    """Modules compiled by the first fit of a process, and by fits after it."""

    params = (SEED, FITS)
    param_names = ("problem", "fit")
    unit = "modules"

    def track_modules(self, cache: Cache, problem: str, fit: str) -> int:
        return look_up(cache, problem)["compiled"][fit]


class ProgramSize(CountedProblems):
    """Size of all that the first fit compiles."""

    params = (SEED,)
    param_names = ("problem",)

    def track_jaxpr_equations(self, cache: Cache, problem: str) -> int:
        return look_up(cache, problem)["jaxpr_equations"]

    def track_hlo_instructions(self, cache: Cache, problem: str) -> int:
        return look_up(cache, problem)["hlo_instructions"]

    def track_fused_kernels(self, cache: Cache, problem: str) -> int:
        return look_up(cache, problem)["fused_kernels"]

    track_jaxpr_equations.unit = "equations"  # pyright: ignore[reportFunctionMemberAccess]
    track_hlo_instructions.unit = "instructions"  # pyright: ignore[reportFunctionMemberAccess]
    track_fused_kernels.unit = "kernels"  # pyright: ignore[reportFunctionMemberAccess]
