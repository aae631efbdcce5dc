"""Which pieces of SQL a query may be made of: sqlglot's node classes and, of the larger ones, the parts.

Whatever is not listed is refused, so a construct that a newer sqlglot learns stays out until it is
let in here.
"""

from sqlglot import exp

from duff_orders.query.guard.functions import FUNCTIONS

_PLAIN: tuple[type[exp.Expr], ...] = (
    # structure
    exp.Alias, exp.CTE, exp.Except, exp.From, exp.Group, exp.Having, exp.Intersect, exp.Join,
    exp.Limit, exp.Fetch, exp.LimitOptions, exp.Offset, exp.Order, exp.Ordered, exp.Paren,
    exp.Select, exp.Distinct, exp.Subquery, exp.Table, exp.TableAlias, exp.Tuple, exp.Union,
    exp.Values, exp.Where, exp.With, exp.Cube, exp.GroupingSets, exp.Rollup,
    # values
    exp.Boolean, exp.Bracket, exp.Column, exp.DataType, exp.DataTypeParam, exp.Dot, exp.Identifier,
    exp.Interval, exp.Literal, exp.Null, exp.Star, exp.Var,
    # operators
    exp.Add, exp.All, exp.And, exp.Any, exp.AtTimeZone, exp.Between, exp.Div, exp.DPipe, exp.EQ,
    exp.Escape, exp.GT, exp.GTE, exp.In, exp.Is, exp.Like, exp.LT, exp.LTE, exp.Mod, exp.Mul,
    exp.NEQ, exp.Neg, exp.Not, exp.NullSafeEQ, exp.NullSafeNEQ, exp.Or, exp.Sub,
    # around functions, and those with a second class in sqlglot
    exp.DateTrunc,
    exp.Filter, exp.IgnoreNulls, exp.RespectNulls, exp.Window, exp.WindowSpec, exp.WithinGroup,
)  # fmt: skip

NODES: frozenset[type[exp.Expr]] = frozenset(_PLAIN) | frozenset(FUNCTIONS.values())

_TAIL = "with_ order limit offset"
_PARTS: dict[type[exp.Expr], str] = {
    exp.Select: f"expressions distinct from_ joins where group having windows {_TAIL}",
    exp.Union: f"this expression distinct {_TAIL}",
    exp.Except: f"this expression distinct {_TAIL}",
    exp.Intersect: f"this expression distinct {_TAIL}",
    exp.Subquery: f"this alias {_TAIL}",
    exp.Values: f"expressions alias {_TAIL}",
    exp.Table: "this db catalog alias",
    exp.TableAlias: "this columns",
    exp.Join: "this on using side kind",
    exp.With: "expressions",
    exp.CTE: "this alias",
    exp.Group: "expressions grouping_sets cube rollup",
    exp.Distinct: "expressions",
    exp.Order: "this expressions",
    exp.Ordered: "this desc nulls_first",
    exp.Limit: "expression",
    exp.Fetch: "direction count limit_options",
    exp.LimitOptions: "rows",
    exp.Window: "this partition_by order spec alias over",
    exp.Star: "",
    exp.Column: "this table db catalog",
    exp.Interval: "this unit",
    exp.Between: "this low high",
    exp.Like: "this expression negate",
    exp.In: "this expressions query",
    exp.Cast: "this to",
    exp.TryCast: "this to safe requires_string",
    exp.Unnest: "expressions alias offset",
    exp.Ceil: "this",
    exp.Floor: "this",
    exp.Max: "this",
    exp.Min: "this",
    exp.ArgMax: "this expression",
    exp.ArgMin: "this expression",
    exp.ApproxQuantile: "this quantile",
    exp.Rand: "",
    exp.GroupConcat: "this separator",
    exp.StrPosition: "this substr",
    exp.RegexpExtract: "this expression group null_if_pos_overflow null_if_no_match",
    exp.RegexpReplace: "this expression replacement modifiers single_replace",
    exp.RegexpLike: "this expression",
    exp.Split: "this expression",
    exp.Substring: "this start length",
    exp.Round: "this decimals",
    exp.Trunc: "this decimals",
    exp.UnixToTime: "this",
}

#: The parts a node may have; a class that is not here may have all of its parts.
PARTS: dict[type[exp.Expr], frozenset[str]] = {kind: frozenset(parts.split()) for kind, parts in _PARTS.items()}

_T = exp.DataType.Type
#: The types a cast may name.
TYPES = frozenset(
    {
        _T.ARRAY, _T.BIGINT, _T.BOOLEAN, _T.DATE, _T.DECIMAL, _T.DOUBLE, _T.FLOAT, _T.INT,
        _T.SMALLINT, _T.TEXT, _T.TIME, _T.TIMESTAMP, _T.TIMESTAMPTZ, _T.TINYINT, _T.VARBINARY,
        _T.VARCHAR,
    }
)  # fmt: skip

UNITS = frozenset({"MILLISECOND", "SECOND", "MINUTE", "HOUR", "DAY", "WEEK", "MONTH", "QUARTER", "YEAR"})
#: What `extract` takes, and DuckDB's name for it.
EXTRACTS = {
    **{unit: unit for unit in UNITS - {"MILLISECOND"}},
    **dict.fromkeys(("DOW", "DAY_OF_WEEK", "DAYOFWEEK", "ISODOW"), "ISODOW"),
    **dict.fromkeys(("DOY", "DAY_OF_YEAR", "DAYOFYEAR"), "DOY"),
    **dict.fromkeys(("YOW", "YEAR_OF_WEEK", "ISOYEAR"), "ISOYEAR"),
    "DAY_OF_MONTH": "DAY",
}

#: Names that DuckDB answers as functions although they have no parentheses.
BARE_FUNCTIONS = frozenset(
    {
        "current_catalog",
        "current_role",
        "current_schema",
        "current_user",
        "session_user",
        "system_user",
        "user",
    }
)

#: What `date_format` may ask for, in the spelling that sqlglot turns Athena's codes into.
FORMATS = frozenset(
    (
        *("%Y", "%y", "%m", "%-m", "%d", "%-d", "%H", "%-H", "%I", "%-I", "%M", "%S"),
        *("%B", "%b", "%A", "%a", "%p", "%j", "%f", "%%"),
    )
)
