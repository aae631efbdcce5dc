"""Queries: FROM, WHERE, GROUP BY, HAVING, the columns, ORDER BY and LIMIT, rewritten for DuckDB."""

import re
from collections.abc import Sequence
from dataclasses import replace

from sqlglot import exp

from duff_orders.drivers.dialect import sql_name
from duff_orders.errors import QueryRefused
from duff_orders.query.guard.conversions import coerced, same
from duff_orders.query.guard.excerpt import excerpt
from duff_orders.query.guard.expressions import Expressions
from duff_orders.query.guard.ordering import limited, ordered, place_of, with_ties
from duff_orders.query.guard.scope import Query, Scope
from duff_orders.query.guard.signatures import Typed
from duff_orders.query.guard.sources import joined, over, renamed
from duff_orders.query.guard.types import Column

_SETS: dict[type[exp.Expr], str] = {exp.Union: "union", exp.Intersect: "intersect", exp.Except: "except"}
#: What a query may not have that looks at the one around it.
_NOT_CORRELATED = ("group", "having", "order", "limit", "offset", "distinct")


def query(node: exp.Expr, scope: Scope) -> Query:
    """Write a query anew. Raises QueryRefused for what is not on offer."""
    with_, scope = _with(node, scope)
    if isinstance(node, exp.Subquery):
        result = query(node.this, scope)
        result = replace(result, text=f"({result.text})")
    elif isinstance(node, exp.SetOperation):
        result = _set(node, scope)
    elif isinstance(node, exp.Select):
        return replace(done := _select(node, scope.within()), text=with_ + done.text)
    elif isinstance(node, exp.Values):
        result = _values(node, scope)
    else:
        raise QueryRefused(f"only a SELECT is allowed: {excerpt(node)}")
    return replace(result, text=with_ + result.text + ordered(node, result.columns, None) + limited(node))


def _with(node: exp.Expr, scope: Scope) -> tuple[str, Scope]:
    """What `with` names, each in sight of those after it."""
    with_ = node.args.get("with_")
    if not with_:
        return "", scope
    parts, named = [], dict(scope.named)
    for cte in with_.expressions:
        if not re.fullmatch(r"\w+", cte.alias):  # DuckDB takes a name with a dot for a file
            raise QueryRefused(f"with {cte.alias[:80]!r}: use letters, digits and _ only")
        inner = query(cte.this, replace(scope, named=named))
        columns = renamed(inner.columns, [each.name for each in cte.args["alias"].columns], cte.alias)
        named = {**named, cte.alias.lower(): columns}
        names = ", ".join(sql_name(each.name) for each in columns)
        parts.append(f"{sql_name(cte.alias.lower())} ({names}) as ({inner.text})")
    return f"with {', '.join(parts)} ", replace(scope, named=named)


def _select(select: exp.Select, scope: Scope) -> Query:
    if not select.expressions:
        raise QueryRefused(f"a SELECT without columns: {excerpt(select)}")
    from_ = joined(select, scope, query)
    expressions = over(scope, query)
    values: list[tuple[str, Typed]] = []
    for node in select.expressions:
        values += _starred(node, scope) if _is_star(node) else [_column(node, len(values), expressions)]
    text = f"select {'distinct ' if select.args.get('distinct') else ''}"
    text += ", ".join(f"{value.text} as {sql_name(name)}" for name, value in values) + from_
    if where := select.args.get("where"):
        text += f" where {expressions.condition(where.this)}"
    text += _group(select, values, expressions)
    if having := select.args.get("having"):
        text += f" having {expressions.condition(having.this)}"
    columns, selected = [Column(name, value.type) for name, value in values], [value for _, value in values]
    text += with_ties(select, columns, expressions, selected)
    if scope.is_correlated and (any(map(select.args.get, _NOT_CORRELATED)) or select.find(exp.Window)):
        raise QueryRefused(
            "a query that looks at the one around it takes no group by, having, order by, limit, distinct or window: "
            f"{excerpt(select)}"
        )
    return Query(text + ordered(select, columns, expressions, selected) + limited(select), columns)


def _is_star(node: exp.Expr) -> bool:
    return isinstance(node, exp.Star) or (isinstance(node, exp.Column) and isinstance(node.this, exp.Star))


def _column(node: exp.Expr, place: int, expressions: Expressions) -> tuple[str, Typed]:
    """A column's name, by its place where it has none, and its value."""
    if isinstance(node, exp.Alias):
        return node.alias.lower(), expressions.typed(node.this)
    plain = node.unnest()
    return plain.name.lower() if isinstance(plain, exp.Column) else f"_col{place}", expressions.typed(node)


def _starred(node: exp.Expr, scope: Scope) -> list[tuple[str, Typed]]:
    wanted = node.text("table").lower() if isinstance(node, exp.Column) else ""
    sources = [each for each in scope.sources if not wanted or each.alias == wanted]
    if not sources:
        raise QueryRefused(f"there is nothing that * could stand for: {excerpt(node)}")
    return [(each.name, Typed(each.type, source.text(each))) for source in sources for each in source.columns]


def _group(select: exp.Select, values: Sequence[tuple[str, Typed]], expressions: Expressions) -> str:
    group = select.args.get("group")
    if not group:
        return ""
    if group.args.get("all") is not None:
        raise QueryRefused(f"group by all or distinct is not on offer: {excerpt(group)}")

    def key(node: exp.Expr) -> str:
        if isinstance(node, (exp.Rollup, exp.Cube)):
            return f"{type(node).__name__.lower()} ({several(node.expressions)})"
        if isinstance(node, exp.GroupingSets):
            sets = (each.expressions if isinstance(each, exp.Tuple) else [each.unnest()] for each in node.expressions)
            return f"grouping sets ({', '.join(f'({several(each)})' for each in sets)})"
        place = place_of(node, len(values))
        return expressions.typed(node).text if place is None else values[place - 1][1].text

    def several(nodes: Sequence[exp.Expr]) -> str:
        return ", ".join(key(each) for each in nodes)

    more = (each for part in ("grouping_sets", "cube", "rollup") for each in group.args.get(part) or ())
    keys = several([*group.expressions, *more])
    return f" group by {keys}" if keys else ""


def _set(node: exp.SetOperation, scope: Scope) -> Query:
    if any(
        each.args.get(part)
        for each in (node.this, node.expression)
        for part in ("order", "limit", "offset")
        if isinstance(each, exp.Select)
    ):
        raise QueryRefused(f"order by and limit of one part stand in brackets with it: {excerpt(node)}")
    left, right = query(node.this, scope), query(node.expression, scope)
    if len(left.columns) != len(right.columns):
        raise QueryRefused(
            f"the queries of a {_SETS[type(node)]} have {len(left.columns)} and {len(right.columns)} columns"
        )
    columns = [
        Column(one.name, same([Typed(one.type, ""), Typed(other.type, "")], _SETS[type(node)])[0])
        for one, other in zip(left.columns, right.columns, strict=True)
    ]
    word = _SETS[type(node)] + ("" if node.args.get("distinct") else " all")
    return Query(f"{_as(left, columns)} {word} {_as(right, columns)}", columns)


def _as(query: Query, columns: Sequence[Column]) -> str:
    """A query with the types of these columns."""
    names = [f"c{place}" for place in range(len(columns))]
    casts = ", ".join(
        f"{coerced(Typed(column.type, name), to.type)} as {sql_name(to.name)}"
        for name, column, to in zip(names, query.columns, columns, strict=True)
    )
    return f"(select {casts} from ({query.text}) as t ({', '.join(names)}))"


def _values(node: exp.Values, scope: Scope) -> Query:
    expressions = over(scope.within(), query)
    rows = [each.expressions if isinstance(each, exp.Tuple) else [each] for each in node.expressions]
    if len({len(row) for row in rows}) != 1:
        raise QueryRefused(f"the rows of values have different numbers of columns: {excerpt(node)}")
    shared = [same([expressions.typed(each) for each in column], "values") for column in zip(*rows, strict=True)]
    columns = [Column(f"_col{place}", kind) for place, (kind, _) in enumerate(shared)]
    lines = ", ".join(f"({', '.join(row)})" for row in zip(*(texts for _, texts in shared), strict=True))
    names = ", ".join(sql_name(each.name) for each in columns)
    return Query(f"select * from (values {lines}) as t ({names})", columns)
