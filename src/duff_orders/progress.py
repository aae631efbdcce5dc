"""The progress of work, reported to whoever displays it."""

from collections.abc import Callable

#: Told at the start of a phase: what is worked on, the phase, and a function that gives the fraction done (0 to 1).
OnPhase = Callable[[str, str, Callable[[], float]], None]


def ignore_phase(key: str, phase: str, done_fraction: Callable[[], float]) -> None:
    """For callers that do not show progress."""
