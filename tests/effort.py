"""How much of each proof a run of the tests makes: `make prove` (`pytest --prove`) all of it, `make test` a part.

A search takes a tenth of its examples, a sweep over points of failure some of them, and tests that are marked
`exhaustive` are left out. No kind of proof is: each sweep and each search is made in both.
"""

from collections.abc import Iterable
from typing import Any

import pytest

#: Seconds to wait for what must come, on a machine however busy: a hang is told by pytest's own limit, a little later.
PATIENCE = 800

_proving = False


def prove(everything: bool) -> None:
    """Set by pytest's option, before any test is imported."""
    global _proving  # noqa: PLW0603 – a process runs the tests once
    _proving = everything


def examples(number: int) -> int:
    """The examples that a search of `number` takes."""
    return number if _proving else max(number // 10, 1)


def every(step: int) -> int:
    """1, or the step at which a sweep over points takes them."""
    return 1 if _proving else step


def beyond(first: int, cases: Iterable[Any]) -> list[Any]:
    """Cases of which a run takes the first ones; the others are exhaustive."""
    return [_case(case, number < first) for number, case in enumerate(cases)]


def thinned(step: int, cases: Iterable[Any]) -> list[Any]:
    """Cases of which a run takes one in `step`; the others are exhaustive."""
    return [_case(case, number % step == 0) for number, case in enumerate(cases)]


def _case(case: Any, taken: bool) -> Any:
    return case if taken else pytest.param(case, marks=pytest.mark.exhaustive)
