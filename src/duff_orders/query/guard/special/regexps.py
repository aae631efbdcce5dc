"""Regular expressions: those that DuckDB's RE2 reads as Athena does, and no others.

https://trino.io/docs/current/functions/regexp.html
"""

import re

from sqlglot import exp

from duff_orders.drivers.dialect import sql_text
from duff_orders.errors import QueryRefused
from duff_orders.query.guard.conversions import coerced
from duff_orders.query.guard.excerpt import excerpt, quoted
from duff_orders.query.guard.scope import Values
from duff_orders.query.guard.signatures import Typed
from duff_orders.query.guard.types import BIGINT, BOOLEAN, INTEGER, VARCHAR, array

#: What both read alike: characters, escapes of signs, classes without classes in them, groups without look-around,
#: counts, and the beginning and end of the text.
_ALIKE = re.compile(
    r"""(?x)
    (?: [^\\\[\](){}*+?|^$.] | \\[dDwW.\\+*?()\[\]{}|^$/-] | \\[tnr] | [.^$|]
      | \[ \^? (?: [^\\\[\]&] | \\[dDwW\\\]\[^-] )+ \]
      | \( (?: \?: | (?!\?) ) | \)
      | (?: [*+?] | \{\d{1,3}(?:,\d{0,3})?\} ) \??
    )*
    """
)
_FLAGS = re.compile(r"\(\?[is]{1,2}\)")


def like(expressions: Values, node: exp.Expr) -> Typed:
    """regexp_like(text, pattern): whether it is found anywhere."""
    text, pattern = _read(expressions, node, (2,))
    return Typed(BOOLEAN, f"regexp_matches({text}, {sql_text(pattern)})")


def extract(expressions: Values, node: exp.Expr) -> Typed:
    """regexp_extract(text, pattern, group): null where it is not found."""
    text, pattern = _read(expressions, node, (2, 3))
    extracted = f"regexp_extract({text}, {sql_text(pattern)}, {_group(node, pattern)})"
    return Typed(VARCHAR, f"case when regexp_matches({text}, {sql_text(pattern)}) then {extracted} end")


def replace(expressions: Values, node: exp.Expr) -> Typed:
    """regexp_replace(text, pattern, replacement): wherever it is found."""
    text, pattern = _read(expressions, node, (2, 3), empty=False)
    by = node.expressions[2] if len(node.expressions) == 3 else exp.Literal.string("")
    if quoted(by) is None or re.search(r"\$(?![1-9](?!\d))|\\", by.name):
        raise QueryRefused(f"a replacement is a text between quotes, with $1 to $9 for groups: {excerpt(node)}")
    written = re.sub(r"\$(\d)", r"\\\1", by.name)
    return Typed(VARCHAR, f"regexp_replace({text}, {sql_text(pattern)}, {sql_text(written)}, 'g')")


def extract_all(expressions: Values, node: exp.Expr) -> Typed:
    """regexp_extract_all(text, pattern, group): of every place where it is found."""
    text, pattern = _read(expressions, node, (2, 3), empty=False)
    return Typed(array(VARCHAR), f"regexp_extract_all({text}, {sql_text(pattern)}, {_group(node, pattern)})")


def count(expressions: Values, node: exp.Expr) -> Typed:
    """regexp_count(text, pattern): in how many places it is found."""
    text, pattern = _read(expressions, node, (2,), empty=False)
    return Typed(BIGINT, f"len(regexp_extract_all({text}, {sql_text(pattern)}))")


def split(expressions: Values, node: exp.Expr) -> Typed:
    """regexp_split(text, pattern): what is between."""
    text, pattern = _read(expressions, node, (2,), empty=False)
    return Typed(array(VARCHAR), f"regexp_split_to_array({text}, {sql_text(pattern)})")


def position(expressions: Values, node: exp.Expr) -> Typed:
    """regexp_position(text, pattern): where it is found first, counted from 1; -1 where it is not."""
    text, pattern = _read(expressions, node, (2,), empty=False)
    before = sql_text(f"^((?s:.*?))(?:{pattern})")
    where = f"when regexp_matches({text}, {sql_text(pattern)}) then length(regexp_extract({text}, {before}, 1)) + 1"
    return Typed(INTEGER, f"cast(case {where} when {text} is not null then -1 end as integer)")


def _group(node: exp.Expr, pattern: str) -> int:
    """The group that is asked for, as its number; 0 is all that is found."""
    if len(node.expressions) != 3:
        return 0
    number = node.expressions[2]
    groups = len(re.findall(r"(?<!\\)\((?!\?)", pattern))
    if not (isinstance(number, exp.Literal) and number.is_int and int(number.name) <= groups):
        raise QueryRefused(f"the pattern has {groups} groups; write the number of one: {excerpt(node)}")
    if int(number.name) and re.search(r"\)[*?]|\)\{0|\|", pattern):
        raise QueryRefused(f"a group that need not match is null in Athena; write a pattern without: {excerpt(node)}")
    return int(number.name)


def _read(expressions: Values, node: exp.Expr, counts: tuple[int, ...], *, empty: bool = True) -> tuple[str, str]:
    """The text, and the pattern, which is a literal that both engines read alike.

    Where it may be found in an `empty` piece of text, engines differ in how often it is.
    """
    if len(node.expressions) not in counts:
        raise QueryRefused(f"{node.name} takes {' or '.join(map(str, counts))} arguments: {excerpt(node)}")
    pattern = quoted(node.expressions[1])
    if pattern is None:
        raise QueryRefused(f"write the pattern between quotes: {excerpt(node)}")
    flags = _FLAGS.match(pattern)
    if not _ALIKE.fullmatch(pattern[flags.end() if flags else 0 :]):
        raise QueryRefused(
            f"the pattern {pattern[:60]!r} is not read alike everywhere: no look-around, named groups, classes of "
            "Unicode, possessive counts or back references"
        )
    if not empty and re.search(pattern, ""):
        raise QueryRefused(f"the pattern {pattern[:60]!r} is found in an empty text, too: write one that is not")
    return coerced(expressions.typed(node.expressions[0]), VARCHAR), pattern


FUNCTIONS = {
    "regexp_like": like,
    "regexp_extract": extract,
    "regexp_extract_all": extract_all,
    "regexp_replace": replace,
    "regexp_count": count,
    "regexp_split": split,
    "regexp_position": position,
}
