"""The type patterns in a table of functions: what they match, what they bind, and what they then stand for."""

import ast
import operator
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from functools import cache

from duff_orders.query.guard.coercions import common
from duff_orders.query.guard.types import UNKNOWN, Type, array, as_decimal, decimal, instant, timestamp, varchar

Binding = dict[str, "int | str | Type | None"]

#: Names that stand for any type.
_ANY = frozenset("STU")
_OPERATORS: dict[type[ast.operator], Callable[[int, int], int]] = {
    ast.Add: operator.add,
    ast.Sub: operator.sub,
    ast.Mult: operator.mul,
}


@dataclass(frozen=True, slots=True)
class Pattern:
    """What an argument may be, as the table writes it: `name(sizes)`, or an array of an `element`."""

    name: str
    sizes: tuple[str, ...] = ()
    element: "Pattern | None" = None
    repeats: bool = False

    def __str__(self) -> str:
        inside = f"({','.join(self.sizes)})" if self.sizes else f"({self.element})" if self.element else ""
        return self.name + inside + "..." * self.repeats


def patterns(text: str) -> Iterator[Pattern]:
    """Patterns with commas between, e.g. `decimal(p,s), T...`."""
    for each in _split(text):
        name, _, inside = each.removesuffix("...").partition("(")
        inside, repeats = inside.removesuffix(")"), each.endswith("...")
        if name == "array":
            (element,) = patterns(inside)
            yield Pattern(name, element=element, repeats=repeats)
        else:
            yield Pattern(name, tuple(_split(inside)), repeats=repeats)


def _split(text: str) -> Iterator[str]:
    """At the commas outside brackets."""
    depth, begin = 0, 0
    for place, letter in enumerate(text):
        depth += (letter == "(") - (letter == ")")
        if letter == "," and not depth:
            yield text[begin:place].strip()
            begin = place + 1
    if text[begin:].strip():
        yield text[begin:].strip()


def bind(pattern: Pattern, actual: Type, binding: Binding) -> bool:
    """Take what an argument's type says; False where it cannot be that."""
    if pattern.name in _ANY:
        before = binding.get(pattern.name)
        merged = common(before, actual) if isinstance(before, Type) else actual
        if merged is None or (pattern.name == "S" and not merged.equals_as_duckdb):
            return False
        binding[pattern.name] = merged
        return True
    if actual == UNKNOWN:  # a null has whatever type is asked for
        binding.update({name: int(pattern.name == "decimal" and not place) for place, name in enumerate(pattern.sizes)})
        return pattern.element is None or bind(pattern.element, actual, binding)
    if pattern.element is not None:
        return actual.element is not None and bind(pattern.element, actual.element, binding)
    sizes = _sizes(pattern.name, actual) if pattern.sizes else []
    if sizes is None:
        return False
    binding.update(zip(pattern.sizes, sizes, strict=True))
    return True


def _sizes(name: str, actual: Type) -> list[int | str | None] | None:
    """Digits, lengths and zones of a type, seen as one of another name; None where it is not coerced to that."""
    if name == "decimal" and (actual.name == "decimal" or actual.is_integer):
        actual = as_decimal(actual)
        return [actual.size, actual.scale]
    if name == "timestamp" and actual.name in ("date", "timestamp"):
        return [actual.size or 0]
    if name == "timestamptz" and actual.name == "timestamp with time zone":
        return [actual.size, actual.zone]
    if name == actual.name == "varchar":
        return [actual.size]
    return None


def made(pattern: Pattern, binding: Mapping[str, "int | str | Type | None"]) -> Type:
    """The type that a pattern stands for."""
    bound = binding.get(pattern.name)
    if isinstance(bound, Type):
        return bound
    if pattern.element is not None:
        return array(made(pattern.element, binding))
    sizes = [
        binding[each] if each in binding else each if each == "UTC" else number(each, binding) for each in pattern.sizes
    ]
    match pattern.name, sizes:
        case "decimal", [int(digits), int(scale)]:
            return decimal(digits, scale)
        case "timestamp", [int(digits)]:
            return timestamp(digits)
        case "timestamptz", [int(digits), str(zone)]:
            return instant(digits, zone)
        case "varchar", [int() | None as length]:
            return varchar(length)
    return Type(pattern.name)


def number(text: str, binding: Mapping[str, "int | str | Type | None"]) -> int:
    """What stands for a number, such as `min(38,p+1)`; nothing else is computed."""
    return _computed(_parsed(text), binding)


@cache
def _parsed(text: str) -> ast.expr:
    return ast.parse(text, mode="eval").body


def _computed(node: ast.expr, binding: Mapping[str, "int | str | Type | None"]) -> int:
    match node:
        case ast.Constant(value=int(value)):
            return value
        case ast.Name(id=name) if isinstance(bound := binding.get(name), int):
            return bound
        case ast.BinOp(left=left, op=op, right=right) if type(op) in _OPERATORS:
            return _OPERATORS[type(op)](_computed(left, binding), _computed(right, binding))
        case ast.Call(func=ast.Name(id="min" | "max" as name), args=arguments):
            values = [_computed(each, binding) for each in arguments]
            return min(values) if name == "min" else max(values)
    raise ValueError(f"no number: {ast.unparse(node)}")
