"""Where the time of JAX code goes: phases, conversions, lines and their history."""

__version__ = "0.1.0"
