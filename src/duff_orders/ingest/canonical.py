"""Lines that are written canonically, told by one automaton over whole blocks.

Each value of such a line is good as it stands, and written in one way only: what an engine's typed reader makes of it
is what the contract makes of it. So these lines are never read as text. All other lines are: they may be good, too.

The automaton is RE2's: it takes time that grows with the bytes alone, whatever they are. It sees bytes, not characters.
"""

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import lru_cache

from duff_orders.contract import (
    COLUMNS,
    DECIMALS,
    NUMBER_DIGITS,
    STATUSES,
    Column,
)
from duff_orders.documents import Dialect
from duff_orders.ingest.header import places
from duff_orders.ingest.marks import Marks
from duff_orders.ingest.rules import LONGEST_NULL, canonical_integer, groups, integer_digits, plain_forms, words_of
from duff_orders.profiles.reading import Reading

#: Bytes that no canonical line holds: controls, and what begins a character that nobody sees or a blank beyond ASCII.
_NEVER = rb"\x00-\x1f\x7f\xc2\xe2\xef"
#: ... and where bytes may be no text, what begins one that is not (`text.BAD_BYTE`).
_NO_TEXT = rb"\xed"
#: Bytes that are looked at to choose a form, and the share of their lines that is to be canonical.
_LOOK, _MOST = 64 * 1024, 0.5
#: The share from which on the other lines of a beginning are taken for rejects.
_TOLD = 0.9


@dataclass(frozen=True, slots=True)
class Form:
    """How the canonical lines of a file are written: what ends them, their decimal mark, and what parts thousands."""

    line_end: str
    decimal_mark: str
    thousands_mark: str | None = None


@dataclass(frozen=True, slots=True)
class Style:
    """What of a reading canonical lines show: the marks of numbers, and by column the usual forms of its words."""

    marks: Marks
    words: tuple[tuple[str, tuple[str, ...]], ...]

    @classmethod
    def of(cls, dialect: Dialect, reading: Reading) -> "Style":
        """That of a file of this dialect, which is read by this reading."""
        words = ((name, tuple(plain_forms(said))) for name, said in words_of(reading).items())
        return cls(Marks.of(dialect.decimal_mark, reading), tuple(words))

    def forms(self, dialect: Dialect, head: bytes) -> list[Form]:
        """The forms that a file's lines may have, which begins with such a line; none where numbers need quotes."""
        if dialect.delimiter in (self.marks.decimal, self.marks.grouped):
            return []
        line_end = "\r\n" if head.partition(b"\n")[0].endswith(b"\r") else "\n"
        decimals = (",", ".") if self.marks.ambiguous else (self.marks.decimal,)
        return [Form(line_end, mark, self.marks.grouped) for mark in decimals]


class Canonical:
    """The automaton for the canonical lines of one file; `lenient`: there may be bytes in it that are no text."""

    def __init__(self, dialect: Dialect, form: Form, style: Style, *, lenient: bool) -> None:
        import re2  # only who reads typed needs it: not the jobs on Spark

        options = re2.Options()
        options.encoding = re2.Options.Encoding.LATIN1
        self.form = form
        self._lines = re2.compile(b"(?:%b)*" % _Line(dialect, form, style, lenient=lenient).pattern, options)

    def end(self, data: bytes, start: int = 0) -> int:
        """Where the canonical lines end that begin at `start`; that is `start` where there is none."""
        return int(self._lines.match(data, start).end())


def choose(dialect: Dialect, reading: Reading, head: bytes, *, lenient: bool) -> Canonical | None:
    """The automaton for the form that most of a file's first lines have; None where less than half have any.

    Records that name what they correct are all read as text.
    """
    if dialect.ties:
        return None
    body = head[: head.rfind(b"\n", 0, _LOOK) + 1]
    style = Style.of(dialect, reading)
    automata = [_automaton(dialect, form, style, lenient=lenient) for form in style.forms(dialect, body)]
    shares = [_share(automaton, body) for automaton in automata]
    return automata[shares.index(max(shares))] if shares and max(shares) >= _MOST else None


def begins_clean(dialect: Dialect, reading: Reading, lines: Sequence[bytes]) -> bool | None:
    """Whether the first lines of a file, with their ends, show neither rejects nor repeats; a guess, told without RE2.

    None where too few of them are canonical: the others may be good, too.
    """
    if dialect.ties or not lines:
        return None
    style = Style.of(dialect, reading)
    canonical = [
        sum(map(bool, map(re.compile(_Line(dialect, form, style, lenient=False).pattern).fullmatch, lines)))
        for form in style.forms(dialect, lines[0])
    ]
    if max(canonical, default=0) < _TOLD * len(lines):
        return None
    return max(canonical) == len(lines) and not may_repeat(dialect, [line for line in lines if b'"' not in line])


def may_repeat(dialect: Dialect, lines: Iterable[bytes]) -> bool:
    """Whether an order line may stand twice in canonical lines: by its texts alone, as far as none is quoted."""
    between = dialect.delimiter.encode()
    at = places(dialect)
    order, product = at["order_id"], at["product_id"]
    seen = set()
    for line in lines:
        fields = line.split(between)
        if b'"' in line or order is None or product is None:
            return True
        key = fields[order], fields[product]
        if key in seen:
            return True
        seen.add(key)
    return False


@lru_cache(maxsize=64)
def _automaton(dialect: Dialect, form: Form, style: Style, *, lenient: bool) -> Canonical:
    """The same for all files of a dialect: to compile one takes longer than to read a small file."""
    return Canonical(dialect, form, style, lenient=lenient)


def _share(canonical: Canonical, lines: bytes) -> float:
    """The share of the lines that is canonical; 1 where there are none."""
    good = start = 0
    while start < len(lines):
        end = canonical.end(lines, start)
        good += lines.count(b"\n", start, end)
        start = lines.find(b"\n", end) + 1 or len(lines)
    return good / (lines.count(b"\n") or 1) if lines else 1.0


class _Line:
    """The regular expression of one canonical line: the contract's columns at their places, and others between."""

    def __init__(self, dialect: Dialect, form: Form, style: Style, *, lenient: bool) -> None:
        between = re.escape(dialect.delimiter.encode())
        self._never = b'"' + _NEVER + (_NO_TEXT if lenient else b"")
        self._between = between
        self._mark = re.escape(form.decimal_mark.encode())
        self._group = re.escape(form.thousands_mark.encode()) if form.thousands_mark else None
        self._words = dict(style.words)
        # beside a decimal comma three digits behind a point may be thousands
        self._ambiguous = form.decimal_mark != style.marks.decimal
        at = {place: column for column, place in zip(COLUMNS, places(dialect).values(), strict=True)}
        fields = (self._field(at[place]) if place in at else self._any for place in range(dialect.fields))
        self.pattern = between.join(fields) + re.escape(form.line_end.encode())

    def _field(self, column: Column) -> bytes:
        bare, quoted = (self._value(column, without) for without in (self._between, b""))
        either = b'(?:%b|"%b")' % (bare, quoted)
        return either if column.required else b"(?:%b)?" % either

    @property
    def _any(self) -> bytes:
        """A field of a column that is not the contract's."""
        return b'(?:[^%b%b]*|"[^%b]*")' % (self._between, self._never, self._never)

    def _value(self, column: Column, without: bytes) -> bytes:
        match column.kind:
            case "text":
                return self._text(without)
            case "status":
                return b"(?:%b)" % "|".join((*STATUSES, *self._words.get(column.name, ()))).encode()
            case "integer":
                return self._with_groups(canonical_integer(column).encode(), integer_digits(column))
            case "number":
                return self._number(zero=not column.exclusive)

    def _text(self, without: bytes) -> bytes:
        """A text without blanks at its ends that is no spelling of null: its first letter tells so, or its length."""
        never = without + self._never
        first, inner, last = rb"[^ nN\\%b]" % never, b"[^%b]" % never, b"[^ %b]" % never
        return b"(?:%b(?:%b*%b)?|[nN]%b{%d,}%b)" % (first, inner, last, inner, LONGEST_NULL - 1, last)

    def _with_groups(self, whole: bytes, digits: int) -> bytes:
        """An integer of up to so many digits, or one in groups of three."""
        if self._group is None:
            return whole
        return b"(?:%b|[1-9][0-9]{0,2}(?:%b[0-9]{3}){1,%d})" % (whole, self._group, groups(digits))

    def _number(self, *, zero: bool) -> bytes:
        decimals = b"[0-9]{1,%d}" % DECIMALS
        if self._ambiguous:
            decimals = b"(?:[0-9]{1,2}|[0-9]{4,%d})" % DECIMALS
        first = b"[0-9]" if zero else b"[1-9]"
        whole = self._with_groups(b"%b[0-9]{0,%d}" % (first, NUMBER_DIGITS - 1), NUMBER_DIGITS)
        number = b"%b(?:%b%b)?" % (whole, self._mark, decimals)
        if zero:
            return number
        below_one = b"|".join(b"0" * zeros + b"[1-9][0-9]{0,%d}" % (DECIMALS - 1 - zeros) for zeros in range(DECIMALS))
        return b"(?:%b|0%b(?:%b))" % (number, self._mark, below_one)
