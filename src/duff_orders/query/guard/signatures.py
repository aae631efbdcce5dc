"""Tables of functions, one line each: parameter types, result type, and DuckDB's SQL.

    round(decimal(p,s), integer) -> decimal(min(38,p+1),s) | round(cast({0} as decimal({min(38,p+1)},{s})), {1})

`p`, `s` and `n` are numbers and `z` a zone that the types bind; `T` and `U` any type, `S` one whose equality is
DuckDB's; a last argument with `...` may come more than once. In the text `{0}` is an argument, already of the type that
is named, `{*}` all of them with commas between and `{* || }` with
that, `{p+1}` what the types bind, `{unit s}` one at that scale, such as
0.01, `{local 0}` the wall clock's time of one with a zone, `{f}` where the filter or window of an aggregate stands, and
`{n}` where ` ignore nulls` or an order does.
"""

import re
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from duff_orders.errors import QueryRefused
from duff_orders.query.guard import zones
from duff_orders.query.guard.coercions import steps
from duff_orders.query.guard.patterns import Binding, Pattern, bind, made, number, patterns
from duff_orders.query.guard.pieces import PIECES
from duff_orders.query.guard.types import Type, unit

#: Letters of DuckDB's text, which it reads within half a second.
MAX_TEXT = 131_072
#: Of a value: its type and DuckDB's text of exactly that type.
Cast = Callable[["Typed", Type], str]

_LINE = re.compile(r"(\w+)\((.*?)\)\s*->\s*(.+?)\s*\|\s*(.+)", re.DOTALL)
_PLACE = re.compile(r"\{([^{}]+)\}")


def check_length(text: str) -> None:
    """Raise QueryRefused for a text of DuckDB's that is too long."""
    if len(text) > MAX_TEXT:
        raise QueryRefused(
            f"the query is written out in more than {MAX_TEXT:,} letters; name what is nested in a with clause"
        )


@dataclass(frozen=True, slots=True)
class Typed:
    """A value of a query: its type and DuckDB's text, which has exactly that type's spelling in DuckDB."""

    type: Type
    text: str

    def __post_init__(self) -> None:
        """Refuse a text that has grown too long: what uses a value twice doubles it with every level."""
        check_length(self.text)


@dataclass(frozen=True, slots=True)
class Around:
    """What stands around the arguments of an aggregate or a function of a window, as text."""

    distinct: bool = False
    after: str = ""
    nulls: str = ""


@dataclass(frozen=True, slots=True)
class Signature:
    """One line of a table."""

    name: str
    arguments: tuple[Pattern, ...]
    result: Pattern
    text: str

    def __str__(self) -> str:
        return f"{self.name}({', '.join(map(str, self.arguments))})"

    def bound(self, types: Sequence[Type]) -> "tuple[int, list[Type], Binding] | None":
        """How far arguments of these types are from what it takes, what they are cast to, and what they bind."""
        patterns = self.arguments
        if patterns and patterns[-1].repeats:
            patterns += patterns[-1:] * (len(types) - len(patterns))
        if len(patterns) != len(types):
            return None
        binding: Binding = {}
        for pattern, actual in zip(patterns, types, strict=True):
            if not bind(pattern, actual, binding):
                return None
        wanted = [made(pattern, binding) for pattern in patterns]
        far = [steps(actual, to) for actual, to in zip(types, wanted, strict=True)]
        return None if None in far else (sum(filter(None, far)), wanted, binding)

    def call(
        self,
        arguments: Sequence[Typed],
        wanted: Sequence[Type],
        binding: Binding,
        cast: Cast,
        around: "Around",
    ) -> Typed:
        """The value of a call."""
        texts = [cast(each, to) for each, to in zip(arguments, wanted, strict=True)]
        texts[:1] = [f"distinct {each}" for each in texts[:1]] if around.distinct else texts[:1]
        result = made(self.result, binding)

        def place(match: re.Match[str]) -> str:
            what = match[1]
            if what in ("f", "n"):
                return around.after if what == "f" else around.nulls
            if what.startswith("*"):
                return (what[1:] or ", ").join(texts)
            if what.isdecimal():
                return texts[int(what)]
            if what.startswith("local "):
                return zones.local(texts[int(what[6:])], str(binding["z"]))
            if what.startswith("unit "):
                return unit(number(what[5:], binding))
            return str(number(what, binding))

        return Typed(result, f"cast({_PLACE.sub(place, self.text)} as {result.duckdb})")


def read(table: str) -> Iterator[Signature]:
    """The lines of a table; lines that begin with two blanks go on, those with # say something."""
    joined = re.sub(r"\n +", " ", table.strip())
    for line in joined.splitlines():
        if line and not line.startswith("#"):
            match = _LINE.fullmatch(line)
            assert match, f"no signature: {line}"
            arguments = tuple(patterns(match[2]))
            (result,) = patterns(match[3])
            yield Signature(match[1], arguments, result, PIECES.expanded(match[4]))


def names(table: str) -> frozenset[str]:
    """The names of a table's functions."""
    return frozenset(each.name for each in read(table))


class Functions:
    """All signatures by name; finds that which fits best."""

    def __init__(self, tables: Iterable[str], aliases: Mapping[str, str]) -> None:
        self.aliases = aliases
        self.by_name: dict[str, list[Signature]] = defaultdict(list)
        for table in tables:
            for signature in read(table):
                self.by_name[signature.name].append(signature)

    def call(self, name: str, arguments: Sequence[Typed], cast: Cast, around: "Around | None" = None) -> Typed:
        """The value of a call: of all signatures that take the arguments, that which is nearest.

        Raises QueryRefused where none does, with those that there are.
        """
        forms = self.by_name.get(self.aliases.get(name, name), [])
        if not forms:
            raise QueryRefused(f"the function {name[:80]!r} is not on offer")
        fitting = [(found, form) for form in forms if (found := form.bound([each.type for each in arguments]))]
        if not fitting:
            texts = ", ".join(str(each.type) for each in arguments)
            raise QueryRefused(f"{name}({texts}) is not on offer; {name} takes {' or '.join(map(str, forms))}")
        (_, wanted, binding), form = min(fitting, key=lambda each: each[0][0])
        return form.call(arguments, wanted, binding, cast, around or Around())
