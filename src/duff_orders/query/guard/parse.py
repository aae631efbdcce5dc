"""From text to the one SELECT it holds: the first look at SQL from outside."""

import logging
import re
from itertools import pairwise
from typing import Any

import sqlglot
from sqlglot import exp
from sqlglot.errors import ErrorLevel, SqlglotError
from sqlglot.parsers.trino import TrinoParser
from sqlglot.tokenizer_core import Token, TokenType

from duff_orders.contract import TABLES
from duff_orders.errors import QueryRefused
from duff_orders.query.guard.spelling import check_spelling

#: Athena's limit: https://docs.aws.amazon.com/athena/latest/ug/service-limits.html
MAX_BYTES = 262_144
MAX_DEPTH = 64
#: Far above any query written by hand; keeps the time to refuse one below half a second.
MAX_TOKENS = 5_000
#: sqlglot's time grows with the square of a chain of them.
MAX_BRACKETS = 64
#: Of one SELECT, a star counted as one.
MAX_COLUMNS = 1_000
#: It would write a line to the error stream for what is then refused anyway.
logging.getLogger("sqlglot").setLevel(logging.CRITICAL)
_FIRST = (TokenType.SELECT, TokenType.WITH, TokenType.VALUES, TokenType.L_PAREN)
_OPENING = (TokenType.L_PAREN, TokenType.L_BRACKET, TokenType.L_BRACE, TokenType.CASE)
_CLOSING = (TokenType.R_PAREN, TokenType.R_BRACKET, TokenType.R_BRACE, TokenType.END)
_DECIMAL = re.compile(r"[+-]?(?=\.?[0-9])(?P<whole>[0-9]*)(\.(?P<fraction>[0-9]*))?")


def parse(sql: str) -> exp.Expr:
    """The one SELECT that the text holds, calls as they are written.

    Raises QueryRefused for anything else, and RecursionError.
    """
    try:
        size = len(sql.encode())
    except UnicodeEncodeError as error:
        raise QueryRefused(f"the query is not valid Unicode at character {error.start + 1}") from None
    if size > MAX_BYTES:
        raise QueryRefused(f"the query has {size:,} bytes; allowed: {MAX_BYTES:,}")
    if "\0" in sql:
        raise QueryRefused(f"the query holds a NUL character at character {sql.index(chr(0)) + 1}")
    try:
        tokens = sqlglot.tokenize(sql, read="trino")
    except SqlglotError as error:
        raise QueryRefused(f"a quote or comment is never closed: {one_line(error)}") from None
    while tokens and tokens[-1].token_type == TokenType.SEMICOLON:
        tokens.pop()
    if len(tokens) > MAX_TOKENS:
        raise QueryRefused(f"the query has {len(tokens):,} words; allowed: {MAX_TOKENS:,}")
    _check_tokens(tokens)
    check_spelling(tokens)
    typed = _typed_decimals(sql, tokens)
    if typed != sql:
        sql, tokens = typed, sqlglot.tokenize(typed, read="trino")
    tree = _one_select(sql, tokens)
    _check_mended(sql, tokens, tree)
    for select in tree.find_all(exp.Select):
        if len(select.expressions) > MAX_COLUMNS:
            raise QueryRefused(f"a SELECT has {len(select.expressions):,} columns; allowed: {MAX_COLUMNS:,}")
    return tree


def _one_select(sql: str, tokens: list[Token]) -> exp.Expr:
    try:
        trees = _Parser(dialect="trino", error_level=ErrorLevel.IMMEDIATE).parse(tokens, sql)
    except (RecursionError, QueryRefused):
        raise
    except Exception as error:  # sqlglot's parser raises TypeError and others on odd input
        raise QueryRefused(f"not a query in Athena's SQL: {one_line(error)}") from None
    statements = [tree for tree in trees if tree is not None and not isinstance(tree, exp.Semicolon)]
    if len(statements) != 1:
        raise QueryRefused(f"found {len(statements)} statements; allowed: one SELECT")
    tree = statements[0]
    if not isinstance(tree, (exp.Select, exp.SetOperation, exp.Subquery, exp.Values)):
        raise QueryRefused("only a SELECT is allowed, with or without WITH in front of it")
    return tree


class _Parser(TrinoParser):
    """sqlglot's parser, but for functions, with a limit to its patience.

    It knows none but those that are written in a way of their own: it changes others as it reads. It tries a nested
    `array[` or `row(` as a type first, then again as a value, at every level: 20 of them take minutes. A plain query
    takes some 2.5 steps a word.
    """

    FUNCTIONS = {}  # noqa: RUF012 # as sqlglot has it
    FUNCTION_PARSERS = {  # noqa: RUF012
        name: TrinoParser.FUNCTION_PARSERS[name] for name in ("CAST", "TRY_CAST", "EXTRACT", "TRIM", "POSITION")
    }
    _FREE, _PER_TOKEN = 4_000, 5

    def __init__(self, **options: Any) -> None:
        super().__init__(**options)
        self._steps = 0

    def _advance(self, times: int = 1) -> None:
        self._steps += 1
        if self._steps > self._FREE + self._PER_TOKEN * self._tokens_size:
            raise QueryRefused("the query is nested in too tangled a way; use a with clause")
        super()._advance(times)


def _typed_decimals(sql: str, tokens: list[Token]) -> str:
    """Give each literal such as `decimal '2.50'` the type its digits have in Athena: decimal(3,2)."""
    for word, text in reversed(list(pairwise(tokens))):
        if word.token_type == TokenType.DECIMAL and text.token_type == TokenType.STRING:
            number = _DECIMAL.fullmatch(text.text)
            if not number:
                raise QueryRefused(f"decimal {text.text[:80]!r} is not a decimal; write e.g. decimal '2.50'{_at(text)}")
            whole, fraction = number["whole"].lstrip("0"), number["fraction"] or ""
            digits = f"{max(len(whole) + len(fraction), 1)}, {len(fraction)}"
            sql = f"{sql[: word.start]}cast('{text.text}' as decimal({digits})){sql[text.end + 1 :]}"
    return sql


def _check_tokens(tokens: list[Token]) -> None:
    if not tokens:
        raise QueryRefused("the query is empty; write a SELECT")
    if tokens[0].token_type not in _FIRST:
        raise QueryRefused(f"a query starts with SELECT or WITH; found: {tokens[0].text[:40]}")
    brackets = sum(token.token_type == TokenType.L_BRACKET for token in tokens)
    if brackets > MAX_BRACKETS:
        raise QueryRefused(f"the query has {brackets:,} brackets; allowed: {MAX_BRACKETS}")
    depth = 0
    for token in tokens:
        kind = token.token_type
        depth += (kind in _OPENING) - (kind in _CLOSING)
        if depth > MAX_DEPTH:
            raise QueryRefused(f"nested deeper than {MAX_DEPTH} levels{_at(token)}")
        if kind == TokenType.SEMICOLON:
            raise QueryRefused(f"one statement is allowed; found a semicolon{_at(token)}")


def _check_mended(sql: str, tokens: list[Token], tree: exp.Expr) -> None:
    """Refuse what sqlglot mends silently: no SELECT, a join without condition, a text for a table."""
    for name in (part for table in tree.find_all(exp.Table) for part in table.parts):
        start = name.meta.get("start", 0)
        if sql[start : start + 1] == "'":
            raise QueryRefused(f"'{name.name[:80]}' is a text; tables: {', '.join(TABLES)}")
    kinds = [token.token_type for token in tokens]
    selects = list(tree.find_all(exp.Select))
    from_values = [s for s in selects if (f := s.args.get("from_")) and isinstance(f.this, exp.Values)]
    # sqlglot reads `with t (n) as (values 1)` as select * from (values 1)
    if not 0 <= len(selects) - kinds.count(TokenType.SELECT) <= len(from_values):
        raise QueryRefused("every FROM needs its SELECT in front of it")
    joins = list(tree.find_all(exp.Join))
    stated = [j for j in joins if j.kind == "CROSS" or j.args.get("on") or j.args.get("using")]
    if kinds.count(TokenType.JOIN) != len(stated):
        raise QueryRefused("a join needs ON or USING; allowed without: CROSS JOIN and the comma")


def one_line(error: Exception) -> str:
    """An error of sqlglot's on one line, without its terminal colours."""
    message = re.sub(r" but got <Token.*", "", str(error), flags=re.DOTALL)
    text = " ".join(message.replace("\x1b[4m", "").replace("\x1b[0m", "").split())
    return text[:200] or type(error).__name__


def _at(token: Token) -> str:
    return f" at line {token.line}, column {token.col}"
