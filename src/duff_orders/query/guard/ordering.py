"""ORDER BY and LIMIT: by names and positions of the answer's columns, or by expressions."""

from collections.abc import Iterator, Sequence

from sqlglot import exp

from duff_orders.errors import QueryRefused
from duff_orders.query.guard.calls import direction
from duff_orders.query.guard.excerpt import excerpt
from duff_orders.query.guard.expressions import Expressions
from duff_orders.query.guard.signatures import Typed
from duff_orders.query.guard.types import Column


def place_of(node: exp.Expr, most: int) -> int | None:
    """The number of a column, where it is given by that."""
    if not (isinstance(node, exp.Literal) and node.is_int):
        return None
    if not 1 <= int(node.name) <= most:
        raise QueryRefused(f"there is no column {node.name[:20]}: it has {most}")
    return int(node.name)


def ordered(
    node: exp.Expr, columns: Sequence[Column], expressions: Expressions | None, values: Sequence[Typed] = ()
) -> str:
    """ORDER BY of a query with these columns; `values` and `expressions` are those of a SELECT."""
    order = node.args.get("order")
    if not order:
        return ""
    keys = zip(_keys(node, columns, expressions, values), order.expressions, strict=True)
    return f" order by {', '.join(f'{key} {direction(each)}' for key, each in keys)}"


def _keys(
    node: exp.Expr, columns: Sequence[Column], expressions: Expressions | None, values: Sequence[Typed]
) -> Iterator[int | str]:
    """The keys: numbers of columns, or texts. The answer's names come before those of the sources."""
    order, names = node.args.get("order"), [each.name for each in columns]
    for each in order.expressions if order else ():
        key = each.this
        place = place_of(key, len(columns))
        if place is None and isinstance(key, exp.Column) and not key.table and names.count(key.name.lower()) == 1:
            place = names.index(key.name.lower()) + 1
        if place is not None:
            yield place
        elif expressions is None:
            raise QueryRefused(f"of this query, order by takes names and numbers of its columns: {excerpt(key)}")
        elif any(_is_another(column, names, expressions, values) for column in key.find_all(exp.Column)):
            raise QueryRefused(
                f"order by an expression over a column of the answer: give it a name there: {excerpt(key)}"
            )
        else:
            value = expressions.typed(key)
            if node.args.get("distinct") and value not in values:
                raise QueryRefused(f"of a select distinct, order by takes what is selected: {excerpt(key)}")
            yield value.text


def _is_another(column: exp.Column, names: Sequence[str], expressions: Expressions, values: Sequence[Typed]) -> bool:
    """Whether a name within an expression is that of a column of the answer, and not of the same one of a source."""
    if column.table or column.name.lower() not in names:
        return False
    try:
        source = expressions.typed(column)
    except QueryRefused:
        return True
    return any(value != source for name, value in zip(names, values, strict=True) if name == column.name.lower())


def with_ties(select: exp.Select, columns: Sequence[Column], expressions: Expressions, values: Sequence[Typed]) -> str:
    """FETCH FIRST n ROWS WITH TIES: the rows whose rank is among the first."""
    fetch = select.args.get("limit")
    options = fetch.args.get("limit_options") if isinstance(fetch, exp.Fetch) else None
    if fetch is None or options is None or not options.args.get("with_ties"):
        return ""
    if not select.args.get("order") or select.args.get("offset") or select.args.get("distinct"):
        raise QueryRefused(f"with ties needs order by, and takes no offset and no distinct: {excerpt(select)}")
    keys = [
        f"{values[key - 1].text if isinstance(key, int) else key} {direction(each)}"
        for key, each in zip(_keys(select, columns, expressions, values), select.args["order"].expressions, strict=True)
    ]
    return f" qualify rank() over (order by {', '.join(keys)}) <= {_count(fetch)}"


def limited(node: exp.Expr) -> str:
    """LIMIT, FETCH FIRST and OFFSET."""
    text = ""
    for part in ("limit", "offset"):
        clause = node.args.get(part)
        options = clause.args.get("limit_options") if isinstance(clause, exp.Fetch) else None
        if clause is None or (isinstance(node, exp.Select) and options and options.args.get("with_ties")):
            continue
        if options and options.args.get("with_ties"):
            raise QueryRefused(f"with ties belongs to a SELECT: {excerpt(node)}")
        text += f" {part} {_count(clause)}"
    return text


def _count(node: exp.Expr) -> int:
    """How many rows; of a fetch that does not say it, one."""
    count = node.args.get("count" if isinstance(node, exp.Fetch) else "expression")
    if count is None and isinstance(node, exp.Fetch):
        return 1
    if isinstance(count, exp.Literal) and count.is_int:
        return int(count.name)
    if isinstance(node, exp.Limit) and isinstance(count, exp.Column) and count.name.lower() == "all":
        raise QueryRefused("limit all is all rows: leave it out")
    raise QueryRefused(f"limit and offset take a whole number: {excerpt(node)}")
