"""The usual mend of a conversion or a compilation, in a sentence."""

from jitscope.conversions import ConversionSite
from jitscope.recording import Cause, CompileRequest

_TO_HOST = {
    "bool()": "Branch inside the program (`jnp.where`, `lax.cond`, `lax.while_loop`), or fetch "
    "the condition together with other values.",
    "numpy": "Use the function of `jax.numpy`, or convert once after the loop.",
    "print": "Print after the computation, or use `jax.debug.print`.",
    "repr()": "Print after the computation, or use `jax.debug.print`.",
    "str()": "Print after the computation, or use `jax.debug.print`.",
    "format()": "Format after the computation, or use `jax.debug.print`.",
    "index": "Index with a Python integer, or with the array itself inside the program.",
    "tolist()": "Convert once, after the loop.",
    "pickle": "Convert with `jax.device_get` once before pickling.",
    "dlpack": "Hand the array over once, outside the loop.",
    "device_get": "Fetch several arrays in one `jax.device_get`, and only what is used.",
}
_SCALAR = (
    "Keep the number on the device, or fetch all numbers of an iteration in one `jax.device_get`."
)
_TO_DEVICE = {
    "jit argument": "Put the value on the device once before the loop (`jax.device_put`); a "
    "constant may be a static argument or a closure.",
    "device_put": "Move it out of the loop; what changes little may stay on the device.",
    "jnp.asarray": "Convert once before the loop.",
    "jnp.array": "Convert once before the loop; `jnp.asarray` does not copy.",
}
_COMPILED = {
    "first call": "Compiled once; a persistent cache (`jax_compilation_cache_dir`) loads it in "
    "later processes.",
    "new shape": "Pad to a few lengths, or batch, so that one program serves more shapes.",
    "new dtype": "Convert to one dtype before the call.",
    "new number of arguments": "Call it with the same structure of arguments every time.",
    "new static argument": "Pass what changes often as an ordinary argument.",
    "new function object": "Define and jit the function once, outside the loop.",
    "new settings": "Set JAX's options once, before the first call.",
    "other": "`jax.config.update('jax_explain_cache_misses', True)` tells more.",
}


def mend_of(site: ConversionSite) -> str:
    """Return the usual mend of a conversion.

    Parameters
    ----------
    site : ConversionSite
    """
    if site.direction == "to_host":
        return _TO_HOST.get(site.kind, _SCALAR)
    return _TO_DEVICE.get(site.kind, "Use `jax.numpy` with what is on the device already.")


def advice_for(request: CompileRequest) -> str:
    """Return what would spare a compilation; "" for what was found in memory.

    Parameters
    ----------
    request : CompileRequest
    """
    cause: Cause | None = request.cause
    return "" if cause is None else _COMPILED[cause]
