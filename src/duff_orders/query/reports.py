"""The ready-made questions: one file of SQL in Athena's dialect each, beside this module.

A file begins with the question; then a line for each parameter (name, type, default, what it is), and the columns that
it gives, with their types. In the text a parameter is `:name`.
"""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import date
from functools import cache
from importlib.resources import files
from typing import Literal

from duff_orders.engines.dialect import sql_text
from duff_orders.errors import InputError
from duff_orders.query.statuses import filled

_FOLDER = files("duff_orders.query").joinpath("reports")
_SUFFIX = ".sql"
_PARAMETER = re.compile(r"-- (\w+) (date|integer) = ([\w-]+): (.+)")
_COLUMN = re.compile(r"-- gives (\w+) ([a-z]+(?:\(\d+,\d+\))?)")
_PLACE = re.compile(r":(\w+)")
#: The most rows of a report.
MOST_ROWS = 10_000

Value = int | date


@dataclass(frozen=True, slots=True)
class Parameter:
    """What may be given to a report."""

    name: str
    type: Literal["date", "integer"]
    default: Value
    about: str

    def read(self, text: str) -> Value:
        """The value that a text names; raises InputError that says what is allowed."""
        try:
            if self.type == "date":
                return date.fromisoformat(text)
            if not re.fullmatch(r"[0-9]{1,5}", text, re.ASCII) or not 1 <= int(text) <= MOST_ROWS:
                raise ValueError
            return int(text)
        except ValueError:
            allowed = "a date such as 2026-11-24" if self.type == "date" else f"1 to {MOST_ROWS}"
            raise InputError(f"{self.name} is {text!r:.80}; allowed is {allowed}") from None


@dataclass(frozen=True, slots=True)
class Report:
    """A ready-made question. `columns` are pairs of name and type, as Athena spells it."""

    name: str
    title: str
    parameters: tuple[Parameter, ...]
    columns: tuple[tuple[str, str], ...]
    body: str

    def values(self, given: Mapping[str, Value]) -> dict[str, Value]:
        """The value of each parameter: what is given, or its default. Raises InputError for an unknown name."""
        for name in given:
            self.parameter(name)
        return {each.name: each.default for each in self.parameters} | dict(given)

    def parameter(self, name: str) -> Parameter:
        """A parameter by its name; raises InputError for an unknown one."""
        known = {each.name: each for each in self.parameters}
        if name not in known:
            raise InputError(f"the report {self.name} has no parameter {name!r:.80}; parameters: {', '.join(known)}")
        return known[name]

    def text(self, given: Mapping[str, Value] | None = None) -> str:
        """The report's SQL, with its parameters as literals, in Athena's dialect."""
        return self._filled(given or {}, _literal)

    def statement(self, given: Mapping[str, Value]) -> tuple[str, list[int | str]]:
        """The report's SQL with a `?` for each parameter, and their values in this order."""
        values: list[int | str] = []

        def place(value: Value) -> str:
            values.append(value if isinstance(value, int) else value.isoformat())
            return "?" if isinstance(value, int) else "cast(? as date)"

        return self._filled(given, place), values

    def _filled(self, given: Mapping[str, Value], write: Callable[[Value], str]) -> str:
        values = self.values(given)
        return _PLACE.sub(lambda found: write(values[found[1]]), self.body)


def names() -> tuple[str, ...]:
    """The names of the reports, sorted."""
    found = (entry.name for entry in _FOLDER.iterdir())
    return tuple(sorted(name.removesuffix(_SUFFIX) for name in found if name.endswith(_SUFFIX)))


@cache
def report(name: str) -> Report:
    """The report of a name; raises InputError for one that is not in `names()`."""
    if name not in names():
        raise InputError(f"no report {name!r:.80}; reports: {', '.join(names())}")
    text = _FOLDER.joinpath(name + _SUFFIX).read_text(encoding="utf-8")
    lines = [*filled(text.splitlines())]
    head = [line for line in lines if line.startswith("--")]
    read: dict[str, Callable[[str], Value]] = {"date": date.fromisoformat, "integer": int}
    told = [found for line in head if (found := _PARAMETER.fullmatch(line))]
    return Report(
        name=name,
        title=head[0].removeprefix("-- "),
        parameters=tuple(
            Parameter(each[1], each[2], read[each[2]](each[3]), each[4])  # type: ignore[arg-type] # of the pattern
            for each in told
        ),
        columns=tuple((found[1], found[2]) for line in head if (found := _COLUMN.fullmatch(line))),
        body="\n".join(line for line in lines if not line.startswith("--")),
    )


def text(name: str) -> str:
    """The report's SQL with the parameters' defaults. Raises InputError for a name that is not in `names()`."""
    return report(name).text()


def title(name: str) -> str:
    """The question the report answers. Raises InputError for an unknown name."""
    return report(name).title


def _literal(value: Value) -> str:
    return str(value) if isinstance(value, int) else f"date {sql_text(value.isoformat())}"
