"""The airspeed-velocity suite: one module a subject; `common` holds what they share.

Nothing heavy is imported at module level: asv starts a process for every benchmark and every
combination of its parameters, and most of these only read what `setup_cache` measured.
"""
