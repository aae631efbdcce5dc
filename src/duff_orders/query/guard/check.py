"""What SQL from outside may do: one SELECT, in Athena's dialect, over the contract's tables.

Four walls, one behind the other, before what DuckDB can reach (files, settings, the environment):

1. the text: its length, its first word, one statement, no deep nesting;
2. the tree: node classes and parts that `grammar` lists, functions that `functions` lists;
3. the tables: contract names and the query's own `with` names, where those are visible;
4. the DuckDB text: read back with DuckDB's grammar and put through 2 and 3 again.
"""

import difflib
import re
from dataclasses import dataclass

import sqlglot
from sqlglot import exp
from sqlglot.errors import ErrorLevel

from duff_orders.contract import DATABASE
from duff_orders.errors import QueryRefused
from duff_orders.query.guard.columns import name_columns
from duff_orders.query.guard.functions import FUNCTIONS
from duff_orders.query.guard.grammar import BARE_FUNCTIONS, NODES, PARTS
from duff_orders.query.guard.parse import one_line, parse
from duff_orders.query.guard.rewrite import excerpt
from duff_orders.query.guard.scope import contract_table
from duff_orders.query.guard.sizes import check_sizes
from duff_orders.query.guard.translate import translate

_JOINS = frozenset(("", "INNER", "CROSS", "LEFT", "RIGHT", "FULL", "LEFT OUTER", "RIGHT OUTER", "FULL OUTER"))
_AROUND_QUERIES = (
    *(type(None), exp.Subquery, exp.CTE, exp.SetOperation),
    *(exp.Exists, exp.In, exp.Any, exp.All),
)
_SCHEMA = "main"
#: What only the translation writes: classes and, of unknown functions, names.
_DUCKDB_NODES = frozenset({exp.AtTimeZone, exp.IntDiv, exp.Left, exp.Median, exp.RegexpFullMatch, exp.Typeof})
_DUCKDB_NAMES = frozenset({"cast_to_type", "datesub", "list_extract"})


@dataclass(frozen=True, slots=True)
class Checked:
    """A query that may run: its text in DuckDB's dialect and the contract's tables it reads."""

    sql: str
    tables: frozenset[str]


def check(sql: str) -> Checked:
    """Check a query in Athena's dialect and translate it. Raises QueryRefused, and nothing else."""
    try:
        return _check(sql)
    except QueryRefused:
        raise
    except RecursionError:
        raise QueryRefused("the query is nested too deeply or has too long a chain of operators") from None
    except Exception as error:  # sqlglot raises more than its own errors on odd trees
        raise QueryRefused(f"the query cannot be translated: {one_line(error)}") from error


def _check(sql: str) -> Checked:
    tree = parse(sql)
    _inspect(tree, NODES, frozenset())
    check_sizes(tree)
    tables = _resolve(tree, DATABASE)
    tree = translate(name_columns(tree))
    text = tree.sql("duckdb", comments=False, identify=True, unsupported_level=ErrorLevel.RAISE)
    again = sqlglot.parse(text, read="duckdb")
    if len(again) != 1 or not isinstance(again[0], exp.Query):
        raise QueryRefused("the query does not translate to one SELECT")
    _inspect(again[0], NODES | _DUCKDB_NODES, _DUCKDB_NAMES)
    if _resolve(again[0], _SCHEMA) != tables:
        raise QueryRefused("the query reads other tables once translated")
    return Checked(text, tables)


def _inspect(tree: exp.Expr, nodes: frozenset[type[exp.Expr]], names: frozenset[str]) -> None:
    """Refuse every node, part of a node and function that is not listed."""
    for node in tree.walk():
        kind = type(node)
        if isinstance(node, exp.Anonymous):
            if node.name.lower() not in names or isinstance(node.parent, exp.Dot):
                raise _unknown_function(node.name)
            continue
        if kind not in nodes:
            if isinstance(node, exp.Func):
                raise _unknown_function(node.sql_name())
            raise QueryRefused(f"{_words(kind.__name__)} is not allowed in a query: {excerpt(node)}")
        parts = PARTS.get(kind)
        if parts is not None:
            for part, value in node.args.items():
                if value and part not in parts:
                    raise QueryRefused(f"{_words(kind.__name__)} with {_words(part)} is not allowed: {excerpt(node)}")
        _inspect_place(node)


def _inspect_place(node: exp.Expr) -> None:
    """What is allowed in some places or shapes only."""
    complaint = _misplaced(node)
    if complaint:
        raise QueryRefused(f"{complaint}: {excerpt(node)}")
    if isinstance(node, exp.Column):
        if node.name.startswith("$"):
            raise QueryRefused(f"{node.name[:40]!r}: parameters and hidden columns are not allowed")
        if not node.table and node.name.lower() in BARE_FUNCTIONS:
            raise _unknown_function(node.name)


def _misplaced(node: exp.Expr) -> str:
    complaint = ""
    match node:
        case exp.Join() if f"{node.side} {node.kind}".strip() not in _JOINS:
            complaint = "allowed joins: inner, left, right, full and cross"
        case exp.Unnest() if not isinstance(node.parent, (exp.From, exp.Join)):
            complaint = "unnest belongs in FROM, e.g. cross join unnest(sequence(1, 3)) as t (n)"
        case exp.GenerateSeries() if not isinstance(node.parent, exp.Unnest):
            complaint = "sequence belongs in unnest, e.g. from unnest(sequence(1, 3)) as t (n)"
        case exp.Limit() | exp.Offset() if not _is_whole(node.expression):
            complaint = "limit and offset take a whole number"
        case exp.Star() if not isinstance(node.parent, (exp.Select, exp.Column, exp.Count)):
            complaint = "a star stands alone, as in select * or count(*)"
        case exp.Select() if not node.expressions:
            complaint = "a SELECT without columns"
        case exp.Select() | exp.SetOperation() if not isinstance(node.parent, _AROUND_QUERIES):
            complaint = "a query inside a query stands in parentheses"
        case exp.Alias() if not isinstance(node.parent, exp.Select):
            complaint = "a name with AS belongs to a column or table of a SELECT"
        case exp.Corr() if isinstance(node.find_ancestor(exp.Corr, exp.Select), exp.Corr):
            complaint = "an aggregate inside an aggregate"
        case exp.CTE() if not isinstance(node.this, (exp.Query, exp.Values)):
            complaint = "with names a SELECT"
    return complaint


def _is_whole(node: object) -> bool:
    return isinstance(node, exp.Literal) and node.is_int


def _resolve(tree: exp.Expr, database: str) -> frozenset[str]:
    """Turn every table into its plain name, or into one qualified by `main` where a `with` name hides it."""
    hidden = {cte.alias.lower() for cte in tree.find_all(exp.CTE)}
    for alias in hidden:
        if not re.fullmatch(r"\w+", alias):  # DuckDB takes a name with a dot for a file
            raise QueryRefused(f"with {alias[:80]!r}: use letters, digits and _ only")
    found: set[str] = set()
    pending: list[tuple[exp.Expr, frozenset[str]]] = [(tree, frozenset())]
    while pending:
        node, visible = pending.pop()
        if isinstance(node, exp.Table):
            name = contract_table(node, visible, database)
            if name:
                found.add(name)
                node.set("this", exp.to_identifier(name))
                node.set("catalog", None)
                node.set("db", exp.to_identifier(_SCHEMA) if name in hidden else None)
        elif isinstance(node, exp.Column) and node.text("db").lower() == DATABASE:
            node.set("db", None)
            node.set("catalog", None)
        inner = visible
        with_ = node.args.get("with_")
        if with_:
            for cte in with_.expressions:
                pending.append((cte, inner))
                inner = inner | {cte.alias.lower()}
        pending.extend((child, inner) for child in node.iter_expressions() if child is not with_)
    return frozenset(found)


def _unknown_function(name: str) -> QueryRefused:
    name = name.lower()[:80]
    near = difflib.get_close_matches(name, FUNCTIONS, n=1)
    hint = f"; did you mean {near[0]}?" if near else "."
    return QueryRefused(f"the function {name!r} is not allowed{hint} Allowed: {', '.join(sorted(FUNCTIONS))}")


def _words(name: str) -> str:
    return "".join(f" {c.lower()}" if c.isupper() else c for c in name).strip(" _").replace("_", " ")
