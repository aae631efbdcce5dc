"""A job's arguments: Glue's where there is Glue, the same names on a command line elsewhere."""

import argparse
import sys
from collections.abc import Sequence


def job_arguments(required: Sequence[str], optional: Sequence[str] = ()) -> dict[str, str]:
    """The values of `--name VALUE` by name; an optional one that is not given is not in it."""
    try:
        from awsglue.utils import getResolvedOptions
    except ImportError:
        return _command_line(required, optional)
    given = [name for name in optional if any(word.split("=")[0] == f"--{name}" for word in sys.argv)]
    options = getResolvedOptions(sys.argv, [*required, *given])
    return {name: options[name] for name in (*required, *given)}


def _command_line(required: Sequence[str], optional: Sequence[str]) -> dict[str, str]:
    parser = argparse.ArgumentParser()
    for name in (*required, *optional):
        parser.add_argument(f"--{name}", required=name in required)
    # Glue hands its jobs arguments of its own, too.
    found, _ = parser.parse_known_args()
    return {name: value for name, value in vars(found).items() if value is not None}
