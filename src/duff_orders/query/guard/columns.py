"""Names for columns without one: `_col0`, `_col1`, …, by their place in the row, as Athena gives them."""

from sqlglot import exp

from duff_orders.contract import TABLES

_Widths = dict[str, int | None]


def name_columns(tree: exp.Expr) -> exp.Expr:
    """Name every unnamed column of every SELECT, in place; a bare VALUES becomes a SELECT."""
    if isinstance(tree, exp.Values):
        names = [f"_col{i}" for i in range(_query_width(tree, {}) or 0)]
        alias = exp.TableAlias(this=exp.to_identifier("v"), columns=[exp.to_identifier(n) for n in names])
        tree.set("alias", alias)
        tree = exp.select("*").from_(tree, copy=False)
    _name(tree, {})
    return tree


def _name(node: exp.Expr, widths: _Widths) -> None:
    """Go through the queries inside out, so that the width of a source is known where a star needs it."""
    inner = _with_names(node, widths)
    for child in node.iter_expressions():
        _name(child, inner)
    if isinstance(node, exp.Select):
        widths = inner
        _name_select(node, widths)


def _with_names(node: exp.Expr, widths: _Widths) -> _Widths:
    """The widths, with those of the queries that the node's `with` names."""
    with_ = node.args.get("with_")
    for cte in with_.expressions if with_ else ():
        columns = cte.args["alias"].columns
        widths = {**widths, cte.alias.lower(): len(columns) or _query_width(cte.this, widths)}
    return widths


def _name_select(select: exp.Select, widths: _Widths) -> None:
    place = 0
    named = []
    for column in select.expressions:
        new = column
        if not column.is_star and not isinstance(column, exp.Alias):
            plain = column.unnest()
            if not isinstance(plain, (exp.Column, exp.Dot)):
                new = exp.alias_(column, f"_col{place}", quoted=True, copy=False)
            elif plain is not column:
                new = exp.alias_(plain, plain.name, quoted=True, copy=False)
        named.append(new)
        # where a star's width is not known (a join with USING), it counts as one
        place += (_star_width(column, select, widths) or 1) if column.is_star else 1
    # in one go: to replace them one by one takes time that grows with the square of their number
    select.set("expressions", named)


def _query_width(query: exp.Expr, widths: _Widths) -> int | None:
    """How many columns the query has; None where that is not known."""
    while isinstance(query, (exp.Subquery, exp.SetOperation)):
        widths = _with_names(query, widths)
        query = query.this
    widths = _with_names(query, widths)
    if isinstance(query, exp.Values):
        row = query.expressions[0]
        return len(row.expressions) if isinstance(row, exp.Tuple) else 1
    if not isinstance(query, exp.Select):
        return None
    total = 0
    for column in query.expressions:
        width = _star_width(column, query, widths) if column.is_star else 1
        if width is None:
            return None
        total += width
    return total


def _star_width(star: exp.Expr, select: exp.Select, widths: _Widths) -> int | None:
    joins: list[exp.Join] = select.args.get("joins") or []
    from_ = select.args.get("from_")
    sources = [*([from_.this] if from_ else []), *(join.this for join in joins)]
    wanted = star.text("table").lower() if isinstance(star, exp.Column) else ""
    if wanted:
        sources = [source for source in sources if source.alias_or_name.lower() == wanted]
    elif any(join.args.get("using") for join in joins):
        return None
    total = 0
    for source in sources:
        width = _source_width(source, widths)
        if width is None:
            return None
        total += width
    return total


def _source_width(source: exp.Expr, widths: _Widths) -> int | None:
    alias = source.args.get("alias")
    if isinstance(alias, exp.TableAlias) and alias.columns:
        return len(alias.columns)
    if isinstance(source, exp.Table):
        name = source.name.lower()
        if name in widths and not source.db:
            return widths[name]
        return len(TABLES[name].all_fields) if name in TABLES else None
    return _query_width(source, widths)
