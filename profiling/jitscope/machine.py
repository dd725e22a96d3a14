"""Name this machine for asv by what it is: processor and cores, never the host's name."""

from __future__ import annotations

import re
from dataclasses import dataclass

from asv import util as asv_util
from asv.machine import Machine, MachineCollection

from jitscope.errors import UserError


@dataclass(frozen=True)
class MachineDescription:
    """What asv records about a machine.

    Attributes
    ----------
    name : str
        Key of the results, as in "amd-epyc-2-cores".
    cpu : str
        Model of the processor.
    cores : int
        Logical cores.
    ram_bytes : str
        Memory, in the digits that asv writes.
    system, arch : str
        Operating system without its release, and architecture.
    """

    name: str
    cpu: str
    cores: int
    ram_bytes: str
    system: str
    arch: str


def describe_machine() -> MachineDescription:
    """Describe the machine that runs this process."""
    found = Machine.get_defaults()
    cpu = " ".join(found["cpu"].split()) or "unknown processor"
    cores = int(found["num_cpu"])
    return MachineDescription(
        name=machine_name(cpu, cores),
        cpu=cpu,
        cores=cores,
        ram_bytes=found["ram"],
        system=found["os"].split()[0],
        arch=found["arch"],
    )


def machine_name(cpu: str, cores: int) -> str:
    """Build a name that is safe as a folder from a processor's model and the number of cores.

    Parameters
    ----------
    cpu : str
    cores : int

    Returns
    -------
    str
        Lower-case letters, digits and dashes.
    """
    model = re.sub(r"\((r|tm)\)|@.*$|\bcpu\b|\bprocessor\b", " ", cpu.lower())
    slug = re.sub(r"[^a-z0-9]+", "-", model).strip("-")
    return f"{slug or 'unknown'}-{cores}-core{'' if cores == 1 else 's'}"


def register_machine() -> MachineDescription:
    """Tell asv about this machine without a question; needed once in each home folder.

    Returns
    -------
    MachineDescription

    Raises
    ------
    UserError
        If asv's list of machines, a file in the home folder, can't be read or written.
    """
    # `asv machine --yes` would do, but it keeps only what differs from its own defaults.
    machine = describe_machine()
    known = {
        **Machine.get_defaults(),
        "machine": machine.name,
        "os": machine.system,
        "cpu": machine.cpu,
    }
    try:
        MachineCollection.save(machine.name, known)
    except (OSError, ValueError, asv_util.UserError) as error:
        path = MachineCollection.get_machine_file_path()
        raise UserError(
            f"asv can't note this machine in {path} ({error}). "
            "Make the home folder writable, or delete that file if it is damaged."
        ) from error
    return machine
