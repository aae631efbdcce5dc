"""Name resolution: columns of the sources in scope, of enclosing queries, and of what `with` defines."""

import difflib
import re
from collections.abc import Callable, Container, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Protocol

from sqlglot import exp

from duff_orders.contract import DATABASE, TABLES
from duff_orders.drivers.dialect import sql_name
from duff_orders.errors import QueryRefused
from duff_orders.query.guard.excerpt import excerpt
from duff_orders.query.guard.signatures import Typed
from duff_orders.query.guard.types import Column, Type, array, decimal, timestamp

_CATALOG = "awsdatacatalog"


@dataclass(frozen=True, slots=True)
class Query:
    """DuckDB's text of a query, and its columns."""

    text: str
    columns: Sequence[Column]


@dataclass(frozen=True, slots=True)
class Source:
    """What stands in FROM under a name: a table, a query or an unnested array."""

    alias: str
    columns: Sequence[Column]
    #: Of columns that a join has made one: their texts.
    texts: Mapping[str, str] = field(default_factory=dict)

    def text(self, column: Column) -> str:
        """How a column is written in DuckDB's SQL."""
        if column.name in self.texts:
            return self.texts[column.name]
        return f"{sql_name(self.alias)}.{sql_name(column.name)}"


@dataclass(frozen=True, slots=True)
class Scope:
    """The sources of a query, what `with` has named, and the query around; the contract's tables that were read."""

    sources: list[Source] = field(default_factory=list)
    named: Mapping[str, Sequence[Column]] = field(default_factory=dict)
    around: "Scope | None" = None
    tables: set[str] = field(default_factory=set)
    #: Columns of queries around that were looked at.
    outer: list[exp.Column] = field(default_factory=list)

    @property
    def is_correlated(self) -> bool:
        """Whether it has looked at a query around it."""
        return bool(self.outer)

    def within(self) -> "Scope":
        """A scope for a query inside this one."""
        return Scope(named=self.named, around=self, tables=self.tables)

    def resolve(self, node: exp.Column) -> Typed:
        """The column that a name stands for. Raises QueryRefused where there is none, or more than one."""
        name, table = node.name.lower(), node.table.lower()
        if node.text("db").lower() == DATABASE and node.text("catalog").lower() in ("", _CATALOG):
            node = exp.column(node.this, table=node.args["table"])
        if node.text("catalog"):
            raise QueryRefused(f"there is no column {excerpt(node)}")
        is_field = bool(node.text("db"))  # table.column.field
        if name.startswith("$"):
            raise QueryRefused(f"{node.name[:40]!r}: parameters and hidden columns are not allowed")
        scope: Scope | None = self
        while scope is not None:
            matches = [
                (source, column)
                for source in scope.sources
                if not is_field and (not table or source.alias == table)
                for column in source.columns
                if column.name == name
            ]
            if len(matches) > 1:
                raise QueryRefused(f"{name!r} is in more than one table: write TABLE.{name}")
            if matches:
                ((source, column),) = matches
                self._looked(node, scope)
                return Typed(column.type, source.text(column))
            if table and (value := scope.field(node)):
                self._looked(node, scope)
                return value
            scope = scope.around
        near = difflib.get_close_matches(name, [each.name for source in self.sources for each in source.columns], n=1)
        hint = f"; did you mean {near[0]}?" if near else ""
        raise QueryRefused(f"there is no column {excerpt(node)}{hint}")

    def _looked(self, node: exp.Column, where: "Scope") -> None:
        """Keep that this query, and those up to that `where` a column is, have looked around them."""
        scope: Scope | None = self
        while scope is not None and scope is not where:
            scope.outer.append(node)
            scope = scope.around

    def field(self, node: exp.Column) -> Typed | None:
        """A field of a column that is a row: `column.field`, or `table.column.field`."""
        column, field = exp.column(node.args["table"], table=node.args.get("db")), node.name.lower()
        try:
            row = replace(self, around=None).resolve(column)
        except QueryRefused:
            return None
        kinds = dict(row.type.fields)
        return Typed(kinds[field], f"{row.text}.{sql_name(field)}") if field in kinds else None

    def table(self, node: exp.Table) -> tuple[str, Sequence[Column]]:
        """A table's text and columns: of what `with` names, or of the contract. Raises QueryRefused for others."""
        name = contract_table(node, self.named)
        if name is None:
            name = node.name.lower()
            return sql_name(name), self.named[name]
        self.tables.add(name)
        columns = [Column(each.name, of_catalog(each.type)) for each in TABLES[name].all_fields]
        return f"main.{sql_name(name)}", columns


def contract_table(node: exp.Table, named: Container[str]) -> str | None:
    """The contract's table that is meant, None for what `with` names. Raises QueryRefused for others."""
    if not isinstance(node.this, exp.Identifier):
        raise QueryRefused(f"table functions are not allowed; allowed: unnest, values and {', '.join(TABLES)}")
    name, database, catalog = (node.text(part).lower() for part in ("this", "db", "catalog"))
    if not database and name in named:
        return None
    if name in TABLES and database in ("", DATABASE) and catalog in ("", _CATALOG):
        return name
    written = ".".join(part for part in (catalog, database, name) if part)
    near = difflib.get_close_matches(name, TABLES, n=1)
    hint = f"; did you mean {near[0]}?" if near else "."
    raise QueryRefused(f"no table {written[:80]!r}{hint} Tables: {', '.join(TABLES)}")


_WRITTEN = re.compile(r"(\w+)\s*(?:\((.*)\))?", re.DOTALL)
_OF_CATALOG = {"int": "integer", "string": "varchar", "float": "real"}


def of_catalog(written: str) -> Type:
    """A type as the contract and the catalog write it, e.g. `decimal(12,4)`, `array<string>`, `struct<a:bigint>`."""
    if written.startswith("array<"):
        return array(of_catalog(written[6:-1]))
    if written.startswith("struct<"):
        pairs = (each.partition(":") for each in written[7:-1].split(","))
        return Type("row", fields=tuple((name, of_catalog(kind)) for name, _, kind in pairs))
    if written == "timestamp":
        return timestamp(3)  # what Athena reads of a Parquet object
    name, sizes = _WRITTEN.fullmatch(written).groups()  # type: ignore[union-attr] # the contract's own types
    if name == "decimal":
        digits, scale = (int(each) for each in sizes.split(","))
        return decimal(digits, scale)
    return Type(_OF_CATALOG.get(name, name))


class Values(Protocol):
    """Writes expressions, as those know it that write some kinds of them."""

    #: Writes a query that stands within an expression.
    inner: Callable[[exp.Expr], Query]

    def typed(self, node: exp.Expr) -> Typed:
        """The value of an expression."""

    def condition(self, node: exp.Expr) -> str:
        """What is true, false or null, as text."""

    def call(self, name: str, values: Sequence[Typed]) -> Typed:
        """A call of a function of the tables."""

    def knowing(self, name: str, value: Typed) -> "Values":
        """Such that a name stands for a value, as in a function's own text."""
