"""`contract.toml` as a value: an orders file's columns and an order line's statuses, loaded once and validated.

The text is this package's own, so an error in it is a programming error; all of them are reported at once.
"""

import re
import tomllib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import MISSING, dataclass, field, fields, replace
from functools import cached_property
from pkgutil import get_data
from typing import Any, Literal, TypeVar, get_args

from duff_orders.contract.values import CHANGES, CORRECTS

Kind = Literal["integer", "number", "text", "status"]
#: A status is drawn in one of these: names of custom properties of the console's style sheet.
Colour = Literal["same", "good", "warn", "bad", "link", "violet", "teal", "olive"]

_NAME = re.compile("[a-z][a-z0-9_]{0,62}")
#: The types in which a value of each kind may be stored.
_TYPES: Mapping[Kind, tuple[str, ...]] = {
    "integer": ("bigint", "int"),
    "number": ("decimal(12,4)",),
    "text": ("string",),
    "status": ("string",),
}
#: What the least value of a number may be: the grammar has no signs, and its usual form no leading zero.
_MINIMA: Mapping[Kind, tuple[int | None, ...]] = {"integer": (0, 1), "number": (0,), "text": (None,), "status": (None,)}


T = TypeVar("T")


class ContractError(ValueError):
    """A contract that says what it may not; the message has a line for each error."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Column:
    """One column of an orders file.

    `kind` picks the grammar of a value, `type` is what the catalog stores, `minimum` and `maximum` bound a number
    (`exclusive` where the minimum itself is not allowed). A column that is not `required` may be absent from the header
    or blank, and is null then. `since` is the version that added it; `fact`: it stands in fact_orders, too. `aliases`
    are further names that a header may give it, in lower case. A partner's profile may say what stands for a column
    that no header names (`may_default`; of an optional one always), and which `words` mean which of its values.
    """

    name: str
    kind: Kind
    type: str
    comment: str
    minimum: int | None = None
    maximum: int | None = None
    exclusive: bool = False
    required: bool = True
    since: int = 1
    fact: bool = False
    aliases: list[str] = field(default_factory=list)
    may_default: bool = False
    words: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Status:
    """One state of an order line.

    Of several states in one file the one with the greatest `rank` is the latest. `sells`: its lines count as sold.
    `symbol` and `colour` are how charts show it, `labels` its names in languages other than English.
    """

    name: str
    id: int
    rank: int
    sells: bool
    symbol: str
    colour: Colour
    labels: dict[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Contract:
    """One version of the contract: its columns in their order, and its statuses by id."""

    version: int
    columns: tuple[Column, ...]
    statuses: tuple[Status, ...]

    @cached_property
    def required(self) -> tuple[Column, ...]:
        """The columns that each file and each record must have."""
        return tuple(column for column in self.columns if column.required)

    @cached_property
    def optional(self) -> tuple[Column, ...]:
        """The columns that may be absent: later versions added them."""
        return tuple(column for column in self.columns if not column.required)

    @cached_property
    def aliases(self) -> dict[str, str]:
        """The column of each further name that headers may use."""
        return {alias: column.name for column in self.columns for alias in column.aliases}

    @cached_property
    def sold(self) -> tuple[Status, ...]:
        """The statuses whose lines count as sold."""
        return tuple(status for status in self.statuses if status.sells)

    def column(self, name: str) -> Column:
        """The column of a name; raises KeyError where there is none."""
        return {column.name: column for column in self.columns}[name]

    def status(self, name: str) -> Status:
        """The status of a name; raises KeyError where there is none."""
        return {status.name: status for status in self.statuses}[name]


def load(text: str | None = None) -> Contract:
    """The contract that a TOML text says; without one, this package's. Raises ContractError with all that is wrong."""
    if text is None:
        text = (get_data("duff_orders.contract", "contract.toml") or b"").decode("utf-8")
    said = tomllib.loads(text)
    errors = [f"{key}: unknown" for key in said.keys() - {"version", "status", "column"}]
    statuses = tuple(_entries(Status, "status", said.get("status", []), errors))
    listed = _either([status.name for status in statuses])
    columns = tuple(
        replace(column, comment=column.comment.replace("{statuses}", listed))
        for column in _entries(Column, "column", said.get("column", []), errors)
    )
    contract = Contract(said.get("version", 0), columns, statuses)
    if errors := errors or [*_errors(contract)]:
        raise ContractError("\n".join(errors))
    return contract


def _entries(kind: type[T], what: str, said: list[dict[str, Any]], errors: list[str]) -> Iterator[T]:
    """The entries of a table array as dataclasses; what is wrong with their keys is added to `errors`."""
    known = {each.name: each for each in fields(kind)}  # type: ignore[arg-type] # they are dataclasses
    needed = {name for name, each in known.items() if each.default is MISSING and each.default_factory is MISSING}
    for number, entry in enumerate(said, 1):
        where = f"{what} {number} ({entry.get('name', 'without a name')})"
        wrong = [f"{where}: {key} is unknown" for key in sorted(entry.keys() - known.keys())]
        wrong += [f"{where}: {key} is missing" for key in sorted(needed - entry.keys())]
        errors += wrong
        if not wrong:
            yield kind(**entry)


def _either(names: Sequence[str]) -> str:
    return " or ".join((", ".join(names[:-1]), *names[-1:])) if len(names) > 1 else "".join(names)


def _errors(contract: Contract) -> Iterator[str]:
    """What is wrong with a contract, a sentence each."""
    if contract.version < 1:
        yield f"version: {contract.version} is none; the first is 1"
    for what, names in (
        ("column", [column.name for column in contract.columns]),
        ("status", [status.name for status in contract.statuses]),
    ):
        yield from (f"{what} {name!r}: a name is a-z, digits and _" for name in names if not _NAME.fullmatch(name))
        yield from (f"{what} {name}: named {names.count(name)} times" for name in {*names} if names.count(name) > 1)
    headers = [name for column in contract.columns for name in (column.name, *column.aliases)]
    for name in sorted({name for name in headers if headers.count(name) > 1 or name in (CORRECTS, CHANGES)}):
        yield f"alias {name}: a header by this name is another column's"
    yield from (f"alias {name!r}: it is compared in lower case" for name in headers if name != name.lower())
    before: Column | None = None
    for column in contract.columns:
        yield from (f"column {column.name}: {error}" for error in _errors_of_column(column, before, contract.version))
        before = column
    for number, status in enumerate(contract.statuses, 1):
        if status.id != number:
            yield f"status {status.name}: its id is {status.id}; the next one is {number}"
        if status.rank < 0:
            yield f"status {status.name}: its rank is {status.rank}; allowed is 0 or more"
        if len(status.symbol) != 1:
            yield f"status {status.name}: its symbol is {status.symbol!r}; allowed is one character"
        if status.colour not in get_args(Colour):
            yield f"status {status.name}: its colour is {status.colour!r}; allowed are {', '.join(get_args(Colour))}"


def _errors_of_column(column: Column, before: Column | None, version: int) -> Iterator[str]:
    if column.kind not in get_args(Kind):
        yield f"its kind is {column.kind!r}; allowed are {', '.join(get_args(Kind))}"
        return
    if column.type not in _TYPES[column.kind]:
        yield f"its type is {column.type!r}; allowed for {column.kind} is {' or '.join(_TYPES[column.kind])}"
    if column.minimum not in _MINIMA[column.kind]:
        allowed = " or ".join("none" if each is None else str(each) for each in _MINIMA[column.kind])
        yield f"its minimum is {column.minimum}; allowed for {column.kind} is {allowed}"
    if column.kind == "integer" and column.type == "int" and not 0 < (column.maximum or 0) < 2**31:
        yield f"an int needs its maximum, up to {2**31 - 1}"
    if not 1 <= column.since <= version:
        yield f"since is {column.since}; allowed is 1 to {version}"
    if column.required and column.since > 1:
        yield "an added column cannot be required: older files do not have it"
    if before is not None and (column.required, -column.since) > (before.required, -before.since):
        yield f"it stands behind {before.name}; columns stand in the order in which versions added them"
    if column.kind == "status" and not column.required:
        yield "a status is no optional column"
