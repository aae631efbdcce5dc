"""What may stand in FROM: tables, subqueries, values, and how they are joined."""

from collections.abc import Callable, Sequence
from dataclasses import replace

from sqlglot import exp

from duff_orders.drivers.dialect import sql_name
from duff_orders.errors import QueryRefused
from duff_orders.query.guard.conversions import coerced, same
from duff_orders.query.guard.excerpt import excerpt
from duff_orders.query.guard.expressions import Expressions
from duff_orders.query.guard.scope import Query, Scope, Source
from duff_orders.query.guard.tables import FUNCTIONS
from duff_orders.query.guard.types import BIGINT, Column, timestamp
from duff_orders.query.guard.ways import milliseconds

#: Writes a query anew that stands within another.
Write = Callable[[exp.Expr, Scope], Query]

_JOINS = {
    "": "join",
    "INNER": "join",
    "CROSS": "cross join",
    "LEFT": "left join",
    "RIGHT": "right join",
    "FULL": "full join",
}


def over(scope: Scope, write: Write) -> Expressions:
    """Expressions over what is in sight, and queries within them."""
    return Expressions(scope.resolve, lambda inner: write(inner, scope.within()))


def joined(select: exp.Select, scope: Scope, write: Write) -> str:
    """FROM with its joins; what it names is in sight from then on."""
    from_ = select.args.get("from_")
    if not from_:
        return ""
    text = f" from {_source(from_.this, scope, write)}"
    for join in select.args.get("joins") or ():
        kind = f"{join.side} {join.kind}".strip().replace(" OUTER", "").replace("OUTER", "")
        on, using = join.args.get("on"), [each.name.lower() for each in join.args.get("using") or ()]
        if kind not in _JOINS:
            raise QueryRefused(f"allowed joins: inner, left, right, full and cross: {excerpt(join)}")
        before = list(scope.sources)
        if isinstance(join.this, exp.Lateral) and kind in ("RIGHT", "FULL"):
            raise QueryRefused(f"a lateral query is joined from the left: {excerpt(join)}")
        text += f" {_JOINS[kind] if on is not None or using else 'cross join'} {_source(join.this, scope, write)}"
        if using:
            text += f" on {_using(using, before, kind, scope)}"
        elif on is not None:
            text += f" on {over(scope, write).condition(on)}"
    return text


def _unnested(node: exp.Unnest, scope: Scope, write: Write) -> Query:
    """The elements of arrays, side by side, over the columns of what stands before; with their numbers where asked."""
    expressions = over(scope, write)
    arrays = [expressions.typed(each) for each in node.expressions]
    if wrong := [str(each.type) for each in arrays if each.type.element is None]:
        raise QueryRefused(f"unnest takes arrays, not {wrong[0]}: {excerpt(node)}")
    columns = [Column(f"_unnest{place}", each.type.element or each.type) for place, each in enumerate(arrays)]
    parts = [f"unnest({each.text}) as {sql_name(column.name)}" for each, column in zip(arrays, columns, strict=True)]
    if node.args.get("offset"):
        longest = f"greatest({', '.join(f'coalesce(len({each.text}), 0)' for each in arrays)})"
        parts.append(f"unnest(generate_series(1, {longest})) as ordinality")
        columns.append(Column("ordinality", BIGINT))
    return Query(f"select {', '.join(parts)}", columns)


def _using(names: Sequence[str], before: Sequence[Source], kind: str, scope: Scope) -> str:
    """The condition of a join by columns of one name, which are in sight as one from then on, and come first."""
    right = scope.sources.pop()
    equal, merged, texts = [], [], dict[str, str]()
    for name in names:
        pair = [replace(scope, sources=list(side)).resolve(exp.column(name)) for side in (before, [right])]
        kind_of, (one, other) = same(pair, f"using ({name})")
        equal.append(FUNCTIONS.call("equal", pair, coerced).text)
        merged.append(Column(name, kind_of))
        texts[name] = {"RIGHT": other, "FULL": f"coalesce({one}, {other})"}.get(kind, one)
    scope.sources[:] = [
        Source("", merged, texts),
        *(replace(each, columns=[c for c in each.columns if c.name not in names]) for each in (*before, right)),
    ]
    return " and ".join(equal)


def _source(node: exp.Expr, scope: Scope, write: Write) -> str:
    """A table or query of FROM, which is in sight from then on."""
    alias = node.args.get("alias")
    name = (alias.name if alias else f"_from{len(scope.sources)}").lower()
    if isinstance(node, exp.Table):
        text, columns = scope.table(node)
        name = name if alias else node.name.lower()
    elif isinstance(node, (exp.Subquery, exp.Values)):
        # What stands beside it is not in sight: that would be a lateral one.
        inner = write(node.this if isinstance(node, exp.Subquery) else node, replace(scope.around or scope, sources=[]))
        text, columns = f"({inner.text})", inner.columns
    elif isinstance(node, exp.Lateral):
        inner = write(node.this.this if isinstance(node.this, exp.Subquery) else node.this, scope.within())
        text, columns = f"lateral ({inner.text})", inner.columns
    elif isinstance(node, exp.Unnest):
        inner = _unnested(node, scope, write)
        text, columns = f"lateral ({inner.text})", inner.columns
    else:
        raise QueryRefused(f"this is not on offer in FROM yet: {excerpt(node)}")
    if any(each.alias == name for each in scope.sources):
        raise QueryRefused(f"two sources are called {name[:80]!r}; give one of them a name with AS")
    names = [each.name for each in alias.columns] if alias else []
    if names and isinstance(node, exp.Unnest) and node.args.get("offset"):
        names.append(node.args["offset"].name)  # the parser puts the last of the names there
    columns = renamed(columns, names, name)
    # What the lake keeps to the microsecond, Athena reads to the millisecond.
    times = [each for each in columns if isinstance(node, exp.Table) and each.type == timestamp(3)]
    texts = {each.name: milliseconds(Source(name, ()).text(each)) for each in times}
    scope.sources.append(Source(name, columns, texts))
    return f"{text} as {sql_name(name)} ({', '.join(sql_name(each.name) for each in columns)})"


def renamed(columns: Sequence[Column], names: Sequence[str], what: str) -> Sequence[Column]:
    """Columns under the names that an alias gives them, if it gives any."""
    if names and len(names) != len(columns):
        raise QueryRefused(f"{what[:80]} has {len(columns)} columns, and {len(names)} names")
    return [Column(name.lower(), each.type) for name, each in zip(names, columns, strict=True)] if names else columns
