"""Queries: FROM, WHERE, GROUP BY, HAVING, the columns, ORDER BY and LIMIT, written anew for DuckDB."""

from collections.abc import Sequence
from dataclasses import replace

from sqlglot import exp

from duff_orders.engines.dialect import sql_name
from duff_orders.errors import QueryRefused
from duff_orders.query.guard.calls import direction
from duff_orders.query.guard.conversions import coerced, same
from duff_orders.query.guard.expressions import Expressions
from duff_orders.query.guard.rewrite import excerpt
from duff_orders.query.guard.scope import Column, Query, Scope
from duff_orders.query.guard.signatures import Typed
from duff_orders.query.guard.sources import joined, over, renamed

_SETS: dict[type[exp.Expr], str] = {exp.Union: "union", exp.Intersect: "intersect", exp.Except: "except"}


def query(node: exp.Expr, scope: Scope) -> Query:
    """Write a query anew. Raises QueryRefused for what is not on offer."""
    with_, scope = _with(node, scope)
    if isinstance(node, exp.Subquery):
        found = query(node.this, scope)
        found = replace(found, text=f"({found.text})")
    elif isinstance(node, exp.SetOperation):
        found = _set(node, scope)
    elif isinstance(node, exp.Select):
        return replace(done := _select(node, scope.within()), text=with_ + done.text)
    elif isinstance(node, exp.Values):
        found = _values(node, scope)
    else:
        raise QueryRefused(f"only a SELECT is allowed: {excerpt(node)}")
    tail = _order(node, found.columns, None) + _limit(node)
    return replace(found, text=with_ + found.text + tail)


def _with(node: exp.Expr, scope: Scope) -> tuple[str, Scope]:
    """What `with` names, each in sight of those after it."""
    with_ = node.args.get("with_")
    if not with_:
        return "", scope
    if with_.args.get("recursive"):
        raise QueryRefused("with recursive is not on offer")
    parts, named = [], dict(scope.named)
    for cte in with_.expressions:
        inner = query(cte.this, replace(scope, named=named))
        columns = renamed(inner.columns, [each.name for each in cte.args["alias"].columns], cte.alias)
        named = {**named, cte.alias.lower(): columns}
        names = ", ".join(sql_name(each.name) for each in columns)
        parts.append(f"{sql_name(cte.alias.lower())} ({names}) as ({inner.text})")
    return f"with {', '.join(parts)} ", replace(scope, named=named)


def _select(select: exp.Select, scope: Scope) -> Query:
    from_ = joined(select, scope, query)
    expressions = over(scope, query)
    values: list[tuple[str, Typed]] = []
    for node in select.expressions:
        values += _starred(node, scope) if node.is_star else [_column(node, len(values), expressions)]
    text = f"select {'distinct ' if select.args.get('distinct') else ''}"
    text += ", ".join(f"{value.text} as {sql_name(name)}" for name, value in values) + from_
    if where := select.args.get("where"):
        text += f" where {expressions.condition(where.this)}"
    text += _group(select, values, expressions)
    if having := select.args.get("having"):
        text += f" having {expressions.condition(having.this)}"
    columns = [Column(name, value.type) for name, value in values]
    return Query(text + _order(select, columns, expressions) + _limit(select), columns)


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
        place = _place(node, len(values))
        return expressions.typed(node).text if place is None else values[place - 1][1].text

    def several(nodes: Sequence[exp.Expr]) -> str:
        return ", ".join(key(each) for each in nodes)

    more = (each for part in ("grouping_sets", "cube", "rollup") for each in group.args.get(part) or ())
    keys = several([*group.expressions, *more])
    return f" group by {keys}" if keys else ""


def _place(node: exp.Expr, most: int) -> int | None:
    """The number of a column, where it is given by that."""
    if not (isinstance(node, exp.Literal) and node.is_int):
        return None
    if not 1 <= int(node.name) <= most:
        raise QueryRefused(f"there is no column {node.name[:20]}: it has {most}")
    return int(node.name)


def _order(node: exp.Expr, columns: Sequence[Column], expressions: Expressions | None) -> str:
    """ORDER BY: the answer's names come before those of the sources."""
    order = node.args.get("order")
    if not order:
        return ""
    names, keys = [each.name for each in columns], []
    for each in order.expressions:
        key, place = each.this, _place(each.this, len(columns))
        if place is None and isinstance(key, exp.Column) and not key.table and names.count(key.name.lower()) == 1:
            place = names.index(key.name.lower()) + 1
        if place is None and expressions is None:
            raise QueryRefused(f"of this query, order by takes names and numbers of its columns: {excerpt(key)}")
        if place is None and any(not c.table and c.name.lower() in names for c in key.find_all(exp.Column)):
            raise QueryRefused(
                f"order by an expression over a column of the answer: give it a name there: {excerpt(key)}"
            )
        text = str(place) if place is not None or expressions is None else expressions.typed(key).text
        keys.append(f"{text} {direction(each)}")
    return f" order by {', '.join(keys)}"


def _limit(node: exp.Expr) -> str:
    text = ""
    for part in ("limit", "offset"):
        found = node.args.get(part)
        if found is None:
            continue
        count = found.args.get("expression")
        if not (isinstance(count, exp.Literal) and count.is_int):
            raise QueryRefused(f"limit and offset take a whole number: {excerpt(found)}")
        text += f" {part} {int(count.name)}"
    return text


def _set(node: exp.SetOperation, scope: Scope) -> Query:
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


def _as(found: Query, columns: Sequence[Column]) -> str:
    """A query with the types of these columns."""
    names = [f"c{place}" for place in range(len(columns))]
    casts = ", ".join(
        f"{coerced(Typed(given.type, name), to.type)} as {sql_name(to.name)}"
        for name, given, to in zip(names, found.columns, columns, strict=True)
    )
    return f"(select {casts} from ({found.text}) as t ({', '.join(names)}))"


def _values(node: exp.Values, scope: Scope) -> Query:
    expressions = over(scope.within(), query)
    rows = [each.expressions if isinstance(each, exp.Tuple) else [each] for each in node.expressions]
    if len({len(row) for row in rows}) != 1:
        raise QueryRefused(f"the rows of values have different numbers of columns: {excerpt(node)}")
    found = [same([expressions.typed(each) for each in column], "values") for column in zip(*rows, strict=True)]
    columns = [Column(f"_col{place}", kind) for place, (kind, _) in enumerate(found)]
    lines = ", ".join(f"({', '.join(row)})" for row in zip(*(texts for _, texts in found), strict=True))
    return Query(f"(values {lines})", columns)
