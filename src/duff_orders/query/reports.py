"""The ready-made questions: one file of SQL in Athena's dialect each, beside this module."""

from importlib.resources import files

from duff_orders.errors import InputError

_FOLDER = files("duff_orders.query").joinpath("reports")
_SUFFIX = ".sql"


def names() -> tuple[str, ...]:
    """The names of the reports, sorted."""
    found = (entry.name for entry in _FOLDER.iterdir())
    return tuple(sorted(name.removesuffix(_SUFFIX) for name in found if name.endswith(_SUFFIX)))


def text(name: str) -> str:
    """The report's SQL. Raises InputError for a name that is not in `names()`."""
    if name not in names():
        raise InputError(f"no report {name!r}; reports: {', '.join(names())}")
    return _FOLDER.joinpath(name + _SUFFIX).read_text(encoding="utf-8")


def title(name: str) -> str:
    """The question the report answers: its first line. Raises InputError for an unknown name."""
    return text(name).splitlines()[0].removeprefix("--").strip()
