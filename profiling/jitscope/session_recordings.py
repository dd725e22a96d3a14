"""The calls of a `Session` as recordings, so that what reads those reads sessions too."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace

from jitscope.recorded import PhasesPass
from jitscope.recording import SCHEMA_VERSION, Recording
from jitscope.session import CallPhases, ProblemProfile, Session

USERS_CALLS = ("first call", "warm call")


@dataclass(frozen=True)
class CallRecording:
    """One call of one solver on one problem.

    Attributes
    ----------
    problem, solver : str
    call : {"first call", "warm call", "stepped call"}
        The last one is there of a solver whose own call shows no stages.
    recording : Recording
        Its counters are those of the first call, what it converts and runs on the device those of
        the call itself; None: not recorded of this call.
    """

    problem: str
    solver: str
    call: str
    recording: Recording


def calls_of(session: Session) -> Iterator[CallRecording]:
    """Yield the calls of every problem.

    Parameters
    ----------
    session : Session
    """
    for profile in session.problems:
        for call, recording in _calls(profile, _empty(session)):
            command = ("profile", profile.solver, profile.problem, call)
            recording = replace(recording, command=command)
            yield CallRecording(profile.problem, profile.solver, call, recording)


def _empty(session: Session) -> Recording:
    return Recording(
        schema_version=SCHEMA_VERSION,
        created_utc=session.created_utc,
        environment=session.environment,
        overhead=session.overhead,
        command=(),
    )


def _calls(profile: ProblemProfile, empty: Recording) -> Iterator[tuple[str, Recording]]:
    own = profile.split_driver == "own"
    yield (
        "first call",
        replace(empty, phases=_phases(profile.first_call), counters=profile.counters),
    )
    yield (
        "warm call",
        replace(
            empty,
            phases=_phases(profile.warm_call),
            conversions=profile.conversions,
            lines=profile.lines if own else None,
            device=profile.device,
        ),
    )
    if not own:
        yield (
            "stepped call",
            replace(
                empty,
                phases=_phases(profile.stepped_call),
                conversions=profile.stepped_conversions,
                lines=profile.lines,
            ),
        )


def _phases(call: CallPhases | None) -> tuple[PhasesPass, ...]:
    if call is None:
        return ()
    return (PhasesPass(call.wall_ns, call.unobserved_wall_ns, call.phases_ns),)
