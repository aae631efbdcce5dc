"""What the parser accepts and Athena does not: keywords and operators of other dialects, found in the token stream.

https://docs.aws.amazon.com/athena/latest/ug/select.html, https://trino.io/docs/current/language/types.html
"""

import re
from collections.abc import Sequence
from itertools import pairwise

from sqlglot.tokenizer_core import Token, TokenType

from duff_orders.errors import QueryRefused

#: The words of which the name of a type is made.
_TYPES = frozenset(
    (
        *("boolean", "tinyint", "smallint", "integer", "int", "bigint", "decimal", "real", "double", "precision"),
        *("varchar", "char", "varbinary", "json", "date", "time", "timestamp", "with", "without", "zone"),
        *("array", "map", "row", "interval", "year", "month", "day", "to", "second", "uuid", "ipaddress"),
    )
)
#: Before what a bracket is that of an element: a name, or what ends with a bracket.
_INDEXED = (TokenType.VAR, TokenType.IDENTIFIER, TokenType.ARRAY, TokenType.R_PAREN, TokenType.R_BRACKET)
_AFTER_COMMA = (
    *(TokenType.FROM, TokenType.WHERE, TokenType.GROUP_BY, TokenType.HAVING, TokenType.ORDER_BY, TokenType.LIMIT),
    *(TokenType.OFFSET, TokenType.R_PAREN, TokenType.R_BRACKET, TokenType.UNION, TokenType.EXCEPT, TokenType.INTERSECT),
)
_NOW = (TokenType.CURRENT_TIMESTAMP, TokenType.LOCALTIMESTAMP)


def check_spelling(tokens: Sequence[Token]) -> None:
    """Raise QueryRefused for what is spelled as in another dialect, with what to write."""
    for place, (token, following) in enumerate(pairwise(tokens)):
        kind, after = token.token_type, following.token_type
        beyond = tokens[place + 2].token_type if place + 2 < len(tokens) else None
        if kind == TokenType.DCOLON:
            raise _refused("write cast(… as …), not ::", token)
        if kind == TokenType.EQ and token.text == "==":
            raise _refused("write =, not ==", token)
        if after == TokenType.L_BRACKET and kind not in _INDEXED:
            raise _refused("write array[…]", following)
        if kind == TokenType.COMMA and after in _AFTER_COMMA:
            raise _refused("a comma stands between two of them", token)
        if kind == TokenType.CURRENT_DATE and after == TokenType.L_PAREN:
            raise _refused("write current_date, without brackets", token)
        if kind in _NOW and after == TokenType.L_PAREN and beyond == TokenType.R_PAREN:
            raise _refused(f"write {token.text.lower()}, without brackets", token)
        if kind == TokenType.INTERVAL:
            _check_interval(tokens[place + 1 : place + 3], token)
        if kind == TokenType.LIMIT and beyond == TokenType.COMMA:
            raise _refused("write offset … limit …", token)
    if tokens and tokens[-1].token_type == TokenType.COMMA:
        raise _refused("a comma stands between two of them", tokens[-1])
    _check_limits(tokens)
    _check_types(tokens)


def _check_interval(rest: Sequence[Token], token: Token) -> None:
    """Of an interval the number stands between quotes, and its unit behind."""
    texts = [each for each in rest if each.token_type == TokenType.STRING]
    if not texts or re.search("[A-Za-z]", texts[0].text):
        raise _refused("an interval is written interval '3' day", token)


def _check_limits(tokens: Sequence[Token]) -> None:
    """OFFSET comes before LIMIT."""
    limited: list[bool] = [False]
    for token in tokens:
        kind = token.token_type
        if kind == TokenType.L_PAREN:
            limited.append(False)
        elif kind == TokenType.R_PAREN and len(limited) > 1:
            limited.pop()
        elif kind in (TokenType.SELECT, TokenType.VALUES):
            limited[-1] = False
        elif kind in (TokenType.LIMIT, TokenType.FETCH):
            limited[-1] = True
        elif kind == TokenType.OFFSET and limited[-1]:
            raise _refused("offset comes before limit", token)


def _check_types(tokens: Sequence[Token]) -> None:
    """The names of types after `as` in casts, up to the bracket's end."""
    depth, casts = 0, dict[int, int]()
    for place, token in enumerate(tokens):
        if token.token_type == TokenType.L_PAREN:
            depth += 1
            if place and tokens[place - 1].text.lower() in ("cast", "try_cast"):
                casts[depth] = place
        elif token.token_type == TokenType.R_PAREN:
            casts.pop(depth, None)
            depth -= 1
        elif token.token_type == TokenType.ALIAS and depth in casts:
            _check_type(tokens[place + 1 :])


def _check_type(rest: Sequence[Token]) -> None:
    depth = 0
    for token in rest:
        depth += (token.token_type == TokenType.L_PAREN) - (token.token_type == TokenType.R_PAREN)
        if depth < 0:
            return
        for word in re.findall("[a-z_]+[0-9]*", token.text.lower()):
            if word not in _TYPES and not depth:
                raise _refused(
                    f"there is no type {word[:40]!r}; types: varchar, bigint, decimal(12,4), double, …", token
                )


def _refused(said: str, token: Token) -> QueryRefused:
    return QueryRefused(f"{said} at line {token.line}, column {token.col}")
