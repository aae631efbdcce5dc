"""What is formally correct and yet worth a look, as SQL: one text for DuckDB and Spark.

Each statement counts what is published. Engines ask it only where they saw a sign of it: most files have none.
"""

from collections.abc import Iterable, Mapping

from duff_orders.contract import COLUMNS, INVISIBLE, REMARKS
from duff_orders.drivers.dialect import Spelling
from duff_orders.ingest.statements import VALUES

#: The regular expression of a character that nobody sees.
UNSEEN = "[" + "".join(first if first == last else f"{first}-{last}" for first, last in INVISIBLE) + "]"

#: What holds of every text with such a character, and of few others: classes of few ranges cost Java a tenth.
SIGNS_OF_UNSEEN = ("[^ -~]", "[^ -~\u00a1-\u2006]")


def holds_unseen(text: str, spelling: Spelling) -> str:
    """Whether a text holds a character that nobody sees: most are told by the first sign not to."""
    return f"{is_odd(text, spelling)} and {odd_holds_unseen(text, spelling)}"


def is_odd(text: str, spelling: Spelling) -> str:
    """Whether a text holds anything but the printable characters of ASCII."""
    return spelling.some_match(text, SIGNS_OF_UNSEEN[0])


def odd_holds_unseen(text: str, spelling: Spelling) -> str:
    """Whether an odd text holds a character that nobody sees."""
    return " and ".join(spelling.some_match(text, pattern) for pattern in (*SIGNS_OF_UNSEEN[1:], UNSEEN))


def holds_a_line(texts: Iterable[str], spelling: Spelling, *, delimiter: str, fields: int) -> str:
    """Whether one of a record's texts, of all its fields, holds a line with as many delimiters as the header."""
    pattern = f"(?s)(.*\n)?([^{delimiter}\n]*[{delimiter}]){{{fields - 1}}}.*"
    each = (f"(contains({text}, chr(10)) and {spelling.full_match(text, pattern)})" for text in texts)
    return f"coalesce({' or '.join(each)}, false)"


def lines_within_quotes(sources: Iterable[str]) -> str:
    """How many records that differ stand in relations of good ones of which a field holds a line."""
    united = " union all ".join(f"select {VALUES} from {source}" for source in sources)
    return f"select count(1) as n from (select distinct {VALUES} from ({united}) as swallowing) as differing"


def order_line_repeated(orders: str, lines: str = "repeated") -> str:
    """How many order lines, of those of `lines`, stand in several of the published `orders`."""
    key = "order_id, product_id"
    again = f"select {key} from {orders} as orders semi join {lines} using ({key}) group by {key} having count(1) > 1"
    return f"select count(1) as n from ({again}) as again"


def invisible_characters(orders: str, spelling: Spelling) -> str:
    """How many of the published `orders` hold a character in a text that nobody sees."""
    names = (column.name for column in COLUMNS if column.kind == "text")
    some = " or ".join(spelling.some_match(name, UNSEEN) for name in names)
    return f"select count(1) as n from {orders} as orders where {some}"


def remarks(counts: Mapping[str, int]) -> tuple[str, ...]:
    """The remarks on a file, from how often each holds."""
    return tuple(f"{code}:{counts[code]}" for code in REMARKS if counts.get(code))
