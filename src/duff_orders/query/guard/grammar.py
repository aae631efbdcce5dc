"""Which pieces of SQL a query may be made of: sqlglot's node classes and, of each, the parts.

Whatever is not listed is refused, so that no part is passed over in silence: not one of today's, and none that a newer
sqlglot learns to read.
"""

from collections.abc import Mapping

from sqlglot import exp

from duff_orders.errors import QueryRefused
from duff_orders.query.guard.excerpt import excerpt

_QUERY = "with_ order limit offset"
_PAIR = "this expression"
_PARTS: Mapping[type[exp.Expr], str] = {
    # queries
    exp.Select: f"expressions distinct from_ joins where group having windows {_QUERY}",
    exp.Union: f"this expression distinct {_QUERY}",
    exp.Except: f"this expression distinct {_QUERY}",
    exp.Intersect: f"this expression distinct {_QUERY}",
    exp.Subquery: f"this alias {_QUERY}",
    exp.Values: f"expressions alias {_QUERY}",
    exp.With: "expressions",
    exp.CTE: "this alias",
    exp.From: "this",
    exp.Join: "this on using side kind",
    exp.Table: "this db catalog alias",
    exp.TableAlias: "this columns",
    exp.Unnest: "expressions alias offset",
    exp.Lateral: "this alias",
    exp.Where: "this",
    exp.Group: "expressions grouping_sets cube rollup",
    exp.Cube: "expressions",
    exp.Rollup: "expressions",
    exp.GroupingSets: "expressions",
    exp.Having: "this",
    exp.Distinct: "expressions",
    exp.Order: "this expressions",
    exp.Ordered: "this desc nulls_first",
    exp.Limit: "expression",
    exp.Fetch: "direction count limit_options",
    exp.LimitOptions: "rows with_ties",
    exp.Offset: "expression",
    exp.Alias: "this alias",
    exp.Star: "",
    exp.Tuple: "expressions",
    # names, values and types
    exp.Column: "this table db catalog",
    exp.Identifier: "this quoted",
    exp.Dot: _PAIR,
    exp.Literal: "this is_string",
    exp.Boolean: "this",
    exp.Null: "",
    exp.Var: "this",
    exp.Interval: "this unit",
    exp.IntervalSpan: _PAIR,
    exp.Array: "expressions bracket_notation",
    exp.Bracket: "this expressions offset safe",
    exp.DataType: "this expressions nested",
    exp.DataTypeParam: "this",
    exp.Cast: "this to",
    exp.TryCast: "this to safe requires_string",
    # operators
    **dict.fromkeys((exp.Add, exp.Sub, exp.Mul, exp.Mod, exp.DPipe, exp.And, exp.Or), _PAIR),
    exp.Div: "this expression typed safe",
    **dict.fromkeys((exp.EQ, exp.NEQ, exp.LT, exp.LTE, exp.GT, exp.GTE, exp.NullSafeEQ, exp.NullSafeNEQ), _PAIR),
    **dict.fromkeys((exp.Is, exp.Escape), _PAIR),
    **dict.fromkeys((exp.Neg, exp.Not, exp.Paren, exp.Exists, exp.All, exp.Any), "this"),
    exp.Like: "this expression negate",
    exp.Between: "this low high",
    exp.In: "this expressions query",
    exp.AtTimeZone: "this zone",
    exp.Case: "this ifs default",
    exp.If: "this true false",
    # calls
    exp.Anonymous: "this expressions",
    exp.Lambda: "this expressions",
    exp.CurrentDate: "",
    exp.CurrentTimestamp: "",
    exp.Localtimestamp: "",
    exp.Extract: _PAIR,
    exp.StrPosition: "this substr",
    exp.Trim: "this expression position",
    exp.Filter: _PAIR,
    exp.WithinGroup: _PAIR,
    exp.IgnoreNulls: "this",
    exp.RespectNulls: "this",
    exp.Window: "this partition_by order spec alias over",
    exp.WindowSpec: "kind start start_side end end_side",
}

PARTS: Mapping[type[exp.Expr], frozenset[str]] = {kind: frozenset(parts.split()) for kind, parts in _PARTS.items()}


def check_parts(tree: exp.Expr) -> None:
    """Refuse every node, and every part of one, that is not listed. Raises QueryRefused."""
    for node in tree.walk():
        kind = type(node)
        parts = PARTS.get(kind)
        if parts is None:
            raise QueryRefused(f"{_words(kind.__name__)} is not on offer: {excerpt(node)}")
        for part, value in node.args.items():
            if value and part not in parts:
                raise QueryRefused(f"{_words(kind.__name__)} with {_words(part)} is not on offer: {excerpt(node)}")


def _words(name: str) -> str:
    return (
        "".join(f" {letter.lower()}" if letter.isupper() else letter for letter in name).strip(" _").replace("_", " ")
    )
