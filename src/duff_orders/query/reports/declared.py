"""The declarations in the reports' files, and their SQL with values filled in."""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import date
from functools import cache
from importlib.resources import files
from typing import Literal, get_args

from duff_orders.drivers.dialect import sql_text
from duff_orders.errors import InputError
from duff_orders.query.reports.statuses import filled

Value = int | date | str
Type = Literal["date", "integer", "text"]
#: What a report is asked of: the star schema, or the ledger and the rows of files.
Over = Literal["star", "ledger"]
#: The console's page that shows a report.
Page = Literal["sql"]

FOLDER = files("duff_orders.query.reports")
CUBE = ".cube.sql"
_SUFFIX = ".sql"
_OVER = re.compile(rf"over ({'|'.join(get_args(Over))})")
_PAGE = re.compile(rf"page ({'|'.join(get_args(Page))})")
_PARAMETER = re.compile(rf"(\w+) ({'|'.join(get_args(Type))})(?: (\S+) to (\S+))? = (.*?): (.+)")
#: A line of a head that says what a report gives.
COLUMN = re.compile(r"gives (\w+) ([a-z]+(?:\(\d+,\d+\))?)")
_PLACE = re.compile(r":(\w+)")
#: Digits of an integer that may be given.
_DIGITS = 18


@dataclass(frozen=True, slots=True)
class Parameter:
    """What may be given to a report; `minimum` and `maximum` bound it, or the characters of a text."""

    name: str
    type: Type
    default: Value
    about: str
    minimum: int | date | None = None
    maximum: int | date | None = None

    @property
    def allowed(self) -> str:
        """What may be given, in words."""
        if self.type == "text":
            return "any text" if self.maximum is None else f"a text of {self.minimum} to {self.maximum} characters"
        between = "" if self.maximum is None else f"{self.minimum} to {self.maximum}"
        if self.type == "integer":
            return between or "a whole number"
        return f"a date from {between}" if between else "a date such as 2026-11-24"

    def read(self, text: str) -> Value:
        """The value that a text names; raises InputError that says what is allowed."""
        try:
            value = _read(self.type, text)
            measured = len(value) if isinstance(value, str) else value
            if self.maximum is None or self.minimum <= measured <= self.maximum:  # type: ignore[operator] # of one type
                return value
        except ValueError:
            pass
        raise InputError(f"{self.name} is {text!r:.80}; allowed is {self.allowed}")


@dataclass(frozen=True, slots=True)
class Report:
    """A ready-made question. `columns` are pairs of name and type, as Athena spells it."""

    name: str
    title: str
    over: Over
    page: Page | None
    parameters: tuple[Parameter, ...]
    columns: tuple[tuple[str, str], ...]
    body: str

    @property
    def most_rows(self) -> int | None:
        """The most rows that may be asked for; None where the report has no limit."""
        limit = next((each.maximum for each in self.parameters if each.name == "limit"), None)
        return limit if isinstance(limit, int) else None

    def limit(self, chosen: Mapping[str, Value]) -> int | None:
        """The rows that are asked for at the most; None where the report has no limit."""
        limit = self.values(chosen).get("limit")
        return limit if isinstance(limit, int) else None

    def values(self, chosen: Mapping[str, Value]) -> dict[str, Value]:
        """The value of each parameter: what is given, or its default. Raises InputError for an unknown name."""
        for name in chosen:
            self.parameter(name)
        return {each.name: each.default for each in self.parameters} | dict(chosen)

    def parameter(self, name: str) -> Parameter:
        """A parameter by its name; raises InputError for an unknown one."""
        known = {each.name: each for each in self.parameters}
        if name not in known:
            raise InputError(f"the report {self.name} has no parameter {name!r:.80}; parameters: {', '.join(known)}")
        return known[name]

    def text(self, chosen: Mapping[str, Value] | None = None) -> str:
        """The report's SQL, with its parameters as literals, in Athena's dialect."""
        return self._filled(chosen or {}, _literal)

    def statement(self, chosen: Mapping[str, Value]) -> tuple[str, list[int | str]]:
        """The report's SQL with a `?` for each parameter, and their values in this order."""
        values: list[int | str] = []

        def place(value: Value) -> str:
            values.append(value.isoformat() if isinstance(value, date) else value)
            return "cast(? as date)" if isinstance(value, date) else "?"

        return self._filled(chosen, place), values

    def _filled(self, chosen: Mapping[str, Value], write: Callable[[Value], str]) -> str:
        values = self.values(chosen)
        # what stands behind a colon and is no parameter, as in a time, is the text's own
        return _PLACE.sub(lambda found: write(values[found[1]]) if found[1] in values else found[0], self.body)


@cache
def names() -> tuple[str, ...]:
    """The names of the reports, sorted."""
    files = (entry.name for entry in FOLDER.iterdir())
    return tuple(sorted(name.removesuffix(_SUFFIX) for name in files if name.endswith(_SUFFIX) and CUBE not in name))


@cache
def report(name: str) -> Report:
    """The report of a name; raises InputError for one that is not in `names()`."""
    if name not in names():
        raise InputError(f"no report {name!r:.80}; reports: {', '.join(names())}")
    return declared(name, FOLDER.joinpath(name + _SUFFIX).read_text(encoding="utf-8"))


def declared(name: str, text: str) -> Report:
    """The report that a file declares; raises ValueError for a head that says anything else."""
    lines = [*filled(text.splitlines())]
    title, *head = [line.removeprefix("-- ") for line in lines if line.startswith("--")] or [""]
    over: list[Over] = []
    page: list[Page] = []
    parameters, columns = [], []
    for line in head:
        if match := _OVER.fullmatch(line):
            over.append(match[1])  # type: ignore[arg-type] # of the pattern
        elif match := _PAGE.fullmatch(line):
            page.append(match[1])  # type: ignore[arg-type] # likewise
        elif match := COLUMN.fullmatch(line):
            columns.append((match[1], match[2]))
        elif match := _PARAMETER.fullmatch(line):
            parameters.append(_parameter(*match.groups()))  # type: ignore[arg-type] # likewise
        else:
            raise ValueError(f"{name}.sql: its head says {line!r}, which declares nothing")
    if len(over) != 1 or len(page) > 1 or not columns:
        raise ValueError(f"{name}.sql: its head needs `over`, `page` once at the most, and what it `gives`")
    body = "\n".join(line for line in lines if not line.startswith("--"))
    return Report(name, title, over[0], page[0] if page else None, tuple(parameters), tuple(columns), body)


def _parameter(name: str, kind: Type, low: str | None, high: str | None, default: str, about: str) -> Parameter:
    bounded: Type = "integer" if kind == "text" else kind
    minimum, maximum = (None if bound is None else _read(bounded, bound) for bound in (low, high))
    return Parameter(name, kind, _read(kind, default), about, minimum, maximum)  # type: ignore[arg-type] # no texts


def _read(kind: Type, text: str) -> Value:
    """A value of a type; raises ValueError where the text is none."""
    if kind == "date":
        if not re.fullmatch(r"\d{4}-\d{2}-\d{2}", text, re.ASCII):
            raise ValueError(text)
        return date.fromisoformat(text)
    if kind == "integer":
        if not re.fullmatch(rf"\d{{1,{_DIGITS}}}", text, re.ASCII):
            raise ValueError(text)
        return int(text)
    if not text.isprintable():
        raise ValueError(text)
    return text


def text(name: str) -> str:
    """The report's SQL with the parameters' defaults. Raises InputError for a name that is not in `names()`."""
    return report(name).text()


def title(name: str) -> str:
    """The question the report answers. Raises InputError for an unknown name."""
    return report(name).title


def _literal(value: Value) -> str:
    if isinstance(value, int):
        return str(value)
    return f"date {sql_text(value.isoformat())}" if isinstance(value, date) else sql_text(value)
