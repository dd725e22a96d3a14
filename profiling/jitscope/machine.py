"""The name under which asv files what was measured on this machine.

asv's own default is the host name: it says nothing about speed, names a machine that readers do
not know, and changes with every container.
"""

import contextlib
import os
import platform
import re
import subprocess
from dataclasses import dataclass
from pathlib import Path

from jitscope.errors import UserError

_NOISE = re.compile(
    r"\((?:r|tm)\)|@.*|\b(?:processor|cpu)\b|\b(?:\d+|two|four|six|eight|twelve|sixteen)-core\b",
    re.IGNORECASE,
)


@dataclass(frozen=True)
class Machine:
    """A machine by what it is.

    Attributes
    ----------
    name : str
        asv's key of its results, as in "amd-epyc-2-cores".
    cpu : str
        Model of the processor.
    cores : int
        Logical cores.
    """

    name: str
    cpu: str
    cores: int


def machine_name(cpu: str, cores: int) -> str:
    """Return a name made of CPU model and core count.

    Parameters
    ----------
    cpu : str
        The model as the system gives it.
    cores : int
        Logical cores.

    Examples
    --------
    >>> machine_name("Intel(R) Core(TM) i5-2520M CPU @ 2.50GHz", 4)
    'intel-core-i5-2520m-4-cores'
    """
    model = re.sub(r"[^a-z0-9]+", "-", _NOISE.sub(" ", cpu).lower()).strip("-")
    return f"{model or 'unknown-cpu'}-{cores}-core{'' if cores == 1 else 's'}"


def cpu_model() -> str:
    """Return the processor's model as the system gives it, and asv has it; "" if it is unknown."""
    system = platform.system()
    with contextlib.suppress(OSError, subprocess.SubprocessError):
        if system == "Linux":
            text = Path("/proc/cpuinfo").read_text(encoding="utf-8", errors="replace")
            found = re.search(r"^model name\s*:(.*)$", text, re.MULTILINE)
            return found[1].strip() if found else ""
        if system == "Darwin":
            command = ("sysctl", "-n", "machdep.cpu.brand_string")
            return subprocess.check_output(command, text=True).strip()
    return platform.processor()


def describe_machine() -> Machine:
    """Describe the machine that runs this process."""
    cpu, cores = " ".join(cpu_model().split()), os.cpu_count() or 1
    return Machine(machine_name(cpu, cores), cpu or "unknown CPU", cores)


def register() -> str:
    """Tell asv about this machine, so that it asks nothing, and return its name.

    `asv machine --yes` keeps only what differs from its defaults, so the record is written
    through asv's own module instead; other machines' records stay.

    Raises
    ------
    UserError
        asv's file of machines cannot be read or written.
    """
    from asv import machine, util

    name = describe_machine().name
    path = machine.MachineCollection.get_machine_file_path()
    try:
        machine.MachineCollection.save(name, {**machine.Machine.get_defaults(), "machine": name})
    except (util.UserError, OSError, ValueError) as error:
        raise UserError(f"asv's list of machines, {path}, is not usable ({error}).") from error
    return name
